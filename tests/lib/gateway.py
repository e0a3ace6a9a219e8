# SPDX-License-Identifier: Apache-2.0
"""A module on a gateway that has a network of its own (see network.py), and what is asked of it in bad weather."""

import contextlib
import os
import re

import harness
import network
import peer
import proxy
from harness import Failure

HOST = "cloud.example"
PASSED = "PASSED <any>"  # of DIAG TLS, which ends where the login begins
CPU_LIMIT = 0.05  # seconds that a command may cost, however long it waits


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def set_clock(m, off, sure=False):
    """How many seconds the time of day is off for the module, and whether somebody keeps it right, by the kernel's word;
    may change while it runs (tests/lib/clock.c)."""
    path = os.path.join(m.folder, "clock")
    with open(path + ".new", "w") as f:
        f.write("%d %s\n" % (off, "sure" if sure else "unsure"))
    os.rename(path + ".new", path)
    shim = os.path.join(harness.BUILDDIR, "tests", "lib", "clock.so")
    if not os.path.exists(shim):
        raise Failure(shim + " is missing: make check builds it")
    m.more_environment.update(
        LD_PRELOAD=shim, TEST_CLOCK=path,
        ASAN_OPTIONS="verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", ""))


class Site:
    def __init__(self, m, net, names):
        self.m, self.network, self.names = m, net, names
        self.endpoint = "%s:%d" % (HOST, m.broker.port)
        self.costs = {}
        self.closing = contextlib.ExitStack()
        m.settings["Cloud", "ConnectTimeout"] = "5"

    # -- what stands in the cloud; all of it at the Endpoint ----------------------------------------------------

    def peer(self, behaviour=None, at=None, address=network.CLOUD, host=HOST, port=0, **options):
        """A scripted broker of tests/lib/peer.py."""
        p = peer.Peer(self.m.pki, behaviour, at, address, port, **options)
        self.closing.callback(p.close)
        self.endpoint = "%s:%d" % (host, p.port)
        return p

    def proxy(self, server=None, address=network.CLOUD, port=0):
        """A proxy of tests/lib/proxy.py; without a server it accepts and keeps silent."""
        p = self.closing.enter_context(proxy.Proxy(server, address, port, server_address=network.CLOUD))
        self.endpoint = "%s:%d" % (HOST, p.port)
        return p

    def clock(self, off, sure=False):
        set_clock(self.m, off, sure)

    # -- the host -------------------------------------------------------------------------------------------------

    def start(self):
        self.m.start()
        self.m.wait_event("2 0 STARTUP")
        if self.endpoint is not None:
            self.m.expect("AT+CONF Endpoint=" + self.endpoint, "OK")

    def patience(self):
        """How long CONNECT and DIAG may take, and some time for a busy machine."""
        return max(25, float(self.m.settings["Cloud", "ConnectTimeout"])) + harness.DEADLINE

    def ask(self, command, read=None):
        """The first line of the answer to a command, which must not burn time while it waits."""
        before = cpu_seconds(self.m.process.pid)
        self.m.send(command.encode() + b"\r\n")
        line = read() if read else self.m.read_line(self.patience())
        self.costs[command] = cpu_seconds(self.m.process.pid) - before
        if self.costs[command] >= CPU_LIMIT * (20 if harness.is_instrumented() else 1):
            raise Failure("%s: %.2f s of CPU time while it waited, and then %r" % (command, self.costs[command], line))
        return line

    def connects(self, read=None):
        got = self.ask("AT+CONNECT", read)
        if got != b"OK 1 CONNECTED":
            raise Failure("OK 1 CONNECTED expected, got %r" % got)

    def refuses(self, hint, detail):
        """CONNECT fails with these words; <n> and <error> stand for what differs."""
        got = self.ask("AT+CONNECT")
        if not re.fullmatch(b"ERR14 %d UNABLE TO CONNECT " % hint + pattern(detail), got):
            raise Failure("expected ERR14 %d UNABLE TO CONNECT %s, got %r" % (hint, detail, got))

    def diagnosis(self):
        """The first line of DIAG TLS behind its number of lines, and the others."""
        got = re.fullmatch(rb"OK(\d*) (.+)", self.ask("AT+DIAG TLS"))
        if not got:
            raise Failure("AT+DIAG TLS: no OKn")
        lines = [self.m.read_line() for _ in range(int(got[1] or 0))]
        if not all(0 < len(line) <= 120 for line in lines):
            raise Failure("AT+DIAG TLS: %r" % lines)
        return got[2], lines

    def diagnoses(self, wanted):
        got, _ = self.diagnosis()
        if not re.fullmatch(pattern(wanted), got):
            raise Failure("AT+DIAG TLS: expected %r, got %r" % (wanted, got))

    def works(self, state=b"OK 0 1 DISCONNECTED CUSTOMER"):
        """Nothing was said or raised unasked, the next commands work."""
        self.m.silence()
        self.m.expect("AT+EVENT?", "OK")
        self.m.expect("AT+CONNECT?", state)
        self.m.expect("AT+CONF Topic1=weather", "OK")
        self.m.expect("AT+CONF? Topic1", "OK weather")

    def end(self):
        self.m.stop()
        if self.costs:
            print("%s" % ", ".join("%s %.0f ms" % (c, 1000 * s) for c, s in self.costs.items()), end=": ")


def pattern(text):
    """A regular expression for text in which <n> is a number, <error> the system's words, <reason> those of OpenSSL."""
    return re.escape(text).replace("<n>", "[0-9]+").replace("<error>", "[A-Z].+").replace(
        "<reason>", "[a-z].+").replace("<any>", ".*").encode()


@contextlib.contextmanager
def site(plugged=True, names=None):
    """In a process of its own: harness.run_at_once()."""
    net = network.Network()
    server = None
    if plugged:
        net.plug()
        server = network.NameServer({HOST: [network.CLOUD], **(names or {})})
    with harness.module(cloud=True, cloud_address=network.CLOUD) as m:
        def enter():
            die_with_parent()
            net.enter()
        die_with_parent, m.enter = m.enter, enter
        s = Site(m, net, server)
        with s.closing:
            yield s
