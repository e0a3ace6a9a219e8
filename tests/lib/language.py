# SPDX-License-Identifier: Apache-2.0
"""The language of the module, for tests that judge what it says: commands, answers, escapes, topics."""

import re

from harness import Failure, short

MAX_TOPIC = 16

PARAMETER, NO_CONNECTION, RANGE = b"ERR4 PARAMETER ERROR", b"ERR6 NO CONNECTION", b"ERR7 OUT OF RANGE"
UNDEFINED, ACTIVE, SIGNATURE = b"ERR8 PARAMETER UNDEFINED", b"ERR18 ACTIVE CONNECTION", b"ERR23 INVALID SIGNATURE"

ESCAPES = {b"A": b"\n", b"D": b"\r", b"\\": b"\\"}


class Command:
    """One command on its way: bytes, and what the model needs to judge the answer. seconds: it may take so long."""

    def __init__(self, kind, data, args=(), seconds=3):
        self.kind, self.data, self.args, self.seconds = kind, data, args, seconds
        self.said = self.threats = self.sendings = 0
        self.calm = False
        self.underway = ()  # messages that the broker had not taken when this was said

    def __str__(self):
        return short(self.data, 160)


def want(command, answer, *allowed):
    if answer not in allowed:
        raise Failure("%s: %s expected, got %s" % (command, " or ".join(short(a) for a in allowed), short(answer)))


def unescape(data):
    def one(m):
        if m[1] not in ESCAPES:
            raise Failure("an escape that is none: %s in %s" % (short(m[0]), short(data)))
        return ESCAPES[m[1]]
    return re.sub(rb"\\(.?)", one, data, flags=re.S)


def is_text(data):
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return bool(text) and not any(ord(c) < 0x20 or 0x7f <= ord(c) < 0xa0 for c in text)


def is_name(topic):
    return is_text(topic) and b"+" not in topic and b"#" not in topic


def is_filter(topic):
    levels = topic.split(b"/")
    return is_text(topic) and all(b"+" not in x or x == b"+" for x in levels) and \
        all(b"#" not in x for x in levels[:-1]) and (b"#" not in levels[-1] or levels[-1] == b"#")


def matches(pattern, topic):
    if not is_filter(pattern):
        return False
    wanted, got = pattern.split(b"/"), topic.split(b"/")
    if wanted[-1] == b"#":
        wanted, got = wanted[:-1], got[:len(wanted) - 1]
    return len(wanted) == len(got) and all(w in (b"+", g) for w, g in zip(wanted, got))
