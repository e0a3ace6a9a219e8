# SPDX-License-Identifier: Apache-2.0
"""A GPIO chip for a module on a machine that has none: tests/lib/sham.c in place of the library, and the outside world
of its lines. Line 1 is EVENT, 2 is WAKE, 3 is RST, whatever they are named there."""

import contextlib
import fcntl
import os
import struct
import termios
import time

NAMES = ["", "EVENT", "WAKE", "RST", "", "", "", ""]  # of the pins, and unless told otherwise of the lines
KEYS = {"EVENT": "Event", "WAKE": "Wake", "RST": "Reset"}


class Gpio:
    """Undriven inputs are high, as with a pull-up."""

    def __init__(self, folder, shim, chip="gpiochip0", label="test-gpio", lines=None):
        if not os.path.exists(shim):
            raise RuntimeError(shim + " is missing: make check builds it")
        self.shim, self.folder = shim, folder
        self.chip = os.path.join(folder, chip)
        os.makedirs(self.chip)
        self.write("label", label + "\n")
        self.write("lines", "".join(n + "\n" for n in lines or NAMES))
        for n in range(len(NAMES)):
            self.write("%d.level" % n, "1")
            os.mkfifo(os.path.join(self.chip, "%d.edges" % n))

    def environment(self):
        return dict(LD_PRELOAD=self.shim, TEST_GPIO=self.folder,
                    ASAN_OPTIONS="verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", ""))

    def write(self, name, text):
        with open(os.path.join(self.chip, name), "w") as f:
            f.write(text)

    def remove(self, name):
        os.unlink(os.path.join(self.chip, name))

    def asked(self, pin):
        """What the daemon has asked the line to be."""
        with open(os.path.join(self.chip, "%d.asked" % NAMES.index(pin))) as f:
            return f.read().strip()

    def drive(self, pin, high):
        n = NAMES.index(pin)
        fd = os.open(os.path.join(self.chip, "%d.level" % n), os.O_WRONLY | os.O_CLOEXEC)
        os.write(fd, b"1" if high else b"0")  # over the old one: nobody finds the file empty
        os.close(fd)
        try:
            fd = os.open(os.path.join(self.chip, "%d.edges" % n), os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return  # nobody watches
        os.write(fd, struct.pack("=QQ", time.monotonic_ns(), high))
        os.close(fd)

    def unplug(self):
        """The chip is gone; who watches its lines is told."""
        self.write("gone", "")
        for n in range(len(NAMES)):
            with contextlib.suppress(OSError):
                fd = os.open(os.path.join(self.chip, "%d.edges" % n), os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
                os.write(fd, bytes(16))
                os.close(fd)

    def unread(self, pin):
        """How many bytes of edges the daemon has not read yet."""
        fd = os.open(os.path.join(self.chip, "%d.edges" % NAMES.index(pin)), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        n = struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, bytes(4)))[0]
        os.close(fd)
        return n

    def is_high(self, pin):
        with open(os.path.join(self.chip, "%d.level" % NAMES.index(pin))) as f:
            return f.read() == "1"
