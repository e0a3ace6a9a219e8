# SPDX-License-Identifier: Apache-2.0
"""A host and its module for a long run: the harness' module, with an agenda of happenings, a log that is looked at as
it comes and then forgotten, and what /proc says of the daemon."""

import collections
import contextlib
import os
import re
import sys

import harness
from harness import Failure, short


class Host(harness.Module):
    """world: what is to be done while waiting, see world.py. pending: commands that have no answer yet."""

    def __init__(self):
        super().__init__(name="chaos")
        self.dialogue = collections.deque(maxlen=400)
        self.world = None
        self.pending = collections.deque()
        self.unread = b""
        self.level, self.asked, self.working = "low", None, False

    def note(self, text):
        self.dialogue.append((self.clock(), "!", text.encode()))

    def report(self, out=sys.stdout):
        self.dialogue = list(self.dialogue)
        super().report(out)

    def pump(self, timeout, write=False, read=True):
        if self.world:
            timeout = min(timeout, self.world.wait())
        before = len(self.log)
        came = super().pump(timeout, write, read)
        if len(self.log) > before:
            self.look_at_log(bytes(self.log[before:]))
            if len(self.log) > 1 << 18:
                del self.log[:1 << 17]
        if self.world and not self.working:
            self.working = True
            try:
                self.world.work()
            finally:
                self.working = False
        return came

    def look_at_log(self, data):
        """EVENT is high exactly while the queue holds something: what the level was when EVENT? came tells."""
        lines = (self.unread + data).split(b"\n")
        self.unread = lines.pop()
        for line in lines:
            level = harness.EVENT_LEVEL.search(line)
            if level and b"host: " not in line and b"module: " not in line:
                self.level = level[1].decode()
            elif b"host: " in line:
                self.asked = self.level if re.search(rb"host: +AT\+EVENT\?$", line, re.I) else None
            elif b"module: " in line and self.asked:
                some = not re.search(rb"module: +OK\\x0D\\x0A$", line)
                if some != (self.asked == "high"):
                    raise Failure("EVENT was %s, and EVENT? answered %s" % (self.asked, short(line)))
                self.asked = None
            elif re.search(rb"[Aa]ssert|AddressSanitizer|runtime error|Answer lost", line):
                raise Failure("the log says: %s" % short(line))

    def process_file(self, name):
        with open("/proc/%d/%s" % (self.process.pid, name)) as f:
            return f.read()

    def cpu(self):
        """Seconds so far, of its helpers too."""
        fields = self.process_file("stat").rpartition(")")[2].split()
        return sum(int(n) for n in fields[11:15]) / os.sysconf("SC_CLK_TCK")

    def memory(self):
        status = self.process_file("status")
        return [int(re.search(name + r":\s*(\d+)", status)[1]) for name in ("VmRSS", "RssAnon")]

    def children(self):
        return self.process_file("task/%d/children" % self.process.pid).split()

    def descriptors(self):
        folder, found = "/proc/%d/fd" % self.process.pid, []
        for fd in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):  # closed by now
                found.append(os.readlink(os.path.join(folder, fd)).split(":[")[0])
        return sorted(found)
