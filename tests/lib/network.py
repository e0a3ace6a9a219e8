# SPDX-License-Identifier: Apache-2.0
"""A network of a test's own: the process that makes one moves into a new network name space, the cloud, in which its
brokers and peers listen, and has a second one for the daemon, the gateway. A cable (veth) joins the two.

    gateway  eth0  192.0.2.2/24, default route and name server 192.0.2.129
    cloud    far0  192.0.2.129 and 192.0.2.130; the name server, see NameServer

ipv6() adds 2001:db8::2 and 2001:db8::81. Both addresses of the cloud have as many bits in common with the gateway's, so
getaddrinfo() keeps the order in which the name server gives them. Root is not needed. The process that makes a network
must have one thread only."""

import ctypes
import os
import socket
import struct
import subprocess
import tempfile
import threading

import pki

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x00020000, 0x10000000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000

CLOUD, CLOUD_TOO, GATEWAY = "192.0.2.129", "192.0.2.130", "192.0.2.2"
CLOUD6, GATEWAY6 = "2001:db8::81", "2001:db8::2"
NOBODY = "192.0.2.166"  # an address of the cable that nobody has
NO_MAC = "02:00:00:00:00:66"

libc = ctypes.CDLL(None, use_errno=True)


def check(result, what):
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, "%s: %s" % (what, os.strerror(error)))


def mount(source, target, flags):
    check(libc.mount(source and source.encode(), target.encode(), None, flags, None), "mount " + target)


class Network:
    def __init__(self):
        pki.area()  # as long as we are who we are
        uid, gid = os.getuid(), os.getgid()
        check(libc.unshare(CLONE_NEWNS | CLONE_NEWNET | (CLONE_NEWUSER if uid else 0)), "unshare")
        if uid:
            for name, text in (("setgroups", "deny"), ("uid_map", "0 %d 1" % uid), ("gid_map", "0 %d 1" % gid)):
                with open("/proc/self/" + name, "w") as f:
                    f.write(text)
        mount(None, "/", MS_REC | MS_PRIVATE)
        self.cloud = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        check(libc.unshare(CLONE_NEWNET), "unshare")
        self.gateway = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        check(libc.setns(self.cloud, CLONE_NEWNET), "setns")
        self.far("link", "set", "lo", "up")
        self.near("link", "set", "lo", "up")
        for path in ("/etc/resolv.conf", "/etc/nsswitch.conf"):
            with tempfile.NamedTemporaryFile("w") as f:
                os.chmod(f.name, 0o644)
                mount(f.name, os.path.realpath(path), MS_BIND)
        with open("/etc/nsswitch.conf", "w") as f:
            f.write("hosts: files dns\n")
        self.name_server(CLOUD)

    @staticmethod
    def name_server(address):
        """What /etc/resolv.conf says, from now on."""
        with open("/etc/resolv.conf", "w") as f:
            f.write("nameserver %s\n" % address)

    def plug(self):
        """The cable, with addresses and routes."""
        self.far("link", "add", "far0", "type", "veth", "peer", "name", "eth0")
        self.far("link", "set", "eth0", "netns", "/proc/self/fd/%d" % self.gateway)
        for ip, device in ((self.far, "far0"), (self.near, "eth0")):
            ip("link", "set", device, "addrgenmode", "none")
            ip("link", "set", device, "up")
        for address in (CLOUD, CLOUD_TOO):
            self.far("addr", "add", address + "/24", "dev", "far0")
        self.near("addr", "add", GATEWAY + "/24", "dev", "eth0")
        self.route()

    def ipv6(self, alone=False):
        """alone: IPv4 is gone, name server and all."""
        self.far("addr", "add", CLOUD6 + "/64", "dev", "far0", "nodad")
        self.near("addr", "add", GATEWAY6 + "/64", "dev", "eth0", "nodad")
        self.near("-6", "route", "add", "default", "via", CLOUD6)
        if alone:
            self.near("addr", "del", GATEWAY + "/24", "dev", "eth0")

    def route(self):
        self.near("route", "add", "default", "via", CLOUD)

    def far(self, *words):
        """ip WORDS in the cloud."""
        subprocess.run(["ip", *words], check=True, stdin=subprocess.DEVNULL, pass_fds=[self.gateway])

    def near(self, *words):
        """ip WORDS on the gateway."""
        subprocess.run(["ip", *words], check=True, stdin=subprocess.DEVNULL, preexec_fn=self.enter)

    def enter(self):
        """Moves the calling thread to the gateway: between fork() and exec()."""
        check(libc.setns(self.gateway, CLONE_NEWNET), "setns")

    def black_hole(self, address):
        """What the gateway sends to that address is seen by nobody from now on."""
        self.near("neigh", "replace", address, "lladdr", NO_MAC, "dev", "eth0", "nud", "permanent")

    def no_black_hole(self, address):
        self.near("neigh", "del", address, "dev", "eth0")


class NameServer:
    """names: name → addresses. Others do not exist. silent: asks are heard and not answered."""

    def __init__(self, names, address=CLOUD):
        self.table, self.silent, self.asked = names, False, 0
        self.socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 53))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            question, who = self.socket.recvfrom(2048)
            self.asked += 1
            if not self.silent:
                self.socket.sendto(self.answer(question), who)

    def answer(self, question):
        at, labels = 12, []
        while question[at]:
            labels.append(question[at + 1:at + 1 + question[at]].decode())
            at += 1 + question[at]
        kind, = struct.unpack_from("!H", question, at + 1)
        end = at + 5
        addresses = self.table.get(".".join(labels).lower())
        family = {1: socket.AF_INET, 28: socket.AF_INET6}.get(kind)
        found = [socket.inet_pton(family, a) for a in addresses or () if (":" in a) == (kind == 28)] if family else []
        records = b"".join(struct.pack("!HHHIH", 0xc00c, kind, 1, 0, len(a)) + a for a in found)
        flags = 0x8180 if addresses is not None else 0x8183  # NXDOMAIN
        return question[:2] + struct.pack("!HHHHH", flags, 1, len(found), 0, 0) + question[12:end] + records
