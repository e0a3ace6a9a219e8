#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The sandbox's MQTT-based file delivery, seen by a thing: descriptions, blocks, every refusal."""

import base64
import json
import os
import sys
import unittest

from account import Account

BIG = os.urandom(300 * 1024 + 77)
SMALL = os.urandom(700)


class Streams(Account):
    def setUp(self):
        super().setUp()
        self.stream = self.offer("j", BIG, SMALL)

    def send(self, request, action="get", stream=None, encoding="json"):
        self.thing.send("streams/%s/%s/%s" % (stream or self.stream, action, encoding), request)

    def answers(self):
        """What comes until a request made now is answered: [(last levels of the topic, payload)]"""
        self.send({"c": "end"}, "describe", "none")
        found = []
        while True:
            topic, payload = self.thing.next()
            levels = topic.split("/")
            if levels[1] == "none":
                return found
            self.assertEqual(levels[:2], ["streams", self.stream])
            found.append(("/".join(levels[2:]), payload))

    def blocks(self, **request):
        """The blocks that are the answer: {number: bytes}, in the order in which they came."""
        request = {"f": 0, "l": 4096, **request}
        self.send(request)
        found = {}
        for topic, payload in self.answers():
            self.assertEqual(topic, "data/json", payload)
            block = json.loads(payload)
            self.assertEqual(block.pop("c", None), request.get("c"))
            self.assertEqual(set(block), {"f", "l", "i", "p"})
            self.assertEqual(block["f"], request["f"])
            data = base64.b64decode(block["p"], validate=True)
            self.assertEqual(block["l"], len(data))
            self.assertNotIn(block["i"], found)
            found[block["i"]] = data
        return found

    def refused(self, code, request, action="get", stream=None):
        self.stream, kept = stream or self.stream, self.stream
        self.send(request, action)
        found = self.answers()
        self.stream = kept
        self.assertEqual([topic for topic, _ in found], ["rejected/json"], request)
        answer = json.loads(found[0][1])
        self.assertEqual((answer["o"], answer["m"]), (answer["code"], answer["message"]))
        self.assertEqual(answer.get("c"), answer.get("clientToken"))
        self.assertEqual(answer["o"], code, (request, answer))
        return answer

    def test_describe(self):
        for request in ({"c": "token"}, {}):
            self.send(request, "describe")
            (topic, payload), = self.answers()
            self.assertEqual(topic, "description/json")
            self.assertEqual(json.loads(payload), {**request, "s": 1, "d": "of j", "r": [
                {"f": 0, "z": len(BIG)}, {"f": 1, "z": len(SMALL)}]})

    def test_numbered(self):
        self.assertEqual(self.blocks(o=2, n=3, s=1, c="rdy \"ü\""), {n: BIG[n * 4096:][:4096] for n in (2, 3, 4)})
        self.assertEqual(list(self.blocks(o=2, n=3)), [2, 3, 4])
        self.assertEqual(self.blocks(o=75, n=1), {75: BIG[-77:]})
        self.assertEqual(self.blocks(n=1), {0: BIG[:4096]})
        self.assertEqual(self.blocks(f=1, l=256, n=3), {0: SMALL[:256], 1: SMALL[256:512], 2: SMALL[512:]})
        self.assertEqual(self.blocks(f=1, l=4096, n=1), {0: SMALL})

    def test_limit_of_one_answer(self):
        self.assertEqual(list(self.blocks(n=70)), list(range(32)))      # 128 KiB
        self.assertEqual(list(self.blocks(o=40)), list(range(40, 72)))  # and so many without a number
        self.assertEqual(list(self.blocks(l=50000, n=5)), [0, 1])
        self.assertEqual(list(self.blocks(l=98000, n=3)), [0])
        self.assertEqual(len(self.blocks(l=256, n=1000)), 512)

    def test_bitmap(self):
        """The example in the developer guide, "Build a bitmap for a GetStream request"."""
        wanted = {n: BIG[n * 256:][:256] for n in (20, 21, 24, 43)}
        self.assertEqual(self.blocks(l=256, o=20, n=32, b="0x130080"), wanted)
        self.assertEqual(self.blocks(l=256, o=20, b="0x130080"), wanted)
        self.assertEqual(list(self.blocks(l=256, o=20, n=3, b="0x130080")), [20, 21, 24])
        self.assertEqual(list(self.blocks(l=256, b="0x" + "Ff" * 150)), list(range(512)))
        self.assertEqual(list(self.blocks(f=1, l=256, b="0x0400")), [2])
        self.assertEqual(list(self.blocks(f=1, l=256, o=1, b="0x03")), [1, 2])

    def test_refusals(self):
        good = {"f": 0, "l": 4096, "o": 0, "n": 1}
        for code, change in (
                ("VersionMismatch", {"s": 2}), ("VersionMismatch", {"s": 0}),
                ("InvalidRequest", {"s": -1}), ("InvalidRequest", {"s": 65536}), ("InvalidRequest", {"s": "1"}),
                ("ResourceNotFound", {"f": 2}), ("ResourceNotFound", {"f": 255}), ("InvalidRequest", {"f": 256}),
                ("InvalidRequest", {"f": -1}), ("InvalidRequest", {"f": None}), ("InvalidRequest", {"f": "0"}),
                ("BlockSizeOutOfBounds", {"l": 255}), ("BlockSizeOutOfBounds", {"l": 131073}),
                ("BlockSizeOutOfBounds", {"l": 131072}),  # as base64 it is longer than a message
                ("InvalidRequest", {"l": None}), ("InvalidRequest", {"l": 4096.5}), ("InvalidRequest", {"l": True}),
                ("OffsetOutOfBounds", {"o": 98305}), ("OffsetOutOfBounds", {"o": -1}),
                ("InvalidRequest", {"o": 76}), ("InvalidRequest", {"o": 75, "n": 2}), ("InvalidRequest", {"n": 98304}),
                ("InvalidRequest", {"f": 1, "n": None}),
                ("BlockCountLimitExceeded", {"n": 98305}), ("BlockCountLimitExceeded", {"n": -1}),
                ("BlockBitmapLimitExceeded", {"b": "0x" + "01" * 12288}),
                ("InvalidRequest", {"b": "0x" + "01" * 12287}),
                ("InvalidRequest", {"b": "13"}), ("InvalidRequest", {"b": "0x1"}), ("InvalidRequest", {"b": "0x"}),
                ("InvalidRequest", {"b": "0xzz"}), ("InvalidRequest", {"b": [1]}), ("InvalidRequest", {"b": "0x0000"}),
                ("InvalidRequest", {"o": 75, "b": "0x02"})):
            self.assertEqual(self.refused(code, {"c": "t", **good, **change}).get("c"), "t")
            self.assertNotIn("c", self.refused(code, {**good, **change}))
        for action in ("get", "describe"):
            for payload in (b"", b"{", b"[]", b"7", b"\xff", b'{"f":NaN}', b"[" * 100000):
                self.refused("InvalidJson", payload, action)
            for token in ("x" * 65, 7, []):
                self.assertNotIn("c", self.refused("InvalidRequest", {**good, "c": token}, action))
            self.assertEqual(self.refused("ResourceNotFound", {**good, "c": "x" * 64}, action, "other")["c"], "x" * 64)
        self.assertEqual(list(self.blocks()), list(range(32)))  # still there

    def test_other_encodings(self):
        for action in ("get", "describe"):
            self.send(b"\xa1\x61\x63\x63rdy", action, encoding="cbor")
            (topic, payload), = self.answers()
            self.assertEqual(topic, "rejected/cbor")
            self.assertTrue(payload.startswith(b"\xbfdcodekInvalidCboraokInvalidCborgmessagex"), payload)
            self.assertTrue(payload.endswith(b"\xff"))
            self.send({}, action, encoding="xml")
            (topic, payload), = self.answers()
            self.assertEqual((topic, json.loads(payload)["o"]), ("rejected/json", "InvalidTopic"))

    def test_life(self):
        self.thing.accepted("jobs/j/update", {"status": "SUCCEEDED"})
        self.thing.drain()
        self.assertEqual(list(self.blocks(n=1)), [0])  # the stream is there as long as the job is known
        self.cloud.ask("delete", job_id="j")
        self.refused("ResourceNotFound", {"f": 0, "l": 4096, "n": 1})


if __name__ == "__main__":
    sys.exit(not unittest.main(exit=False).result.wasSuccessful())
