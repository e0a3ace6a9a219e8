#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a server sees of the module, and servers that refuse, hold back or talk nonsense when it is connected.
Servers for
which CONNECT fails are in hints.py, lost connections in losses.py."""

import contextlib
import os
import random
import ssl
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import harness  # noqa: E402
import peer as peers  # noqa: E402
from harness import Failure  # noqa: E402
from peer import Peer  # noqa: E402


@contextlib.contextmanager
def module_and_peer(behaviour=None, settings=(), **options):
    with harness.module() as m:
        p = Peer(m.pki, behaviour, **options)
        for (section, key), value in settings:
            m.settings[section, key] = value
        m.start()
        m.wait_event("2 0 STARTUP")
        m.expect("AT+CONF Endpoint=%s:%d" % (options.get("address", "localhost"), p.port), "OK")
        try:
            yield m, p
        finally:
            p.close()


def tls_1_2_and_1_3():
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = context.maximum_version = version
        with module_and_peer(context=context) as (m, _):
            m.expect("AT+CONNECT", "OK 1 CONNECTED")
            m.stop()


def who_logs_in():
    """CONNECT says who and how; the server sees the name that was asked for."""
    with module_and_peer(settings=[(("Cloud", "KeepAlive"), "60")]) as (m, p):
        m.expect("AT+CONNECT", "OK 1 CONNECTED")
        kind, _, body = p.packets.get(timeout=harness.DEADLINE)
        thing = m.pki.thing.encode()
        keep_alive = int.from_bytes(body[8:10], "big")
        if kind != peers.CONNECT or body[:7] != b"\0\4MQTT\4" or body[7] != 2 or not 30 <= keep_alive <= 60 \
                or body[10:] != len(thing).to_bytes(2, "big") + thing:
            raise Failure("CONNECT: %r" % body)
        if p.sni != "localhost":
            raise Failure("SNI: %r" % p.sni)
        if p.alpn is not None:
            raise Failure("ALPN on a port that is not 443: %r" % p.alpn)
        wanted = [b"$aws/things/%s/jobs/%s" % (thing, t) for t in (b"notify", b"notify-next")]
        filters = []
        while True:
            kind, flags, body = p.packets.get(timeout=harness.DEADLINE)
            if kind == peers.SUBSCRIBE:
                filters += Peer.filters(body)
            elif kind == peers.PUBLISH:
                break
        if any(w not in filters for w in wanted) or Peer.topic(body) != b"$aws/things/%s/jobs/$next/get" % thing \
                or flags != 2:
            raise Failure("Jobs: subscribed to %r, published flags %d %r" % (filters, flags, body))
        m.expect("AT+DISCONNECT", "OK 0 DISCONNECTED")
        if p.packets.get(timeout=harness.DEADLINE)[0] != peers.DISCONNECT:
            raise Failure("no DISCONNECT packet")
        m.stop()


def alpn_on_port_443():
    """On an address of its own, because ports below 1024 are few; needs root, or a network of its own."""
    if os.getuid() != 0:
        if "TEST_PEERS_NETWORK" in os.environ:
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        else:
            done = subprocess.run(["unshare", "-rn", sys.executable, os.path.abspath(__file__), "alpn_on_port_443"],
                                  env=dict(os.environ, TEST_PEERS_NETWORK="1"))
            if done.returncode:
                raise Failure("in a network of its own: see above")
            return
    on_own_address(443, ":443", "x-amzn-mqtt-ca")


def default_port():
    """Without a port in Endpoint it is 8883, without ALPN."""
    on_own_address(8883, "", None)


def on_own_address(port, suffix, alpn):
    address = "127.%d.%d.%d" % tuple(random.randrange(1, 255) for _ in range(3))
    with harness.module() as m:
        crt, key = os.path.join(m.folder, "own.crt"), os.path.join(m.folder, "own.key")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", key, "-out", crt, "-subj", "/CN=own", "-days", "2",
                        "-addext", "subjectAltName=IP:" + address,
                        "-CA", m.pki.file("server-ca.crt"), "-CAkey", m.pki.file("server-ca.key")],
                       check=True, stderr=subprocess.DEVNULL)
        p = Peer(m.pki, address=address, port=port, certificate=(crt, key))
        m.start()
        m.expect("AT+CONF Endpoint=%s%s" % (address, suffix), "OK")
        m.expect("AT+CONNECT", "OK 1 CONNECTED")
        if p.alpn != alpn:
            raise Failure("ALPN: %r" % p.alpn)
        p.close()
        m.stop()


def host_topic(body):
    return b"$aws" not in body


def filter_refused():
    """SUBACK 0x80 for the host's filter: ERR4, and the connection stays."""
    def refuse(_p, kind, _flags, body):
        if kind == peers.SUBSCRIBE and host_topic(body):
            return bytes([peers.SUBACK << 4, 3]) + body[:2] + (b"\x80" if b"forbidden" in body else b"\0")
        return None
    with module_and_peer(refuse) as (m, p):
        m.expect("AT+CONNECT", "OK 1 CONNECTED")
        m.expect("AT+CONF Topic1=forbidden", "OK")
        m.expect("AT+CONF Topic2=allowed", "OK")
        m.expect("AT+SUBSCRIBE1", "ERR4 PARAMETER ERROR")
        # granted with less than asked for is granted
        m.expect("AT+SUBSCRIBE2", "OK")
        m.expect("AT+CONNECT?", "OK 1 1 CONNECTED CUSTOMER")
        m.expect("AT+EVENT?", "OK")
        m.stop()


