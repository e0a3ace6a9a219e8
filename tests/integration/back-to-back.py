#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A thousand SENDs with QoS 1 back to back: none refused, each delivered once, in order. And a pasted script."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import harness  # noqa: E402
from harness import Failure  # noqa: E402


def prepare(m):
    m.broker.start()
    m.start()
    m.wait_event("2 0 STARTUP")
    m.connect()
    m.expect("AT+CONF Topic1=data", "OK")
    m.expect("AT+CONF Topic2=back", "OK")


def check_delivered(m, n, qos):
    for i in range(n):
        got = m.next_publish()
        if (got.topic, got.payload, got.qos) != (b"data", b"message %d" % i, qos):
            raise Failure("message %d: got %r" % (i, got))
    m.cloud_quiet()


def one_by_one(qos=1, n=1000):
    with harness.module(cloud=True) as m:
        prepare(m)
        m.expect("AT+CONF QoS=%d" % qos, "OK")
        for i in range(n):
            m.expect("AT+SEND1 message %d" % i, "OK", note=False)
        check_delivered(m, n, qos)
        m.stop()


def pipelined(qos=1, n=1000):
    """All commands at once: they wait for their turn."""
    with harness.module(cloud=True) as m:
        prepare(m)
        m.expect("AT+CONF QoS=%d" % qos, "OK")
        m.send(b"".join(b"AT+SEND1 message %d\r\n" % i for i in range(n)), note=False)
        for i in range(n):
            got = m.read_line(note=False)
            if got != b"OK":
                raise Failure("SEND %d: got %r" % (i, got))
        check_delivered(m, n, qos)
        m.silence()
        m.stop()


def pipelined_with_qos_0():
    pipelined(0, 5000)


def both_ways():
    """Commands, messages and events at the same time."""
    n = 500
    with harness.module(cloud=True) as m:
        m.settings["Module", "MessageQueue"] = "1000"
        m.settings["Module", "EventQueue"] = "1000"
        prepare(m)
        m.expect("AT+CONF QoS=1", "OK")
        m.expect("AT+SUBSCRIBE2", "OK")
        for i in range(n):
            m.broker.observer.publish(b"back", b"down %d" % i, 1, wait=False)
            m.expect("AT+SEND1 message %d" % i, "OK", note=False)
        check_delivered(m, n, 1)
        for _ in range(n):
            m.wait_event("1 2 MSG")
        for i in range(n):
            m.expect("AT+GET2", "OK down %d" % i, note=False)
        m.expect("AT+GET", "OK")
        m.stop()


def pasted_script():
    """A dialogue pasted into a terminal in one piece: CONNECT, a certificate, all of it."""
    with harness.module(cloud=True) as m:
        m.broker.start()
        m.start()
        certificate = b"\r\n".join(m.pki.pem("hota1"))
        script = [b"AT", b"AT+CONF Endpoint=localhost:%d" % m.broker.port,
                  b"AT+CONF HOTAcertificate=pem\r\n" + certificate, b"AT+CONNECT",
                  b"AT+CONF Topic1=data", b"AT+SUBSCRIBE1", b"AT+CONF QoS=1", b"AT+SEND1 pasted",
                  b"AT+CONF? HOTAcertificate", b"AT+NONSENSE", b"AT+DISCONNECT", b"AT+CONNECT?"]
        answers = [b"OK", b"OK", b"OK", b"OK 1 CONNECTED", b"OK", b"OK", b"OK", b"OK",
                   b"OK " + b"\\A".join(m.pki.pem("hota1")), b"ERR3 COMMAND NOT FOUND", b"OK 0 DISCONNECTED",
                   b"OK 0 1 DISCONNECTED CUSTOMER"]
        for end in (b"\r\n", b"\n", b"\r", b"\n\r", b"\r\n\r\n"):
            m.send(end.join(script) + end)
            for wanted in answers:
                got = m.read_line()
                if got != wanted:
                    raise Failure("expected %r, got %r" % (wanted, got))
            if m.next_publish().payload != b"pasted":
                raise Failure("the message is missing")
            m.silence()
        m.stop()


def slow_host():
    """Byte by byte, and a host that reads byte by byte."""
    with harness.module(cloud=True) as m:
        prepare(m)
        for b in b"AT+SEND1 message 0\r\nAT+CONF? Certificate\r\n":
            m.send(bytes([b]), note=False)
        wanted = b"OK\r\nOK " + b"\\A".join(m.pki.pem("device")) + b"\r\n"
        for b in wanted:
            got = m.read_bytes(1, note=False)
            if got != bytes([b]):
                raise Failure("expected %r, got %r" % (bytes([b]), got))
        check_delivered(m, 1, 0)
        m.stop()


harness.run_cases(one_by_one, pipelined, pipelined_with_qos_0, both_ways, pasted_script, slow_host)
