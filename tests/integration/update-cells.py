#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What RESET, RST, FACTORY_RESET, SLEEP, DISCONNECT, a loss and a restart do to an update, in each state of OTA? (guide 8.2.2):
the real daemon, a real broker, the sandbox's jobs. One table; every cell of it is played."""

import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import harness  # noqa: E402
import jobs  # noqa: E402
from harness import Failure  # noqa: E402

SIZE = 100000
HOST, MODULE = "host-image", "module-image"

# state: kind of job; OTA? in it; OTA? after the happening; whether event 5 follows STARTUP; OTA? after the next CONNECT,
# when there is an event 5 before it; the same when everything has had its time
STATES = {
    0: (None, "0", "0", False, None, "0"),
    1: (MODULE, "1 v1", "0", False, "1 v1", "1 v1"),
    2: (HOST, "2 v1", "0", False, "2 v1", "2 v1"),
    3: (HOST, "3", "3", False, "5 %d" % SIZE, "5 %d" % SIZE),
    4: (MODULE, "4 v1", "4 v1", True, None, "4 v1"),
    5: (HOST, "5 %d" % SIZE, "5 %d" % SIZE, True, None, "5 %d" % SIZE),
}


# What happens: the module is disconnected afterwards. Whether STARTUP is queued; whether the read pointer goes to 0.

def reset(m):
    m.expect("AT+RESET", "OK")


def rst(m):
    since = len(m.log)
    m.drive("RST", "low")
    m.wait_log(rb"RST low: ", since)
    m.drive("RST", "high")
    m.wait_event_level("high")


def factory_reset(m):
    m.expect("AT+FACTORY_RESET", "OK")


def sleep(m):
    m.expect("AT+DISCONNECT", "OK 0 DISCONNECTED")
    m.expect("AT+SLEEP", "OK 0")
    m.expect("AT", "OK")


def disconnect(m):
    m.expect("AT+DISCONNECT", "OK 0 DISCONNECTED")


def loss(m):
    m.broker.take_over(m.pki.thing)
    m.wait_event("3 0 CONLOST")


def restart(m):
    m.restart(signal.SIGKILL)


HAPPENINGS = {
    reset: (True, True), rst: (True, True), factory_reset: (True, True), sleep: (True, False),
    disconnect: (False, False), loss: (False, False), restart: (True, True),
}


def reach(m, state):
    kind, shown = STATES[state][:2]
    if kind is None:
        return None
    name = "job-%d-%d" % (state, len(m.broker.jobs.images))
    key = m.pki.file("ota1.key") if kind == MODULE else None
    m.broker.jobs.create(name, kind, jobs.image(SIZE, state), key=key, version="v1")
    m.wait_event("5 0 OTA")
    if state == 3:
        m.broker.jobs.do_faults({"lose": ["block,after=2"]})
    if state > 2:
        m.expect("AT+OTA ACCEPT", "OK")
    if state > 3:
        m.wait_event("5 0 OTA")
    m.expect("AT+OTA?", "OK " + shown)
    if state > 2:
        m.until(lambda: m.broker.jobs.execution(name)[0] == "IN_PROGRESS", "job in progress")
    if state == 3:
        # Something is there to go on from
        m.until(lambda: m.broker.jobs.faults.show()["rules"][0]["hits"] > 0, "lost block")
    if state == 5:
        m.expect("AT+OTA SEEK 7", "OK 7")
    return name


def nothing_but(m, wanted):
    """These events and no others are queued."""
    for event in wanted:
        m.wait_event(event)
    if m.event() is not None:
        raise Failure("one event too many")


def first_byte(m, name, at):
    byte = m.broker.jobs.images[name][at]
    m.expect("AT+OTA READ 1", "OK 01 %02X %04X" % (byte, byte))


def check_end(m, state, name):
    """The host ends it; the cloud knows."""
    end = {1: "REJECTED", 2: "REJECTED", 3: "SUCCEEDED", 4: "FAILED", 5: "SUCCEEDED"}
    if name is None:
        return
    if state in (3, 5):
        m.expect("AT+OTA SEEK", "OK 0")
        got = b""
        while True:
            words = m.command("AT+OTA READ 2048", note=False).split()
            if words[1:] == [b"0"]:
                break
            got += bytes.fromhex(words[2].decode())
        if got != m.broker.jobs.images[name]:
            raise Failure("other bytes than those of the image")
        m.expect("AT+OTA CLOSE", "OK")
    else:
        m.expect("AT+OTA FLUSH", "OK")
    m.until(lambda: m.broker.jobs.execution(name)[0] == end[state], "job that is " + end[state])


def play(m, state, happening):
    startup, rewinds = HAPPENINGS[happening]
    _, _, after, told, offered, last = STATES[state]
    name = reach(m, state)
    happening(m)
    m.broker.jobs.do_faults({})
    events = ["2 0 STARTUP"] if startup else []
    if told and startup:
        events.append("5 0 OTA")
    nothing_but(m, events)
    m.expect("AT+OTA?", "OK " + after)
    if state == 5:
        first_byte(m, name, 0 if rewinds else 7)
    m.connect()
    if offered:
        m.wait_event("5 0 OTA")
    m.expect("AT+OTA?", "OK " + last)
    check_end(m, state, name)
    nothing_but(m, [])


def cells(state):
    with harness.module(cloud=True) as m:
        m.broker.jobs = jobs.JobService(m.folder, m.pki.thing)
        m.wire("RST")
        m.broker.start()
        m.start()
        m.wait_event("2 0 STARTUP")
        m.connect()
        for happening in HAPPENINGS:
            begin = time.monotonic()
            try:
                play(m, state, happening)
            except Failure as e:
                raise Failure("%s: %s" % (happening.__name__, e)) from None
            print("      %d x %s (%.1f s)" % (state, happening.__name__, time.monotonic() - begin))
        m.stop()


def case(state):
    def run():
        cells(state)
    run.__name__ = "state_%d" % state
    return run


harness.run_cases(*[case(state) for state in STATES])
