#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Identities and servers that do not do: expired, foreign, unknown to the other side. Each gets its hint, and the
module works on."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import harness  # noqa: E402
from harness import Failure  # noqa: E402


def refused(m, hint):
    m.expect("AT+CONF Endpoint=localhost:%d" % m.broker.port, "OK")
    got = m.command("AT+CONNECT")
    text = b"ERR14 %d UNABLE TO CONNECT " % hint
    if not got.startswith(text) or not 0 < len(got) - len(text) <= 64:
        raise Failure("%r and a detail of up to 64 bytes expected, got %r" % (text, got))
    m.expect("AT+CONNECT?", "OK 0 1 DISCONNECTED CUSTOMER")
    m.wait_event("2 0 STARTUP")
    m.expect("AT+EVENT?", "OK")


def with_device(name, hint):
    with harness.module(cloud=True) as m:
        m.settings["Identity", "Certificate"] = m.pki.file(name + ".crt")
        m.settings["Identity", "PrivateKey"] = m.pki.file(name + ".key")
        m.broker.start()
        m.start()
        m.expect("AT+CONF? Certificate", b"OK " + b"\\A".join(m.pki.pem(name)))
        refused(m, hint)
        m.stop()


def expired_device():
    """The server refuses it in the handshake."""
    with_device("device-expired", 4)


def foreign_device():
    with_device("device-foreign", 4)


def with_server(mode):
    with harness.module(cloud=True) as m:
        m.broker.start(mode)
        m.start()
        refused(m, 4)
        # repaired: the next one succeeds
        m.broker.stop()
        m.broker.start()
        m.expect("AT+RESET", "OK")
        m.connect()
        m.stop()


def expired_server():
    with_server("expired")


def untrusted_server():
    with_server("untrusted")


def wrong_name():
    with_server("wrong-name")


def every_mode_in_turn():
    """Twenty failures of all kinds and then a success: nothing sticks."""
    with harness.module(cloud=True) as m:
        m.start()
        m.expect("AT+CONF Endpoint=localhost:%d" % m.broker.port, "OK")
        hints = {"expired": 4, "untrusted": 4, "wrong-name": 4, "distrusts-module": 4, "refuse-login": 5, None: 3}
        for mode, hint in list(hints.items()) * 3:
            if mode:
                m.broker.start(mode)
            got = m.command("AT+CONNECT")
            if not got.startswith(b"ERR14 %d UNABLE TO CONNECT " % hint):
                raise Failure("%s: hint %d expected, got %r" % (mode, hint, got))
            m.broker.stop()
            m.expect("AT+RESET", "OK")
            m.broker.start()
            m.expect("AT+CONNECT", "OK 1 CONNECTED")
            m.expect("AT+DISCONNECT", "OK 0 DISCONNECTED")
            m.broker.stop()
        m.stop()


harness.run_cases(expired_device, foreign_device, expired_server, untrusted_server, wrong_name, every_mode_in_turn)
