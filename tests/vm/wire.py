#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A serial line of 115200 8N1 between a host and the machine's UART, which by itself is as fast as it can be.

It is a process of its own, before all others where that is allowed: a line does not wait for a processor. What a
direction did not carry in its time is lost to it, so how full it was tells who kept it waiting. What QEMU holds for a
slow line is little: about 280 bytes."""

import collections
import json
import os
import select
import socket
import subprocess
import sys
import time

RATE = 115200 / 10  # bytes a second: a start bit and a stop bit with each
TICK = 0.002
HELD = 32 * 1024  # of the kernel's memory, for what QEMU has not taken yet: a tenth of a second

# count: bytes. seconds: from the first one to the last one. use: of the line in that time, 1: all.
Way = collections.namedtuple("Way", "count seconds use")


class Wire:
    """with Wire(socket of the UART, or a tty) as wire: the host talks with wire.host. Afterwards: wire.to_module, wire.to_host."""

    def __init__(self, uart):
        self.uart = uart
        self.to_module = self.to_host = None

    def __enter__(self):
        self.host, end = socket.socketpair()
        # What the host says waits here for the line: some seconds, in which it may do other things.
        self.host.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32768)
        fds = (end.fileno(), self.uart.fileno())
        self.process = subprocess.Popen([sys.executable, os.path.abspath(__file__), *map(str, fds)], pass_fds=fds,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        end.close()
        return self

    def __exit__(self, *_):
        ways = json.loads(self.process.communicate()[0])
        self.host.close()
        self.to_module, self.to_host = (Way(*way) for way in ways)


class Direction:
    def __init__(self, source, target):
        self.source, self.target = source, target
        self.waiting = b""  # was carried, and not taken yet
        self.credit = 0.0
        self.count = 0
        self.first = self.last = 0.0

    def deliver(self):
        """Whether the other end has all of it."""
        try:
            self.waiting = self.waiting[os.write(self.target, self.waiting):]
        except BlockingIOError:
            pass
        return not self.waiting

    def carry(self, now, seconds):
        """Moves what had its time within these seconds."""
        self.credit += seconds * RATE
        n, data = int(self.credit), b""
        if not self.waiting or self.deliver():
            try:
                data = os.read(self.source, n)
            except BlockingIOError:
                pass
        if len(data) < n:
            self.credit = 0.0
        else:
            self.credit -= n
        if data:
            self.first = self.first or now - seconds
            self.last = now
            self.count += len(data)
            self.waiting = data
            self.deliver()

    def way(self):
        seconds = self.last - self.first
        return Way(self.count, seconds, self.count / RATE / seconds if seconds else 0.0)


def main():
    host, uart = map(int, sys.argv[1:])
    if not os.isatty(uart):
        with socket.socket(fileno=os.dup(uart)) as end:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, HELD)
    for end in (host, uart):
        os.set_blocking(end, False)
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(2))
    except PermissionError:
        pass
    ways = Direction(host, uart), Direction(uart, host)
    then = time.monotonic()
    while not select.select([sys.stdin], [], [], TICK)[0]:
        now = time.monotonic()
        for way in ways:
            way.carry(now, now - then)
        then = now
    print(json.dumps([way.way() for way in ways]))


if __name__ == "__main__":
    main()
