# SPDX-License-Identifier: Apache-2.0
"""A host that takes images, one job after the other, while its module dies again and again: what it was told, what may
have become of what it asked for, and whether OTA?, the bytes and the job's end in the cloud agree with that."""

import re
import time

import jobs
from harness import Failure
from sandbox.common import Problem

END = ("SUCCEEDED", "FAILED", "REJECTED", "CANCELED")


class Gone(Exception):
    """The module has died. heard: what still came of the answer to the last command."""

    def __init__(self, heard):
        super().__init__()
        self.heard = heard


class Host:
    """Of one job at a time. A derived class has the line to the module: command() and pause() may raise Gone."""

    def __init__(self, service, deadline):
        self.service, self.deadline = service, deadline
        self.serial = 0
        self.count = dict.fromkeys(END, 0)

    def command(self, line):
        """Its answer."""
        raise NotImplementedError

    def pause(self):
        """Between two questions."""
        raise NotImplementedError

    # -- one job -----------------------------------------------------------------------------------------------

    def begin(self, size, **more):
        self.serial += 1
        self.name = "job-%d" % self.serial
        self.image = jobs.image(size, self.serial)
        self.accepted = False     # None: perhaps
        self.announced = False    # OTA? was 5
        self.ended = set()        # how the host has ended it; "open" among them: or not
        self.cancelled = False
        self.at = 0               # the read pointer
        self.service.create(self.name, "host-image", self.image, version="v1", **more)

    def status(self):
        return self.service.execution(self.name)[0]

    def is_ended(self):
        return bool(self.ended) and "open" not in self.ended

    def cancel(self):
        """In the cloud, unless the job has ended there."""
        try:
            self.service.do_cancel(self.name, force=True)
            self.cancelled = True
        except Problem:
            pass

    def connect(self):
        answer = self.command("AT+CONNECT")
        if answer != "OK 1 CONNECTED":
            raise Failure("AT+CONNECT: %s" % answer)

    def ota(self):
        """The state; what it says of an image is checked."""
        answer = self.command("AT+OTA?")
        found = re.fullmatch(r"OK (\d)( .*)?", answer)
        if not found or (found[1] == "5" and found[2] != " %d" % len(self.image)):
            raise Failure("AT+OTA?: %s" % answer)
        self.announced = self.announced or found[1] == "5"
        return int(found[1])

    def until_ota(self, wanted):
        """Asks until the state is one of these. That of a cancelled job may always be 0."""
        end = time.monotonic() + self.deadline
        while True:
            code = self.ota()
            if code in wanted or (code == 0 and self.cancelled):
                return code
            if time.monotonic() > end:
                raise Failure("OTA? is %d, not one of %r" % (code, wanted))
            self.pause()

    def until_status(self, wanted):
        end = time.monotonic() + self.deadline
        while self.status() not in wanted:
            if time.monotonic() > end:
                raise Failure("%s is %s in the cloud, not one of %r" % (self.name, self.status(), wanted))
            self.pause()

    def read(self, most):
        """From where the read pointer is: how many bytes came. None: the image is not there any more."""
        answer = self.command("AT+OTA READ %d" % most)
        if answer == "OK 0" and self.at == len(self.image):
            return 0
        if self.cancelled and answer.startswith("ERR19 "):
            return None
        found = re.fullmatch(r"OK ([0-9A-F]{2,3}) ([0-9A-F]+) ([0-9A-F]{4})", answer)
        if not found:
            raise Failure("READ at %d of %d: %s" % (self.at, len(self.image), answer[:60]))
        piece = bytes.fromhex(found[2])
        if piece != self.image[self.at:self.at + most] or int(found[1], 16) != len(piece) or \
                int(found[3], 16) != sum(piece) & 0xffff:
            raise Failure("READ at %d: other bytes than the image's" % self.at)
        self.at += len(piece)
        return len(piece)

    def read_on(self, size):
        """So many bytes, or up to the end."""
        while size > 0:
            n = self.read(2048)
            if not n:
                break
            size -= n

    def seek(self, at):
        answer = self.command("AT+OTA SEEK %d" % at)
        if self.cancelled and answer.startswith("ERR19 "):
            return False
        if answer != "OK %X" % at:
            raise Failure("SEEK %d: %s" % (at, answer))
        self.at = at
        return True

    def say(self, line, what):
        """A command, and what is true if it was answered, or may be true if it was not."""
        try:
            answer = self.command(line)
        except Gone as gone:
            if gone.heard.endswith(b"\n"):
                self.answered(line, what, gone.heard.decode().rstrip("\r\n"))
            elif b"OK\r".startswith(gone.heard):
                self.note(what, None)
            else:
                raise Failure("%s: %r" % (line, gone.heard)) from None
            raise
        self.answered(line, what, answer)

    def answered(self, line, what, answer):
        if answer == "OK":
            self.note(what, True)
        elif what != "accepted" or not (self.accepted is None or self.cancelled):
            raise Failure("%s: %s" % (line, answer))

    def note(self, what, sure):
        if what == "accepted":
            self.accepted = sure
        else:
            self.ended = {what} if sure else {what, "open"}

    def accept(self):
        self.say("AT+OTA ACCEPT", "accepted")

    def close(self):
        self.say("AT+OTA CLOSE", "SUCCEEDED")

    def flush(self):
        self.say("AT+OTA FLUSH", "REJECTED" if self.accepted is False else "FAILED")

    # -- afterwards --------------------------------------------------------------------------------------------

    def check_after(self):
        """The module has started again, and has no connection. What OTA? says, which must be possible."""
        self.at = 0
        offered = self.accepted is False
        code = self.until_ota((0, 5) if self.announced else (0, 3, 5))
        if code != 0 and (offered or self.is_ended()):
            raise Failure("OTA? is %d, but the job was %s" % (code, self.ended or "not accepted"))
        if code != 0:
            self.accepted, self.ended = True, set()
        elif self.accepted and not self.ended and not self.cancelled:
            raise Failure("accepted, and forgotten")
        elif self.accepted is None:
            self.accepted = False
        elif not offered:
            self.ended -= {"open"}
        return code

    def settle(self):
        """Connected again: was an offer flushed, of which OTA? does not tell?"""
        while self.ended == {"REJECTED", "open"}:
            if self.status() in END:
                self.ended = {"REJECTED"}
            elif self.ota() == 2:
                self.ended = set()
            else:
                self.pause()

    def finish(self):
        """The job's end in the cloud is the one that the host was told."""
        self.until_status(END)
        status = self.status()
        wanted = {"CANCELED"} if self.cancelled else self.ended
        if status not in wanted:
            raise Failure("%s: %s, expected %r" % (self.name, status, wanted))
        self.until_ota((0,))
        self.count[status] += 1
