#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""WHERE?, and TIME? by a receiver: a real gpsd with a receiver on a pty; servers that are no gpsd, or a mad one."""

import os
import re
import select
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import harness  # noqa: E402
from ctl import ctl, has, status  # noqa: E402
from gateway import cpu_seconds, set_clock, site  # noqa: E402
from harness import Failure  # noqa: E402
from network import CLOUD  # noqa: E402
from parallel import case, run_at_once  # noqa: E402
from receiver import ANSWER, Receiver, time_of  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
WATCH = b'?WATCH={"enable":true,"json":true};\n'
NO_TIME, NO_PLACE = b"ERR15 TIME NOT AVAILABLE", b"ERR16 LOCATION NOT AVAILABLE"
FIX = (b'{"class":"TPV","mode":3,"time":"2026-11-22T12:30:14.250Z","lat":-33.856784,"lon":151.215297,'
       b'"altMSL":4.5,"eph":3.2}\r\n')
FIX_ANSWER = b"OK 2026/11/22 12:30:14.25 -33.856784 151.215297 4.5 3.2 GPS"


class Place:
    """A module with a receiver; with at: with what listens there instead."""

    def __init__(self, at=None):
        self.at = at

    def __enter__(self):
        self.manager = harness.module()
        self.m = self.manager.__enter__()
        self.receiver = Receiver(self.m.folder)
        self.m.settings["Location", "Gpsd"] = self.at or "localhost:%d" % self.receiver.port.number
        return self

    def __exit__(self, *error):
        self.receiver.close()
        return self.manager.__exit__(*error)

    def start(self):
        self.m.start()
        self.m.wait_event("2 0 STARTUP")

    def where(self, wanted, what="AT+WHERE?"):
        """Asks until the answer is so."""
        end = time.monotonic() + harness.DEADLINE
        while True:
            got = self.m.command(what, note=False)
            if wanted(got):
                return got
            if time.monotonic() > end:
                raise Failure("%s: not what was wanted: %r" % (what, got))
            self.m.pump(0.02)


