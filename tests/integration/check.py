#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""expresslinkctl check: each thing that may be wrong is found and named, whether the module runs or not, and nothing else
is blamed."""

import contextlib
import os
import random
import re
import signal
import stat
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import harness  # noqa: E402
from ctl import ctl, has  # noqa: E402
from harness import Failure  # noqa: E402
from parallel import case, run_at_once  # noqa: E402
from peer import Peer  # noqa: E402


def verdicts(text):
    """{topic: [(verdict, text)]} of a check."""
    found = {}
    for line in text.splitlines():
        m = re.match(r"(ok|warning|FAIL) +(module|settings|serial line|rights|pins|state|clock|certificate|cloud) +(.*)$",
                     line)
        if m:
            found.setdefault(m.group(2), []).append((m.group(1), m.group(3)))
        elif not line.startswith(" " * 22):
            raise Failure("a line that is no verdict: %r" % line)
    return found


def check(m, status, *expected, words=()):
    """Each of expected: topic, verdict, pattern; and nothing else fails."""
    text = ctl(m, "check", *words, status=status)
    found = verdicts(text)
    for topic, verdict, pattern in expected:
        if not any(v == verdict and re.search(pattern, t) for v, t in found.get(topic, [])):
            raise Failure("no %s %s %r in\n%s" % (verdict, topic, pattern, text))
    fails = {t for t, lines in found.items() for v, _ in lines if v == "FAIL"}
    if fails != {t for t, v, _ in expected if v == "FAIL"}:
        raise Failure("what fails: %r\n%s" % (fails, text))
    return found


@case
def when_all_is_well():
    with harness.module(cloud=True) as m:
        m.settings["Cloud", "StagingEndpoint"] = "localhost:%d" % m.broker.port
        m.broker.start()
        m.start()
        well = [("settings", "ok", re.escape(m.configuration)), ("serial line", "ok", "pty:"), ("pins", "ok", "none"),
                ("state", "ok", re.escape(m.state)), ("certificate", "ok", "own: "), ("certificate", "ok", "RootCA: "),
                ("cloud", "ok", "localhost port %d, TLSv1.3" % m.broker.port)]
        check(m, 0, ("module", "ok", "pid %d" % m.process.pid), *well)
        m.expect("AT+CONF Topic1=data", "OK")
        m.expect("AT+CONF CustomName=me", "OK")
        m.stop()
        before = sorted((e.name, e.stat().st_mtime_ns) for e in os.scandir(m.state))
        check(m, 0, ("module", "warning", "systemctl start expresslinkd"), *well, words=("-c", m.configuration))
        if sorted((e.name, e.stat().st_mtime_ns) for e in os.scandir(m.state)) != before:
            raise Failure("the state folder was changed by who only looked")
        # from here on the host has set another endpoint
        m.start()
        m.expect("AT+CONF Endpoint=localhost:1", "OK")
        m.stop()
        check(m, 1, ("cloud", "FAIL", "localhost port 1: Connection refused"), words=("-c", m.configuration))


@case
def cloud_faults():
    with harness.module(cloud=True) as m:
        m.settings["Cloud", "StagingEndpoint"] = "localhost:%d" % m.broker.port
        m.start()
        faults = [(None, "Connection refused.*hint 3"), ("wrong-name", "hint 4"), ("untrusted", "RootCA.*hint 4"),
                  ("expired", "expired.*hint 4")]
        for mode, pattern in faults:
            if mode:
                m.broker.start(mode)
            check(m, 1, ("cloud", "FAIL", pattern))
            if mode:
                m.broker.stop()
        m.expect("AT+CONF Endpoint=no-such-name.invalid", "OK")
        check(m, 1, ("cloud", "FAIL", "Name (not found|server does not answer)"))
        m.expect("AT+CONF Endpoint=", "OK")
        check(m, 1, ("cloud", "FAIL", "no endpoint"))
        m.expect("AT+CONF Endpoint=no host", "OK")
        check(m, 1, ("cloud", "FAIL", "no host name"))
        m.stop()
        check(m, 1, ("cloud", "FAIL", "no host name"), words=("-c", m.configuration))


@case
def the_other_port():
    """8883 is closed and 443 is not, on one address; needs root, or a network of its own."""
    if "TEST_CHECK_NETWORK" in os.environ:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    elif os.getuid() != 0:
        done = subprocess.run(["unshare", "-rn", sys.executable, os.path.abspath(__file__), "the_other_port"],
                              env=dict(os.environ, TEST_CHECK_NETWORK="1"))
        if done.returncode:
            raise Failure("in a network of its own: see above")
        return
    address = "127.%d.%d.%d" % tuple(random.randrange(1, 255) for _ in range(3))
    with harness.module() as m:
        p = Peer(m.pki, address=address, port=443)
        m.settings["Cloud", "StagingEndpoint"] = address
        m.start()
        text = ctl(m, "check", status=1)
        has(text, r"^FAIL +cloud +%s port 8883: Connection refused" % re.escape(address),
            r"Port 443 is open: .* Endpoint=%s:443$" % re.escape(address))
        m.stop()
        p.close()


@case
def settings_faults():
    with harness.module() as m:
        m.settings["Cloud", "StagingEndpoint"] = ""
        well = dict(m.settings)
        faults = [(("Module", "EventQueue"), "7", r"\[Module\] EventQueue= must be a number"),
                  (("Module", "Nonsense"), "7", r"there is no key Nonsense="),
                  (("Identity", "PrivateKey"), m.pki.file("server.key"), "does not belong to"),
                  (("Identity", "Certificate"), "/nonexistent", "No such file")]
        for place, value, pattern in faults:
            m.settings = dict(well, **{})
            m.settings[place] = value
            m.write_settings()
            text = ctl(m, "check", "-c", m.configuration, status=1)
            has(text, "^FAIL +settings .*" + pattern)
        m.settings = dict(well)
        m.settings["Identity", "Certificate"] = m.pki.file("device-expired.crt")
        m.settings["Identity", "PrivateKey"] = m.pki.file("device-expired.key")
        m.write_settings()
        check(m, 1, ("certificate", "FAIL", "own: .* has expired at 2021.*expresslinkctl provision"),
              ("cloud", "FAIL", "no endpoint"), words=("-c", m.configuration))
        m.settings = dict(well)
        m.settings["Cloud", "RootCA"] = m.pki.file("hota-expired.crt")
        m.settings["OTA", "Certificate"] = m.pki.file("ota-server.crt")
        m.settings["Cloud", "StagingEndpoint"] = "localhost:1"
        m.write_settings()
        check(m, 1, ("certificate", "warning", "RootCA: .* has expired"),
              ("certificate", "warning", "OTAcertificate: .* verifies no image: its extendedKeyUsage is not for code"),
              ("cloud", "FAIL", "refused"),
              words=("-c", m.configuration))
        m.settings = dict(well)
        m.settings["Pins", "Chip"] = "no-such-chip"
        m.settings["Pins", "Event"] = "5"
        m.write_settings()
        check(m, 1, ("pins", "FAIL", "there is no chip no-such-chip"), ("cloud", "FAIL", "no endpoint"),
              words=("-c", m.configuration))


@case
def line_faults():
    with harness.module() as m:
        m.settings["Cloud", "StagingEndpoint"] = ""
        cloud = ("cloud", "FAIL", "no endpoint")

        def check_device(device, *expected):
            m.settings["Serial", "Device"] = device
            m.write_settings()
            return check(m, 1, cloud, *expected, words=("-c", m.configuration))
        check_device("/dev/no-such-tty", ("serial line", "FAIL", "/dev/no-such-tty.*No such file"))
        plain = os.path.join(m.folder, "plain")
        open(plain, "w").close()
        check_device(plain, ("serial line", "FAIL", "is no tty"))
        # a tty, which nobody else has, then somebody
        master, slave = os.openpty()
        name = os.ttyname(slave)
        os.close(slave)
        root = os.getuid() == 0
        check_device(name, ("serial line", "ok", "nobody has it open") if root else
                     ("serial line", "warning", "only root can see"))
        with open(name, "r+b", buffering=0) as line:
            holder = subprocess.Popen(["cat"], stdin=line, stdout=subprocess.DEVNULL)
            line.close()
            m.until(lambda: os.path.samefile("/proc/%d/exe" % holder.pid, "/proc/self/exe") is False, "another program")
            check_device(name, ("serial line", "FAIL", r"cat \(pid %d\) has it open" % holder.pid))
            holder.kill()
            holder.wait()
        # the module itself has it; then somebody besides
        m.open_line = lambda: setattr(m, "fd", os.dup(master))
        m.start()
        check(m, 1, cloud, ("serial line", "ok", "the module has it"), ("rights", "ok", "may use"))
        with open(name, "r+b", buffering=0) if root else contextlib.nullcontext():
            if root:
                check(m, 1, cloud, ("serial line", "FAIL", r"\(pid %d\) has it open, too" % os.getpid()))
        m.stop()
        os.close(master)


@case
def raspberry_pis():
    """What enables the UART, and which one is at the header, differs between them."""
    with harness.module() as m:
        m.settings["Cloud", "StagingEndpoint"] = ""
        model = os.path.join(m.folder, "model")
        shim = ("env", "LD_PRELOAD=" + os.path.join(harness.BUILDDIR, "tests", "lib", "model.so"),
                "TEST_MODEL=" + model, "ASAN_OPTIONS=verify_asan_link_order=0")

        def says(device, *patterns):
            m.settings["Serial", "Device"] = device
            m.write_settings()
            has(ctl(m, "check", "-c", m.configuration, before=shim, status=1), *patterns)
        for name, words in (("Raspberry Pi 4 Model B Rev 1.5", "enable_uart=1"),
                            ("Raspberry Pi Compute Module 4 Rev 1.0", "enable_uart=1"),
                            ("Raspberry Pi 5 Model B Rev 1.0", "dtparam=uart0=on"),
                            ("Raspberry Pi Compute Module 5 Rev 1.0", "dtparam=uart0=on")):
            with open(model, "w") as f:
                f.write(name + "\0")
            says("/dev/no-such-tty", "^FAIL +serial line +/dev/no-such-tty is not there: %s in " % words)
        if os.getuid() == 0:
            node = os.path.join(m.folder, "ttyAMA10")
            os.mknod(node, 0o600 | stat.S_IFCHR, os.makedev(204, 74))
            says(node, "^warning +serial line +this is the small connector .* /dev/ttyAMA0, with dtparam=uart0=on")


@case
def state_faults():
    with harness.module() as m:
        m.settings["Cloud", "StagingEndpoint"] = ""
        m.write_settings()
        cloud, words = ("cloud", "FAIL", "no endpoint"), ("-c", m.configuration)
        check(m, 1, cloud, ("state", "ok", "MiB free"), words=words)
        os.rmdir(m.state)
        check(m, 1, cloud, ("state", "ok", "will be made"), words=words)
        open(m.state, "w").close()
        text = ctl(m, "check", *words, status=1)
        has(text, "^FAIL +state .* is no folder")
        os.unlink(m.state)
        os.mkdir(m.state)
        m.start()
        check(m, 1, cloud, ("state", "ok", "MiB free"))
        m.expect("AT+CONF CustomName=me", "OK")
        m.stop()
        with open(os.path.join(m.state, "dictionary"), "r+b") as f:
            f.seek(-20, 2)
            f.write(b"????")
        m.start()
        check(m, 1, cloud, ("state", "warning", "damaged"))
        os.kill(m.process.pid, signal.SIGSTOP)
        has(ctl(m, "status", status=1), "does not answer: it hangs, or is stopped$")
        os.kill(m.process.pid, signal.SIGCONT)
        m.stop()


run_at_once(6)
