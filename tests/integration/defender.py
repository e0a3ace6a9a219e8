#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Reports to Device Defender from the real daemon: what they say, by the schema; over a restart; when they are rejected or
not answered; and that a cloud that does not want them does the host no harm."""

import json
import os
import sys

import jsonschema

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import harness  # noqa: E402
import jobs  # noqa: E402
import peer as peers  # noqa: E402
from ctl import ctl, has, status  # noqa: E402
from gateway import set_clock  # noqa: E402
from harness import Failure  # noqa: E402
from peer import Hangup, Peer  # noqa: E402

CUSTOM = {"BytesOut", "MessagesSent", "MessagesReceived", "HardResetEvent", "ReconnectEvents", "FlashMemoryWrites"}
with open(os.path.join(harness.SRCDIR, "src", "sandbox", "defender.schema.json"), encoding="utf-8") as f:
    SCHEMA = json.load(f)


def defender(m):
    return status(m)["defender"]


def reports(m, count, outcome):
    """So many came to the account; the last one, when the module knows what became of it."""
    m.until(lambda: len(m.broker.jobs.do_reports()) == count, "%d reports" % count)
    m.until(lambda: defender(m)["last"]["outcome"] == outcome, "outcome " + outcome)
    return m.broker.jobs.do_reports()[-1]


def value(report, name):
    return report["custom_metrics"][name][0]["number"]


def check_network(report, port):
    """The broker listens on loopback, and the module is connected with it."""
    metrics = report["metrics"]
    for name in ("listening_tcp_ports", "listening_udp_ports"):
        found = metrics[name]
        if found["total"] < len(found["ports"]) or len(found["ports"]) > 100:
            raise Failure("%s: %r" % (name, found))
    listening = metrics["listening_tcp_ports"]
    if {"port": port, "interface": "lo"} not in listening["ports"] and listening["total"] <= 100:
        raise Failure("the broker on port %d is not among %r" % (port, listening))
    established = metrics["tcp_connections"]["established_connections"]
    ours = [c for c in established["connections"] if c["remote_addr"] == "127.0.0.1:%d" % port]
    if (not ours or ours[0]["local_interface"] != "lo") and established["total"] <= 100:
        raise Failure("the module's connection is not among %r" % established)


def with_account(m):
    m.broker.jobs = jobs.JobService(m.folder, m.pki.thing)
    m.broker.start()
    m.start()
    m.wait_event("2 0 STARTUP")


def no_report(m, count):
    """The present connection brings none: what the host sends, and the cloud has acknowledged, would be behind it."""
    for _ in range(3):
        m.expect("AT+SEND1 x", "OK")
    if len(m.broker.jobs.do_reports()) != count:
        raise Failure("it is too early for another report")


def taken_and_throttled():
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    with harness.module(cloud=True) as m:
        set_clock(m, 0)
        with_account(m)
        m.connect()
        if defender(m) != {"interval": 0, "reports": 0, "last": None}:
            raise Failure("off: %r" % defender(m))
        has(ctl(m, "status"), "^Defender +off$")
        m.expect("AT+CONF Topic1=data", "OK")
        m.expect("AT+SEND1 hello", "OK")
        m.expect("AT+CONF Defender=600", "OK")
        found = reports(m, 1, "accepted")
        first = found["report"]
        jsonschema.validate(first, SCHEMA)
        check_network(first, m.broker.port)
        if set(first["custom_metrics"]) != CUSTOM or "network_stats" in first["metrics"]:
            raise Failure("metrics: %r" % first)
        if value(first, "MessagesSent") < 1 or value(first, "BytesOut") < 5 or value(first, "HardResetEvent") != 1 \
                or value(first, "ReconnectEvents") != 0 or value(first, "FlashMemoryWrites") != 2:
            raise Failure("counted: %r" % first["custom_metrics"])
        got = defender(m)
        if got["interval"] != 600 or got["reports"] != 1 or got["last"]["id"] != first["header"]["report_id"]:
            raise Failure("status: %r" % got)
        has(ctl(m, "status"), "^Defender +every 600 s, report %d accepted$" % got["last"]["id"])
        m.expect("AT+GET", "OK")

        # The key and the number outlive the daemon, and with the number the time that has to be between two reports.
        m.restart()
        m.expect("AT+CONF QoS=1", "OK")
        m.expect("AT+CONF Topic1=data", "OK")
        m.expect("AT+CONNECT", "OK 1 CONNECTED")
        no_report(m, 1)
        if defender(m) != {"interval": 600, "reports": 0, "last": None}:
            raise Failure("after the restart: %r" % defender(m))
        m.expect("AT+DISCONNECT", "OK 0 DISCONNECTED")
        m.expect("AT+CONNECT", "OK 1 CONNECTED")
        no_report(m, 1)

        # The clock leaps while it is off: the account finds the second one too early.
        set_clock(m, 400)
        m.restart()
        m.expect("AT+CONF QoS=1", "OK")
        m.expect("AT+CONF Topic1=data", "OK")
        m.expect("AT+CONNECT", "OK 1 CONNECTED")
        found = reports(m, 2, "rejected")
        jsonschema.validate(found["report"], SCHEMA)
        if found["report"]["header"]["report_id"] <= first["header"]["report_id"]:
            raise Failure("the number does not rise: %r, %r" % (first["header"], found["report"]["header"]))
        last = defender(m)["last"]
        if last["code"] != "Throttled" or "after the last report" not in last["message"]:
            raise Failure("throttled: %r" % last)
        m.wait_log(rb"Device Defender rejects report \d+: Throttled: .* after the last report")
        m.expect("AT+DISCONNECT", "OK 0 DISCONNECTED")
        m.expect("AT+CONNECT", "OK 1 CONNECTED")
        no_report(m, 2)
        m.stop()


def hostile_answers():
    with harness.module(cloud=True) as m:
        with_account(m)
        m.broker.jobs.do_faults({"ignore": ["report"]})
        m.connect()
        m.expect("AT+CONF Defender=300", "OK")
        m.until(lambda: defender(m)["last"], "report")
        number = defender(m)["last"]["id"]
        base = "$aws/things/%s/defender/metrics/json/" % m.pki.thing
        for payload in (b"", b"\0", b"{", b"[" * 100000, b"{}" * 50000, b'{"reportId":1e400}', b'{"reportId":-1}',
                        b'{"reportId":%d' % number, b'{"reportId":%d}' % (number + 1), b"\xff\xfe", b'"\\ud800"'):
            m.broker.observer.publish(base + "accepted", payload)
            m.broker.observer.publish(base + "other", payload)
        m.expect("AT+GET", "OK")
        if defender(m)["last"]["outcome"] != "waiting":
            raise Failure("none of that is an answer: %r" % defender(m))
        wrong = {"statusDetails": {"ErrorCode": "\x1b[31m\n" * 1000, "ErrorMessage": "\u2028%s%n" * 10000}}
        m.broker.observer.publish(base + "rejected", json.dumps(wrong).encode())
        m.until(lambda: defender(m)["last"]["outcome"] == "rejected", "rejected")
        last = defender(m)["last"]
        if not last["code"].startswith("\\x1B[31m\\x0A") or len(last["code"]) > 64 or len(last["message"]) > 128:
            raise Failure("not made printable: %r" % last)
        m.expect("AT+EVENT?", "OK")
        m.stop()


def topics_of_subscribe(body):
    return body[4:4 + int.from_bytes(body[2:4], "big")]


def unwanted():
    """A cloud that refuses the subscription, and AWS IoT, which ends the connection for it."""
    def behaviour(p, kind, _flags, body):
        if kind == peers.SUBSCRIBE and b"/defender/" in topics_of_subscribe(body):
            if p.hangup:
                raise Hangup
            return bytes([peers.SUBACK << 4, 3]) + body[:2] + b"\x80"
        return None
    for hangup in (False, True):
        with harness.module(cloud=True) as m:
            p = Peer(m.pki, behaviour)
            p.hangup = hangup
            m.start()
            m.wait_event("2 0 STARTUP")
            m.expect("AT+CONF Endpoint=localhost:%d" % p.port, "OK")
            m.expect("AT+CONF Defender=1", "OK")
            m.expect("AT+CONNECT", "OK 1 CONNECTED")
            if hangup:
                m.wait_event("3 0 CONLOST")
                # It is too early for another report, so this connection is the host's.
                m.expect("AT+CONNECT", "OK 1 CONNECTED")
                if defender(m)["last"] is not None:
                    raise Failure("nothing was reported: %r" % defender(m))
            else:
                m.until(lambda: defender(m)["last"], "report without a subscription")
                m.wait_log(rb"Subscription to \S+/defender/metrics/json/\+ refused")
            m.expect("AT+CONF Topic1=a", "OK")
            m.expect("AT+CONF QoS=1", "OK")
            m.expect("AT+SEND1 x", "OK")
            m.expect("AT+EVENT?", "OK")
            m.stop()
            p.close()


harness.run_cases(taken_and_throttled, hostile_answers, unwanted)
