#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""SIGKILL at random moments of an update: download, READ, CLOSE, FLUSH, while the cloud may cancel the job. Afterwards what
the host was told OK, OTA?, the bytes that are read and the job's end in the cloud agree.

Argument or TEST_KILLS: how many kills (12). TEST_SEED: of another run, to see it again."""

import os
import random
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import harness  # noqa: E402
import jobs  # noqa: E402
import updates  # noqa: E402
from harness import Failure  # noqa: E402

KILLS = int(os.environ.get("TEST_KILLS", "12"))


class Host(updates.Host):
    def __init__(self, m, r):
        super().__init__(m.broker.jobs, harness.DEADLINE)
        self.m, self.r = m, r
        self.kills = 0
        self.until = None  # when the daemon is to be killed

    def command(self, line):
        m = self.m
        m.send(line.encode() + b"\r\n", note=False)
        while b"\n" not in m.input:
            left = self.until - time.monotonic() if self.until else 1
            if left <= 0:
                self.kill()
            m.pump(min(left, 0.05))
        answer = m.take(m.input.index(b"\n") + 1, note=False).rstrip(b"\r\n").decode()
        note = ("%s -> %s" % (line, answer[:60])).encode()
        if m.dialogue[-1][2] != note:
            m.dialogue.append((m.clock(), "=", note))
        return answer

    def pause(self):
        self.m.pump(0.005)

    def kill(self):
        m = self.m
        m.process.send_signal(signal.SIGKILL)
        m.wait_exit()
        while m.fd >= 0 and m.pump(0):
            pass
        heard = bytes(m.input)
        m.close_line()
        m.dialogue.append((m.clock(), "!", b"killed, heard %r" % heard[:40]))
        self.until = None
        self.kills += 1
        m.start()
        raise updates.Gone(heard)

    def job(self):
        self.begin(self.r.choice([1, 5000, 16384, 70000, 300000]), source=self.r.choice(("mqtt", "https", "both")))
        if self.r.random() < 0.3:
            self.service.do_faults({"lose": ["block,p=0.2"], "spoil": ["download,p=0.5,at=%d" % self.r.randrange(100000)]},
                                   seed=self.serial)
        kills = self.r.randrange(1, 4)
        while True:
            self.until = time.monotonic() + self.r.random() ** 2 * 0.6 if kills > 0 else None
            try:
                self.life()
                break
            except updates.Gone:
                kills -= 1
                if self.check_after() == 5:
                    self.read_on(2048)
        self.until = None
        self.finish()
        self.service.do_faults({})
        while self.command("AT+EVENT?") != "OK":
            pass

    def life(self):
        """From power-up until the host has ended the job, or knows that it was cancelled."""
        r = self.r
        self.connect()
        self.settle()
        if self.ended:
            return
        if not self.accepted and self.until_ota((2, 3, 5)) == 2:
            if r.random() < 0.1:
                self.flush()
                return
            self.accept()
        if not self.cancelled and r.random() < 0.2:
            self.cancel()
        if r.random() < 0.2:
            self.flush()
            return
        if self.until_ota((5,)) == 0:
            return
        self.read_on(r.choice([0, 4096, 1 << 30]))
        self.close()


def agree():
    seed = int(os.environ.get("TEST_SEED", "0")) or random.randrange(1 << 30)
    print("seed %d" % seed)
    with harness.module(cloud=True) as m:
        m.settings["Log", "Level"] = "info"
        m.broker.jobs = jobs.JobService(m.folder, m.pki.thing)
        m.broker.start()
        m.start()
        m.expect("AT+CONF Endpoint=localhost:%d" % m.broker.port, "OK")
        host = Host(m, random.Random(seed))
        while host.kills < KILLS:
            host.job()
        print("%d kills, %d jobs: %r" % (host.kills, host.serial, host.count))
        m.stop()
        left = [n for n in os.listdir(m.state) if n.startswith("update") and n not in ("update", "update.old")]
        if left:
            raise Failure("files are left: %r" % left)


if len(sys.argv) > 1 and sys.argv[1].isdigit():
    KILLS = int(sys.argv.pop(1))
harness.run_cases(agree)
