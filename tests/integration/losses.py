#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every way in which a connection ends that nobody wished: CONLOST in bounded time and once, CONNECT? that tells the
truth, no processor time burnt, and a new connection when the weather is good again. And what was in flight: a SEND that
was answered OK is in the cloud, whatever happened then."""

import os
import random
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import harness  # noqa: E402
import peer as peers  # noqa: E402
from gateway import CPU_LIMIT, HOST, cpu_seconds, site  # noqa: E402
from harness import Failure  # noqa: E402
from network import CLOUD, CLOUD_TOO  # noqa: E402
from parallel import case, run_at_once  # noqa: E402
from peer import Hangup, Peer  # noqa: E402

KEEP_ALIVE = 30
SILENT = 1.5 * KEEP_ALIVE  # seconds until a silent connection is found dead
CLOSED = 1                 # a closed one: at once
ANSWER = 20                # until an acknowledgement is given up


def prepare(s):
    """A real broker behind a proxy."""
    s.m.settings["Cloud", "KeepAlive"] = str(KEEP_ALIVE)
    s.m.broker.start()
    s.weather = s.proxy(s.m.broker.port)
    s.start()
    s.m.expect("AT+CONF QoS=1", "OK")
    s.m.expect("AT+CONF Topic1=weather", "OK")
    s.connects()


def truth_after_loss(s):
    s.m.expect("AT+CONNECT?", "OK 0 1 DISCONNECTED CUSTOMER")
    s.m.expect("AT+EVENT?", "OK 3 0 CONLOST")
    s.m.expect("AT+EVENT?", "OK")
    s.m.expect("AT+SEND1 x", "ERR6 NO CONNECTION")
    s.m.silence()


def good_again(s):
    s.connects()
    s.m.broker.observer.round_trips()
    s.m.broker.seen.clear()
    s.m.expect("AT+SEND1 good again", "OK")
    got = s.m.next_publish()
    if got.topic != b"weather" or got.payload != b"good again":
        raise Failure("SEND: the cloud got %r" % (got,))
    s.m.expect("AT+EVENT?", "OK")
    s.m.expect("AT+CONNECT?", "OK 1 1 CONNECTED CUSTOMER")
    s.m.silence()


def notices(s, within):
    """The EVENT pin tells that the connection is lost; meanwhile nothing is done."""
    start, before = time.monotonic(), cpu_seconds(s.m.process.pid)
    s.m.until(lambda: s.m.event_level() == "high", "CONLOST", within + harness.DEADLINE)
    took, cost = time.monotonic() - start, cpu_seconds(s.m.process.pid) - before
    if took > within + 5:  # for a busy machine
        raise Failure("CONLOST after %.1f s" % took)
    if cost >= CPU_LIMIT * (20 if harness.is_instrumented() else 1):
        raise Failure("%.2f s of CPU time while the loss was not noticed" % cost)
    print("%.2f s," % took, end=" ")


def loss(within):
    """A case; the function breaks the connection and returns what mends it, or None."""
    def register(breaks):
        def run():
            with site() as s:
                prepare(s)
                mend = breaks(s)
                notices(s, within)
                truth_after_loss(s)
                if mend:
                    mend()
                good_again(s)
                s.end()
        run.__name__ = breaks.__name__
        case(run)
        return breaks
    return register


# --- silent losses come first: they take longest --------------------------------------------------------------------

@loss(SILENT)
def broker_hangs(s):
    s.m.broker.process.send_signal(signal.SIGSTOP)
    return lambda: s.m.broker.process.send_signal(signal.SIGCONT)


@loss(SILENT)
def packets_vanish(s):
    s.network.black_hole(CLOUD)
    return lambda: s.network.no_black_hole(CLOUD)


@loss(SILENT)
def cable_pulled(s):
    s.network.far("link", "set", "far0", "down")
    return lambda: s.network.far("link", "set", "far0", "up")


@loss(SILENT)
def interface_down(s):
    s.network.near("link", "set", "eth0", "down")

    def up():
        s.network.near("link", "set", "eth0", "up")
        s.network.route()
    return up


@loss(SILENT)
def address_changes(s):
    """As with a new lease: the connection's own address is gone."""
    s.network.near("addr", "del", "192.0.2.2/24", "dev", "eth0")
    s.network.near("addr", "add", "192.0.2.9/24", "dev", "eth0")
    s.network.route()


@loss(SILENT)
def nothing_comes_back(s):
    s.weather.flow("down", "drop")
    return s.weather.calm


@loss(SILENT)
def nothing_gets_through(s):
    s.weather.flow("up", "drop")
    return s.weather.calm


@loss(SILENT)
def nothing_is_read(s):
    s.weather.flow("both", "stop")
    return s.weather.calm


