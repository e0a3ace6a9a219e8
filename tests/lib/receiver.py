# SPDX-License-Identifier: Apache-2.0
"""A GPS receiver on a pty, and a real gpsd that reads it. What the receiver sees changes when the test says so: nothing
of it is a matter of time. gpsfake would play recordings in the same way, but by the clock only; and its package brings
GTK and matplotlib, 160 packages, to every machine and tree that runs the tests."""

import datetime
import os
import re
import shutil
import socket
import subprocess
import threading
import time
import tty

import broker
from harness import DEADLINE, Failure

PACE = 0.1        # s between two reports
LATITUDE, LONGITUDE, ELEVATION = 47.285233, 8.565265, 499.6
START = datetime.datetime(2026, 11, 22, 12, 30, 14, tzinfo=datetime.timezone.utc)


def sentence(body):
    check = 0
    for byte in body.encode():
        check ^= byte
    return "$%s*%02X\r\n" % (body, check)


def angle(value, digits, signs):
    """NMEA's degrees and minutes: 4717.11398,N"""
    sign, value = signs[value < 0], abs(value)
    degrees = int(value)
    return "%0*d%08.5f,%s" % (digits, degrees, (value - degrees) * 60, sign)


def report(when, sight, latitude=LATITUDE, longitude=LONGITUDE, elevation=ELEVATION):
    """What a receiver says once a second: GGA, GSA, RMC (NMEA 0183). sight: 3d, 2d, none."""
    fix = sight != "none"
    clock, date = when.strftime("%H%M%S.") + "%02d" % (when.microsecond // 10000), when.strftime("%d%m%y")
    place = "%s,%s" % (angle(latitude, 2, "NS"), angle(longitude, 3, "EW")) if fix else ",,,"
    height = "%.1f,M,47.5,M" % elevation if sight == "3d" else ",M,,M"
    stars = "04,07,09,16,30" if fix else ",,,,"
    return "".join(sentence(body) for body in (
        "GPGGA,%s,%s,%d,%02d,%s,%s,," % (clock, place, fix, 5 * fix, "1.3" if fix else "", height),
        "GPGSA,A,%d,%s,,,,,,,,%s" % ({"3d": 3, "2d": 2, "none": 1}[sight], stars, "2.5,1.3,2.1" if fix else ",,"),
        "GPRMC,%s,%s,%s,0.004,77.52,%s,,,%s" % (clock, "A" if fix else "V", place, date, "A" if fix else "N")))


class Receiver:
    """sight: what it sees, or "silent", or a text that is played once, as a recording. The time that it tells begins
    with START and goes on as time does."""

    def __init__(self, folder):
        self.folder, self.port = folder, broker.Port()
        self.sight, self.place = "none", {}
        self.process = self.thread = self.born = None
        self.log_path = os.path.join(folder, "gpsd.log")
        self.master, slave = os.openpty()
        tty.setraw(slave)
        self.path = os.ttyname(slave)
        self.slave = slave  # the line stays up without gpsd
        os.chmod(self.path, 0o666)  # gpsd gives root's rights away
        self.ended = threading.Event()

    def now(self):
        return START + datetime.timedelta(seconds=time.monotonic() - self.born)

    def start(self):
        if not self.thread:
            self.born = time.monotonic()
            self.thread = threading.Thread(target=self.play, daemon=True)
            self.thread.start()
        program = shutil.which("gpsd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [program, "-N", "-n", "-S", str(self.port.number), self.path],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=broker.die_with_parent)

    def wait(self):
        """Until gpsd has understood what it hears."""
        end, heard = time.monotonic() + DEADLINE, b""
        while b'"class":"TPV"' not in heard:
            try:
                with socket.create_connection(("127.0.0.1", self.port.number), timeout=1) as s:
                    s.sendall(b'?WATCH={"enable":true,"json":true};\n')
                    while b'"class":"TPV"' not in heard and (data := s.recv(4096)):
                        heard += data
            except OSError:
                time.sleep(0.02)
            if time.monotonic() > end:
                raise Failure("gpsd hears nothing")

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def close(self):
        self.stop()
        self.ended.set()
        if self.thread:
            self.thread.join()
        os.close(self.master)
        os.close(self.slave)

    @property
    def has_fix(self):
        return self.process is not None and self.sight in ("3d", "2d")

    def check(self, answer, latitude=LATITUDE, longitude=LONGITUDE, elevation=b"499.6"):
        """What WHERE? answers; gives back how many seconds ago that was."""
        found = ANSWER.fullmatch(answer)
        if not found or abs(float(found[2]) - latitude) > 2e-6 or abs(float(found[3]) - longitude) > 2e-6 \
                or found[4] != elevation:
            raise Failure("%f %f %s expected, got %r" % (latitude, longitude, elevation, answer))
        ago = (self.now() - time_of(found[1])).total_seconds()
        if not -0.01 <= ago < self.now().timestamp() - START.timestamp() + 1:
            raise Failure("a fix of %.2f s ago: %r" % (ago, answer))
        return ago

    def play(self):
        os.set_blocking(self.master, False)
        while not self.ended.wait(PACE):
            sight = self.sight
            if sight == "silent":
                continue
            if sight.startswith("$"):
                first, _, self.sight = sight.partition("\n\n")
                self.sight = self.sight or "silent"
                text = first.replace("\n", "\r\n") + "\r\n"
            else:
                text = report(self.now(), sight, **self.place)
            try:
                os.write(self.master, text.encode())
            except BlockingIOError:
                pass  # nobody reads


def time_of(text):
    """2026/11/22 12:30:14.25, as the module says it."""
    return datetime.datetime.strptime(text.decode() + "+0000", "%Y/%m/%d %H:%M:%S.%f%z")


ANSWER = re.compile(rb"OK (\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d\d) (-?\d{1,2}\.\d{6}) (-?\d{1,3}\.\d{6}) "
                    rb"(0|-?\d+\.\d) (99999|\d+\.\d) GPS")
