#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""GPIO lines that are not there, taken, or not for us: one line that says which, and an exit status that says whether a
restart may help. And the lines that are there are asked for as the settings say."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import harness  # noqa: E402
from ctl import ctl, has, status  # noqa: E402
from harness import Failure  # noqa: E402

CONFIGURATION, OTHER = 78, 1


def refused(m, said, status):
    m.settings["Log", "Level"] = "info"
    m.start(wait=False)
    got = m.wait_exit()
    # An error of the daemon: nothing of it but this one
    lines = [line for line in m.log.decode(errors="replace").splitlines() if "Pins" in line]
    if got != status or len(lines) != 1 or not lines[0].endswith("[Pins] " + said):
        raise Failure("exit status %d and '[Pins] %s' expected, got %d and %r" % (status, said, got, lines))
    if os.path.lexists(os.path.join(m.runtime, m.name)):
        raise Failure("the link of the pty is left behind")



def no_such_chip():
    for chip in ("gpiochip7", "/dev/gpiochip7", "no-such-label"):
        with harness.module() as m:
            m.wire("WAKE")
            m.settings["Pins", "Chip"] = chip
            refused(m, "Chip=%s: there is no such GPIO chip" % chip, CONFIGURATION)


def no_chip():
    with harness.module() as m:
        m.wire("WAKE")
        m.settings["Pins", "Chip"] = "/dev/null"
        refused(m, "Chip=/dev/null: this is no GPIO chip", CONFIGURATION)


def denied():
    with harness.module() as m:
        m.wire("EVENT")
        m.gpio.write("denied", "")
        refused(m, "Chip=gpiochip0: permission denied: this user may not open GPIO chips", CONFIGURATION)


def no_such_line():
    for key, value, why in (("Event", "nEVENT", "the chip has no line of this name"),
                            ("Wake", "8", "the chip has fewer lines"),
                            ("Reset", "1", "another pin is on this line")):
        with harness.module() as m:
            m.wire("EVENT")
            m.settings["Pins", key] = value
            refused(m, "%s=%s: %s" % (key, value, why), CONFIGURATION)


def taken():
    with harness.module() as m:
        m.wire("EVENT", "WAKE", "RST")
        m.gpio.write("3.user", "other-program\n")
        refused(m, "Reset=RST: the line is in use by other-program", OTHER)
        # EVENT was ours for a moment, and is low
        if m.gpio.is_high("EVENT"):
            raise Failure("EVENT is left high")
        m.gpio.remove("3.user")
        m.log.clear()
        m.start()
        m.expect("AT", "OK")
        m.stop()


def without_interrupt():
    with harness.module() as m:
        m.wire("WAKE")
        m.gpio.write("2.deaf", "")
        refused(m, "Wake=WAKE: this line cannot be watched: it has no interrupt", CONFIGURATION)


def asked_for():
    for bias, level in (("pull-up", "pull-up"), ("none", "no-bias")):
        with harness.module() as m:
            m.wire("EVENT", "WAKE", "RST")
            m.settings["Pins", "Bias"] = bias
            m.settings["Pins", "Chip"] = "test-gpio"
            m.start()
            m.expect("AT+EVENT?", "OK 2 0 STARTUP")
            m.stop()
            for pin, wanted in (("EVENT", "output"), ("WAKE", "input edges " + level), ("RST", "input edges " + level)):
                if not m.gpio.asked(pin).removesuffix(" 1ms").endswith("expresslinkd " + wanted):
                    raise Failure("%s: %s expected, got %s" % (pin, wanted, m.gpio.asked(pin)))


def event_ends_with_the_daemon():
    """A host that finds EVENT high would ask a module that is gone."""
    with harness.module() as m:
        m.wire("EVENT")
        m.start()
        m.wait_event_level("high")
        m.stop()
        if m.gpio.is_high("EVENT"):
            raise Failure("EVENT is left high")


def unplugged():
    """The chip is a USB adapter that is pulled out: said once for each pin, the operator sees it, and a module that sleeps
    without a serial line does not sleep for ever."""
    with harness.module() as m:
        m.wire("EVENT", "WAKE", "RST")
        m.start()
        m.wait_event("2 0 STARTUP")
        m.expect("AT+SLEEP1", "OK 1")
        m.until(lambda: b"active -> deep sleep" in m.log, "deep sleep")
        m.gpio.unplug()
        # The line is open again before STARTUP is queued.
        m.until(lambda: b"EVENT cannot be set" in m.log, "end of a sleep that nothing else ends")
        m.wait_event("2 0 STARTUP")
        m.expect("AT+SLEEP1", "OK 0")
        m.wait_event("2 0 STARTUP")
        for said in (b"WAKE is gone", b"RST is gone", b"EVENT cannot be set: No such device"):
            if m.log.count(said) != 1:
                raise Failure("%r is in the log %d times" % (said, m.log.count(said)))
        pins = status(m)["pins"]
        for pin, key in (("event", "EVENT"), ("wake", "WAKE"), ("reset", "RST")):
            if pins[pin] != {"line": key, "level": None}:
                raise Failure("status: %s is %r" % (pin, pins[pin]))
        has(ctl(m, "check", status=1), *("^FAIL +pins +%s: gpiochip0 is gone" % pin for pin in ("event", "wake", "reset")))
        m.stop()


def many_edges():
    """More edges than the kernel keeps, bounces included: in the end the level is what counts. And a service manager that
    does not read meanwhile, as here, stops nobody."""
    with harness.module() as m:
        m.wire("EVENT", "RST")
        m.start()
        m.wait_event("2 0 STARTUP")
        for i in range(501):
            m.drive("RST", "low" if i % 2 == 0 else "high")
        m.until(lambda: b"RST low" in m.log, "RST low")
        m.drive("RST", "high")
        # What was read is obeyed before the control socket answers; then no reset takes our bytes away.
        m.until(lambda: m.gpio.unread("RST") == 0, "end of the edges")
        status = [harness.program("expresslinkctl"), "status"]
        m.until(lambda: subprocess.run(status, env=m.environment(), stdout=subprocess.DEVNULL).returncode == 0, "status")
        m.wait_event_level("high")
        m.wait_event("2 0 STARTUP")
        m.silence()
        m.stop()


harness.run_cases(no_such_chip, no_chip, denied, no_such_line, taken, without_interrupt, asked_for,
                  event_ends_with_the_daemon, unplugged, many_edges)
