# SPDX-License-Identifier: Apache-2.0
"""A broker that does what a test tells it: TLS and MQTT 3.1.1 by hand, one connection at a time, for answers that a
real broker does not give. It runs on a thread; what it has received is in packets."""

import contextlib
import queue
import socket
import ssl
import struct
import threading

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = (
    1, 2, 3, 4, 8, 9, 10, 11, 12, 13, 14)


class Hangup(Exception):
    """The peer closes now."""


class Peer:
    """behaviour(peer, kind, flags, body) is called for each packet; what it returns is sent (bytes), None: the usual
    answer of a broker; it may raise Hangup. at: what happens before MQTT: "accept" (closed at once), "garbage" (no
    TLS), "flight" (reset behind its own part of the handshake), "handshake" (closed behind it), None."""

    def __init__(self, pki, behaviour=None, at=None, address="127.0.0.1", port=0, certificate=None, context=None):
        self.behaviour, self.at = behaviour, at
        self.context = context or ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate = certificate or (pki.file("server.crt"), pki.file("server.key"))
        self.context.load_cert_chain(*certificate)
        self.context.load_verify_locations(pki.file("vendor-ca.crt"))
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.context.set_alpn_protocols(["x-amzn-mqtt-ca", "mqtt"])
        self.context.sni_callback = self.on_sni
        self.sni = self.alpn = None
        self.packets = queue.Queue()
        self.stream = None
        self.listener = socket.create_server((address, port))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def on_sni(self, _socket, name, _context):
        self.sni = name

    def serve(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                self.connection(s)
            except (OSError, Hangup, EOFError):
                pass
            finally:
                self.stream = None
                s.close()

    def connection(self, s):
        if self.at == "accept":
            return
        if self.at == "garbage":
            s.sendall(b"220 mail.example ESMTP\r\n" * 10)
            s.recv(4096)
            return
        if self.at == "flight":
            self.flight(s)
            return
        stream = self.context.wrap_socket(s, server_side=True)
        self.alpn = stream.selected_alpn_protocol()
        if self.at == "handshake":
            stream.close()
            return
        self.stream = stream
        try:
            while True:
                self.packet(stream)
        finally:
            stream.close()

    def flight(self, s):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        stream = self.context.wrap_bio(incoming, outgoing, server_side=True)
        incoming.write(s.recv(1 << 16))
        with contextlib.suppress(ssl.SSLWantReadError):
            stream.do_handshake()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.sendall(outgoing.read())

    def packet(self, stream):
        first = self.take(stream, 1)[0]
        length, shift = 0, 0
        while True:
            b = self.take(stream, 1)[0]
            length |= (b & 127) << shift
            shift += 7
            if b < 128:
                break
        body = self.take(stream, length)
        kind, flags = first >> 4, first & 15
        self.packets.put((kind, flags, body))
        answer = self.behaviour(self, kind, flags, body) if self.behaviour else None
        stream.sendall(self.usual(kind, flags, body) if answer is None else answer)

    @staticmethod
    def take(stream, n):
        data = b""
        while len(data) < n:
            more = stream.recv(n - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    @staticmethod
    def usual(kind, flags, body):
        if kind == CONNECT:
            return bytes([CONNACK << 4, 2, 0, 0])
        if kind == SUBSCRIBE:
            count, at = 0, 2
            while at < len(body):
                at += 3 + int.from_bytes(body[at:at + 2], "big")
                count += 1
            return bytes([SUBACK << 4, 2 + count]) + body[:2] + b"\1" * count
        if kind == UNSUBSCRIBE:
            return bytes([UNSUBACK << 4, 2]) + body[:2]
        if kind == PUBLISH and flags & 6:
            at = 2 + int.from_bytes(body[:2], "big")
            return bytes([PUBACK << 4, 2]) + body[at:at + 2]
        if kind == PINGREQ:
            return bytes([PINGRESP << 4, 0])
        return b""

    @staticmethod
    def topic(body):
        """The topic of a PUBLISH."""
        return body[2:2 + int.from_bytes(body[:2], "big")]

    @staticmethod
    def filters(body):
        """The filters of a SUBSCRIBE."""
        found, at = [], 2
        while at < len(body):
            n = int.from_bytes(body[at:at + 2], "big")
            found.append(body[at + 2:at + 2 + n])
            at += 3 + n
        return found

    def close(self):
        self.listener.close()
        stream = self.stream
        if stream:
            try:
                stream.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