def puback_makes_the_ok():
    """With QoS 1 the answer waits for the PUBACK; other commands wait behind it, in order."""
    held = []

    def hold(_p, kind, flags, body):
        if kind == peers.PUBLISH and host_topic(body):
            held.append(Peer.usual(kind, flags, body))
            return b""
        return None
    with module_and_peer(hold) as (m, p):
        m.expect("AT+CONNECT", "OK 1 CONNECTED")
        m.expect("AT+CONF Topic1=data", "OK")
        m.expect("AT+CONF QoS=1", "OK")
        m.send(b"AT+SEND1 wait\rAT+CONF? TechSpec\r")
        m.until(lambda: held, "PUBLISH at the peer")
        m.pump(0.3)
        if m.input:
            raise Failure("answered before the PUBACK: %r" % bytes(m.input))
        p.stream.sendall(held.pop())
        for wanted in (b"OK", b"OK v1.0"):
            got = m.read_line()
            if got != wanted:
                raise Failure("expected %r, got %r" % (wanted, got))
        m.silence()
        m.stop()


def nonsense_when_connected():
    """Bytes that are no MQTT, of any kind: the connection may be lost, the module not."""
    seed = int(os.environ.get("TEST_SEED", "0")) or random.randrange(1 << 30)
    print("seed %d" % seed)
    r = random.Random(seed)
    with module_and_peer() as (m, p):
        m.expect("AT+CONF Topic1=data", "OK")
        for _ in range(60):
            m.expect("AT+RESET", "OK", note=False)
            m.expect("AT+CONNECT", "OK 1 CONNECTED", note=False)
            m.until(lambda: p.stream, "connection")
            kind = r.randrange(16)
            data = {0: lambda: r.randbytes(r.randrange(1, 3000)),
                    1: lambda: b"\x30\xff\xff\xff\xff" + r.randbytes(100),        # a length that is none
                    2: lambda: b"\x30\x05\x00\xffabc",                            # a topic beyond the packet
                    3: lambda: b"\x30\x04\x00\x02\xff\xfe",                       # a topic that is no UTF-8
                    4: lambda: b"\x36\x07\x00\x01a\x00\x01xx",                    # QoS 3
                    5: lambda: b"\x32\x05\x00\x01a\x00\x00",                      # packet identifier 0
                    6: lambda: b"\x30\x03\x00\x01+",                              # a wildcard in a topic
                    7: lambda: b"\x40\x02\x12\x34" * 50}.get(kind, lambda: bytes([kind << 4 | r.randrange(16)]) +
                                                            bytes([r.randrange(20)]) + r.randbytes(20))()
            try:
                p.stream.sendall(data)
            except (OSError, AttributeError):
                pass
            m.expect("AT", "OK", note=False)
        m.expect("AT+RESET", "OK")
        m.expect("AT+CONNECT", "OK 1 CONNECTED")
        m.stop()


harness.run_cases(tls_1_2_and_1_3, who_logs_in, alpn_on_port_443, default_port, filter_refused, puback_makes_the_ok,
                  nonsense_when_connected)