@case
def packets_vanish_from_a_busy_host():
    """QoS 0 has no acknowledgement: each SEND is OK until the loss is found, in the same time as a silent one."""
    with site() as s:
        prepare(s)
        s.m.expect("AT+CONF QoS=0", "OK")
        s.network.black_hole(CLOUD)
        start = time.monotonic()
        answers = []
        while answers[-1:] != [b"ERR6 NO CONNECTION"]:
            answers.append(s.m.command("AT+SEND1 x"))
            if answers[-1] not in (b"OK", b"ERR6 NO CONNECTION") or time.monotonic() > start + SILENT + 5:
                raise Failure("%d answers, then %r" % (len(answers), answers[-1]))
            s.m.until(lambda n=len(answers): time.monotonic() > start + n, "next second")
        if len(answers) < 5:
            raise Failure("the loss was found too early to be one: %r" % answers)
        truth_after_loss(s)
        s.network.no_black_hole(CLOUD)
        s.m.expect("AT+CONF QoS=1", "OK")
        good_again(s)
        s.end()


# --- in flight, and no answer comes ---------------------------------------------------------------------------------

def no_answer(command, breaks, mend):
    with site() as s:
        prepare(s)
        breaks(s)
        got = s.ask(command, lambda: s.m.read_line(ANSWER * 1.5 + harness.DEADLINE))
        if got != b"ERR6 NO CONNECTION":
            raise Failure("ERR6 expected, got %r" % got)
        truth_after_loss(s)
        mend(s)
        good_again(s)
        s.end()


@case
def send_into_black_hole():
    no_answer("AT+SEND1 x", lambda s: s.network.black_hole(CLOUD), lambda s: s.network.no_black_hole(CLOUD))


@case
def send_to_hanging_broker():
    no_answer("AT+SEND1 x", lambda s: s.m.broker.process.send_signal(signal.SIGSTOP),
              lambda s: s.m.broker.process.send_signal(signal.SIGCONT))


@case
def subscribe_in_silence():
    no_answer("AT+SUBSCRIBE1", lambda s: s.weather.flow("down", "drop"), lambda s: s.weather.calm())


@case
def unsubscribe_in_silence():
    no_answer("AT+UNSUBSCRIBE1", lambda s: s.weather.flow("up", "drop"), lambda s: s.weather.calm())


@case
def late_puback():
    """The answer that was given up comes after all: nobody is told, and the next SEND has its own."""
    with site() as s:
        prepare(s)
        s.weather.flow("down", "hold")
        s.m.send(b"AT+SEND1 slow\r")
        if s.m.read_line(ANSWER * 1.5 + harness.DEADLINE) != b"ERR6 NO CONNECTION":
            raise Failure("ERR6 expected")
        s.weather.calm()
        truth_after_loss(s)
        good_again(s)
        s.end()


# --- losses that are seen at once -----------------------------------------------------------------------------------

@loss(CLOSED)
def fin(s):
    s.weather.close()


@loss(CLOSED)
def fin_of_one_side(s):
    s.weather.half_close("down")


@loss(CLOSED)
def rst(s):
    s.weather.reset()


@loss(CLOSED)
def broker_dies(s):
    s.m.broker.stop()
    return s.m.broker.start


@loss(CLOSED)
def same_client_id_elsewhere(s):
    s.m.broker.take_over(s.m.pki.thing)


@loss(CLOSED)
def bytes_are_changed(s):
    """A message comes, and one bit of it is not what the broker sent: TLS notices."""
    s.m.expect("AT+SUBSCRIBE1", "OK")
    s.weather.corrupt("down", 30)
    s.m.broker.observer.publish("weather", b"x" * 100, wait=False)


# --- QoS 1 and random cuts ------------------------------------------------------------------------------------------

def in_flight(rounds, ways, count=12):
    """Host and cloud compare what they know, after each of many cuts somewhere in a row of SENDs."""
    seed = int(os.environ.get("TEST_SEED", "0")) or random.randrange(1 << 30)
    r = random.Random(seed)
    print("seed %d" % seed, end=", ")
    with site() as s:
        prepare(s)
        told = {b"OK": 0, b"ERR6 NO CONNECTION": 0}
        everything = []
        for n in range(rounds):
            if n > 0:
                s.m.expect("AT+CONNECT", "OK 1 CONNECTED", note=False)
            payloads = [b"%d.%d %s" % (n, i, b"-" * r.randrange(200)) for i in range(count)]
            direction, way = r.choice(("up", "down")), r.choice(ways)
            s.weather.cut(direction, r.randrange(count * (125 if direction == "up" else 29)), way)
            s.m.send(b"".join(b"AT+SEND1 %s\r" % p for p in payloads), note=False)
            answers = [s.m.read_line(ANSWER * 1.5 + harness.DEADLINE, note=False) for _ in payloads]
            s.weather.calm()
            s.weather.close()  # if the cut was behind all of them
            s.m.wait_event("3 0 CONLOST")
            s.m.silence()
            s.m.broker.observer.round_trips()
            arrived = [one.payload for one in s.m.broker.seen if one.topic == b"weather"]
            everything += arrived
            s.m.broker.seen.clear()
            judge("round %d, %s %s" % (n, direction, way), payloads, answers, arrived)
            for a in answers:
                told[a] += 1
        s.m.expect("AT+EVENT?", "OK")
        s.m.broker.observer.round_trips()
        late = [one.payload for one in s.m.broker.seen if one.topic == b"weather"]
        if late or len(set(everything)) != len(everything):
            raise Failure("late or twice in the cloud: %r" % late)
        if rounds > 10 and not all(told.values()):
            raise Failure("a strange sample: %r" % told)
        print("%d OK, %d ERR6, %d cuts:" % (*told.values(), s.weather.cuts), end=" ")
        s.m.stop()


