#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a broken or hostile host sends: the next command works, and every command gets one answer, in order."""

import os
import random
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import harness  # noqa: E402
from harness import Failure  # noqa: E402

ANSWER = re.compile(rb"OK(\d*)( .*)?|ERR(\d+) [A-Z ]+.*", re.S)


def synchronise(m, mark):
    """Ends a line that may be open, then asks for something that only one command answers so. Gives back what
    was answered before it."""
    m.send(b"\r\nAT+CONF CustomName=mark%d\r\nAT+CONF? CustomName\r\n" % mark, note=False)
    before = []
    while True:
        line = m.read_line(note=False)
        if line == b"OK mark%d" % mark:
            return before
        before.append(line)
        if not ANSWER.fullmatch(line) and not before_is_text(before):
            raise Failure("neither OK nor ERR: %r" % line)


def before_is_text(before):
    """Further lines of an OK<number> that came before."""
    return any(re.match(rb"OK[1-9]", line) for line in before)


def every_byte_value():
    """Each byte value alone, at the start, inside and at the end of a command."""
    with harness.module() as m:
        m.start()
        for value in range(256):
            b = bytes([value])
            for text in (b, b + b"AT+CONF? TechSpec", b"AT" + b, b"AT+" + b, b"AT+CONF?" + b + b"TechSpec",
                         b"AT+CONF? " + b, b"AT+SEND1" + b, b"AT+GET" + b, b"AT+CONF CustomName=" + b, b"A" + b + b"T"):
                m.send(text + b"\r", note=False)
        synchronise(m, 1)
        m.silence()
        m.stop()


def random_garbage():
    """A megabyte of random bytes, salted with pieces of commands."""
    seed = int(os.environ.get("TEST_SEED", "0")) or random.randrange(1 << 30)
    print("seed %d" % seed)
    r = random.Random(seed)
    pieces = [b"AT", b"AT+", b"\r", b"\n", b"\r\n", b"AT+CONF ", b"AT+CONF? ", b"Topic1", b"=", b"\\A", b"\\",
              b"AT+SEND1 ", b"AT+GET", b"AT+EVENT?\r", b"9999999999999999999999", b" ", b"AT+SLEEP", b"AT+RESET\r",
              b"CONNECT?", b"AT+OTA ", b"READ", b"Certificate pem", b"AT+DIAG INFO\r", b"\0"]
    with harness.module() as m:
        m.start()
        for mark in range(40):
            data = b"".join(r.choice(pieces) if r.random() < 0.7 else r.randbytes(r.randrange(1, 200))
                            for _ in range(600))
            # a paste would swallow the marker, a long CONNECT delay it: not here
            data = re.sub(rb"(?i)=pem|AT\+CONNECT(?!\?)", b"x", data)
            m.send(data, note=False)
            try:
                synchronise(m, mark)
            except Failure:
                print("after %r" % data[-500:])
                raise
        m.silence()
        m.stop()


def long_lines():
    """Lines of 200 kB, with and without AT+, cut anywhere: one ERR1 for each that is a command, none for noise."""
    with harness.module() as m:
        m.start()
        for i in range(10):
            m.send(b"AT+CONF CustomName=" + b"x" * 200000, note=False)
            m.send(b"\r", note=False)
            if m.read_line() != b"ERR1 OVERFLOW":
                raise Failure("ERR1 expected")
            m.send(b"y" * 200000 + b"\r", note=False)
            m.silence()
            m.send(b"y" * 200000 + b"AT+CONF? TechSpec\r", note=False)
            if m.read_line() != b"OK v1.0":
                raise Failure("noise has spoilt a command")
        m.stop()


def half_a_command():
    """Half a command, silence, then the next command on the same line: it belongs to the first."""
    with harness.module() as m:
        m.start()
        m.send(b"AT+CONF CustomName=ha")
        m.pump(1.0)
        if m.input:
            raise Failure("an answer before the end of the line: %r" % bytes(m.input))
        m.send(b"lf AT+RESET\r")
        if m.read_line() != b"OK":
            raise Failure("OK expected")
        m.expect("AT+CONF? CustomName", "OK half AT+RESET")
        m.send(b"AT+NO")
        m.pump(0.3)
        m.send(b"\r\n")
        if m.read_line() != b"ERR3 COMMAND NOT FOUND":
            raise Failure("ERR3 expected")
        # a host that is plugged off in the middle, and another one plugged in
        m.send(b"AT+CONF Custom")
        m.pump(0.1)
        m.close_line()
        m.open_line()
        m.send(b"\r")
        m.read_line()
        m.expect("AT+CONF? CustomName", "OK half AT+RESET")
        m.silence()
        m.stop()


