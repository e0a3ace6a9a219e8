#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Bad weather in which CONNECT succeeds: servers that are slow, far away, or dead beside one that lives, IPv6 alone or
of no use, a cloud that registers the module just in time, a clock that is set late."""

import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import peer as peers  # noqa: E402
from gateway import HOST, PASSED, site  # noqa: E402
from harness import DEADLINE, Failure  # noqa: E402
from network import CLOUD, CLOUD6, CLOUD_TOO, NameServer  # noqa: E402
from parallel import case, run_at_once  # noqa: E402
from peer import Hangup, Peer  # noqa: E402


def alive_behind(first):
    """The name has two addresses, and the first is of no use: CONNECT goes on with the second."""
    with site(names={HOST: [CLOUD_TOO, CLOUD]}) as s:
        s.m.settings["Cloud", "ConnectTimeout"] = "9"
        s.m.broker.start()
        first(s)
        s.endpoint = "%s:%d" % (HOST, s.m.broker.port)
        s.start()
        s.connects()
        if CLOUD_TOO.encode() not in s.m.log:
            raise Failure("the first address was not tried")
        s.m.expect("AT+CONNECT?", "OK 1 1 CONNECTED CUSTOMER")
        s.m.expect("AT+EVENT?", "OK")
        s.diagnoses(PASSED)
        s.m.silence()
        s.end()


@case
def alive_behind_black_hole():
    alive_behind(lambda s: s.network.black_hole(CLOUD_TOO))


@case
def alive_behind_refused():
    alive_behind(lambda _s: None)


@case
def alive_behind_silent():
    alive_behind(lambda s: s.proxy(None, CLOUD_TOO, s.m.broker.port))


@case
def alive_behind_plain_text():
    alive_behind(lambda s: s.peer(at="garbage", address=CLOUD_TOO, port=s.m.broker.port))


@case
def alive_behind_untrusted():
    alive_behind(lambda s: s.peer(
        address=CLOUD_TOO, port=s.m.broker.port,
        certificate=(s.m.pki.file("server-untrusted.crt"), s.m.pki.file("server-untrusted.key"))))


@case
def slow_server():
    """Every byte takes a while; nothing is broken."""
    with site() as s:
        s.m.settings["Cloud", "ConnectTimeout"] = "20"
        s.m.broker.start()
        s.proxy(s.m.broker.port).flow("both", "pass", delay=0.7)
        s.start()
        s.connects()
        s.end()


def is_dialling(s):
    with open("/proc/%d/net/tcp" % s.m.process.pid) as f:
        return any(line.split()[3] == "02" for line in f)  # SYN-SENT


@case
def far_away():
    """The server's TCP answers when our first part of the handshake has long been made and waits for it."""
    with site() as s:
        s.m.broker.start()
        p = s.proxy(s.m.broker.port)
        p.flow("both", "pass", delay=0.2)
        s.start()

        def answer():
            while not is_dialling(s):
                time.sleep(0.01)
            p.accepting("pass")

        def answers_late(asked):
            p.accepting("later")
            threading.Thread(target=answer, daemon=True).start()
            asked()
        answers_late(s.connects)
        answers_late(lambda: s.diagnoses(PASSED))
        s.end()


@case
def ipv6_alone():
    """The gateway has no IPv4: not for the name server, and not for the cloud."""
    with site() as s:
        s.network.ipv6(alone=True)
        NameServer({HOST: [CLOUD6]}, CLOUD6)
        s.network.name_server(CLOUD6)
        s.m.broker.start()
        s.proxy(s.m.broker.port, CLOUD6)
        s.start()
        s.connects()
        s.diagnoses(PASSED)
        if not s.ask("AT+DIAG PING " + CLOUD6).startswith(b"OK 3/3 "):
            raise Failure("no answer to a ping")
        s.end()


@case
def ipv6_leads_nowhere():
    """Both kinds of address are there, and IPv6, which comes first, is of no use."""
    with site(names={HOST: [CLOUD6, CLOUD]}) as s:
        s.m.settings["Cloud", "ConnectTimeout"] = "9"
        s.network.ipv6()
        s.network.black_hole(CLOUD6)
        s.m.broker.start()
        s.start()
        s.connects()
        if CLOUD6.encode() not in s.m.log:
            raise Failure("IPv6 was not tried")
        s.diagnoses(PASSED)
        s.end()


def registered_just_in_time(**options):
    """The first connection of a certificate is what registers it, and the cloud drops it."""
    with site() as s:
        s.m.settings["Cloud", "ConnectTimeout"] = "20"
        p = s.peer(**options)
        s.start()
        s.connects()
        if p.dropped != 1:
            raise Failure("%d connections were dropped" % p.dropped)
        s.m.expect("AT+CONNECT?", "OK 1 1 CONNECTED CUSTOMER")
        s.m.expect("AT+EVENT?", "OK")
        s.m.silence()
        s.end()