class Server:
    """Something that listens. behave(connection) has each one for itself."""

    def __init__(self, behave, address="127.0.0.1"):
        self.behave, self.count = behave, 0
        self.socket = socket.create_server((address, 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection, _ = self.socket.accept()
            self.count += 1
            threading.Thread(target=self.one, args=(connection,), daemon=True).start()

    def one(self, connection):
        with connection:
            try:
                self.behave(connection)
            except OSError:
                pass


def log_lines(m, pattern):
    m.pump(0)
    return len(re.findall(pattern, bytes(m.log), re.M))


@case
def fix_loss_and_move():
    with Place() as p:
        p.start()
        p.receiver.start()
        p.m.wait_log(rb"gpsd at localhost:\d+: connected")
        p.m.expect("AT+WHERE?", NO_PLACE)
        p.receiver.sight = "3d"
        p.where(lambda got: got != NO_PLACE)
        p.receiver.check(p.m.command("AT+WHERE?"))
        p.receiver.place = {"latitude": -0.000001, "longitude": -179.999999, "elevation": -12.3}
        p.where(lambda got: b" -179.99999" in got)
        p.receiver.check(p.m.command("AT+WHERE?"), -0.000001, -179.999999, b"-12.3")
        p.receiver.sight = "none"
        # A report may still be on its way
        p.where(lambda got: p.m.command("AT+WHERE?") == got and p.receiver.check(
            got, -0.000001, -179.999999, b"-12.3") > 1)
        p.m.stop()


@case
def recording():
    """A tunnel after five good seconds: the last of them is what stays known."""
    with Place() as p:
        p.receiver.start()
        p.receiver.wait()
        p.start()
        p.m.wait_log(rb"gpsd at localhost:\d+: connected")
        p.m.expect("AT+WHERE?", NO_PLACE)
        with open(os.path.join(HERE, "tunnel.nmea")) as f:
            p.receiver.sight = f.read()
        got = p.where(lambda got: b"08:00:07" in got)
        if not re.fullmatch(rb"OK 2026/11/22 08:00:07.00 46.525300 6.609000 387.0 (99999|\d+\.\d) GPS", got):
            raise Failure(repr(got))
        p.m.stop()


@case
def killed_and_back():
    with Place() as p:
        p.receiver.sight = "3d"
        p.receiver.start()
        p.start()
        before = p.where(lambda got: got != NO_PLACE)
        for _ in range(3):
            p.m.pump(0)
            since = len(p.m.log)
            p.receiver.stop()
            p.m.wait_log(rb"gpsd at localhost:\d+: lost: ", since)
            kept = p.m.command("AT+WHERE?")
            p.m.expect("AT+WHERE?", kept)
            p.m.expect("AT+RESET", "OK")
            p.m.expect("AT+WHERE?", kept)
            if time_of(ANSWER.fullmatch(kept)[1]) < time_of(ANSWER.fullmatch(before)[1]):
                raise Failure("%r was known already, then %r" % (before, kept))
            p.receiver.start()
            before = p.where(lambda got: got != kept)
        p.m.stop()


@case
def time_of_the_receiver():
    """The machine's clock is a year late, or is right; that it leaps is nothing to the receiver's time."""
    with Place() as p:
        set_clock(p.m, -365 * 86400)
        p.start()
        p.m.expect("AT+TIME?", NO_TIME)
        p.receiver.sight = "3d"
        p.receiver.start()
        p.where(lambda got: got != NO_PLACE)
        for off in (-365 * 86400, 86400, -20 * 365 * 86400):
            set_clock(p.m, off)
            got = p.m.command("AT+TIME?")
            found = re.fullmatch(rb"OK (.*) GPS", got)
            if not found:
                raise Failure("the time by GPS expected, got %r" % got)
            late = (p.receiver.now() - time_of(found[1])).total_seconds()
            if not -0.01 <= late < harness.DEADLINE:
                raise Failure("%.2f s late: %r" % (late, got))
            p.receiver.check(p.m.command("AT+WHERE?"))
        # Somebody keeps the clock right: that counts, if both know
        set_clock(p.m, 0, sure=True)
        p.where(lambda got: re.fullmatch(rb"OK .* SNTP", got), "AT+TIME?")
        set_clock(p.m, 0)
        # The receiver falls silent; its time goes on for a while
        p.receiver.sight = "silent"
        first = p.where(lambda got: re.fullmatch(rb"OK .* GPS", got), "AT+TIME?")
        p.where(lambda got: got.endswith(b" GPS") and got > first, "AT+TIME?")
        p.m.stop()


def refused(pid):
    """How many TCP connections were refused in the network that this process is in."""
    with open("/proc/%d/net/snmp" % pid) as f:
        names, values = (line.split() for line in f if line.startswith("Tcp:"))
    return int(values[names.index("AttemptFails")])


@case
def none_is_no_noise():
    """Nobody listens: it is tried once more, for gpsd may be just starting, and the log says so once. However often the
    host asks, there is no try for each question."""
    with site() as s:
        s.m.settings["Location", "Gpsd"] = "127.0.0.1:2947"
        s.start()
        s.m.wait_log(rb"gpsd at 127.0.0.1:2947: Connection refused")
        began, pid = time.monotonic(), s.m.process.pid
        s.m.until(lambda: refused(pid) == 2, "second try")
        for _ in range(200):
            s.m.expect("AT+WHERE?", NO_PLACE, note=False)
        most = 2 + int((time.monotonic() - began) / 5)  # that much is allowed to who asks
        if not 2 <= refused(pid) <= most:
            raise Failure("%d tries, at most %d expected" % (refused(pid), most))
        if log_lines(s.m, rb"gpsd at") != 1:
            raise Failure("%d lines about gpsd" % log_lines(s.m, rb"gpsd at"))
        s.end()


def endless(connection):
    while True:
        connection.sendall(b'{"class":"TPV","x":"' + b"x" * 65536)


def flood(connection):
    while True:
        connection.sendall(FIX.replace(b"2026", b"2025") * 500)


def hang_up(connection):
    connection.recv(100)


def mad(connection):
    """Wild, and then right."""
    wrong = [b"", b"\0" * 100, b"[" * 8000, b'{"class":"TPV","a":' + b'{"a":' * 1500, b"{" * 20000, b"x" * 100000,
             FIX.strip().replace(b"-33.856784", b"NaN"), FIX.strip().replace(b"-33.856784", b"1e400"),
             FIX.strip().replace(b"-33.856784", b'"-33.8"'), FIX.strip().replace(b"14.250Z", b"99.250Z"),
             FIX.strip().replace(b"3,", b"[3],", 1), FIX[:40], b'"TPV"', b"null", bytes(range(11, 256))]
    for line in wrong:
        connection.sendall(line + b"\n")
    connection.sendall(FIX)
    select.select([], [], [])


@case
def hostile_servers():
    for behave in (endless, flood, hang_up):
        server = Server(behave)
        with Place("127.0.0.1:%d" % server.port) as p:
            p.start()
            p.m.wait_log(rb"gpsd at 127.0.0.1:\d+: lost")
            before, began = cpu_seconds(p.m.process.pid), time.monotonic()
            while time.monotonic() - began < 2:
                p.m.expect("AT+WHERE?", p.m.command("AT+WHERE?", note=False), note=False)
                p.m.pump(0.02)
            used = cpu_seconds(p.m.process.pid) - before
            if used > 1 and not harness.is_instrumented():
                raise Failure("%s: %.2f s of CPU time in 2 s" % (behave.__name__, used))
            if server.count > 4:
                raise Failure("%s: %d connections in 2 s" % (behave.__name__, server.count))
            p.m.silence()
            p.m.stop()


@case
def mad_gpsd():
    server = Server(mad)
    with Place("127.0.0.1:%d" % server.port) as p:
        p.start()
        if p.where(lambda got: got != NO_PLACE) != FIX_ANSWER:
            raise Failure("not the one good report")
        p.m.stop()


@case
def by_name():
    """On another machine, whose name has to be found out."""
    def serve(connection):
        if connection.recv(len(WATCH), socket.MSG_WAITALL) == WATCH:
            connection.sendall(FIX)
            select.select([], [], [])
    with site(names={"gps.example": [CLOUD]}) as s:
        server = Server(serve, CLOUD)
        s.m.settings["Location", "Gpsd"] = "gps.example:%d" % server.port
        s.start()
        end = time.monotonic() + harness.DEADLINE
        while s.m.command("AT+WHERE?", note=False) != FIX_ANSWER:
            if time.monotonic() > end:
                raise Failure("no fix")
            s.m.pump(0.02)
        s.end()


@case
def what_status_says():
    def location():
        return status(p.m)["location"]
    with Place() as p:
        p.start()
        at = "localhost:%d" % p.receiver.port.number
        if location() != {"gpsd": at, "connected": False, "fix": None}:
            raise Failure(repr(location()))
        has(ctl(p.m, "status"), "^Location +not known; gpsd at %s: no connection$" % at)
        has(p.m.command("AT+DIAG INFO").decode(), " gpsd=down$")
        p.receiver.sight = "3d"
        p.receiver.start()
        p.where(lambda got: got != NO_PLACE)
        fix = location()["fix"]
        if (fix["dimensions"], fix["latitude"], fix["longitude"], fix["elevation"]) != (3, 47.285233, 8.565265, 499.6):
            raise Failure(repr(fix))
        has(ctl(p.m, "status"), r"^Location +47.285233 8.565265, elevation 499.6 m, .*at 2026-11-22T12:3\d:\d\dZ; "
            "gpsd at %s: connected$" % at)
        has(p.m.command("AT+DIAG INFO").decode(), " gpsd=up$")
        p.m.stop()
        p.m.settings["Location", "Gpsd"] = "none"
        p.m.start()
        if location() != {"gpsd": None, "connected": False, "fix": None}:
            raise Failure(repr(location()))
        p.m.stop()


run_at_once(4)