def judge(where, payloads, answers, arrived):
    good = answers.count(b"OK")
    if answers != [b"OK"] * good + [b"ERR6 NO CONNECTION"] * (len(payloads) - good):
        raise Failure("%s: answers %r" % (where, answers))
    # The first ERR6 was under way and may be there; those behind it were never sent
    if arrived not in (payloads[:good], payloads[:good + 1]):
        raise Failure("%s: %d OK, but in the cloud is %r" % (where, good, [p.split()[0] for p in arrived]))


@case
def qos1_cut():
    in_flight(60, ("reset", "close", "half_close"))


@case
def qos1_cut_again():
    in_flight(60, ("reset", "close"), count=4)


@case
def qos1_silence():
    in_flight(1, ("drop",))


@case
def qos1_silence_too():
    in_flight(1, ("stop", "hold"))


@case
def cut_at_every_step():
    """SEND, SUBSCRIBE, UNSUBSCRIBE under way when the broker hangs up: ERR6, then CONLOST, once."""
    for step, command in ((peers.PUBLISH, "AT+SEND1 x"), (peers.SUBSCRIBE, "AT+SUBSCRIBE1"),
                          (peers.UNSUBSCRIBE, "AT+UNSUBSCRIBE1")):
        def hang_up(_p, kind, _flags, body, step=step):
            if kind == step and b"$aws" not in body:
                raise Hangup
        with harness.module() as m:
            p = Peer(m.pki, hang_up)
            m.start()
            m.wait_event("2 0 STARTUP")
            for setting in ("Endpoint=localhost:%d" % p.port, "Topic1=data", "QoS=1"):
                m.expect("AT+CONF " + setting, "OK")
            m.expect("AT+CONNECT", "OK 1 CONNECTED")
            m.expect(command, "ERR6 NO CONNECTION")
            m.wait_event("3 0 CONLOST")
            m.expect("AT+EVENT?", "OK")
            m.expect("AT+CONNECT?", "OK 0 1 DISCONNECTED CUSTOMER")
            m.expect("AT+CONNECT", "OK 1 CONNECTED")
            m.stop()
            p.close()


# --- RESET and DISCONNECT behind a CONNECT that waits ---------------------------------------------------------------

def answered_in_order(s, sleep, wake):
    """Each command has its answer in its turn; what the server says when it wakes is told to nobody."""
    s.start()
    for command, answer in ((b"AT+RESET", b"OK"), (b"AT+DISCONNECT", b"OK 0 DISCONNECTED")):
        sleep()
        s.m.send(b"AT+CONNECT\r" + command + b"\rAT+CONNECT?\rAT\r")
        got = [s.m.read_line(s.patience()) for _ in range(4)]
        if not got[0].startswith(b"ERR14 ") or got[1:] != [answer, b"OK 0 1 DISCONNECTED CUSTOMER", b"OK"]:
            raise Failure("behind CONNECT: %r" % got)
        if command == b"AT+RESET":
            s.m.wait_event("2 0 STARTUP")
        wake()
        end = time.monotonic() + 2
        while time.monotonic() < end:
            s.m.pump(0.1)
        s.m.silence()
        s.m.expect("AT+EVENT?", "OK")
        s.m.expect("AT+CONNECT?", "OK 0 1 DISCONNECTED CUSTOMER")
    s.m.expect("AT+RESET", "OK")
    s.m.wait_event("2 0 STARTUP")
    s.connects()
    s.end()


@case
def behind_a_silent_name_server():
    with site() as s:
        s.m.broker.start()
        answered_in_order(s, lambda: setattr(s.names, "silent", True), lambda: setattr(s.names, "silent", False))


@case
def behind_a_black_hole():
    with site() as s:
        s.m.broker.start()
        s.proxy(s.m.broker.port, CLOUD_TOO)
        s.names.table[HOST] = [CLOUD_TOO]
        answered_in_order(s, lambda: s.network.black_hole(CLOUD_TOO), lambda: s.network.no_black_hole(CLOUD_TOO))


@case
def behind_silence_in_tls():
    """What the broker says is held back, and comes later."""
    with site() as s:
        s.m.broker.start()
        p = s.proxy(s.m.broker.port)
        answered_in_order(s, lambda: p.flow("down", "hold"), p.calm)


def behind_late_answer(step):
    awake = threading.Event()

    def late(_p, kind, _flags, _body):
        if kind == step:
            awake.wait()

    def wake():
        awake.set()
        s.m.until(lambda: not p.stream, "end of the connection that has failed")
    with site() as s:
        p = s.peer(late)
        answered_in_order(s, awake.clear, wake)


@case
def behind_late_connack():
    behind_late_answer(peers.CONNECT)


@case
def behind_late_suback():
    behind_late_answer(peers.SUBSCRIBE)


run_at_once(24)
