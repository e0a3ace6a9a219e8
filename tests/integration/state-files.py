#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""State files that are truncated, empty, random, not writable, on a full disk: the module starts, what is sound is
kept, a write that cannot be made durable is refused, and the log says why."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import harness  # noqa: E402
import jobs  # noqa: E402
from harness import Failure  # noqa: E402


def fill(m):
    m.start()
    m.expect("AT+CONF CustomName=the first", "OK")
    m.expect("AT+CONF CustomName=my product", "OK")
    m.expect("AT+CONF Endpoint=a.example", "OK")
    m.expect("AT+CONF Defender=600", "OK")
    m.expect("AT+CONF HOTAcertificate=" + harness.escape(b"\n".join(m.pki.pem("hota1"))).decode(), "OK")
    m.stop()


def files(m):
    return [os.path.join(m.state, name) for name in sorted(os.listdir(m.state))
            if os.path.isfile(os.path.join(m.state, name))]


def check_alive(m):
    """It starts, answers, every key reads as something that once was, and writing works."""
    m.start()
    name, endpoint, seconds = (m.command("AT+CONF? " + key) for key in ("CustomName", "Endpoint", "Defender"))
    if name not in (b"OK my product", b"OK the first", b"OK") \
            or endpoint not in (b"OK a.example", b"OK staging.example") \
            or seconds not in (b"OK 600", b"OK 0"):
        raise Failure("got %r %r %r" % (name, endpoint, seconds))
    m.expect("AT+CONF CustomName=written again", "OK")
    m.restart(signal.SIGKILL)
    m.expect("AT+CONF? CustomName", "OK written again")
    m.stop()
    return name, endpoint, seconds


def damaged(how):
    """The newest file is damaged, the older one is sound."""
    with harness.module() as m:
        fill(m)
        path = os.path.join(m.state, "dictionary")
        with open(path, "rb") as f:
            data = f.read()
        with open(path, "wb") as f:
            f.write(how(data))
        log = len(m.log)
        check_alive(m)
        if b"dictionary" not in m.log[log:]:
            raise Failure("the log does not mention the damage")
        if not any("damaged" in os.path.basename(p) for p in files(m)):
            raise Failure("the damaged file was not kept aside: %r" % files(m))


