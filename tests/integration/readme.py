#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The dialogues about updates that the README prints, with the real sandbox and the real module."""

import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lib"), os.path.join(HERE, "..", "sandbox")]

import harness  # noqa: E402
import otw  # noqa: E402
import thing  # noqa: E402
from harness import Failure, short  # noqa: E402


def dialogue():
    """The blocks of the README that have a command: (mark, text) of each line; "" is what a command prints."""
    with open(os.path.join(harness.SRCDIR, "README.md"), encoding="utf-8") as f:
        blocks = re.findall(r"^    \$ .*\n(?:    .*\n)*", f.read(), re.M)
    if len(blocks) != 3:
        raise Failure("three dialogues are expected in the README, not %d" % len(blocks))
    for line in "".join(blocks).splitlines():
        mark, _, rest = line[4:].partition(" ")
        yield (mark, rest) if mark in ("$", ">", "<") else ("", line[4:])


def compare(wanted, got):
    if not re.fullmatch(re.escape(wanted).replace("…", ".+"), got):
        raise Failure("%s expected, got %s" % (short(wanted.encode()), short(got.encode())))


def ask(m, line):
    """An event may take its time."""
    answers = []

    def answered():
        answers.append(m.command(line).decode())
        return line != "AT+EVENT?" or answers[-1] != "OK"
    m.until(answered, "event")
    return answers[-1]


class Terminal:
    """The second one, after the lines that the quick start's prompt shows."""

    def __init__(self, m):
        self.folder = m.folder
        self.tty = os.readlink(os.path.join(m.runtime, m.name))
        self.environment = dict(os.environ, XDG_DATA_HOME=m.folder, RUNTIME_DIRECTORY=m.runtime)
        self.environment["PATH"] = ":".join([str(thing.BUILD / "src"), str(thing.SOURCE / "src"), os.environ["PATH"]])
        self.printed = []

    def run(self, line):
        self.done()
        self.printed = thing.run("bash", "-c", line.replace("/dev/ttyUSB0", self.tty), cwd=self.folder,
                                 env=self.environment).splitlines()

    def done(self):
        if self.printed:
            raise Failure("not in the README: %s" % self.printed)


def staged(m):
    """As the sandbox's own settings have it."""
    cloud = thing.Cloud(os.path.join(m.folder, "expresslink-sandbox"))
    folder = str(cloud.folder)
    m.settings["Identity", "Certificate"] = folder + "/device/certificate.pem"
    m.settings["Identity", "PrivateKey"] = folder + "/device/private.key.pem"
    m.settings["Cloud", "StagingEndpoint"] = "localhost:%d" % cloud.port
    m.settings["Cloud", "RootCA"] = folder + "/account/staging-root.pem"
    m.settings["OTA", "Certificate"] = folder + "/signers/ota/certificate.pem"
    return cloud


def update():
    with harness.module() as m:
        cloud = staged(m)
        m.start()
        m.wait_event("2 0 STARTUP")
        terminal, answer = Terminal(m), None
        for mark, text in dialogue():
            if mark == "$":
                terminal.run(text)
            elif mark == "":
                compare(text, terminal.printed.pop(0) if terminal.printed else "nothing")
            elif mark == ">":
                answer = ask(m, text)
            else:  # the second answer to AT+OTW comes behind the file
                compare(text, otw.result(m).decode() if answer is None else answer)
                answer = None
        terminal.done()
        m.stop()
        cloud.stop()


harness.run_cases(update)
