# SPDX-License-Identifier: Apache-2.0
"""expresslinkctl, run for a module of the harness."""

import json
import os
import re
import subprocess

import harness
import jsonschema
from harness import Failure

with open(os.path.join(harness.SRCDIR, "src", "control", "status.schema.json"), encoding="utf-8") as schema:
    STATUS = json.load(schema)


def ctl(m, *words, status=0, before=(), program=None):
    """Runs expresslinkctl, or a copy of it, with the module's folders; gives back what it printed."""
    environment = {k: v for k, v in m.environment().items() if k != "LD_PRELOAD"}  # it is for the daemon
    done = subprocess.run([*before, program or harness.program("expresslinkctl"), *words], env=environment, timeout=120,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text = done.stdout.decode(errors="replace")
    if done.returncode != status:
        raise Failure("expresslinkctl %s: exit status %d: %s" % (" ".join(words), done.returncode, text))
    return text


def status(m):
    """As JSON, by its schema."""
    got = json.loads(ctl(m, "status", "--json"))
    jsonschema.validate(got, STATUS)
    return got


def has(text, *patterns):
    for pattern in patterns:
        if not re.search(pattern, text, re.M):
            raise Failure("no %r in\n%s" % (pattern, text))