def truncated():
    damaged(lambda data: data[:len(data) // 2])


def empty():
    damaged(lambda data: b"")


def random_bytes():
    damaged(lambda data: random.Random(1).randbytes(5000))


def one_bit():
    """One bit costs one key at most."""
    def flip(data):
        at = data.index(b"product")
        return data[:at] + bytes([data[at] ^ 4]) + data[at + 1:]
    with harness.module() as m:
        fill(m)
        path = os.path.join(m.state, "dictionary")
        with open(path, "rb") as f:
            data = f.read()
        with open(path, "wb") as f:
            f.write(flip(data))
        m.start()
        m.expect("AT+CONF? Endpoint", "OK a.example")
        m.expect("AT+CONF? Defender", "OK 600")
        if m.command("AT+CONF? CustomName") == b"OK " + flip(b"my product"):
            raise Failure("a damaged value is shown")
        m.stop()


def all_files_damaged():
    """Every file of the state folder, in many ways: factory values, and on."""
    r = random.Random(2)
    ways = [lambda d: b"", lambda d: d[:1], lambda d: d[:-1], lambda d: r.randbytes(len(d)), lambda d: b"\0" * len(d),
            lambda d: d * 300, lambda d: d.replace(b" ", b"\n"), lambda d: b"\n" * 300000]
    for way in ways:
        with harness.module() as m:
            fill(m)
            for path in files(m):
                with open(path, "rb") as f:
                    data = f.read()
                with open(path, "wb") as f:
                    f.write(way(data))
            check_alive(m)


def files_that_are_none():
    """A folder or a dangling link where the file should be."""
    for make in (os.mkdir, lambda p: os.symlink("/nonexistent/target", p)):
        with harness.module() as m:
            make(os.path.join(m.state, "dictionary"))
            m.write_settings()
            # whether it can be used or not, it has to say so and not hang
            m.start(wait=False)
            m.until(lambda: b"READY=1" in m.notified or m.process.poll() is not None, "start or end")
            if m.process.poll() is None:
                m.open_line()
                got = m.command("AT+CONF CustomName=x")
                if got not in (b"OK", b"ERR4 PARAMETER ERROR"):
                    raise Failure("got %r" % got)
                m.silence()
                m.stop()
            elif not m.log:
                raise Failure("it ended without a word")


IN_NAMESPACE = "TEST_STATE_FILES_TMPFS"


def in_own_mounts(case):
    """Runs a case again in a mount namespace of its own, where it may mount."""
    if IN_NAMESPACE in os.environ:
        return False
    if os.getuid() != 0 and subprocess.run(["unshare", "-rm", "true"], stderr=subprocess.DEVNULL).returncode:
        print("      (%s needs root or user namespaces: left out)" % case)
        return True
    flags = ["-m"] if os.getuid() == 0 else ["-rm"]
    done = subprocess.run(["unshare"] + flags + [sys.executable, os.path.abspath(__file__), case],
                          env=dict(os.environ, **{IN_NAMESPACE: "1"}))
    if done.returncode:
        raise Failure("in its own namespace: see above")
    return True


def full_disk():
    if in_own_mounts("full_disk"):
        return
    with harness.module() as m:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", m.state], check=True)
        fill(m)
        m.start()
        m.expect("AT+CONF? CustomName", "OK my product")
        with open(os.path.join(m.state, "ballast"), "wb", buffering=0) as f:
            try:
                while True:
                    f.write(b"x" * 512)
            except OSError:
                pass
        log = len(m.log)
        m.expect("AT+CONF CustomName=does not fit", "ERR4 PARAMETER ERROR")
        m.expect("AT+CONF? CustomName", "OK my product")
        m.expect("AT+FACTORY_RESET", "ERR4 PARAMETER ERROR")
        m.expect("AT+CONF? Endpoint", "OK a.example")
        # what is not persistent needs no disk
        m.expect("AT+CONF Topic1=data", "OK")
        m.expect("AT+CONF? Topic1", "OK data")
        if b"No space left" not in m.log[log:]:
            raise Failure("the log does not say why")
        os.unlink(os.path.join(m.state, "ballast"))
        m.expect("AT+CONF CustomName=fits", "OK")
        m.restart(signal.SIGKILL)
        m.expect("AT+CONF? CustomName", "OK fits")
        m.expect("AT+CONF? Endpoint", "OK a.example")
        m.stop()
        subprocess.run(["umount", m.state], check=True)


def update_on_a_full_disk():
    """An image that does not fit is refused with the numbers, and the next one works. Without room for a few bytes more
    nothing is acknowledged, and nothing is lost."""
    if in_own_mounts("update_on_a_full_disk"):
        return
    with harness.module(cloud=True) as m:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", m.state], check=True)
        service = m.broker.jobs = jobs.JobService(m.folder, m.pki.thing)
        m.broker.start()
        m.start()
        m.wait_event("2 0 STARTUP")
        m.connect()
        service.create("large", "host-image", jobs.image(3000000))
        m.wait_event("5 0 OTA")
        m.expect("AT+OTA ACCEPT", "OK")
        m.wait_event("5 0 OTA")
        m.expect("AT+OTA?", "OK 0")
        m.until(lambda: service.execution("large")[0] == "FAILED", "job that has failed")
        reason = service.execution("large")[1]["reason"]
        found = re.fullmatch(r"Not enough space: 3000000 bytes needed, (\d+) free", reason)
        if not found or not 0 < int(found[1]) < 2 << 20:
            raise Failure("reason: %s" % reason)
        service.create("small", "host-image", jobs.image(300000))
        m.wait_event("5 0 OTA")
        m.expect("AT+OTA ACCEPT", "OK")
        m.wait_event("5 0 OTA")
        with open(os.path.join(m.state, "ballast"), "wb", buffering=0) as f:
            try:
                while True:
                    f.write(b"x" * 512)
            except OSError:
                pass
        m.expect("AT+OTA CLOSE", "ERR21 INVALID OTA UPDATE")
        m.expect("AT+OTA FLUSH", "ERR21 INVALID OTA UPDATE")
        m.expect("AT+OTA?", "OK 5 300000")
        m.restart(signal.SIGKILL)
        m.wait_event("2 0 STARTUP")
        m.wait_event("5 0 OTA")
        m.expect("AT+OTA READ 2", "OK 02 0007 0007")
        os.unlink(os.path.join(m.state, "ballast"))
        m.expect("AT+OTA CLOSE", "OK")
        m.connect()
        m.until(lambda: service.execution("small")[0] == "SUCCEEDED", "job that has succeeded")
        m.stop()
        subprocess.run(["umount", m.state], check=True)


def read_only_disk():
    if in_own_mounts("read_only_disk"):
        return
    with harness.module() as m:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", m.state], check=True)
        fill(m)
        m.start()
        subprocess.run(["mount", "-o", "remount,ro", m.state], check=True)
        log = len(m.log)
        m.expect("AT+CONF CustomName=cannot be", "ERR4 PARAMETER ERROR")
        m.expect("AT+CONF? CustomName", "OK my product")
        if b"Read-only file system" not in m.log[log:]:
            raise Failure("the log does not say why")
        m.restart()  # starts all the same
        m.expect("AT+CONF? CustomName", "OK my product")
        m.expect("AT+CONF CustomName=cannot be", "ERR4 PARAMETER ERROR")
        subprocess.run(["mount", "-o", "remount,rw", m.state], check=True)
        m.expect("AT+CONF CustomName=can be", "OK")
        m.stop()
        subprocess.run(["umount", m.state], check=True)


def no_folder():
    """The folder is made; what it keeps is for nobody else's eyes."""
    with harness.module() as m:
        shutil.rmtree(m.state)
        fill(m)
        for path in files(m):
            if os.stat(path).st_mode & 0o077:
                raise Failure("%s has mode %o" % (path, os.stat(path).st_mode))
        m.start()
        m.expect("AT+CONF? CustomName", "OK my product")
        m.stop()


def nothing_elsewhere():
    """Two folders given by the environment: nothing is written beside them."""
    with harness.module() as m:
        home = tempfile.mkdtemp(dir=m.folder)
        os.environ["HOME"] = home
        before = set(os.listdir(m.folder))
        fill(m)
        new = set(os.listdir(m.folder)) - before - {"expresslinkd.conf", "notify"}
        if new or os.listdir(home):
            raise Failure("new: %r %r" % (new, os.listdir(home)))
        if os.listdir(m.runtime):
            raise Failure("left in the run-time folder: %r" % os.listdir(m.runtime))


harness.run_cases(truncated, empty, random_bytes, one_bit, all_files_damaged, files_that_are_none, full_disk,
                  update_on_a_full_disk, read_only_disk, no_folder, nothing_elsewhere)
