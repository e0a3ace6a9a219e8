#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the sandbox does wrong on request, and that it does nothing else wrong."""

import base64
import json
import os
import sys
import time
import unittest

from account import Account

IMAGE = os.urandom(64 * 256)


class Faults(Account):
    def setUp(self):
        super().setUp()
        self.stream = self.offer("j", IMAGE)

    def counts(self):
        return [(rule["hits"], rule["seen"]) for rule in self.cloud.ask("faults")["rules"]]

    def received(self, **request):
        """Payloads that come for a request for all blocks."""
        self.thing.send("streams/%s/get/json" % self.stream, {"f": 0, "l": 256, "n": 64, **request})
        return [payload for topic, payload in self.thing.drain() if topic.endswith("/data/json")]

    def numbers(self):
        return [json.loads(payload)["i"] for payload in self.received()]

    def damaged(self):
        """The one block that is not as it should be, and its number, if they can be read."""
        found = []
        for number, payload in enumerate(self.received()):
            try:
                block = json.loads(payload)
                data = base64.b64decode(block["p"], validate=True)
            except ValueError as error:
                found.append((number, type(error).__name__, payload))
                continue
            if block["i"] != number:
                found.append((number, block["i"], data))
            elif data != IMAGE[number * 256:][:256] or block["l"] != len(data):
                found.append((number, block["l"], data))
        self.assertEqual(len(found), 1, found)
        return found[0]

    def test_lose(self):
        self.cloud.fault(lose="block,p=0.25", seed=1)
        first = self.numbers()
        self.assertTrue(30 < len(first) < 62, first)
        self.assertEqual(first, sorted(set(first)))
        self.assertEqual(self.counts(), [(64 - len(first), 64)])
        self.assertNotEqual(self.numbers(), first)
        self.cloud.fault(lose="block,p=0.25", seed=1)
        self.assertEqual(self.numbers(), first)  # the seed decides
        self.cloud.fault(lose="block,p=0.25", seed=2)
        self.assertNotEqual(self.numbers(), first)
        self.cloud.fault()
        self.assertEqual(self.numbers(), list(range(64)))

    def test_which_ones(self):
        self.cloud.fault(lose="block,after=10")
        self.assertEqual(self.numbers(), list(range(10)))
        self.assertEqual(self.numbers(), [])
        self.cloud.fault(lose="streams,after=10,times=3")
        self.assertEqual(self.numbers(), [n for n in range(64) if not 10 <= n < 13])
        self.cloud.fault(lose="block,p=0")
        self.assertEqual(self.numbers(), list(range(64)))

    def test_double(self):
        self.cloud.fault(double="block,times=2")
        self.assertEqual(self.numbers(), [0, 0, 1, 1] + list(range(2, 64)))

    def test_reorder(self):
        self.cloud.fault(reorder="block,times=1")
        self.assertEqual(self.numbers(), [1, 0] + list(range(2, 64)))
        self.cloud.fault(reorder="block,after=63")  # none overtakes the last one, but it comes
        self.received()
        self.assertEqual(self.thing.wait("streams/%s/data/json" % self.stream)["i"], 63)

    def test_delay(self):
        self.cloud.fault(delay="block,ms=300,times=1")
        begun = time.monotonic()
        self.assertEqual(self.numbers(), list(range(1, 64)))
        self.assertEqual(self.thing.wait("streams/%s/data/json" % self.stream)["i"], 0)
        self.assertGreaterEqual(time.monotonic() - begun, 0.3)
        self.cloud.fault(delay="block,ms=1-300,p=0.5", seed=3)
        self.thing.send("streams/%s/get/json" % self.stream, {"f": 0, "l": 256, "n": 64})
        numbers = [self.thing.wait("streams/%s/data/json" % self.stream)["i"] for _ in range(64)]
        self.assertNotEqual(numbers, sorted(numbers))
        self.assertEqual(sorted(numbers), list(range(64)))

    def test_round_trip(self):
        self.cloud.fault(rtt=200)
        begun = time.monotonic()
        self.assertEqual(self.numbers(), list(range(64)))  # in their order, all of them at once
        self.assertGreaterEqual(time.monotonic() - begun, 0.2)
        self.thing.accepted("jobs/j/update", {"status": "IN_PROGRESS"})
        self.assertGreaterEqual(time.monotonic() - begun, 0.4)

    def test_corrupt(self):
        rule = "block,after=5,times=1,what="
        self.cloud.fault(corrupt=rule + "payload")
        number, length, data = self.damaged()
        self.assertEqual((number, length, len(data)), (5, 256, 256))
        self.assertEqual(sum(bin(a ^ b).count("1") for a, b in zip(data, IMAGE[5 * 256:])), 1)
        self.cloud.fault(corrupt=rule + "size")
        self.assertEqual(self.damaged(), (5, 256, IMAGE[5 * 256:][:255]))
        self.cloud.fault(corrupt=rule + "short")
        self.assertEqual(self.damaged(), (5, 255, IMAGE[5 * 256:][:255]))
        self.cloud.fault(corrupt=rule + "index")
        self.assertEqual(self.damaged(), (5, 5 + 98304, IMAGE[5 * 256:][:256]))
        self.cloud.fault(corrupt=rule + "base64")
        number, error, payload = self.damaged()
        self.assertEqual((number, error), (5, "Error"))
        self.assertIn("*", json.loads(payload)["p"])
        self.cloud.fault(corrupt=rule + "json")
        self.assertEqual(self.damaged()[:2], (5, "JSONDecodeError"))
        self.cloud.fault(corrupt="describe,times=1")
        self.thing.send("jobs/$next/get", {})
        topic, payload = self.thing.next()
        self.assertEqual(topic, "jobs/$next/get/accepted")
        self.assertRaises(ValueError, json.loads, payload)

    def test_refuse(self):
        for kind, topic in (("pending", "get"), ("start-next", "start-next"), ("describe", "$next/get"),
                            ("describe", "j/get"), ("update", "j/update"), ("jobs", "j/update")):
            for code in ("RequestThrottled", "VersionMismatch", "InternalError"):
                self.cloud.fault(refuse="%s,code=%s,times=1" % (kind, code))
                answer = self.thing.rejected("jobs/" + topic, {"status": "IN_PROGRESS", "clientToken": "t"})
                self.assertEqual((answer["code"], answer["clientToken"]), (code, "t"))
                self.assertEqual("executionState" in answer, code == "VersionMismatch" and topic.startswith("j/"))
        self.assertEqual(self.cloud.show("j")["executions"][0]["versionNumber"], 1)
        self.thing.accepted("jobs/j/update", {"status": "IN_PROGRESS"})
        for action, kind in (("get", "block"), ("describe", "stream")):
            self.cloud.fault(refuse=kind + ",code=Unauthorized,times=1")
            self.thing.send("streams/%s/%s/json" % (self.stream, action), {"c": "t", "f": 0, "l": 256, "n": 1})
            answer = self.thing.wait("streams/%s/rejected/json" % self.stream)
            self.assertEqual((answer["o"], answer["code"], answer["c"]), ("Unauthorized", "Unauthorized", "t"))

    def test_silence(self):
        """A request that is not looked at; one that is obeyed, but not answered; and nothing that tells of a change."""
        def ask_in_vain(topic, request):
            self.thing.send(topic, request)
            found = [topic for topic, _ in self.thing.drain()]
            self.assertNotIn(topic + "/accepted", found)
            return found

        self.cloud.fault(ignore="update")
        ask_in_vain("jobs/j/update", {"status": "IN_PROGRESS"})
        self.assertEqual(self.cloud.status("j"), "QUEUED")
        self.cloud.fault(lose="update")
        ask_in_vain("jobs/j/update", {"status": "IN_PROGRESS"})
        self.assertEqual(self.cloud.status("j"), "IN_PROGRESS")
        self.cloud.fault(lose="notifications")
        self.assertEqual(ask_in_vain("jobs/j/none", {}), ["jobs/j/none/rejected"])
        self.thing.accepted("jobs/j/update", {"status": "SUCCEEDED"})
        self.assertEqual(self.thing.drain(), [])
        self.cloud.fault(lose="notify-next")
        self.cloud.create("k")
        self.assertEqual([topic for topic, _ in self.thing.drain()], ["jobs/notify"])
        self.cloud.fault(ignore="block")
        self.assertEqual(self.received(), [])

    def test_command(self):
        self.cloud.command("fault", "--lose", "block,p=0.5", "--lose", "notify", "--delay", "all,ms=5-50", "--refuse",
                           "update,code=VersionMismatch,times=1", "--rtt", "7", "--seed", "11")
        self.assertEqual(self.cloud.command("fault"), "seed 11, round trip 7 ms\n--lose block,p=0.5: 0 of 0\n"
                         "--lose notify: 0 of 0\n--delay all,ms=5-50: 0 of 0\n"
                         "--refuse update,code=VersionMismatch,times=1: 0 of 0\n")
        self.assertEqual(len(json.loads(self.cloud.command("fault", "--json"))["rules"]), 4)
        for words, text in (
                (["--lose", "blocks"], "'blocks' is no kind of message: pending, "),
                (["--lose", "block,q=1"], "'q' is none of p, after, times"),
                (["--lose", "block,p=2"], "'2' is no value of p"),
                (["--lose", "block,p=nan"], "'nan' is no value of p"),
                (["--lose", "block,times=-1"], "'-1' is no value of times"),
                (["--delay", "block,ms=9-1"], "'9-1' is no value of ms"),
                (["--corrupt", "block,what=all"], "what can be damaged is payload, size, short, index, base64, json"),
                (["--corrupt", "update,what=size"], "only a block has a size"),
                (["--refuse", "notify"], "that is no request"),
                (["--ignore", "notifications"], "that is no request"),
                (["--refuse", "block,code=TerminalStateReached"], "the codes are InvalidTopic, "),
                (["--rtt", "-1"], "at most 60000 ms")):
            error = self.cloud.command("fault", *words, status=1)
            self.assertIn(text, error)
            self.assertEqual(error.count("\n"), 1)
        self.assertEqual(len(self.counts()), 4)  # what was refused has changed nothing
        self.cloud.command("fault", "--none")
        self.assertEqual(self.cloud.command("fault"), "seed 0, round trip 0 ms\n")


if __name__ == "__main__":
    sys.exit(not unittest.main(exit=False).result.wasSuccessful())
