#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""DIAG PING, DNS, NETWORK and the steps of DIAG TLS in a real network. That DIAG TLS says the same as CONNECT, whatever
the reason, is seen by hints.py."""

import ctypes
import datetime
import os
import re
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from gateway import HOST, site  # noqa: E402
from harness import Failure  # noqa: E402
from network import CLOUD, CLOUD_TOO, GATEWAY, MS_BIND, NOBODY, mount  # noqa: E402
from parallel import case, run_at_once  # noqa: E402

PR_CAPBSET_DROP, CAP_NET_RAW = 24, 13
TIME = rb"\d+\.\d\d ms"

def allow_group(s):
    """The daemon's group may send echo requests; in a new network none may."""
    subprocess.run(["tee", "/proc/sys/net/ipv4/ping_group_range"], input=b"0 0", check=True, stdout=subprocess.DEVNULL,
                   preexec_fn=s.network.enter)


def take_right(s):
    """The right to send them, whatever its group, is taken away from the daemon."""
    enter = s.m.enter

    def without_net_raw():
        enter()
        if ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_NET_RAW, 0, 0, 0) < 0:
            os._exit(99)
    s.m.enter = without_net_raw


def expect(s, command, wanted):
    got = s.ask(command)
    if not re.fullmatch(wanted, got):
        raise Failure("%s: expected %r, got %r" % (command, wanted, got))
    return [s.m.read_line() for _ in range(int((re.match(rb"OK(\d+)", got) or (b"", 0))[1]))]


def answers(s, host, address=None):
    expect(s, "AT+DIAG PING " + host, rb"OK 3/3 %s %s" % (re.escape(address or host).encode(), TIME))


def every_ping(s):
    s.network.far("addr", "add", "fe80::1/64", "dev", "far0", "nodad")
    s.network.near("addr", "add", "fe80::2/64", "dev", "eth0", "nodad")
    s.start()
    for address in ("127.0.0.1", "::1", CLOUD, GATEWAY, "fe80::1%eth0", "fe80::2%eth0"):
        answers(s, address)
    answers(s, HOST, CLOUD)
    # a router says that it knows no way
    for _ in range(2):
        expect(s, "AT+DIAG PING 198.51.100.1", rb"OK 0/3 198\.51\.100\.1 No route to host")
    answers(s, CLOUD)
    s.works()
    s.end()


def with_a_router(s):
    with open("/proc/sys/net/ipv4/ip_forward", "w") as f:  # of the cloud, where this process is
        f.write("1")
    # As many as are asked for, whatever the kernel's limits
    for name, text in (("icmp_ratelimit", "0"), ("icmp_ratemask", "0")):
        with open("/proc/sys/net/ipv4/" + name, "w") as f:
            f.write(text)
    s.network.far("route", "add", "unreachable", "198.51.100.0/24")


@case
def ping_by_group():
    with site() as s:
        with_a_router(s)
        allow_group(s)
        take_right(s)
        every_ping(s)


@case
def ping_by_right():
    """The group may not, but the process has CAP_NET_RAW."""
    with site() as s:
        with_a_router(s)
        every_ping(s)


@case
def ping_not_allowed():
    with site() as s:
        take_right(s)
        s.start()
        for host in ("127.0.0.1", "::1", HOST):
            expect(s, "AT+DIAG PING " + host, rb"ERR17 MODE NOT AVAILABLE")
        s.m.wait_log(rb"DIAG PING: .*net\.ipv4\.ping_group_range")
        s.works()
        s.end()


@case
def ping_in_vain():
    with site() as s:
        s.network.black_hole(NOBODY)
        s.network.near("route", "add", "unreachable", "198.51.100.0/24")
        s.start()
        for host in (NOBODY, "nobody.example"):
            s.names.table["nobody.example"] = [NOBODY]
            expect(s, "AT+DIAG PING " + host, rb"OK 0/3 " + re.escape(NOBODY).encode())
        expect(s, "AT+DIAG PING 198.51.100.1", rb"OK 0/3 198\.51\.100\.1 No route to host")
        s.network.near("route", "del", "default")
        expect(s, "AT+DIAG PING 203.0.113.1", rb"OK 0/3 203\.0\.113\.1 Network is unreachable")
        expect(s, "AT+DIAG PING 2001:db8::1", rb"OK 0/3 2001:db8::1 Network is unreachable")
        s.works()
        s.end()


@case
def ping_and_dns_without_a_name():
    with site() as s:
        s.start()
        for word in ("PING", "DNS"):
            expect(s, "AT+DIAG %s clowd.example" % word, rb"ERR14 3 UNABLE TO CONNECT Name not found: check Endpoint")
            expect(s, "AT+DIAG %s fe80::1%%nowhere" % word,
                   rb"ERR14 3 UNABLE TO CONNECT Name not found: check Endpoint")
            s.names.silent = True
            expect(s, "AT+DIAG %s %s" % (word, HOST),
                   rb"ERR14 3 UNABLE TO CONNECT Name server does not answer: check network")
            s.names.silent = False
        s.works()
        s.end()


