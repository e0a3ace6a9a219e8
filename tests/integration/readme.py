#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The dialogues about updates that the README prints, with the real sandbox and the real module."""

import os
import re
import shlex
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lib"), os.path.join(HERE, "..", "sandbox")]

import harness  # noqa: E402
import thing  # noqa: E402
from harness import Failure, short  # noqa: E402


def dialogue():
    """The blocks of the README: (mark, text) of each line; "" is what a command prints."""
    with open(os.path.join(harness.SRCDIR, "README.md"), encoding="utf-8") as f:
        blocks = re.findall(r"^    \$ expresslink-sandbox (?:job create|signer).*\n(?:    .*\n)*", f.read(), re.M)
    if len(blocks) != 2:
        raise Failure("two dialogues are expected in the README, not %d" % len(blocks))
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


def update():
    with harness.module() as m:
        cloud = thing.Cloud(os.path.join(m.folder, "sandbox"))
        folder = str(cloud.folder)
        m.settings["Identity", "Certificate"] = folder + "/device/certificate.pem"
        m.settings["Identity", "PrivateKey"] = folder + "/device/private.key.pem"
        m.settings["Cloud", "StagingEndpoint"] = "localhost:%d" % cloud.port
        m.settings["Cloud", "RootCA"] = folder + "/account/staging-root.pem"
        m.settings["OTA", "Certificate"] = folder + "/signers/ota/certificate.pem"
        with open(os.path.join(m.folder, "image.bin"), "wb") as f:
            f.write(bytes(i & 0xff for i in range(1500)))
        m.start()
        m.wait_event("2 0 STARTUP")
        m.expect("AT+CONNECT", "OK 1 CONNECTED")
        printed, answer = [], ""
        for mark, text in dialogue():
            if mark == "$":
                words = shlex.split(text)[1:]
                printed = cloud.command(*words, cwd=m.folder).splitlines()
            elif mark == "":
                compare(text, printed.pop(0))
            elif mark == ">":
                answer = ask(m, text)
            else:
                compare(text, answer)
        m.stop()
        cloud.stop()


harness.run_cases(update)
