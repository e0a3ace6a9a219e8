#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Updates by HTTPS (guide 8) from servers that behave badly: each ends in the right image, or in a job that has FAILED with
the reason. The real daemon and broker, and the sandbox's jobs and files."""

import contextlib
import os
import re
import signal
import ssl
import sys
import time
import warnings

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import harness  # noqa: E402
import jobs  # noqa: E402
import parallel  # noqa: E402
from ctl import ctl, has, status  # noqa: E402
from harness import Failure  # noqa: E402
from parallel import case  # noqa: E402

SIZE = 300000
GOOD = None

# What the server does; what the job's reason is, or GOOD; how often the server was asked, when that matters.
SERVERS = {
    "honest": ({}, GOOD, 1),
    "cuts": ({"spoil": ["download,at=100000,times=2"]}, GOOD, 3),
    "cuts at once": ({"spoil": ["download,times=2"]}, GOOD, 3),
    "cuts in the middle of a block": ({"spoil": ["download,at=16385,times=4"]}, GOOD, 5),
    "stalls once": ({"spoil": ["download,what=stall,at=50000,times=1"]}, GOOD, 2),
    "sends more": ({"spoil": ["download,what=more"]}, "The server has another file: 301000 bytes, not 300000", 1),
    "sends more than it says": ({"spoil": ["download,what=more-unsaid"]},
                                "The server sends more than filesize, 300000 bytes", 1),
    "sends less": ({"spoil": ["download,what=less"]}, "The server has another file: 299999 bytes, not 300000", 1),
    "sends less and says nothing": ({"spoil": ["download,what=less-unsaid,at=200000,times=1"]}, GOOD, 2),
    "sends a page": ({"spoil": ["download,what=html"]}, r"The server has a web page: \d+ bytes, not 300000", 1),
    "has expired URLs once": ({"spoil": ["download,what=expired,times=1"]}, GOOD, 2),
    "has expired URLs": ({"spoil": ["download,what=expired"]}, "HTTP status 403: AccessDenied, Request has expired", 4),
    "denies": ({"spoil": ["download,what=denied"]}, "HTTP status 403: SignatureDoesNotMatch, The request signature .*", 4),
    "is busy": ({"spoil": ["download,what=busy,times=2"]}, GOOD, 3),
    "knows no ranges": ({"spoil": ["download,at=100000,times=1", "download,what=whole"]}, GOOD, 2),
    "sends another range": ({"spoil": ["download,at=100000,times=1", "download,what=range"]},
                            "The server sends another range than was asked for", 2),
    "redirects to http": ({"spoil": ["download,what=to-http"]},
                          "HTTP status 302: a redirect to what is not https is not followed", 1),
    "redirects": ({"spoil": ["download,what=to-https,times=2"]}, GOOD, 3),
    "redirects for ever": ({"spoil": ["download,what=to-https"]}, "Too many redirects", 4),
}


def start(**settings):
    m = harness.Module(cloud=True)
    for key, value in settings.items():
        m.settings["OTA", key] = value
    m.broker.jobs = jobs.JobService(m.folder, m.pki.thing)
    m.broker.start()
    m.start()
    m.wait_event("2 0 STARTUP")
    m.connect()
    return m


class Case:
    """One module for one function; its dialogue and logs are printed when it fails."""

    def __init__(self, **settings):
        self.settings = settings

    def __enter__(self):
        self.m = start(**self.settings)
        return self.m

    def __exit__(self, kind, *_):
        if kind:
            self.m.report()
        self.m.clean()


def offer(m, name, size=SIZE, source="https", kind="host-image", accept=True, **more):
    m.broker.jobs.bucket.asked.clear()
    data = jobs.image(size, len(name)) if size == SIZE else bytes(size)
    m.broker.jobs.create(name, kind, data, version="v1", source=source, **more)
    m.wait_event("5 0 OTA")
    if accept:
        m.expect("AT+OTA ACCEPT", "OK")


def check_last(m, name, *how):
    """What the operator sees afterwards."""
    last = status(m)["update"]["last"]
    if (last["job"], last["status"], last["reason"]) != (name, *how):
        raise Failure("the last update is %r" % last)
    has(ctl(m, "status"), "^Last update +20.*Z  job %s: %s$" % (name, re.escape(", ".join(how))))


def check_good(m, name, deadline=90):
    """The host reads it, and the cloud is told."""
    image = m.broker.jobs.images[name]
    m.wait_event("5 0 OTA", deadline)
    m.expect("AT+OTA?", "OK 5 %d" % len(image))
    got = b""
    while len(got) < len(image):
        words = m.command("AT+OTA READ 2048", note=False).split()
        got += bytes.fromhex(words[2].decode())
    if got != image:
        raise Failure("other bytes than those of the image")
    m.expect("AT+OTA READ 2048", "OK 0")
    m.expect("AT+OTA CLOSE", "OK")
    m.until(lambda: m.broker.jobs.execution(name)[0] == "SUCCEEDED", "job that is SUCCEEDED")
    check_last(m, name, "SUCCEEDED", "Taken by the host")


