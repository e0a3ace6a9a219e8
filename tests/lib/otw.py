# SPDX-License-Identifier: Apache-2.0
"""Images over the wire (guide 8.13): their files, made by the openssl program and not by expresslinkctl, and those who
send them: XMODEM, sx of lrzsz, blocks that are acknowledged with OK, over lines that are good or bad."""

import hashlib
import os
import random
import select
import struct
import subprocess
import tempfile
import time

from harness import DEADLINE, Failure, short

SOH, STX, EOT, ACK, NAK, CAN, C = (bytes([b]) for b in (1, 2, 4, 6, 21, 24, 67))
HEADER = 1024
MAGIC = b"\x89ELI\r\n\x1a\n"


def payload(size, seed=0):
    return random.Random(seed).randbytes(size)


def image(pki, data, key="ota1", version="v2.5.7", manufacturer="", model="", kind=None):
    """man 5 expresslink-image."""
    signed = MAGIC + struct.pack(">IIQ", 1, HEADER, len(data)) + hashlib.sha256(data).digest()
    for text in (manufacturer, model, version):
        signed += text.encode().ljust(64, b"\0")
    signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", pki.file(key + ".key")], input=signed,
                               check=True, stdout=subprocess.PIPE).stdout
    kind = kind or (2 if "rsa" in key else 1)
    head = (signed + struct.pack(">II", kind, len(signature)) + signature).ljust(HEADER - 32, b"\0")
    return head + hashlib.sha256(head).digest() + data


def flip(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


def crc(data):
    value = 0
    for byte in data:
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1 ^ 0x1021 if value & 0x8000 else value << 1) & 0xffff
    return value


def frame(number, data):
    head = bytes([2 if len(data) == 1024 else 1, number & 255, ~number & 255])
    return head + data + struct.pack(">H", crc(data))


class Noise:
    """Loses and flips bytes, one in so many."""

    def __init__(self, seed, lose=0, change=0):
        self.random, self.lose, self.change = random.Random(seed), lose, change

    def __call__(self, data):
        out = bytearray()
        for byte in data:
            if self.lose and self.random.random() < 1 / self.lose:
                continue
            if self.change and self.random.random() < 1 / self.change:
                byte ^= 1 << self.random.randrange(8)
            out.append(byte)
        return bytes(out)


class Xmodem:
    """A sender as the books have it. there, back: what the line makes of bytes; sizes: of the blocks, in turn."""

    def __init__(self, m, sizes=(1024,), there=bytes, back=bytes, patience=1.5, tries=10):
        self.m, self.sizes, self.there, self.back = m, sizes, there, back
        self.patience, self.tries = patience, tries
        self.resent = 0

    def put(self, data):
        self.m.send(self.there(data), note=False)

    def get(self, seconds):
        """One byte; b"" when none comes. The result's line is left to be read: b"OK" or b"ERR", for the ACK or the CANs
        before it were lost."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            while self.m.input:
                if self.m.input[:1] in (b"O", b"E"):
                    return b"OK" if self.m.input[:1] == b"O" else b"ERR"
                byte = self.back(self.m.take(1, note=False))
                if byte:
                    return byte
            self.m.pump(min(0.25, max(0, end - time.monotonic())))
        return b""

    def answer(self):
        """ACK, NAK or CAN; what else comes is no answer."""
        end, last = time.monotonic() + self.patience, b""
        while time.monotonic() < end:
            byte = self.get(end - time.monotonic())
            if byte in (b"OK", b"ERR"):
                return ACK if byte == b"OK" else CAN
            if byte in (ACK, NAK, C):
                return NAK if byte == C else byte
            if byte == CAN and last == CAN:
                while self.get(0.2) == CAN:  # there are more of them
                    pass
                return CAN
            last = byte
        return b""

    def wait_start(self):
        while True:
            byte = self.get(DEADLINE)
            if byte in (b"", b"OK", b"ERR"):
                raise Failure("the module does not ask for the first block")
            if byte == C:
                return

    def say(self, data):
        """Until it is acknowledged: True; False: the module has cancelled."""
        for _ in range(self.tries):
            self.put(data)
            got = self.answer()
            if got in (ACK, CAN):
                return got == ACK
            self.resent += 1
        self.put(CAN * 10)  # as sx does: two must arrive
        return False

    def blocks(self, data):
        at, turn = 0, 0
        while at < len(data):
            size = self.sizes[turn % len(self.sizes)]
            if size == 1024 and len(data) - at <= 896:
                size = 128
            yield data[at:at + size].ljust(size, b"\x1a")
            at += size
            turn += 1

    def send(self, data, stop=None):
        """True: all of it was acknowledged. stop: after so many blocks."""
        self.wait_start()
        for number, block in enumerate(self.blocks(data), 1):
            if number - 1 == stop:
                return False
            if not self.say(frame(number, block)):
                return False
        return self.say(EOT)


def result(m):
    """The last answer, behind what is left of the protocol."""
    end = time.monotonic() + 3 * DEADLINE
    while time.monotonic() < end:
        line = m.read_line(DEADLINE + 60).lstrip(C + ACK + NAK + CAN)
        if line.startswith((b"OK", b"ERR")):
            return line
    raise Failure("no result")


def start(m, form=""):
    m.expect("AT+OTW" + form, "OK")


def by_xmodem(m, data, **how):
    start(m)
    Xmodem(m, **how).send(data)
    return result(m)


def send_blocks(m, data, block, stop=None):
    """As Espressif's otw.py does: each block waits for an OK. What is no OK is left to be read."""
    for at in range(0, len(data), block):
        if at == (stop or -1) * block:
            return
        m.send(data[at:at + block], note=False)
        m.until(lambda: b"\n" in m.input, "OK for a block")
        if m.input != b"OK\r\n" and not m.input.startswith(b"OK\r\nOK"):
            return
        m.read_line(note=False)


def by_blocks(m, data, block):
    start(m, " %d,%d" % (len(data), block))
    send_blocks(m, data, block)
    return m.read_line()


def sx(m, data, *options):
    """lrzsz on the line itself; its exit status, and the module's last answer."""
    m.send(b"AT+OTW\r\n", read=False)
    said = b""
    while not said.endswith(b"\n"):  # and no byte more: that is for sx
        if not select.select([m.fd], [], [], DEADLINE)[0]:
            raise Failure("no answer to OTW")
        said += os.read(m.fd, 1)
    if said != b"OK\r\n":
        raise Failure("OK expected, got %s" % short(said))
    with tempfile.NamedTemporaryFile(prefix="otw-") as f:
        f.write(data)
        f.flush()
        line = os.open(os.path.join(m.runtime, m.name), os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            p = subprocess.Popen(["sx", *options, f.name], stdin=line, stdout=line, stderr=subprocess.PIPE)
        finally:
            os.close(line)
        end = time.monotonic() + 4 * DEADLINE
        while p.poll() is None:
            if time.monotonic() > end:
                p.kill()
                raise Failure("sx does not end: %s" % short(p.communicate()[1]))
            m.pump(0.02, read=False)
        said = p.communicate()[1]
    return p.returncode, result(m), said
