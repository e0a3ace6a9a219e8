# SPDX-License-Identifier: Apache-2.0
"""What goes wrong on request: messages lost, doubled, late, out of order or damaged; requests refused or ignored.

Which ones, a generator decides that begins with a seed: the same requests in the same order meet the same faults."""

import base64
import json
import random
import threading

from sandbox.common import Problem
from sandbox.vocabulary import (ACTIONS, DAMAGES, DOWNLOAD, GROUPS, JOB_CODES, KINDS, REPORT_CODES, REQUESTS,
                                SPOILS, STREAM_CODES)

REORDER_SECONDS = 0.2  # a message waits so long for the one that is to overtake it
RTT_LIMIT = 60000


def fraction(text):
    value = float(text)
    if not 0 <= value <= 1:
        raise ValueError
    return value


def count(text):
    if not text.isascii() or not text.isdigit():
        raise ValueError
    return int(text)


def milliseconds(text):
    low, _, high = text.partition("-")
    found = (count(low), count(high or low))
    if found[0] > found[1] or found[1] > RTT_LIMIT:
        raise ValueError
    return found


class Rule:
    """One `--ACTION KIND,key=value...`"""

    READERS = {"p": fraction, "after": count, "times": count, "ms": milliseconds, "what": str, "code": str, "at": count}

    def __init__(self, action, text):
        words = text.split(",")
        self.action, self.text = action, text
        known = (DOWNLOAD,) if action == "spoil" else KINDS + tuple(GROUPS)
        if words[0] not in known:
            raise Problem("%r is no kind of message: %s" % (words[0], ", ".join(known)))
        self.kinds = GROUPS.get(words[0], {words[0]})
        self.values = {"p": 1.0, "after": 0, "times": 0}
        self.values.update({key: self.READERS[key](value) for key, value in ACTIONS[action].items()})
        for word in words[1:]:
            key, _, value = word.partition("=")
            if key not in self.values:
                raise Problem("--%s %s: %r is none of %s" % (action, text, key, ", ".join(self.values)))
            try:
                self.values[key] = self.READERS[key](value)
            except ValueError as error:
                raise Problem("--%s %s: %r is no value of %s" % (action, text, value, key)) from error
        self.check()
        self.seen = self.hits = 0

    def check(self):
        if self.action in ("refuse", "ignore"):
            self.kinds = self.kinds & REQUESTS
            if not self.kinds:
                raise Problem("--%s %s: that is no request" % (self.action, self.text))
        if self.action == "refuse":
            for known, kinds in ((JOB_CODES, GROUPS["jobs"]), (STREAM_CODES, GROUPS["streams"]),
                                 (REPORT_CODES, {"report"})):
                if self.kinds & kinds and self.values["code"] not in known:
                    raise Problem("--refuse %s: the codes are %s" % (self.text, ", ".join(known)))
        if self.action == "spoil" and self.values["what"] not in SPOILS:
            raise Problem("--spoil %s: what can be wrong is %s" % (self.text, ", ".join(SPOILS)))
        if self.action == "corrupt":
            if self.values["what"] not in DAMAGES:
                raise Problem("--corrupt %s: what can be damaged is %s" % (self.text, ", ".join(DAMAGES)))
            if self.values["what"] != "json" and self.kinds != {"block"}:
                raise Problem("--corrupt %s: only a block has a %s" % (self.text, self.values["what"]))

    def strikes(self, kind, dice):
        if kind not in self.kinds:
            return False
        self.seen += 1
        if self.seen <= self.values["after"] or (self.values["times"] and self.hits >= self.values["times"]):
            return False
        if self.values["p"] < 1 and dice.random() >= self.values["p"]:
            return False
        self.hits += 1
        return True

    def show(self):
        return {"action": self.action, "rule": self.text, "seen": self.seen, "hits": self.hits}


def damage(payload, what, dice):
    """The payload, wrong in this respect and right in all others."""
    if what == "json":
        return payload[:max(1, dice.randrange(len(payload)))]
    block = json.loads(payload)
    data = bytearray(base64.b64decode(block["p"]))
    if what == "payload":
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    elif what in ("size", "short"):
        data = data[:-1]
        block["l"] = len(data) + (what == "size")
    elif what == "index":
        block["i"] += 98304  # beyond every file
    block["p"] = base64.b64encode(data).decode()
    if what == "base64":
        at = dice.randrange(len(block["p"]))
        block["p"] = block["p"][:at] + "*" + block["p"][at + 1:]
    return json.dumps(block, separators=(",", ":")).encode()


class Faults:
    def __init__(self):
        self.lock = threading.Lock()
        self.set({}, 0, 0)

    def set(self, rules, seed, rtt):
        """All rules anew; {action: [text, ...]}"""
        made = [Rule(action, text) for action in ACTIONS for text in rules.get(action) or ()]
        if not 0 <= rtt <= RTT_LIMIT:
            raise Problem("a round trip takes at most %d ms" % RTT_LIMIT)
        with self.lock:
            self.rules, self.seed, self.rtt, self.dice = made, seed, rtt, random.Random(seed)

    def show(self):
        return {"seed": self.seed, "rtt": self.rtt, "rules": [rule.show() for rule in self.rules]}

    def struck(self, action, kind):
        """The first rule of that action that strikes now."""
        for rule in self.rules:
            if rule.action == action and rule.strikes(kind, self.dice):
                return rule
        return None

    def request(self, kind):
        """Before a request is looked at: (whether to ignore it, the code to refuse it with)."""
        if not self.rules:
            return False, None
        with self.lock:
            if self.struck("ignore", kind):
                return True, None
            rule = self.struck("refuse", kind)
            return False, rule.values["code"] if rule else None

    def download(self):
        """What goes wrong with a download, or None."""
        if not self.rules:
            return None
        with self.lock:
            return self.struck("spoil", DOWNLOAD)

    def message(self, kind, payload):
        """What becomes of a message: a list of (seconds, payload), and whether the next one overtakes it."""
        seconds = self.rtt / 1000
        if not self.rules:
            return [(seconds, payload)], False
        with self.lock:
            if self.struck("lose", kind):
                return [], False
            rule = self.struck("corrupt", kind)
            if rule:
                payload = damage(payload, rule.values["what"], self.dice)
            copies = [payload, payload] if self.struck("double", kind) else [payload]
            found = []
            for copy in copies:
                rule = self.struck("delay", kind)
                late = self.dice.uniform(*rule.values["ms"]) / 1000 if rule else 0
                found.append((seconds + late, copy))
            return found, bool(self.struck("reorder", kind))