def check_failed(m, name, reason, deadline=90):
    m.wait_event("5 0 OTA", deadline)
    m.expect("AT+OTA?", "OK 0")
    m.until(lambda: m.broker.jobs.execution(name)[0] == "FAILED", "job that is FAILED")
    said = m.broker.jobs.execution(name)[1].get("reason", "")
    if not re.fullmatch(reason, said):
        raise Failure("the job's reason is %r" % said)
    check_last(m, name, "FAILED", said)


def check_secrets(m):
    """A URL is a password for a while."""
    m.pump(0)
    for word in (b"X-Amz", b"Signature="):
        for line in bytes(m.log).splitlines():
            if word in line and b"<Code>" not in line:
                raise Failure("a URL in the log: %r" % line)


def helpers(m):
    """The pids of the daemon's downloads."""
    with open("/proc/%d/task/%d/children" % (m.process.pid, m.process.pid)) as f:
        pids = f.read().split()
    found = []
    for pid in pids:
        try:
            with open("/proc/%s/cmdline" % pid, "rb") as f:
                line = f.read()
        except OSError:
            continue
        if b"expresslinkd-fetch" in line:
            found.append(int(pid))
            if b"X-Amz" in line or line.count(b"\0") != 1:
                raise Failure("the helper's command line is %r" % line)
    return found


def check_confined(pid):
    """What it can still do, tests/helpers/check_confine.c says."""
    with open("/proc/%d/status" % pid) as f:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
    if status["Seccomp"] != "2" or status["NoNewPrivs"] != "1":
        raise Failure("the helper is not confined: %r" % status)


def sockets(pid):
    folder = "/proc/%d/fd" % pid
    found = set()
    for fd in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            found.add(os.readlink(os.path.join(folder, fd)))
    return {name for name in found if name.startswith("socket:")}


def check_its_own(m, pid):
    """Nothing of the connection to the cloud, which a library opens in its own way."""
    if not sockets(pid) or sockets(pid) & sockets(m.process.pid):
        raise Failure("the helper has sockets of the daemon: %r" % (sockets(pid) & sockets(m.process.pid)))