def drop_first(p, kind):
    p.dropped = getattr(p, "dropped", 0)
    if kind == peers.CONNECT and p.dropped == 0:
        p.dropped = 1
        raise Hangup


@case
def just_in_time_at_login():
    registered_just_in_time(behaviour=lambda p, kind, _flags, _body: drop_first(p, kind))


class DropsFirst(peers.Peer):
    dropped = 0

    def connection(self, s):
        if self.dropped == 0:
            self.dropped = 1
            self.at = "handshake"
            try:
                super().connection(s)
            finally:
                self.at = None
        else:
            super().connection(s)


@case
def just_in_time_behind_the_handshake():
    with site() as s:
        s.m.settings["Cloud", "ConnectTimeout"] = "20"
        p = DropsFirst(s.m.pki, address=CLOUD)
        s.endpoint = "%s:%d" % (HOST, p.port)
        s.start()
        s.connects()
        if p.dropped != 1:
            raise Failure("nothing was dropped")
        s.end()


@case
def clock_set_meanwhile():
    """CONNECT waits for the clock, and goes on when it is set."""
    with site() as s:
        s.m.settings["Cloud", "ConnectTimeout"] = "25"
        s.m.broker.start()
        s.clock(60 - time.time())
        s.start()

        def read():
            end = time.monotonic() + 2
            while time.monotonic() < end:
                s.m.pump(0.1)
            if s.m.input:
                raise Failure("answered before the clock was set: %r" % bytes(s.m.input))
            s.clock(0)
            return s.m.read_line()
        s.connects(read)
        s.m.expect("AT+CONNECT?", "OK 1 1 CONNECTED CUSTOMER")
        s.diagnoses(PASSED)
        s.end()


@case
def clock_synchronised_meanwhile():
    """The clock lies between the last known time and the server's certificate, as after a night without power."""
    with site() as s:
        s.m.settings["Cloud", "ConnectTimeout"] = "25"
        s.m.broker.start()
        s.clock(1735689600 - time.time())  # 2025-01-01
        s.start()

        def read():
            end = time.monotonic() + 2
            while time.monotonic() < end:
                s.m.pump(0.1)
            if s.m.input:
                raise Failure("answered before the clock was set: %r" % bytes(s.m.input))
            s.clock(0, sure=True)
            return s.m.read_line()
        s.connects(read)
        s.m.expect("AT+CONNECT?", "OK 1 1 CONNECTED CUSTOMER")
        s.end()


@case
def last_known_time_is_kept_and_mended():
    """It is written when the clock is right, and a wrong one of the future does not lock the module out."""
    with site() as s:
        path = os.path.join(s.m.state, "clock")
        os.makedirs(s.m.state, exist_ok=True)
        with open(path, "w") as f:
            f.write("2600000000\n")  # 2052, when no certificate of the test is valid any more
        s.m.broker.start()
        s.clock(0, sure=True)
        s.start()
        s.connects()

        def kept():
            with open(path) as f:
                return abs(int(f.read()) - time.time()) < 3600
        s.m.until(kept, "the present time in the state folder")
        s.end()


@case
def onboarded_while_connecting():
    """The endpoint-update message comes before CONNECT is answered (guide 10.3.1.3): connected, then CONLOST."""
    arrived = threading.Event()

    def onboard(p, kind, flags, body):
        if kind == peers.SUBSCRIBE and b"expresslink_config" in body:
            topic = Peer.filters(body)[0]
            message = len(topic).to_bytes(2, "big") + topic + b'{"Endpoint": "customer.example"}'
            return Peer.usual(kind, flags, body) + bytes([peers.PUBLISH << 4, len(message)]) + message
        if kind == peers.PUBLISH:
            arrived.wait(DEADLINE)
        return None
    with site() as s:
        s.peer(onboard)
        s.m.settings["Cloud", "StagingEndpoint"], s.endpoint = s.endpoint, None
        s.start()
        s.m.send(b"AT+CONNECT\r")
        s.m.wait_log(rb"Onboarded: the endpoint is now customer\.example")
        arrived.set()
        if s.m.read_line() != b"OK 1 CONNECTED":
            raise Failure("CONNECT is not answered as what it was")
        s.m.wait_event("1 0 MSG")
        s.m.wait_event("3 0 CONLOST")
        s.m.expect("AT+EVENT?", "OK")
        s.m.expect("AT+CONF? Endpoint", "OK customer.example")
        s.m.expect("AT+CONNECT?", "OK 0 1 DISCONNECTED CUSTOMER")
        s.end()


@case
def same_client_id_elsewhere():
    """Whoever comes later with the same name gets the connection: CONLOST here, once."""
    with site() as s:
        s.m.broker.start()
        s.start()
        s.connects()
        s.m.broker.take_over(s.m.pki.thing)
        s.m.wait_event("3 0 CONLOST")
        s.works()
        s.diagnoses(PASSED)
        s.connects()
        s.m.expect("AT+EVENT?", "OK")
        s.end()


run_at_once(16)
