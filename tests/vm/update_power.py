# SPDX-License-Identifier: Apache-2.0
"""The power fails in the middle of an update: while the image comes, while the host accepts, reads, closes or flushes it,
and while the cloud may cancel the job. Afterwards OTA?, the bytes that are read and the job's end in the cloud agree with
what the host was told, and what was on the disk is not fetched again."""

import collections
import hashlib
import json
import os
import random
import re
import time

import jobs
import updates
from machine import Failure
from power import FILES, FOLDER, UNIT, Moment, unharmed

MIB = 1 << 20
WINDOW = 64 << 10  # of the staging file's journal
BLOCK = 16 << 10   # of a stream
RECORD = 100000    # written to the disk for a command that changes something, about
SLOW = 4           # seconds for it on the slowest disk, about
# What a download may lose, as the datasheet says, and the window that was not complete
LOSS = 2 * MIB + WINDOW
UNCONNECTED = "Not connected, hint [0-9]+: .*"
REFUSED = UNCONNECTED + "|Job [^ ]+: the cloud refuses its result: [A-Za-z]+"

SOURCES = ("mqtt", "https", "both")
# With sizes of images
PHASES = {"download": (70000, 5 * MIB // 2, 4 * MIB, 4 * MIB), "READ": (5000, 70000, MIB + 1),
          "CLOSE": (1, 5000, 300000), "FLUSH": (5000, 300000, 5 * MIB // 2)}


class Host(updates.Host):
    def __init__(self, m, service, chance):
        super().__init__(service, 120)
        self.m, self.chance = m, chance
        self.cut = self.cancelling = None  # their moments
        self.cut_at_answer = False

    # -- the line ----------------------------------------------------------------------------------------------

    def command(self, line):
        self.look_at_clock()
        self.m.serial.send(line.encode() + b"\r")
        end = time.monotonic() + 60
        while True:
            answer = self.m.serial.soon(0.002, line)
            if answer is not None:
                if self.cut_at_answer:
                    self.lose_power(answer + b"\n")
                return answer.decode().rstrip("\r")
            self.look_at_clock()
            if time.monotonic() > end:
                raise Failure("%s: no answer" % line)

    def connect(self):
        """On a busy machine the handshake may be too slow for the module: a host tries again."""
        end = time.monotonic() + self.deadline
        answer = self.command("AT+CONNECT")
        while answer.startswith("ERR14 ") and time.monotonic() < end:
            self.pause()
            answer = self.command("AT+CONNECT")
        if answer != "OK 1 CONNECTED":
            raise Failure("AT+CONNECT: %s" % answer)

    def pause(self):
        for _ in range(10):
            self.look_at_clock()
            time.sleep(0.005)

    def look_at_clock(self):
        if self.cancelling and self.cancelling.has_come():
            self.cancelling = None
            self.cancel()
        if self.cut and self.cut.has_come():
            self.lose_power(b"")

    def lose_power(self, heard):
        self.cut, self.cut_at_answer = None, False
        more, self.loss = self.m.power_cut(self.chance)
        raise updates.Gone(heard + more)

    def hold(self):
        """The cloud sends so much of the image, and no more."""
        at = self.chance.randrange(len(self.image) + 1)
        if self.source == "mqtt":
            self.service.do_faults({"lose": ["block,after=%d" % (at // BLOCK)]})
        else:
            self.service.do_faults({"spoil": ["download,what=stall,at=%d" % at]})

    # -- up to the cut, which comes before any of these returns --------------------------------------------------

    def await_cut(self, seconds, size):
        """From now on the power may fail: with the next answer, or about within so many seconds or written bytes."""
        self.cut_at_answer = self.chance.random() < 0.3
        self.cut = Moment(self.m, self.chance, seconds, size) if not self.cut_at_answer else None
        if self.chance.random() < 0.25:
            self.cancelling = Moment(self.m, self.chance, seconds, size)

    def idle(self):
        while True:
            self.pause()

    def received(self):
        return json.loads(self.m.do("expresslinkctl status --json"))["update"]["received"]

    def during_download(self):
        self.await_cut(SLOW + len(self.image) / 500000, RECORD + len(self.image))
        self.accept()
        while self.ota() == 3:
            self.known = self.received()
            self.pause()
        self.idle()

    def during_read(self):
        self.accept()
        self.until_ota((5,))
        self.await_cut(SLOW, RECORD)
        while self.seek(self.chance.randrange(len(self.image) + 1)):
            self.read_on(self.chance.choice((1, 4096, 20000)))
        self.idle()

    def during_close(self):
        self.accept()
        self.until_ota((5,))
        self.read_on(4096)
        self.await_cut(SLOW, RECORD)
        self.close()
        self.idle()

    def during_flush(self):
        """Of an offer, of a download that has come so far, of an image."""
        state = self.chance.choice((2, 3, 5))
        if state == 3:
            self.hold()
        if state != 2:
            self.accept()
            self.until_ota((state, 5))
        if state == 3:
            time.sleep(self.chance.random() * SLOW)
            self.until_ota((3, 5))
        self.await_cut(SLOW, RECORD)
        self.flush()
        self.idle()

    def forget(self):
        self.m.cloud.seen.clear()
        self.service.bucket.asked.clear()

    # -- after the next start ------------------------------------------------------------------------------------

    def look_into(self):
        """A few bytes of each window, and the end."""
        if len(self.image) <= 8192:
            if self.seek(0):
                self.read_on(len(self.image) + 1)
            return
        for window in range(0, len(self.image), WINDOW):
            at = self.chance.randrange(window, min(window + WINDOW, len(self.image)))
            if not self.seek(at) or self.read(24) is None:
                return
        if self.seek(len(self.image) - 1) and (self.read(2048), self.read(2048)) not in ((1, 0), (None, None)):
            raise Failure("the end of the image is not where it should be")

    def durable(self):
        """How much of the image is on the disk according to the journal, which must be so."""
        lines = self.m.do("tr -d '\\000' <%s/update.journal || :" % FOLDER).splitlines()[1:]
        whole = 0
        for line in lines:
            end = min(whole + WINDOW, len(self.image))
            if line != hashlib.sha256(self.image[:end]).hexdigest():
                break
            whole = end
        return whole

    def taken_up(self):
        """Of a download; nothing of what is durable is lost."""
        durable = self.durable()
        if durable < self.known - LOSS:
            raise Failure("%d bytes had been received, %d are left" % (self.known, durable))
        end = time.monotonic() + 60
        while self.received() != durable:
            if time.monotonic() > end:
                raise Failure("%d bytes are on the disk, the module has %d" % (durable, self.received()))
        return durable

    def fetched_from(self):
        """The lowest byte that the cloud was asked for since its memory was cleared."""
        lowest = min([int(found[6:-1]) if found else 0 for found, status in self.service.bucket.asked if status < 300],
                     default=len(self.image))
        for seen in list(self.m.cloud.seen):
            if re.fullmatch(rb"\$aws/things/[^/]+/streams/[^/]+/get/json", seen.topic):
                request = json.loads(seen.payload)
                bits = int.from_bytes(bytes.fromhex(request.get("b", "0x01")[2:]), "little")
                lowest = min(lowest, (request["o"] + (bits & -bits).bit_length() - 1) * BLOCK)
        return lowest

    def complete(self, durable):
        """What the host would do then, up to the job's end."""
        self.forget()
        self.connect()
        self.settle()
        if not self.ended and not self.cancelled:
            if self.until_ota((2, 3, 5)) == 2:
                self.accept()
            self.until_ota((5,))
            if self.fetched_from() < durable:
                raise Failure("%d bytes were there, fetched again from %d" % (durable, self.fetched_from()))
            self.look_into()
            self.close()
        self.finish()

    def events(self):
        found = []
        while True:
            answer = self.command("AT+EVENT?")
            if answer == "OK":
                return found
            found.append(answer[3:])

    def check_events(self, code):
        """code: of OTA?, before there was a connection."""
        found = self.events()
        wanted = ["2 0 STARTUP"] + ["5 0 OTA"] * (code == 5)
        rest = found[len(wanted):]
        if found[:len(wanted)] != wanted or not all(re.fullmatch("5 0 OTA( [A-Za-z]+)?", event) for event in rest):
            raise Failure("events: %s" % found)
        if self.cancelled and code != 0 and "5 0 OTA" not in rest:
            raise Failure("the host was not told that the job is gone: %s" % found)


def one_cut(host, phase):
    """One job, one power cut. Numbers and words for the report."""
    m, chance = host.m, host.chance
    host.forget()
    m.slow_disk(chance.choice((0, 10, 30)))
    host.source = chance.choice(SOURCES)
    host.begin(chance.choice(PHASES[phase]), source=host.source)
    host.known = 0
    if phase == "download" and chance.random() < 0.5:
        if chance.random() < 0.5:
            host.hold()
        else:
            host.service.do_faults({"lose": ["block,p=0.1"], "spoil": ["download,p=0.5,at=%d" % chance.randrange(MIB)]},
                                   seed=host.serial)
    host.until_ota((2,))
    try:
        getattr(host, "during_" + phase.lower())()
    except updates.Gone:
        pass
    told = "+".join(sorted(host.ended)) or {True: "accepted", False: "offered", None: "accepted?"}[host.accepted]
    if host.cancelling:
        host.cancelling = None
        host.cancel()
    host.service.do_faults({})

    m.power_on()
    m.until("systemctl --quiet is-active " + UNIT, 600)
    code = host.check_after()
    durable = host.taken_up() if code == 3 else 0
    if code == 5:
        host.look_into()
    host.complete(durable)
    host.check_events(code)
    m.until("test ! -e %s/update.image && test ! -e %s/update.journal" % (FOLDER, FOLDER))
    left = set(m.do("ls -A " + FOLDER).split()) - FILES
    if left:
        raise Failure("in the module's folder: %s" % left)
    unharmed(m, REFUSED if host.cancelled else UNCONNECTED)
    return "%s of %d bytes by %s, %s%s; afterwards OTA? %d%s, %s" % (
        phase, len(host.image), host.source, told, ", cancelled" if host.cancelled else "", code,
        " with %d bytes, before it were %d" % (durable, host.known) if code == 3 else "", host.status())


def update_power_cuts(m):
    """The power fails during updates: the host, the bytes and the cloud agree, and downloads go on."""
    rounds = int(os.environ.get("ROUNDS", "2"))
    seed = int(os.environ.get("SEED", "0")) or random.randrange(1, 1 << 30)
    chance, lost, bag = random.Random(seed), collections.Counter(), []
    service = jobs.JobService(m.folder, m.ask("AT+CONF? ThingName").split()[1], pki=m.pki)
    m.serve_files(service.bucket)
    service.connect(m.cloud.plain.number, 30)
    host = Host(m, service, chance)
    m.expect("AT+CONF Endpoint=cloud.example:8883", "OK")
    host.connect()
    host.events()
    m.do("sync")
    for n in range(1, rounds + 1):
        bag = bag or chance.sample(list(PHASES), len(PHASES))
        try:
            said = one_cut(host, bag.pop())
        except Failure as failure:
            raise Failure("power cut %d of seed %d: %s" % (n, seed, failure)) from None
        lost.update(host.loss._asdict())
        print("     cut %d: %s" % (n, said), flush=True)
    m.expect("AT+FACTORY_RESET", "OK")
    service.disconnect()
    print("     seed %d, %d cuts: %r; disk writes: %r" % (seed, rounds, host.count, dict(lost)))


CASES = (update_power_cuts,)
