# SPDX-License-Identifier: Apache-2.0
"""Saying commands and hearing answers: each one once, in order, in time, and judged by the model."""

import collections
import re
import time

import harness
from harness import Failure, short
from model import LOST_WITHIN
from talk import CONNECT_SECONDS

SLACK = 10 * harness.DEADLINE / 30  # s, a loaded machine


def further_lines(first):
    """How many lines an answer has behind its first one (guide 3.6.1)."""
    count = re.match(rb"OK(\d+)( |$)", first)
    return int(count[1]) if count else 0


class Conversation:
    def __init__(self, host, world, model, seed):
        self.host, self.world, self.model, self.seed = host, world, model, seed
        self.count, self.slowest = collections.Counter(), collections.Counter()
        self.at = 0      # the step
        self.free = 0.0  # when the module was last seen to have answered

    def say(self, *commands, data=None):
        """Sends them at once; the answers are judged by hear()."""
        for c in commands:
            c.said, c.threats, c.calm = time.monotonic(), self.model.threats, self.model.calm
            c.underway, c.sendings = self.world.underway(), self.model.sendings
            self.host.pending.append(c)
            self.count["commands"] += 1
        self.host.send(b"".join(c.data for c in commands) if data is None else data)

    def hear(self):
        """Waits for all answers."""
        while self.host.pending:
            self.hear_one()
        if self.host.input:
            raise Failure("said unasked: %s" % short(bytes(self.host.input)))

    def hear_one(self):
        command = self.host.pending[0]
        since = max(command.said, self.free)
        cpu, began = self.host.cpu(), time.monotonic()
        if command.seconds in (CONNECT_SECONDS, 20, 25) and self.at % 50:
            self.strike_when_it_takes_long()
        lines = [self.line(command, since + command.seconds + SLACK)]
        for _ in range(further_lines(lines[0])):
            lines.append(self.line(command, time.monotonic() + SLACK))
        self.free = time.monotonic()
        self.host.pending.popleft()
        took = self.free - since
        self.slowest[command.seconds] = max(self.slowest[command.seconds], took)
        self.check_cpu(command, self.free - began, self.host.cpu() - cpu)
        self.check_loss(command)
        self.model.judge(command, lines)
        if lines[0].startswith(b"ERR14"):
            self.count["refused"] += 1

    def strike_when_it_takes_long(self):
        """What got lost on the way makes CONNECT wait for 8 s and SEND for 20 s. Mostly a reset comes before."""
        patience = (0.3, 0.6, 1.5)[self.at % 3]
        end = time.monotonic() + patience
        while b"\n" not in self.host.input and self.host.fd >= 0 and self.host.process.poll() is None:
            if time.monotonic() > end:
                self.world.strike("proxy_resets", None)
                end += patience
            self.host.pump(max(0, end - time.monotonic()))

    def check_loss(self, command):
        """Who waits for an acknowledgement is told of the loss with it, not when his time is over."""
        doom = self.model.doom
        if command.kind in ("send", "subscribe", "unsubscribe") and doom \
                and self.free > max(doom, command.said) + SLACK / 2:
            raise Failure("%s: answered %.1f s after the connection was lost"
                          % (command, self.free - doom + LOST_WITHIN))

    def check_cpu(self, command, waited, used):
        if waited > 1 and time.monotonic() - self.world.flooded > 5 and used > 0.1 + waited / 5 \
                and not harness.is_instrumented():
            raise Failure("%s: %.2f s of CPU time used in %.1f s of waiting" % (command, used, waited))

    def line(self, command, end):
        def whole():
            return b"\n" in self.host.input or self.host.fd < 0
        while not whole():
            left = end - time.monotonic()
            if left <= 0:
                self.host.pump(0)
                if whole():
                    break
                raise Failure("no answer to %s within %d s and %d s of slack, so far %s" % (
                    command, command.seconds, SLACK, short(bytes(self.host.input))))
            if self.host.process.poll() is not None:
                self.host.pump(0)
                raise Failure("the daemon has ended with %d" % self.host.process.returncode)
            self.host.pump(min(left, 0.25))
        return self.host.read_line()

    def ask(self, *commands):
        for command in commands:
            self.say(command)
            self.hear()

    def is_whole(self):
        """A whole answer is there."""
        lines = bytes(self.host.input).split(b"\r\n")
        return len(lines) > 1 + further_lines(lines[0])

    def hear_rest(self):
        lines = [self.host.read_line()]
        for _ in range(further_lines(lines[0])):
            lines.append(self.host.read_line())
        self.model.judge(self.host.pending.popleft(), lines)

    def idle(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.host.pump(end - time.monotonic())
