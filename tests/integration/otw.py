#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Images over the wire (guide 8.13): sx of lrzsz, senders with mixed blocks, blocks that are acknowledged with OK; good,
cut, damaged and foreign images; lines that lose and change bytes; ends in the middle.

Arguments: which cases. TEST_SEED: of another run, to see it again."""

import os
import random
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import harness  # noqa: E402
import jobs  # noqa: E402
import otw  # noqa: E402
from harness import Failure  # noqa: E402
from parallel import case, run_at_once  # noqa: E402

E21, E23 = b"ERR21 INVALID OTA UPDATE", b"ERR23 INVALID SIGNATURE"
SEED = int(os.environ.get("TEST_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)


def started(m):
    m.settings["OTA", "Manufacturer"] = "Example"
    m.settings["OTA", "Model"] = "Gateway"
    m.start()
    m.wait_event("2 0 STARTUP")


def left(m):
    return sorted(name for name in os.listdir(m.state) if name.startswith("update.") and name != "update.old")


def refused(m, got, want):
    if got != want:
        raise Failure("%r expected, got %r" % (want, got))
    m.expect("AT+OTA?", "OK 0")
    m.expect("AT+EVENT?", "OK")
    m.until(lambda: not left(m), "state folder without an image, there is %s" % left(m))


def taken(m, got, data, want=b"OK", version="v2.5.7"):
    if got != want:
        raise Failure("%r expected, got %r" % (want, got))
    m.expect("AT+OTA?", "OK 4 " + version)
    m.expect("AT+EVENT?", "OK 5 0 OTA")
    m.expect("AT+EVENT?", "OK")
    with open(os.path.join(m.state, "update.image"), "rb") as f:
        if f.read() != data:
            raise Failure("the staging file has something else")


def flushed(m):
    m.expect("AT+OTA FLUSH", "OK")
    m.expect("AT+OTA?", "OK 0")
    m.expect("AT+EVENT?", "OK")
    m.until(lambda: not left(m), "state folder without an image, there is %s" % left(m))


def reset(m):
    m.wait_event_level("low")
    since = len(m.log)
    m.drive("RST", "low")
    m.wait_log(rb"^RST low: ", since)
    m.drive("RST", "high")
    m.wait_event_level("high")
    m.input.clear()
    m.wait_event("2 0 STARTUP")


def bad_line(sizes, patience):
    """Bytes get lost, and others: a verified image or a clear error, and then the module is as before."""
    print("TEST_SEED=%d" % SEED)
    r = random.Random("%d %s %d" % (SEED, sizes, patience))
    with harness.module() as m:
        started(m)
        data = otw.payload(6000, 2)
        noise = dict(lose=r.choice((0, 3000)), change=r.choice((1000, 4000)))
        sender = otw.Xmodem(m, sizes=sizes, patience=patience, there=otw.Noise(r.random(), **noise),
                            back=otw.Noise(r.random(), change=200, lose=300))
        otw.start(m)
        sender.send(otw.image(m.pki, data))
        got = otw.result(m)
        print("end: %s" % got)
        if got == b"OK":
            taken(m, got, data)
            flushed(m)
        else:
            refused(m, got, E21)
        m.silence()


# The module asks again after 10 s: one sender waits for that, the others are faster.
@case
def bad_line_patient():
    bad_line((128, 1024), 11)


@case
def bad_line_128():
    bad_line((128,), 2)


@case
def bad_line_1k():
    bad_line((1024,), 2)


@case
def bad_line_mixed():
    bad_line((128, 1024), 2)


def by_sx(option):
    """What stands in the acceptance: sx and sx -k with a good, a cut, a damaged and a foreign image."""
    with harness.module() as m:
        started(m)
        data = otw.payload(20000)
        good = otw.image(m.pki, data)
        foreign = otw.image(m.pki, data, key="ota-other")
        code, got, said = otw.sx(m, good, option)
        if code != 0:
            raise Failure("sx ended with %d: %r" % (code, said))
        taken(m, got, data)
        flushed(m)
        for bad, want in ((good[:9000], E21), (otw.flip(good, 12345), E21), (good[:700], E21)):
            _, got, _ = otw.sx(m, bad, option)
            refused(m, got, want)
        # Refused with the header: sx gives up by itself.
        for bad, want in ((otw.flip(good, 300), E21), (b"x" * 2000, E21), (foreign, E23)):
            code, got, said = otw.sx(m, bad, option)
            refused(m, got, want)
            if code == 0:
                raise Failure("sx has sent a file that was refused: %r" % said)
        m.silence()


@case
def by_sx_128():
    by_sx("--")


@case
def by_sx_1k():
    by_sx("-k")


@case
def what_counts():
    """Manufacturer, model, version, the signature and its key."""
    with harness.module() as m:
        started(m)
        data = otw.payload(3000)
        version = m.command("AT+CONF? Version")[3:].decode()
        cases = (
            ({"manufacturer": "Example", "model": "Gateway"}, b"OK"),
            ({"manufacturer": "Other"}, E21), ({"model": "Other"}, E21), ({"model": "gateway"}, E21),
            ({"version": version}, E21), ({"version": "v0.1.2"}, E21), ({"key": "ota-other"}, E23),
            ({"key": "hota1"}, E23), ({"kind": 2}, E23),
        )
        for how, want in cases:
            got = otw.by_xmodem(m, otw.image(m.pki, data, **how))
            if want == b"OK":
                taken(m, got, data)
                flushed(m)
            else:
                refused(m, got, want)
        taken(m, otw.by_xmodem(m, otw.image(m.pki, data, version="")), data, version="unknown")
        m.expect("AT+OTW", E21)
        m.expect("AT+OTW 5000,64", E21)
        m.silence()


@case
def by_blocks():
    with harness.module() as m:
        started(m)
        data = otw.payload(30011, 1)
        good = otw.image(m.pki, data)
        for block in (64, 2048, 1, 65536, 30011 + otw.HEADER):
            one, whole = (data, good) if block > 1 else (data[:100], otw.image(m.pki, data[:100]))
            taken(m, otw.by_blocks(m, whole, block), one, b"OK COMPLETE")
            flushed(m)
        refused(m, otw.by_blocks(m, otw.image(m.pki, data, key="ota-other"), 2048), E23)
        refused(m, otw.by_blocks(m, good[:20000], 2048), E21)
        refused(m, otw.by_blocks(m, otw.flip(good, 20000), 64), E21)
        # Without waiting: answered all the same, and what follows is a command.
        m.send(b"AT+OTW %d,512\r\n" % len(good) + good + b"AT+OTA?\r\n", note=False)
        for _ in range(1 + -(-len(good) // 512)):
            if m.read_line(note=False) != b"OK":
                raise Failure("no OK for a block")
        if m.read_line() != b"OK COMPLETE" or m.read_line() != b"OK 4 v2.5.7":
            raise Failure("a block too many")
        m.silence()


@case
def mixed():
    """Blocks of 128 and 1024 bytes in turn, an image that ends in the middle of one, and a long one."""
    with harness.module() as m:
        started(m)
        for size, sizes in ((1, (128,)), (128, (1024,)), (7000, (128, 1024, 1024, 128)), (300000, (1024,))):
            data = otw.payload(size, size)
            taken(m, otw.by_xmodem(m, otw.image(m.pki, data), sizes=sizes), data)
            flushed(m)
        m.silence()


@case
def damaged_head():
    """The first byte of a block becomes an EOT, which is the number of block 4, too: no end."""
    with harness.module() as m:
        started(m)
        data = otw.payload(6000, 3)
        sender = otw.Xmodem(m)
        otw.start(m)
        sender.wait_start()
        for number, block in enumerate(sender.blocks(otw.image(m.pki, data)), 1):
            whole = otw.frame(number, block)
            sender.put(otw.EOT + whole[1:])
            if sender.answer() != otw.NAK or not sender.say(whole):
                raise Failure("block %d" % number)
        sender.say(otw.EOT)
        taken(m, otw.result(m), data)
        m.silence()


@case
def ends():
    """The sender, RST, the daemon, in the middle."""
    with harness.module() as m:
        m.wire("RST")
        started(m)
        good = otw.image(m.pki, otw.payload(20000))
        sender = otw.Xmodem(m)

        def half():
            otw.start(m)
            sender.wait_start()
            for number, block in enumerate(list(sender.blocks(good))[:6], 1):
                if not sender.say(otw.frame(number, block)):
                    raise Failure("cancelled")
            m.until(lambda: left(m), "staging file")

        for unfinished in (b"", otw.frame(7, bytes(1024))[:500]):
            half()
            m.send(unfinished + otw.CAN * 8 + b"\b" * 8)
            refused(m, otw.result(m), E21)

        half()
        reset(m)
        m.until(lambda: not left(m), "state folder without an image")
        m.expect("AT+OTA?", "OK 0")

        half()
        m.process.send_signal(signal.SIGTERM)
        if m.wait_exit() != 0 or left(m):
            raise Failure("the end has left %s" % left(m))
        m.close_line()
        m.start()
        m.wait_event("2 0 STARTUP")

        half()
        m.restart(signal.SIGKILL)
        m.until(lambda: not left(m), "state folder without an image")
        m.wait_event("2 0 STARTUP")
        m.expect("AT+OTA?", "OK 0")
        m.silence()


@case
def stays():
    """A verified image outlives RST and the daemon, and goes with FLUSH."""
    with harness.module() as m:
        m.wire("RST")
        started(m)
        data = otw.payload(20000)
        taken(m, otw.by_xmodem(m, otw.image(m.pki, data)), data)
        reset(m)
        taken(m, b"OK", data)
        for how in (signal.SIGTERM, signal.SIGKILL):
            m.restart(how)
            m.wait_event("2 0 STARTUP")
            m.wait_event("5 0 OTA")
            m.expect("AT+OTA?", "OK 4 v2.5.7")
        flushed(m)
        m.restart()
        m.expect("AT+OTA?", "OK 0")


@case
def beside_the_cloud():
    """The connection stays, a job waits and comes afterwards, and one behind it that cannot be obeyed does not wait; nobody is
    told of an image without a job."""
    with harness.module(cloud=True) as m:
        m.broker.jobs = service = jobs.JobService(m.folder, m.pki.thing)
        m.broker.start()
        started(m)
        m.connect()
        data = otw.payload(5000)
        otw.start(m)
        sender = otw.Xmodem(m)
        sender.wait_start()
        service.create("waits", "host-image", jobs.image(1000), version="v1.2")
        service.create("unsigned", "module-image", jobs.image(1000), version="v99.1")
        m.until(lambda: service.execution("unsigned")[0] == "REJECTED", "job that is REJECTED")
        for number, block in enumerate(sender.blocks(otw.image(m.pki, data)), 1):
            sender.say(otw.frame(number, block))
        sender.say(otw.EOT)
        taken(m, otw.result(m), data)
        m.expect("AT+CONNECT?", "OK 1 1 CONNECTED CUSTOMER")
        m.expect("AT+OTA FLUSH", "OK")
        m.wait_event("5 0 OTA")
        m.expect("AT+OTA?", "OK 2 v1.2")
        m.stop()


@case
def tool():
    """What expresslinkctl image signs, the module takes."""
    ctl = harness.program("expresslinkctl")
    with harness.module() as m, tempfile.TemporaryDirectory() as folder:
        started(m)
        data = otw.payload(10000)
        file = os.path.join(folder, "payload")
        with open(file, "wb") as f:
            f.write(data)
        subprocess.run([ctl, "image", "sign", "--key", m.pki.file("ota1.key"), "--version", "v3.1", "--manufacturer",
                        "Example", "--model", "Gateway", file], check=True)
        subprocess.run([ctl, "image", "verify", "--certificate", m.pki.file("ota1.crt"), file + ".image"], check=True)
        with open(file + ".image", "rb") as f:
            whole = f.read()
        taken(m, otw.by_xmodem(m, whole), data, version="v3.1")


run_at_once(6)
