#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Ten thousand messages in a burst, of 0 bytes to 128 KiB: bounded queues, OVERRUN, and the next command works."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import harness  # noqa: E402
from harness import Failure  # noqa: E402


def prepare(m, **settings):
    for key, value in settings.items():
        m.settings["Module", key] = value
    m.broker.start()
    m.start()
    m.wait_event("2 0 STARTUP")
    m.connect()
    m.expect("AT+CONF Topic1=data", "OK")
    m.expect("AT+CONF Topic2=marker", "OK")
    m.expect("AT+CONF QoS=1", "OK")
    m.expect("AT+SUBSCRIBE1", "OK")


def publish(m, payloads, qos):
    """While it lasts the host goes on with its work."""
    last = None
    for i, payload in enumerate(payloads):
        last = m.broker.observer.publish(b"data", payload, qos, wait=False)
        if i % 500 == 0:
            m.expect("AT", "OK", note=False)
    last.wait_for_publish(harness.DEADLINE)
    m.broker.observer.round_trips()
    # confirmed behind everything that the broker had for the module
    m.expect("AT+SEND2 marker", "OK")


def resident_kib(m):
    with open("/proc/%d/status" % m.process.pid) as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


def ten_thousand(qos):
    with harness.module(cloud=True) as m:
        prepare(m, MessageQueue=64, EventQueue=200)
        before = resident_kib(m)
        publish(m, [b"message %d" % i for i in range(10000)], qos)
        events = []
        while True:
            e = m.event()
            if e is None:
                break
            events.append(e)
        if events != [b"1 1 MSG"] * 65 + [b"4 0 OVERRUN data"]:
            raise Failure("65 MSG and an OVERRUN expected, got %d: %r ..." % (len(events), events[-3:]))
        for i in range(64):
            m.expect("AT+GET1", b"OK message %d" % i, note=False)
        m.expect("AT+GET1", "OK")
        if not harness.is_instrumented() and resident_kib(m) > before + 4096:
            raise Failure("memory grew from %d to %d KiB" % (before, resident_kib(m)))
        # and works on
        m.broker.observer.publish(b"data", b"after", 1)
        m.wait_event("1 1 MSG")
        m.expect("AT+GET", "OK1 data")
        if m.read_line() != b"after":
            raise Failure("the message after the burst is wrong")
        m.silence()
        m.stop()


def ten_thousand_with_qos_0():
    ten_thousand(0)


def ten_thousand_with_qos_1():
    ten_thousand(1)


def of_128_kib():
    """Hundred messages of 128 KiB: two fit into 256 KiB less their topics, so one does."""
    size = 128 * 1024
    with harness.module(cloud=True) as m:
        prepare(m, MessageBytes="1M", EventQueue=200)
        publish(m, [b"%03d" % i + b"x" * (size - 3) for i in range(100)], 1)
        got = 0
        while True:
            line = m.command("AT+GET1", note=False)
            if line == b"OK":
                break
            if line != b"OK %03d" % got + b"x" * (size - 3):
                raise Failure("message %d is not whole: %d bytes" % (got, len(line)))
            got += 1
        if got != 7:  # 8 of them with their topics are more than 1 MiB
            raise Failure("7 messages of 128 KiB expected in 1 MiB, got %d" % got)
        events = []
        while True:
            e = m.event()
            if e is None:
                break
            events.append(e)
        if events != [b"1 1 MSG"] * 8 + [b"4 0 OVERRUN data"]:
            raise Failure("got %r" % events)
        m.stop()


def of_nothing():
    """Empty messages: each has an event, and GET shows each."""
    with harness.module(cloud=True) as m:
        prepare(m, MessageQueue=100, EventQueue=200)
        publish(m, [b""] * 100, 1)
        for _ in range(100):
            m.wait_event("1 1 MSG")
        for _ in range(100):
            m.expect("AT+GET", "OK1 data", note=False)
            if m.read_line(note=False) != b"":
                raise Failure("an empty line expected")
        m.expect("AT+GET", "OK")
        m.stop()


def many_topics():
    """Bursts on sixteen topics at once stay in order."""
    with harness.module(cloud=True) as m:
        prepare(m, MessageQueue=2000, EventQueue=4000)
        for i in range(3, 17):
            m.expect("AT+CONF Topic%d=t/%d" % (i, i), "OK")
            m.expect("AT+SUBSCRIBE%d" % i, "OK")
        for n in range(100):
            for i in range(3, 17):
                m.broker.observer.publish(b"t/%d" % i, b"%d.%d" % (i, n), 1, wait=False)
        m.broker.observer.publish(b"t/3", b"last", 1)
        m.expect("AT+SEND2 marker", "OK")
        for i in range(16, 2, -1):
            for n in range(100):
                m.expect("AT+GET%d" % i, b"OK %d.%d" % (i, n), note=False)
        m.expect("AT+GET", "OK1 t/3")
        if m.read_line() != b"last":
            raise Failure("the last one is missing")
        m.expect("AT+GET", "OK")
        m.stop()


harness.run_cases(ten_thousand_with_qos_0, ten_thousand_with_qos_1, of_128_kib, of_nothing, many_topics)