@case
def without_a_network():
    with site(plugged=False) as s:
        s.start()
        for word in ("PING", "DNS"):
            expect(s, "AT+DIAG %s %s" % (word, HOST),
                   rb"ERR14 2 UNABLE TO CONNECT No network: no interface is up and has an address")
        expect(s, "AT+DIAG PING " + CLOUD, rb"OK 0/3 %s Network is unreachable" % re.escape(CLOUD).encode())
        expect(s, "AT+DIAG TLS " + HOST, rb"OK\d+ FAILED 2 No network: .*")
        s.m.wait_log(rb"DIAG TLS failed: No network: no interface is up and has an address")
        s.works()
        s.end()


@case
def dns_with_much():
    """More addresses than are told, and than the daemon takes from its helper."""
    with site() as s, tempfile.NamedTemporaryFile("w") as hosts, tempfile.NamedTemporaryFile("w") as conf:
        hosts.writelines("198.51.%d.%d many.example\n" % (i // 250, i % 250 + 1) for i in range(2000))
        conf.write("multi on\n")
        for f, path in ((hosts, "/etc/hosts"), (conf, "/etc/host.conf")):
            f.flush()
            os.chmod(f.name, 0o644)
            mount(f.name, os.path.realpath(path), MS_BIND)
        s.start()
        got = expect(s, "AT+DIAG DNS many.example", rb"OK16 \d+ ms")
        if not all(re.fullmatch(rb"198\.51\.\d+\.\d+", line) for line in got):
            raise Failure("many.example: %r" % got)
        s.works()
        s.end()


@case
def dns():
    with site(names={"many.example": [CLOUD, CLOUD_TOO]}) as s:
        s.start()
        for name, wanted in ((HOST, [CLOUD]), ("many.example", [CLOUD, CLOUD_TOO]), (CLOUD_TOO, [CLOUD_TOO])):
            got = expect(s, "AT+DIAG DNS " + name, rb"OK%d \d+ ms" % len(wanted))
            if got != [w.encode() for w in wanted]:
                raise Failure("%s: %r expected, got %r" % (name, wanted, got))
        asked = s.names.asked
        got = expect(s, "AT+DIAG DNS localhost", rb"OK[12] \d+ ms")
        if not set(got) <= {b"127.0.0.1", b"::1"} or s.names.asked != asked:
            raise Failure("localhost: %r" % got)
        s.works()
        s.end()


@case
def network():
    def lines():
        found = expect(s, "AT+DIAG NETWORK", rb"OK\d+")
        # Some kernels put interfaces of their own into every network
        return [line for line in found if not re.fullmatch(rb"(?!eth0 |lo )\S+ down", line)]

    def must_be(*wanted):
        got = lines()
        if sorted(got) != sorted(w.encode() for w in wanted):
            raise Failure("%r expected, got %r" % (wanted, got))
    lo, server = "lo up 127.0.0.1/8 ::1/128", "nameserver " + CLOUD
    with site(plugged=False) as s:
        s.start()
        must_be(lo, server)
        s.network.plug()
        must_be(lo, "eth0 up %s/24" % GATEWAY, "default via %s eth0" % CLOUD, server)
        s.network.near("addr", "add", "2001:db8::2/64", "dev", "eth0", "nodad")
        s.network.near("addr", "add", "fe80::2/64", "dev", "eth0", "nodad")
        s.network.near("route", "add", "default", "via", "fe80::1", "dev", "eth0")
        s.network.name_server("fe80::1%eth0\nnameserver 2001:db8::1")
        six = ["default via fe80::1 eth0", "nameserver fe80::1%eth0", "nameserver 2001:db8::1"]
        must_be(lo, "eth0 up %s/24 2001:db8::2/64 fe80::2/64" % GATEWAY, "default via %s eth0" % CLOUD, *six)
        s.network.near("route", "replace", "default", "dev", "eth0")
        must_be(lo, "eth0 up %s/24 2001:db8::2/64 fe80::2/64" % GATEWAY, "default eth0", *six)
        s.network.far("link", "set", "far0", "down")
        s.m.until(lambda: any(line.startswith(b"eth0 no-carrier %s/24" % GATEWAY.encode()) for line in lines()),
                  "interface without a carrier")
        s.network.near("link", "set", "eth0", "down")
        must_be(lo, "eth0 down %s/24" % GATEWAY, "nameserver fe80::1%eth0", "nameserver 2001:db8::1")
        with open("/etc/resolv.conf", "wb") as f:
            f.write(b"nameserver \xff\0\x1b[2J\nnameserver %s\nnameserver 999.1.1.1\n" % (b"1" * 100000))
        must_be(lo, "eth0 down %s/24" % GATEWAY)
        s.end()


@case
def network_with_much():
    """More addresses than a line holds, more interfaces than are told."""
    with site() as s:
        batch = ["addr add 2001:db8:1:2:3:4:5:%x/64 dev eth0 nodad\n" % (0x1000 + i) for i in range(10)]
        batch += ["link add much%d type veth peer name more%d\n" % (i, i) for i in range(30)]
        batch += ["route add default via %s metric %d\n" % (CLOUD, 10 + i) for i in range(10)]
        s.network.name_server("192.0.2.1" + "".join("\nnameserver 192.0.2.%d" % i for i in range(2, 12)))
        subprocess.run(["ip", "-batch", "-"], input="".join(batch).encode(), check=True, preexec_fn=s.network.enter)
        s.start()
        got = expect(s, "AT+DIAG NETWORK", rb"OK\d+")
        links = [line for line in got if not line.startswith((b"default", b"nameserver", b"..."))]
        of_eth0 = b"".join(line[7:] for line in links if line.startswith(b"eth0 up "))
        if of_eth0.count(b" 2001:db8:1:2:3:4:5:") != 10 or any(len(line) > 120 for line in got):
            raise Failure("%r" % got)
        kinds = [line.split()[0] for line in got]
        if (len(links), kinds.count(b"default"), kinds.count(b"nameserver"), kinds.count(b"...")) != (48, 8, 8, 3):
            raise Failure("%r" % got)
        s.works()
        s.end()


@case
def tls_steps():
    """Each step has its line, the certificates with their dates."""
    with site(names={HOST: [CLOUD, CLOUD_TOO]}) as s:
        s.peer(address=CLOUD_TOO)
        s.start()
        port = int(s.endpoint.rpartition(":")[2])
        first, lines = s.diagnosis()
        until = subprocess.run(["openssl", "x509", "-in", s.m.pki.file("server.crt"), "-noout", "-enddate", "-startdate"],
                               check=True, stdout=subprocess.PIPE).stdout.decode()
        dates = {k: datetime.datetime.strptime(v, "%b %d %H:%M:%S %Y GMT").strftime("%Y-%m-%d")
                 for k, v in re.findall(r"(\w+)=(.*)", until)}
        wanted = [r"DNS cloud\.example 2 addresses \d+ ms",
                  r"TCP %s %d Connection refused \d+ ms" % (re.escape(CLOUD), port),
                  r"TCP %s %d connected \d+ ms" % (re.escape(CLOUD_TOO), port),
                  r"TLS TLSv1\.[23] [A-Z0-9_-]+ \d+ ms",
                  r"CERT 0 localhost by Server CA %s %s" % (dates["notBefore"], dates["notAfter"])]
        for line, pattern in zip(lines, wanted):
            if not re.fullmatch(pattern.encode(), line):
                raise Failure("%r expected, got %r" % (pattern, lines))
        if len(lines) != len(wanted):
            raise Failure("%r expected, got %r" % (wanted, lines))
        if b"PASSED " + lines[3].split(b" ", 1)[1].rsplit(b" ", 2)[0] != first:
            raise Failure("%r and %r" % (first, lines[3]))
        s.works()
        s.end()


@case
def ended_in_the_middle():
    """SIGTERM while one is under way: nothing is left behind, as the sanitizer and the exit status say."""
    with site() as s:
        s.network.black_hole(NOBODY)
        s.start()
        s.names.silent = True
        for what, where in (("PING %s" % NOBODY, None), ("DNS slow.example", None), ("TLS slow.example", None),
                            ("TLS %s" % NOBODY, None)):
            asked = s.names.asked
            s.m.send(b"AT+DIAG %s\r\n" % what.encode())
            s.m.wait_log(rb"host: +AT\+DIAG %s" % re.escape(what).encode())
            if "example" in what:
                s.m.until(lambda: s.names.asked > asked, "question to the name server")
            s.m.stop(signal.SIGTERM)
            s.m.start()
            s.m.wait_event("2 0 STARTUP")
        s.end()


@case
def in_their_turn():
    """What is sent meanwhile is answered behind it, RESET included."""
    with site() as s:
        s.network.black_hole(NOBODY)
        s.start()
        s.m.send(b"AT+DIAG PING %s\r\nAT\r\nAT+RESET\r\nAT+DIAG LOG\r\n" % NOBODY.encode())
        for wanted in (b"OK 0/3 %s" % NOBODY.encode(), b"OK", b"OK", b"OK debug"):
            got = s.m.read_line(s.patience())
            if got != wanted:
                raise Failure("%r expected, got %r" % (wanted, got))
        s.m.wait_event("2 0 STARTUP")
        s.end()


run_at_once(12)
