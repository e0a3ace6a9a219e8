# SPDX-License-Identifier: Apache-2.0
"""An MQTT 5 client for tests that kill brokers: one thread, which sees what others publish until the last byte that
the broker has written, and publishes without ever making its owner wait."""

import os
import select
import socket
import struct
import threading
import time


def varint(n):
    data = bytearray()
    while True:
        data.append(n & 127 | (128 if n > 127 else 0))
        n >>= 7
        if not n:
            return bytes(data)


def text(data):
    return struct.pack(">H", len(data)) + data


class Client:
    """Subscribes to everything. seen: how often each (topic, payload) came; wake(): called when something did."""

    def __init__(self, port, deadline, seen, name=b"cloud"):
        self.seen, self.deadline = seen, deadline
        self.out, self.lock = bytearray(), threading.Lock()
        self.wake_r, self.wake_w = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.next_id, self.published, self.acknowledged = 1, 0, 0
        self.acks = threading.Condition(self.lock)
        self.granted = self.closed = self.stopping = False
        end = time.monotonic() + deadline
        while True:
            try:
                self.socket = socket.create_connection(("127.0.0.1", port))
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.003)
        # Never in the broker's way: what it has for us has left it when it dies
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.setblocking(False)
        self.packet(0x10, text(b"MQTT") + b"\5\2\0\0" + b"\0" + text(name))
        # QoS 1, and nothing of our own
        self.packet(0x82, b"\xff\xff\0" + b"".join(text(f) + b"\5" for f in (b"#", b"$aws/#")))
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        with self.acks:
            if not self.acks.wait_for(lambda: self.granted or self.closed, deadline) or not self.granted:
                raise RuntimeError("the cloud's client cannot subscribe")

    def packet(self, head, body):
        with self.lock:
            self.out += bytes([head]) + varint(len(body)) + body
        self.kick()

    def kick(self):
        try:
            os.write(self.wake_w, b".")
        except OSError:
            pass

    def publish(self, topic, payload, qos):
        if qos:
            self.published += 1
            self.packet(0x32, text(topic) + struct.pack(">H", self.next_id) + b"\0" + payload)
            self.next_id = self.next_id % 60000 + 1
        else:
            self.packet(0x30, text(topic) + b"\0" + payload)

    def wait_acknowledged(self):
        """True: the broker has confirmed everything; false: it has gone."""
        with self.acks:
            self.acks.wait_for(lambda: self.acknowledged >= self.published or self.closed, self.deadline)
            return self.acknowledged >= self.published

    def round_trips(self):
        """After this, all that reached the broker before has been seen: it works off its sockets in turns."""
        for _ in range(3):
            self.publish(b"observer/marker", b"", 1)
            if not self.wait_acknowledged():
                raise RuntimeError("the broker does not answer the test")

    def close(self):
        """Sees what is still under way when the broker has gone."""
        self.thread.join(0 if self.stopping else self.deadline)
        self.stopping = True
        self.kick()
        self.thread.join()
        self.socket.close()
        os.close(self.wake_r)
        os.close(self.wake_w)

    # -- the thread ------------------------------------------------------------------------------------------

    def run(self):
        data = bytearray()
        try:
            while not self.stopping:
                with self.lock:
                    wanted = select.POLLIN | (select.POLLOUT if self.out else 0)
                poll = select.poll()
                poll.register(self.socket, wanted)
                poll.register(self.wake_r, select.POLLIN)
                for fd, flags in poll.poll():
                    if fd == self.wake_r:
                        os.read(fd, 4096)
                    elif flags & select.POLLOUT and not flags & (select.POLLERR | select.POLLHUP):
                        self.write()
                    if fd != self.wake_r and flags & ~select.POLLOUT:
                        more = self.socket.recv(1 << 18)
                        if not more:
                            return
                        data += more
                        self.take(data)
        except OSError:
            pass
        finally:
            with self.acks:
                self.closed = True
                self.acks.notify_all()

    def write(self):
        with self.lock:
            try:
                n = self.socket.send(self.out[:1 << 18])
            except (BlockingIOError, OSError):
                return
            del self.out[:n]

    def take(self, data):
        at = 0
        while True:
            length, i = 0, at + 1
            while i < len(data) and i < at + 5:
                length |= (data[i] & 127) << 7 * (i - at - 1)
                i += 1
                if data[i - 1] < 128:
                    break
            else:
                break
            if i + length > len(data):
                break
            self.one(data[at], bytes(data[i:i + length]))
            at = i + length
        del data[:at]

    def one(self, head, body):
        kind = head >> 4
        if kind == 3:
            n = struct.unpack_from(">H", body)[0]
            topic, at = body[2:2 + n], 2 + n
            if head & 6:
                self.packet(0x40, body[at:at + 2])
                at += 2
            at += 1 + body[at]  # the properties, below 128 bytes
            self.seen[topic, body[at:]] += 1
        elif kind == 4:
            with self.acks:
                self.acknowledged += 1
                self.acks.notify_all()
        elif kind == 9:
            with self.acks:
                self.granted = True
                self.acks.notify_all()

