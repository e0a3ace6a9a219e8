#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Hostile job documents, and streams that lie: the real daemon, a real broker, the sandbox's jobs. Each job ends with a
reason that AWS takes, or is offered as it should be; the next good one works; nothing is left of it in memory.

Argument: how many documents, and the streams, too. TEST_DOCUMENTS: how many without an argument (500). TEST_SEED: of
another run, to see it again."""

import contextlib
import os
import random
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import harness  # noqa: E402
import hostile  # noqa: E402
import jobs  # noqa: E402
from harness import Failure  # noqa: E402

COUNT = int(os.environ.get("TEST_DOCUMENTS", "500"))
GOOD = 50      # documents before a good job
GROWTH = 512   # KiB
END = ("SUCCEEDED", "FAILED", "REJECTED")
DETAIL = 64    # bytes of what OTA? shows


class Run:
    def __init__(self, m, r):
        self.m, self.r, self.service = m, r, m.broker.jobs
        self.count = {}

    def status(self, name):
        return self.service.execution(name)[0]

    def wait(self, name):
        """Until the job has ended (None), or an event tells of it: the state then."""
        def happened():
            return self.status(name) in END or self.m.event_level() == "high"
        end = time.monotonic() + harness.DEADLINE
        while not happened():
            if time.monotonic() > end:
                raise Failure("nothing becomes of the job, it is " + self.status(name))
            self.m.pump(0.003)
        if self.m.event_level() != "high":
            return None
        self.m.expect("AT+EVENT?", "OK 5 0 OTA", note=False)
        return self.state()

    def state(self):
        answer = self.m.command("AT+OTA?", note=False)
        found = re.fullmatch(rb"OK ([0-5])(?: (.*))?", answer)
        if not found or len(found[2] or b"") > DETAIL or (found[1] in b"1245") != bool(found[2]):
            raise Failure("OTA?: %r" % answer)
        text = (found[2] or b"").decode()
        if not text.isprintable() or text.strip() != text:
            raise Failure("OTA? shows %r" % text)
        return int(found[1])

    def read(self, data):
        """The whole image, in pieces."""
        at = 0
        while True:
            answer = self.m.command("AT+OTA READ 2048", note=False)
            if answer == b"OK 0":
                break
            piece = bytes.fromhex(answer.split()[2].decode())
            if data[at:at + len(piece)] != piece:
                raise Failure("READ at %d: other bytes than the image's" % at)
            at += len(piece)
        if at != len(data):
            raise Failure("READ ends at %d of %d bytes" % (at, len(data)))

    def take(self, name, state, data):
        """The host does what it can with an offer; data: what the stream delivers, None: nothing."""
        flush = data is None and self.r.random() < 0.5
        if state in (1, 2) and not flush:
            self.m.expect("AT+OTA ACCEPT", "OK", note=False)
            state = self.wait(name)
            if state is None:
                return
        if state == 5:
            self.read(data)
            self.m.expect("AT+OTA CLOSE", "OK", note=False)
        else:
            self.m.expect("AT+OTA FLUSH", "OK", note=False)

    def finish(self, name):
        self.m.until(lambda: self.status(name) in END, "end of the job")
        status, details = self.service.execution(name)
        if status != "SUCCEEDED" and len(details.get("reason", "")) < 10:
            raise Failure("%s for no reason: %r" % (status, details))
        self.m.until(lambda: self.state() == 0, "OTA? that is 0")
        while self.m.event_level() == "high":
            self.m.command("AT+EVENT?", note=False)
            self.m.pump(0.001)
        self.service.do_delete(name)
        del self.m.log[:]
        return status

    def stream(self, name, text, size):
        """One that keeps what the document promises, if it promises a size that can be kept; and its data."""
        if '"filesize":%d,' % size not in text and '"filesize":"%d",' % size not in text or text.count("filesize") > 1:
            return None, None
        file = re.search(r'"fileid":"?([0-9]{1,2})"?[,}]', text)
        if not file:
            return None, None
        data = self.r.randbytes(size)
        (self.service.sandbox.folder / "files" / name).write_bytes(data)
        return data, {"streamId": name, "version": 1, "description": "",
                      "files": [{"fileId": int(file[1]), "name": name, "size": size}]}

    def document(self, n):
        name, size = "bad-%d" % n, self.r.choice((1, 300, 16384, 40000))
        singles = len(hostile.SINGLES)
        text, wanted = hostile.single(n, name, size) if n < singles else hostile.make(self.r, name, size)
        data, stream = self.stream(name, text, size)
        # A server that is there, and has nothing of this name: no answer would be waited for.
        text = text.replace(hostile.SERVER, self.service.bucket.base)
        try:
            self.service.do_create(name, text, stream=stream)
            state = self.wait(name)
            got = {None: "refused", 1: "module", 2: "host"}.get(state, "any")
            if wanted not in ("any", got):
                raise Failure("to be %s, but it is %s: %r" % (wanted, got, self.service.execution(name)))
            if wanted == "refused" and self.status(name) != "REJECTED":
                raise Failure("refused, but %s" % self.status(name))
            if state is not None:
                self.take(name, state, data)
            self.count[got] = self.count.get(got, 0) + 1
            self.finish(name)
        except Failure as e:
            raise Failure("document %d, %s\n%s" % (n, e, text)) from None

    def good(self, n):
        name = "good-%d" % n
        self.service.create(name, "host-image", jobs.image(20000, n), version="v%d" % n)
        if self.wait(name) != 2:
            raise Failure("a good job is not offered")
        self.take(name, 2, self.service.images.pop(name))
        if self.finish(name) != "SUCCEEDED":
            raise Failure("a good job fails")

    def memory(self):
        with open("/proc/%d/status" % self.m.process.pid) as f:
            return int(re.search(r"^RssAnon:\s*(\d+)", f.read(), re.M)[1])

    def descriptors(self):
        folder, found = "/proc/%d/fd" % self.m.process.pid, []
        for fd in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):  # closed by now
                found.append(os.readlink(os.path.join(folder, fd)).split(":[")[0])
        return sorted(found)


def start(m):
    m.broker.jobs = jobs.JobService(m.folder, m.pki.thing)
    m.broker.start()
    m.start()
    m.wait_event("2 0 STARTUP")
    m.connect()


def documents():
    seed = int(os.environ.get("TEST_SEED", "0")) or random.randrange(1 << 30)
    print("seed %d" % seed)
    with harness.module(cloud=True) as m:
        start(m)
        run, warm = Run(m, random.Random(seed)), max(COUNT // 10, GOOD)
        for n in range(COUNT):
            if n % GOOD == 0:
                run.good(n)
            if n == warm:
                memory = run.memory()
                descriptors = run.descriptors()
            run.document(n)
        run.good(COUNT)
        # Folders and files of updates are open from the first one on, or while they are written.
        m.until(lambda: len(run.descriptors()) <= len(descriptors) + 4, "end to open files: %r" % run.descriptors())
        grown = run.memory() - memory
        print("%d documents: %r; memory grown by %d KiB" % (COUNT, run.count, grown))
        if grown > GROWTH and not harness.is_instrumented():
            raise Failure("memory grows")
        m.stop()


# What the account does; bytes of the stream, when they are others than the document says
STREAMS = (
    ({"ignore": ["block"]}, None),               # never begins
    ({"lose": ["block,after=3"]}, None),         # never ends
    ({"corrupt": ["block,what=index"]}, None),   # never ends to send what was not asked for
    ({"corrupt": ["block,what=base64"]}, None),  # nor what cannot be read
    ({}, 100001),                                # has more
    ({}, 70000),                                 # has less
)
PROMISED = 90000


def lying_stream(stack, number):
    """A module that waits for a stream that will not deliver."""
    rules, size = STREAMS[number]
    m = stack.enter_context(harness.module(cloud=True))
    start(m)
    m.broker.jobs.do_faults(rules)
    text = hostile.json.dumps(hostile.document(filesize=PROMISED, filepath="v1"))
    run = Run(m, random.Random(number))
    (m.broker.jobs.sandbox.folder / "files" / hostile.STREAM).write_bytes(bytes(size or PROMISED))
    files = [{"fileId": 0, "name": hostile.STREAM, "size": size or PROMISED}]
    m.broker.jobs.do_create("lies", text, stream={"streamId": hostile.STREAM, "version": 1, "description": "",
                                                  "files": files})
    if run.wait("lies") != 2:
        raise Failure("not offered")
    m.expect("AT+OTA ACCEPT", "OK")
    return run


def streams():
    """All at the same time: each takes a minute."""
    with contextlib.ExitStack() as stack:
        for number, run in enumerate([lying_stream(stack, number) for number in range(len(STREAMS))]):
            run.m.until(lambda run=run: run.status("lies") in END, "end of the job", 120)
            print("%r: %s %s" % (STREAMS[number], run.status("lies"), run.service.execution("lies")[1]))
            if run.status("lies") != "FAILED":
                raise Failure("stream %d: the job is %s" % (number, run.status("lies")))
            run.m.wait_event("5 0 OTA")
            run.finish("lies")
            run.service.do_faults({})
            run.good(1)
            run.m.stop()


# The unit tests have the streams with a clock that is faster.
if len(sys.argv) > 1 and sys.argv[1].isdigit():
    COUNT = int(sys.argv.pop(1))
    harness.run_cases(documents, streams)
harness.run_cases(documents)
