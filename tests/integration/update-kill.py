#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""SIGKILL at random moments of an update: download, READ, CLOSE, FLUSH, while the cloud may cancel the job. Afterwards what
the host was told OK, OTA?, the bytes that are read and the job's end in the cloud agree.

Argument or TEST_KILLS: how many kills (12). TEST_SEED: of another run, to see it again."""

import os
import random
import re
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import harness  # noqa: E402
import jobs  # noqa: E402
from harness import Failure  # noqa: E402

KILLS = int(os.environ.get("TEST_KILLS", "12"))
END = ("SUCCEEDED", "FAILED", "REJECTED", "CANCELED")


class Killed(Exception):
    pass


class Run:
    """One job after the other; the daemon dies again and again meanwhile."""

    def __init__(self, m, r):
        self.m, self.r, self.service = m, r, m.broker.jobs
        self.serial = self.kills = 0
        self.count = dict.fromkeys(END, 0)
        self.until = None  # when the daemon is to be killed

    # -- a host that may lose its module at any moment ---------------------------------------------------------

    def command(self, line):
        """The answer, if it came in time. Raises Killed; then self.heard is what still came, or nothing."""
        m = self.m
        m.send(line.encode() + b"\r\n", note=False)
        while b"\n" not in m.input:
            left = self.until - time.monotonic() if self.until else 1
            if left <= 0:
                self.kill()
                raise Killed
            m.pump(min(left, 0.05))
        answer = m.take(m.input.index(b"\n") + 1, note=False).rstrip(b"\r\n").decode()
        note = ("%s -> %s" % (line, answer[:60])).encode()
        if m.dialogue[-1][2] != note:
            m.dialogue.append((m.clock(), "=", note))
        return answer

    def kill(self):
        m = self.m
        m.process.send_signal(signal.SIGKILL)
        m.wait_exit()
        while m.fd >= 0 and m.pump(0):
            pass
        self.heard = bytes(m.input)
        m.close_line()
        m.dialogue.append((m.clock(), "!", b"killed, heard %r" % self.heard[:40]))
        self.until = None
        self.kills += 1
        self.at = 0
        m.start()

    def until_ota(self, wanted):
        """Asks until the state is one of these."""
        end = time.monotonic() + harness.DEADLINE
        while True:
            answer = self.command("AT+OTA?")
            code = int(re.fullmatch(r"OK (\d).*", answer)[1])
            if code in wanted:
                return code
            if time.monotonic() > end:
                raise Failure("OTA? is %d, not one of %r" % (code, wanted))
            self.m.pump(0.005)

    def connect(self):
        if self.command("AT+CONNECT") != "OK 1 CONNECTED":
            raise Failure("no connection")

    def read(self, name, size):
        """Up to so many bytes from where the pointer is, which is told."""
        image = self.service.images[name]
        while size > 0:
            answer = self.command("AT+OTA READ 2048")
            if answer == "OK 0":
                return
            found = re.fullmatch(r"OK ([0-9A-F]{2,3}) ([0-9A-F]+) ([0-9A-F]{4})", answer)
            if not found:
                raise Failure("READ: %s" % answer[:60])
            piece = bytes.fromhex(found[2])
            if image[self.at:self.at + len(piece)] != piece or int(found[1], 16) != len(piece):
                raise Failure("READ at %d: other bytes than the image's" % self.at)
            self.at += len(piece)
            size -= len(piece)

    # -- one job -----------------------------------------------------------------------------------------------

    def acknowledged(self):
        """Was the command that Killed came from answered after all?"""
        if self.heard and not b"OK\r\n".startswith(self.heard[:4]):
            raise Failure("answer %r" % self.heard)
        return self.heard == b"OK\r\n"

    def job(self):
        self.serial += 1
        name = "job-%d" % self.serial
        size = self.r.choice([1, 5000, 16384, 70000, 300000])
        self.service.create(name, "host-image", jobs.image(size, self.serial), version="v1")
        self.at, self.accepted, self.ended, self.cancelled = 0, False, set(), False
        if self.r.random() < 0.3:
            self.service.do_faults({"lose": ["block,p=0.2"]}, seed=self.serial)
        kills = self.r.randrange(1, 4)
        while True:
            self.until = time.monotonic() + self.r.random() ** 2 * 0.6 if kills > 0 else None
            try:
                if self.life(name):
                    break
            except Killed:
                kills -= 1
                self.check_after(name)
        self.until = None
        self.finish(name)

    def life(self, name):
        """From power-up on; True: the host has ended the job."""
        self.connect()
        if self.ended or self.cancelled:
            return True
        if not self.accepted:
            self.until_ota((2, 3, 5))
            self.say("AT+OTA ACCEPT", "accepted")
        if self.r.random() < 0.2:
            self.service.do_cancel(name, force=True)
            self.cancelled = True
            return True
        if self.r.random() < 0.2:
            return self.say("AT+OTA FLUSH", "FAILED")
        self.until_ota((5,))
        self.read(name, self.r.choice([0, 4096, 1 << 30]))
        return self.say("AT+OTA CLOSE", "SUCCEEDED")

    def say(self, line, what):
        """A command, and what is true if it was answered, or may be true if it was not."""
        try:
            answer = self.command(line)
        except Killed:
            if self.acknowledged():
                self.note(what, True)
            else:
                self.note(what, None)
            raise
        if answer != "OK" and not (what == "accepted" and self.accepted is None):
            raise Failure("%s: %s" % (line, answer))
        self.note(what, True)
        return True

    def note(self, what, sure):
        if what == "accepted":
            self.accepted = sure
        elif sure:
            self.ended = {what}
        else:
            self.ended = {what, "open"}

    def check_after(self, name):
        """What OTA? says after a power cut, before there is a connection."""
        code = self.until_ota((0, 3, 5))
        if self.ended == {"open"} or not self.ended:
            if self.accepted is True and code == 0:
                raise Failure("accepted, and forgotten")
            if self.accepted is False and code != 0:
                raise Failure("not accepted, but OTA? is %d" % code)
            if self.accepted is None:
                self.accepted = code != 0
        elif "open" not in self.ended and code != 0:
            raise Failure("%s was answered OK, but OTA? is %d" % (self.ended, code))
        elif "open" in self.ended:
            self.ended = set() if code != 0 else self.ended - {"open"}
        if code == 5:
            self.read(name, 2048)

    def finish(self, name):
        """The job's end in the cloud is the one that the host was told."""
        self.connect()
        self.until_ota((0,))
        self.m.until(lambda: self.service.execution(name)[0] in END, "end of the job")
        status = self.service.execution(name)[0]
        wanted = {"CANCELED"} if self.cancelled else self.ended
        if status not in wanted:
            raise Failure("%s: %s, expected %r" % (name, status, wanted))
        self.count[status] += 1
        self.service.do_faults({})
        self.m.until(lambda: self.command("AT+OTA?") == "OK 0", "OTA? that is 0")
        while self.command("AT+EVENT?") != "OK":
            pass


def agree():
    seed = int(os.environ.get("TEST_SEED", "0")) or random.randrange(1 << 30)
    print("seed %d" % seed)
    with harness.module(cloud=True) as m:
        m.settings["Log", "Level"] = "info"
        m.broker.jobs = jobs.JobService(m.folder, m.pki.thing)
        m.broker.start()
        m.start()
        m.expect("AT+CONF Endpoint=localhost:%d" % m.broker.port, "OK")
        run = Run(m, random.Random(seed))
        while run.kills < KILLS:
            run.job()
        print("%d kills, %d jobs: %r" % (run.kills, run.serial, run.count))
        m.stop()
        left = [n for n in os.listdir(m.state) if n.startswith("update") and n not in ("update", "update.old")]
        if left:
            raise Failure("files are left: %r" % left)


if len(sys.argv) > 1 and sys.argv[1].isdigit():
    KILLS = int(sys.argv.pop(1))
harness.run_cases(agree)