def flood_without_reading():
    """A host that sends 20 000 commands and does not read, and then reads all: an answer to each, in order;
    those that did not fit are ERR1 in their turn."""
    n = 20000
    with harness.module() as m:
        m.start()
        m.expect("AT+CONF Topic1=" + "t" * 100, "OK")
        data = b"".join(b"AT+CONF? Topic1\rAT+CONF? n%05d\r" % i for i in range(n // 2))
        # A real UART loses bytes when nobody takes them; a pty makes the sender wait. So stop when nothing goes out
        sent, view = 0, memoryview(data)
        while sent < len(data):
            try:
                sent += os.write(m.fd, view[sent:sent + 4096])
            except BlockingIOError:
                if not m.pump(1.0, write=True, read=False):
                    break  # it takes no more: what it has must be answered
        whole = data[:sent].count(b"\r")
        print("%d bytes of %d taken unread, %d commands" % (sent, len(data), whole))
        m.send(data[sent:] + b"\r", note=False)
        overflows = 0
        for i in range(n):
            line = m.read_line(note=False)
            if line == b"ERR1 OVERFLOW":
                overflows += 1
            elif line != (b"OK " + b"t" * 100 if i % 2 == 0 else b"ERR11 UNKNOWN KEY"):
                raise Failure("command %d: got %r" % (i, line))
        print("%d times ERR1" % overflows)
        m.silence()
        m.stop()


def certificate_without_end():
    """A paste of megabytes is refused once; its end is found."""
    with harness.module() as m:
        m.start()
        m.send(b"AT+CONF HOTAcertificate=pem\r-----BEGIN CERTIFICATE-----\r", note=False)
        m.send((b"A" * 64 + b"\r\n") * 30000, note=False)
        m.send(b"-----END CERTIFICATE-----\r\n", note=False)
        if m.read_line() != b"ERR4 PARAMETER ERROR":
            raise Failure("ERR4 expected")
        m.silence()
        # one line without an end
        m.send(b"AT+CONF HOTAcertificate=pem\r-----BEGIN CERTIFICATE-----\r" + b"B" * 1000000, note=False)
        if m.read_line() != b"ERR4 PARAMETER ERROR":
            raise Failure("ERR4 expected")
        m.send(b"\r-----END CERTIFICATE-----\r\n", note=False)
        m.silence()
        m.stop()


def broken_pem():
    """A certificate with a byte changed, cut, doubled: ERR4 or ERR23, never accepted unless it is the same."""
    r = random.Random(7)
    with harness.module() as m:
        m.start()
        good = b"\n".join(m.pki.pem("hota1"))
        m.expect(b"AT+CONF HOTAcertificate=" + harness.escape(good), "OK")
        for _ in range(150):
            bad = bytearray(good)
            kind = r.randrange(3)
            at = r.randrange(len(bad))
            if kind == 0:
                bad[at] = r.choice(b"ABCxyz01+/=-\n\r !\x00\xff")
            elif kind == 1:
                del bad[at:at + r.randrange(1, 80)]
            else:
                bad[at:at] = bytes(bad[at:at + r.randrange(1, 80)])
            got = m.command(b"AT+CONF HOTAcertificate=" + harness.escape(bytes(bad)), note=False)
            if got == b"OK":
                back = m.command("AT+CONF? HOTAcertificate", note=False)
                if back != b"OK " + harness.escape(good):
                    raise Failure("accepted %r as %r" % (bytes(bad), back))
            elif got not in (b"ERR4 PARAMETER ERROR", b"ERR23 INVALID SIGNATURE"):
                raise Failure("got %r for %r" % (got, bytes(bad)))
        m.expect("AT+CONF? HOTAcertificate", b"OK " + harness.escape(good))
        m.stop()


harness.run_cases(every_byte_value, random_garbage, long_lines, half_a_command, flood_without_reading,
                  certificate_without_end, broken_pem)
