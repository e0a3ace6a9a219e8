# SPDX-License-Identifier: Apache-2.0
"""A host that keeps both directions of its line full: it sends, reads messages and asks for events without waiting for
answers. Everything is compared byte for byte, here and in the cloud."""

import collections
import random
import select
import time

from machine import Failure
from wire import Wire

UP, DOWN = 3, 4  # the numbers of the topics
TOPIC = "duplex/%d"
LEAD = 8  # messages are asked for before the first SEND, so that answers always wait
AHEAD = 50  # messages are published before they are read: less than the queues of the module hold
SILENCE = 60

ESCAPES = {0x0a: b"\\A", 0x0d: b"\\D", 0x5c: b"\\\\"}


def escaped(data):
    return b"".join(ESCAPES.get(byte) or bytes([byte]) for byte in data)


class Dialogue:
    """In turns one message up, one message and one event down: as many bytes each way, n or more."""

    def __init__(self, m, n):
        self.cloud = m.cloud.observer
        self.random = random.Random(n)
        self.up, self.down = [], []
        while n > 0:
            self.up.append(self.random.randbytes(self.random.randrange(500, 4000)))
            size = len(self.send(-1) + self.get())
            self.down.append(self.message(size - len(b"OK\r\nOK \r\n" + self.event())))
            n -= size
        self.turns = len(self.up)
        self.sent = self.asked = self.published = self.read = 0
        self.out = b""
        self.buffer = b""
        self.expected = collections.deque()

    def message(self, n):
        """Any bytes that are n bytes on the line."""
        data = self.random.randbytes(n)
        while len(escaped(data)) > n:
            data = data[:-1]
        return data + b"." * (n - len(escaped(data)))

    def send(self, i):
        return b"AT+SEND%d %s\r\n" % (UP, escaped(self.up[i]))

    @staticmethod
    def get():
        return b"AT+GET%d\r\nAT+EVENT?\r\n" % DOWN

    @staticmethod
    def event():
        return b"OK 1 %d MSG\r\n" % DOWN

    def publish(self):
        """As much as the module's queues bear."""
        while self.published < min(self.read + AHEAD, self.turns):
            self.cloud.publish(TOPIC % DOWN, self.down[self.published], 1, wait=False)
            self.published += 1

    def done(self):
        return self.sent == self.asked == self.turns and not self.out and not self.expected

    def say_more(self):
        """Nobody asks for what was published just now."""
        if self.asked < min(self.sent + LEAD, self.turns):
            if self.asked < self.published - LEAD or self.published == self.turns:
                self.out += self.get()
                self.expected += [b"OK " + escaped(self.down[self.asked]), self.event()[:-2]]
                self.asked += 1
        elif self.sent < self.turns:
            self.out += self.send(self.sent)
            self.expected.append(b"OK")
            self.sent += 1

    def judge(self, data):
        *answers, self.buffer = (self.buffer + data).split(b"\r\n")
        for answer in answers:
            wanted = self.expected.popleft() if self.expected else None
            if answer != wanted:
                raise Failure("message %d of %d: answer %r, expected %r" % (self.read, self.turns, answer, wanted))
            self.read += answer == self.event()[:-2]

    def play(self, line):
        line.setblocking(False)
        while not self.done():
            self.publish()
            if len(self.out) < 4096:
                self.say_more()
            readable, writable, _ = select.select([line], [line] if self.out else [], [], SILENCE)
            if readable:
                self.judge(line.recv(65536))
            if writable:
                self.out = self.out[line.send(self.out):]
            if not readable and not writable:
                raise Failure("nothing within %d s; %d answers are missing" % (SILENCE, len(self.expected)))

    def arrived(self):
        return [seen.payload for seen in list(self.cloud.seen) if seen.topic == (TOPIC % UP).encode()]


def exchange(m, n):
    """n bytes each way, or a few more; what the line says of it."""
    for line in ("AT+CONF QoS=1", "AT+CONF Topic%d=%s" % (UP, TOPIC % UP), "AT+CONF Topic%d=%s" % (DOWN, TOPIC % DOWN),
                 "AT+SUBSCRIBE%d" % DOWN):
        m.expect(line, "OK")
    while m.ask("AT+EVENT?") != "OK" or m.ask("AT+GET") != "OK":
        pass
    m.cloud.observer.seen.clear()
    dialogue = Dialogue(m, n)
    dialogue.publish()
    # What the broker has for the module goes out before the acknowledgement of this.
    m.cloud.observer.round_trips()
    m.expect("AT+SEND%d ready" % UP, "OK")
    with Wire(m.serial.socket) as wire:
        dialogue.play(wire.host)
    m.expect("AT+EVENT?", "OK")
    m.expect("AT+GET", "OK")
    wanted = [b"ready"] + dialogue.up
    end = time.monotonic() + SILENCE
    while len(dialogue.arrived()) < len(wanted) and time.monotonic() < end:
        time.sleep(0.05)
    if dialogue.arrived() != wanted:
        raise Failure("of %d messages %d arrived, not as they were sent" % (len(wanted), len(dialogue.arrived())))
    m.expect("AT+UNSUBSCRIBE%d" % DOWN, "OK")
    m.expect("AT+CONF QoS=0", "OK")
    return wire