def is_alive(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@case
def servers():
    with Case() as m:
        for what, (faults, reason, asked) in SERVERS.items():
            begin = time.monotonic()
            name = what.replace(" ", "-")
            m.broker.jobs.do_faults(faults)
            try:
                offer(m, name)
                if reason is GOOD:
                    check_good(m, name)
                else:
                    check_failed(m, name, reason)
                if asked != len(m.broker.jobs.bucket.asked):
                    raise Failure("the server was asked for %r" % m.broker.jobs.bucket.asked)
            except Failure as e:
                raise Failure("a server that %s: %s" % (what, e)) from None
            print("      %s (%.1f s)" % (what, time.monotonic() - begin))
        m.broker.jobs.do_faults({})
        check_secrets(m)
        m.stop()


@case
def a_server_that_never_delivers():
    """Given up within a minute, with the last thing that was seen."""
    with Case() as m:
        m.broker.jobs.do_faults({"spoil": ["download,what=stall,at=10"]})
        offer(m, "stalls")
        check_failed(m, "stalls", "The server (stalls|delivers no data)")
        m.stop()


@case
def urls_that_expire_on_the_way():
    """Each is good for one piece: it goes on with fresh ones, from where it was."""
    with Case() as m:
        m.broker.jobs.do_faults({"spoil": 3 * ["download,at=65536,times=1", "download,what=expired,times=1"]})
        offer(m, "short")
        check_good(m, "short")
        asked = m.broker.jobs.bucket.asked
        ranges = [found and int(found[6:-1]) for found, status in asked if status != 403]
        if ranges != [None, 65536, 131072, 196608] or len(asked) != 7:
            raise Failure("asked for %r" % asked)
        m.stop()


@case
def who_is_not_trusted():
    for authority, reason in (("other-ca.crt", "The server is not trusted: .*"),
                              ("device.key", "The server is not trusted: .*|.*roots.*")):
        with Case() as m:
            m.stop()
            m.settings["OTA", "CAFile"] = m.pki.file(authority)
            m.start()
            m.wait_event("2 0 STARTUP")
            m.connect()
            offer(m, "untrusted")
            check_failed(m, "untrusted", reason)
            if m.broker.jobs.bucket.asked:
                raise Failure("it was asked all the same")
            m.stop()


@case
def servers_that_are_not_trusted():
    """All by the right authority."""
    with Case() as m:
        tls = m.broker.jobs.bucket.tls
        for name, reason in (("wrong-name", ".*name.*"), ("expired", ".*expired.*"), ("client", ".*purpose.*")):
            tls.load_cert_chain(m.pki.file("server-%s.crt" % name), m.pki.file("server-%s.key" % name))
            offer(m, name)
            check_failed(m, name, "The server is not trusted: " + reason)
        tls.load_cert_chain(m.pki.file("server.crt"), m.pki.file("server.key"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's word for it is deprecated
            tls.minimum_version, tls.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        tls.set_ciphers("ALL:@SECLEVEL=0")
        offer(m, "old", source="both")
        check_good(m, "old")
        m.wait_log(rb"HTTPS: .*(protocol|version).* The stream is tried")
        if m.broker.jobs.bucket.asked:
            raise Failure("they were asked all the same")
        m.stop()


@case
def nobody_listens():
    """The stream is offered too, and takes over; what the server sent already counts."""
    with Case() as m:
        m.broker.jobs.do_faults({"spoil": ["download,at=100000,times=1", "download,what=html"]})
        offer(m, "both", source="both")
        check_good(m, "both")
        m.wait_log(rb"HTTPS: The server has a web page: .* The stream is tried")
        m.broker.jobs.do_faults({})
        offer(m, "both-again", source="both")
        check_good(m, "both-again")
        if [status for _, status in m.broker.jobs.bucket.asked] != [200]:
            raise Failure("the stream came first")
        m.broker.jobs.bucket.stop()
        offer(m, "gone", source="both")
        check_good(m, "gone")
        m.stop()


def slow(m, name):
    """A download that is under way and has taken something."""
    m.broker.jobs.do_faults({"spoil": ["download,what=stall,at=100000"]})
    offer(m, name)
    m.until(lambda: helpers(m), "helper")
    m.until(lambda: m.broker.jobs.bucket.asked, "request")
    m.until(lambda: m.broker.jobs.execution(name)[0] == "IN_PROGRESS", "job in progress")
    pid = helpers(m)[0]
    check_confined(pid)
    check_its_own(m, pid)
    return pid


@case
def what_ends_the_helper():
    def cancel(m, name):
        m.broker.jobs.do_cancel(name, force=True)
        m.wait_event("5 0 OTA")

    def flush(m, _):
        m.expect("AT+OTA FLUSH", "OK")

    def disconnect(m, _):
        m.expect("AT+DISCONNECT", "OK 0 DISCONNECTED")

    def sleep(m, _):
        disconnect(m, _)
        m.expect("AT+SLEEP", "OK 0")
        m.expect("AT", "OK")
        m.wait_event("2 0 STARTUP")

    def reset(m, _):
        m.expect("AT+RESET", "OK")
        m.wait_event("2 0 STARTUP")

    def factory_reset(m, _):
        m.expect("AT+FACTORY_RESET", "OK")
        m.wait_event("2 0 STARTUP")

    def loss(m, _):
        m.broker.take_over(m.pki.thing)
        m.wait_event("3 0 CONLOST")

    def kill(m, _):
        m.stop(signal.SIGKILL)

    def term(m, _):
        m.stop()

    for how in (cancel, flush, disconnect, sleep, reset, factory_reset, loss, kill, term):
        with Case() as m:
            name = how.__name__
            pid = slow(m, name)
            how(m, name)
            m.until(lambda pid=pid: not is_alive(pid), "end of the helper after %s" % name)
            m.broker.jobs.do_faults({})
            if how in (cancel, flush):
                m.expect("AT+OTA?", "OK 0")
            else:
                if m.process is None:
                    m.start()
                    m.wait_event("2 0 STARTUP")
                m.connect()
                check_good(m, name)
            m.stop()


@case
def a_helper_that_dies():
    with Case() as m:
        pid = slow(m, "dies")
        m.broker.jobs.do_faults({})
        os.kill(pid, signal.SIGKILL)
        check_good(m, "dies")
        m.wait_log(rb"expresslinkd-fetch ended: ")
        m.stop()


@case
def module_images():
    """Signed, and larger than any stream."""
    with Case() as m:
        size = 25 << 20
        offer(m, "module", size, kind="module-image", key=m.pki.file("ota1.key"))
        m.wait_event("5 0 OTA", 90)
        m.expect("AT+OTA?", "OK 4 v1")
        m.expect("AT+OTA FLUSH", "OK")
        m.broker.jobs.do_faults({"spoil": ["download,what=flip,at=5000"]})
        offer(m, "flipped", kind="module-image", key=m.pki.file("ota1.key"))
        check_failed(m, "flipped", "Invalid signature, .*")
        m.broker.jobs.do_faults({})
        m.broker.jobs.create("large", "module-image", bytes(size), source="mqtt", key=m.pki.file("ota1.key"))
        m.until(lambda: m.broker.jobs.execution("large")[0] == "REJECTED", "job that is REJECTED")
        m.stop()


@case
def certificates():
    with Case() as m:
        with open(m.pki.file("hota1.crt"), "rb") as f:
            pem = f.read()
        for name, source, faults in (("url", "https", {"spoil": ["download,at=100,times=1"]}),
                                     ("both", "both", {"spoil": ["download,what=html"]})):
            m.broker.jobs.do_faults(faults)
            m.broker.jobs.create(name, "host-certificate", pem, source=source)
            m.until(lambda name=name: m.broker.jobs.execution(name)[0] == "SUCCEEDED", "job that is SUCCEEDED")
        m.broker.jobs.do_faults({"spoil": ["download,what=denied"]})
        m.broker.jobs.create("denied", "host-certificate", pem, source="https")
        m.until(lambda: m.broker.jobs.execution("denied")[0] == "FAILED", "job that is FAILED")
        m.stop()


parallel.run_at_once(4)
