#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""SIGKILL at random moments while the host writes the configuration: what was answered OK is there afterwards, and what
was not is either wholly there or not at all. Argument or TEST_KILLS: how many kills (30)."""

import os
import random
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import harness  # noqa: E402
from harness import Failure  # noqa: E402

KILLS = int(os.environ.get("TEST_KILLS", "30"))


def value(m, key):
    got = m.command("AT+CONF? " + key)
    if not got.startswith(b"OK"):
        raise Failure("%s: %r" % (key, got))
    return got[3:]


def one_life(m, r, known, serial):
    """Writes on without waiting, is killed somewhere, and looks what is there. known: key -> acknowledged value."""
    order = []
    for _ in range(60):
        serial += 1
        if serial % 20 == 0:
            order.append((None, None))
            m.send(b"AT+FACTORY_RESET\r", note=False)
            continue
        key = r.choice(["CustomName", "Endpoint", "SSID", "Defender"])
        text = {"CustomName": b"name %d %s" % (serial, b"x" * r.randrange(100)), "Endpoint": b"e%d.example" % serial,
                "SSID": b"ssid %d" % serial, "Defender": b"%d" % (300 + serial)}[key]
        order.append((key, text))
        m.send(b"AT+CONF %s=%s\r" % (key.encode(), text), note=False)
    end = time.monotonic() + r.random() * 0.15
    while time.monotonic() < end:
        m.pump(max(0, end - time.monotonic()))
    m.process.send_signal(signal.SIGKILL)
    m.wait_exit()
    answers = bytes(m.input).split(b"\r\n")[:-1]
    if any(a != b"OK" for a in answers):
        raise Failure("answers: %r" % answers)
    m.close_line()
    possible = [dict(known)]
    for n, (key, text) in enumerate(order):
        state = dict(possible[-1])
        if key is None:
            state = dict(FACTORY)
        else:
            state[key] = text
        if n < len(answers):
            possible = [state]
        else:
            possible.append(state)  # not acknowledged: may be there or not
    m.start()
    found = {key: value(m, key) for key in FACTORY}
    if found not in possible:
        raise Failure("after %d acknowledged of %d: %r, expected %r or one of %d later ones"
                      % (len(answers), len(order), found, possible[0], len(possible) - 1))
    return found, serial, len(answers)


FACTORY = {"CustomName": b"", "Endpoint": b"staging.example", "SSID": b"Workshop", "Defender": b"0"}


def acknowledged_is_durable():
    seed = int(os.environ.get("TEST_SEED", "0")) or random.randrange(1 << 30)
    print("seed %d" % seed)
    r = random.Random(seed)
    with harness.module() as m:
        m.settings["Network", "Type"] = "wifi"
        m.settings["Network", "DefaultSSID"] = "Workshop"
        m.settings["Log", "Level"] = "info"
        m.start()
        known, serial, total = dict(FACTORY), 0, 0
        for _ in range(KILLS):
            known, serial, n = one_life(m, r, known, serial)
            total += n
        print("%d kills, %d writes acknowledged" % (KILLS, total))
        leftover = [n for n in os.listdir(m.state) if not n.startswith("dictionary")]
        if leftover:
            raise Failure("temporary files are left: %r" % leftover)
        m.stop()


if len(sys.argv) > 1 and sys.argv[1].isdigit():
    KILLS = int(sys.argv.pop(1))
harness.run_cases(acknowledged_is_durable)
