#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The ready-made settings of conf/boards: each is right, serves a module on a chip with such a label and such lines,
and is what README.md says of it."""

import glob
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import gpio as gpio_module  # noqa: E402
import harness  # noqa: E402
from harness import Failure  # noqa: E402

BOARDS = sorted(glob.glob(os.path.join(harness.SRCDIR, "conf", "boards", "*.conf")))
PINS, KEYS = ("EVENT", "WAKE", "RST"), ("Event", "Wake", "Reset")
# What a board file cannot know here; as an operator would make it again in a drop-in.
HERE = """[Serial]
Device=pty:host
[Identity]
Certificate={0}/device.crt
PrivateKey={0}/device.key
[Location]
Gpsd=none
[Log]
Level=debug
"""


def read(path):
    with open(path) as f:
        return f.read()


def values(text):
    """{key: value} of the settings."""
    return dict(line.split("=", 1) for line in text.splitlines() if re.match("[A-Z][A-Za-z]*=", line))


def install(m, text, here):
    with open(m.configuration, "w") as f:
        f.write(text)
    os.makedirs(m.configuration + ".d", exist_ok=True)
    with open(m.configuration + ".d/here.conf", "w") as f:
        f.write(here.format(m.pki.folder))


def check(m):
    done = subprocess.run([harness.program(), "--config", m.configuration, "--check-config"], env=m.environment(),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
                          text=True)
    return done.returncode, done.stdout


def each_is_right():
    if len(BOARDS) < 3:
        raise Failure("only these boards: %r" % BOARDS)
    for path in BOARDS:
        with harness.module() as m:
            # Nothing but its identity is replaced
            install(m, read(path), re.sub(r"(?s)\[Serial\].*?(?=\[Identity)", "", HERE))
            code, said = check(m)
            if code != 0 or said:
                raise Failure("%s: exit status 0 expected, got %d:\n%s" % (path, code, said))


def each_serves_a_module():
    for path in BOARDS:
        text = read(path)
        board = values(text)
        with harness.module() as m:
            names = [""] + [board[key] for key in KEYS] + 4 * [""]
            m.gpio = gpio_module.Gpio(os.path.join(m.folder, "gpio"),
                                      os.path.join(harness.BUILDDIR, "tests", "lib", "gpiod.so"), "gpiochip4",
                                      board["Chip"], names)
            m.more_environment.update(m.gpio.environment())
            install(m, text, HERE)
            m.write_settings = lambda: None
            m.start()
            m.wait_event_level("high")
            m.expect("AT+EVENT?", "OK 2 0 STARTUP")
            m.wait_event_level("low")
            m.expect("AT+SLEEP1", "OK 1")
            m.drive("WAKE", "low")
            m.wait_event_level("high")
            m.drive("WAKE", "high")
            m.expect("AT+EVENT?", "OK 2 0 STARTUP")
            m.drive("RST", "low")
            m.until(lambda: b"active -> held" in m.log, "reset")
            m.drive("RST", "high")
            m.wait_event_level("high")
            m.expect("AT+EVENT?", "OK 2 0 STARTUP")
            m.stop()
            bias = {"pull-up": "pull-up", "none": "no-bias"}[board["Bias"]]
            if bias not in m.gpio.asked("RST"):
                raise Failure("%s: RST was asked to be %s" % (path, m.gpio.asked("RST")))


def each_is_in_the_readme():
    """| `NAME` | board | port | chip | lines | level |"""
    rows = {}
    for line in read(os.path.join(harness.SRCDIR, "README.md")).splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and cells[0].endswith(".conf`") and len(cells) == 6:
            rows[cells[0].strip("`")] = cells
    if sorted(rows) != [os.path.basename(path) for path in BOARDS]:
        raise Failure("README.md has %r" % sorted(rows))
    for path in BOARDS:
        text, cells = read(path), rows[os.path.basename(path)]
        board = values(text)
        wanted = ["`%s`" % board[key] for key in ("Device", "Chip")]
        if cells[2:4] != wanted:
            raise Failure("README.md: %s: %r instead of %r" % (path, cells[2:4], wanted))
        names = [re.fullmatch(r"([A-Z]+)_?(\d+)", board[key]) for key in KEYS]
        if cells[4] != "%s %s" % (names[0].group(1), ", ".join(name.group(2) for name in names)):
            raise Failure("README.md: %s: the lines are not %s" % (path, cells[4]))
        if "Levels: " + cells[5] not in text:
            raise Failure("README.md: %s: its level is not %s" % (path, cells[5]))


def each_draws_its_wiring():
    """The comments name the lines that the settings take, and the picture in README.md has those of a Raspberry Pi."""
    picture = read(os.path.join(harness.SRCDIR, "README.md"))
    for path in BOARDS:
        text = read(path)
        for pin, key in zip(PINS, KEYS):
            line = values(text)[key]
            row = re.search(r"^# +%s +(\d+) +(\S+) " % pin, text, re.M)
            if not row or line not in (row.group(2), "SODIMM_" + row.group(1)):
                raise Failure("%s: %s is not drawn as %s" % (path, pin, line))
            if "raspberry-pi" in path and not re.search(r" %s ─.*│ %s +%s " % (pin, line, row.group(1)), picture):
                raise Failure("README.md: the picture does not lead %s to %s, pin %s" % (pin, line, row.group(1)))


harness.run_cases(each_is_right, each_serves_a_module, each_is_in_the_readme, each_draws_its_wiring)
