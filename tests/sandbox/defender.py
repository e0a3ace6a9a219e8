#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the sandbox says of reports to Device Defender."""

import copy
import json
import sys
import time
import unittest

from account import Account
from sandbox.defender import KEPT, Defender

# AWS's developer guide has this one.
SMALLEST = {"header": {"report_id": 1530304554, "version": "1.0"}, "custom_metrics": {"BytesOut": [{"number": 123}]}}
LARGEST = {
    "header": {"report_id": 1530304554, "version": "1.0"},
    "metrics": {
        "listening_tcp_ports": {"ports": [{"interface": "eth0", "port": 24800}, {"port": 22}], "total": 3},
        "listening_udp_ports": {"ports": [{"interface": "eth0", "port": 5353}], "total": 1},
        "network_stats": {"bytes_in": 29358693495, "bytes_out": 26485035, "packets_in": 10013573555,
                          "packets_out": 11382615},
        "tcp_connections": {"established_connections": {"connections": [
            {"local_interface": "eth0", "local_port": 80, "remote_addr": "192.168.0.1:8000"},
            {"remote_addr": "[2001:db8::1]:443"}], "total": 2}},
    },
    "custom_metrics": {"A": [{"number": 1}], "b:_-": [{"number_list": [1, 2.5]}], "C": [{"string_list": ["x"]}],
                       "D": [{"ip_list": ["172.0.0.0", "::1"]}]},
}
WRONG = (
    ("header", None), ("header/report_id", "1530304554"), ("header/report_id", 0), ("header/report_id", 1.5),
    ("header/version", "1.1"), ("header/version", 1.0), ("header/other", 1), ("other", {}),
    ("metrics", []), ("metrics", {}), ("metrics/tp", {}), ("metrics/listening_tcp_ports/ports/0/port", 65536),
    ("metrics/listening_tcp_ports/ports/0/port", "80"), ("metrics/listening_tcp_ports/total", -1),
    ("metrics/network_stats/bytes_in", -1), ("metrics/network_stats/bytes_in", 1.5),
    ("metrics/tcp_connections/established_connections/connections/0/remote_addr", "2001:db8::1:443"),
    ("metrics/tcp_connections/established_connections/connections/0/remote_addr", None),
    ("custom_metrics/A", 1), ("custom_metrics/A", {"number": 1}), ("custom_metrics/A", []),
    ("custom_metrics/A", [{"number": 1}, {"number": 2}]), ("custom_metrics/A/0/number", "1"),
    ("custom_metrics/A/0/number_list", [1]), ("custom_metrics/Bytes Out", [{"number": 1}]),
    ("custom_metrics/" + 129 * "x", [{"number": 1}]),
)


def changed(path, value):
    """The largest one with another value there; None: without it."""
    report = copy.deepcopy(LARGEST)
    at, levels = report, [int(level) if level.isdigit() else level for level in path.split("/")]
    for level in levels[:-1]:
        at = at[level]
    if value is None:
        del at[levels[-1]]
    else:
        at[levels[-1]] = value
    return report


class Reports(unittest.TestCase):
    def setUp(self):
        self.now = 1.8e9
        self.defender = Defender(clock=lambda: self.now)

    def answer(self, report, thing="t", **more):
        payload = report if isinstance(report, bytes) else json.dumps(report).encode()
        verdict, answer = self.defender.answer(thing, payload, **more)
        answer = json.loads(answer)
        self.assertEqual(answer["status"], verdict.upper())
        self.assertEqual(answer["thingName"], thing)
        self.assertEqual(answer["timestamp"], int(self.now * 1000))
        self.assertEqual(set(answer), {"thingName", "status", "timestamp",
                                       "reportId" if verdict == "accepted" else "statusDetails"})
        return answer["reportId"] if verdict == "accepted" else answer["statusDetails"]["ErrorCode"]

    def test_form(self):
        self.assertEqual(self.answer(SMALLEST), 1530304554)
        self.assertEqual(self.answer(LARGEST, "u"), 1530304554)
        for path, value in WRONG:
            with self.subTest(path=path, value=value):
                self.assertEqual(self.answer(changed(path, value), "v"), "InvalidPayload")
        for payload in (b"", b"{", b"[]", b"\xff", b"null", b'{"header":NaN}', b"[" * 100000,
                        json.dumps(SMALLEST).encode() + b" " * 131072):
            self.assertEqual(self.answer(payload, "v"), "InvalidPayload")
        self.assertEqual(self.answer({"header": SMALLEST["header"]}, "v"), "InvalidPayload")
        self.assertEqual(self.answer(LARGEST, "v"), 1530304554)

    def numbered(self, number, **more):
        return self.answer({**SMALLEST, "header": {"report_id": number, "version": "1.0"}}, **more)

    def test_number_and_time(self):
        self.assertEqual(self.numbered(5), 5)
        self.assertEqual(self.numbered(6, thing="u"), 6)
        self.now += 290
        self.assertEqual(self.numbered(6), "Throttled")
        self.now += 10
        self.assertEqual(self.numbered(5), "InvalidPayload")
        self.assertEqual(self.numbered(4), "InvalidPayload")
        self.assertEqual(self.numbered(6), 6)
        self.assertEqual(self.numbered(7), "Throttled")

    def test_refused_and_kept(self):
        self.assertEqual(self.numbered(5, refusal="InternalError"), "InternalError")
        self.assertEqual(self.numbered(5), 5)
        for _ in range(2 * KEPT):
            self.now += 1
            self.numbered(6)
        found = self.defender.show()
        self.assertEqual(len(found), KEPT)
        self.assertEqual(found[-1]["statusDetails"]["ErrorCode"], "Throttled")
        self.assertEqual(found[-1]["at"], self.now)


class OverMqtt(Account):
    options = ("--minute", "0.01")

    def test_over_mqtt(self):
        report = dict(SMALLEST, header={"report_id": 1, "version": "1.0"})
        answer = self.thing.accepted("defender/metrics/json", report)
        self.assertEqual(answer["reportId"], 1)
        self.assertLess(abs(answer["timestamp"] - time.time() * 1000), 60000)
        answer = self.thing.rejected("defender/metrics/json", report)
        self.assertEqual(answer["statusDetails"]["ErrorCode"], "InvalidPayload")
        self.cloud.fault(refuse="report,code=Throttled")
        answer = self.thing.rejected("defender/metrics/json", report)
        self.assertEqual(answer["statusDetails"], {"ErrorCode": "Throttled", "ErrorMessage": "Refused on request."})
        self.cloud.fault(ignore="report")
        self.thing.send("defender/metrics/json", report)
        self.assertEqual(self.thing.drain(), [])
        self.cloud.fault()
        self.thing.rejected("defender/metrics/json", "no JSON")
        lines = self.cloud.command("defender").splitlines()
        self.assertEqual(len(lines), 4, lines)
        self.assertRegex(lines[0], r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  %s  1  ACCEPTED$" % self.thing.name)
        self.assertRegex(lines[1], "  1  REJECTED  InvalidPayload report_id 1 does not rise above 1$")
        self.assertRegex(lines[3], "  None  REJECTED  InvalidPayload Malformed metrics report$")
        found = json.loads(self.cloud.command("defender", "--json"))
        self.assertEqual([one["status"] for one in found], ["ACCEPTED", "REJECTED", "REJECTED", "REJECTED"])
        self.assertEqual(found[0]["report"], report)
        self.assertIn("the codes are", self.cloud.command("fault", "--refuse", "report,code=Nonsense", status=1))


if __name__ == "__main__":
    sys.exit(not unittest.main(exit=False).result.wasSuccessful())
