# SPDX-License-Identifier: Apache-2.0
"""The cloud of the tests: a real mosquitto with mutual TLS on a free port of 127.0.0.1, and an observer
that publishes and sees everything through a second listener without TLS."""

import collections
import errno
import fcntl
import os
import random
import socket
import subprocess
import time

import paho.mqtt.client as mqtt
from paho.mqtt.subscribeoptions import SubscribeOptions

import pki as pki_module

Seen = collections.namedtuple("Seen", "topic payload qos retain")


class Port:
    """A port of 127.0.0.1 below the kernel's own range, reserved among the tests of this user by a lock."""

    def __init__(self):
        area = os.path.join(pki_module.area(), "ports")
        os.makedirs(area, mode=0o700, exist_ok=True)
        while True:
            self.number = random.randrange(18000, 32000)
            self.lock = open(os.path.join(area, str(self.number)), "w")
            try:
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                with socket.socket() as s:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    s.bind(("127.0.0.1", self.number))
                return
            except OSError as e:
                self.lock.close()
                if e.errno not in (errno.EAGAIN, errno.EADDRINUSE):
                    raise


def plain_client(name, **options):
    if hasattr(mqtt, "CallbackAPIVersion"):  # paho 2
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=name, **options)
    else:
        client = mqtt.Client(client_id=name, **options)
    client.max_inflight_messages_set(1000)
    client.max_queued_messages_set(0)
    return client


class Observer:
    """A client of the broker; its messages arrive on a thread of paho's and wake the waiting main thread."""

    def __init__(self, port, deadline):
        self.deadline = deadline
        self.seen = collections.deque()
        self.wake_r, self.wake_w = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.up = False
        self.client = plain_client("observer", protocol=mqtt.MQTTv5)
        self.client.on_message = self.on_message
        self.client.on_subscribe = self.on_subscribe
        end = time.monotonic() + deadline
        while True:
            try:
                self.client.connect("127.0.0.1", port, clean_start=True)
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.003)
        self.client.loop_start()
        # noLocal: what it publishes itself does not come back
        options = SubscribeOptions(qos=2, noLocal=True)
        self.client.subscribe([("#", options), ("$aws/#", options)])
        while not self.up:
            if time.monotonic() > end:
                raise RuntimeError("the observer cannot subscribe")
            time.sleep(0.001)

    def on_subscribe(self, *_args):
        self.up = True

    def on_message(self, _client, _userdata, m):
        self.seen.append(Seen(m.topic.encode(), bytes(m.payload), m.qos, m.retain))
        try:
            os.write(self.wake_w, b".")
        except BlockingIOError:
            pass

    def publish(self, topic, payload, qos=1, retain=False, wait=True):
        info = self.client.publish(topic.decode() if isinstance(topic, bytes) else topic, bytes(payload), qos, retain)
        if wait and qos:
            info.wait_for_publish(self.deadline)
            if not info.is_published():
                raise RuntimeError("the broker does not accept a message of the test")
        return info

    def round_trips(self):
        """After this, all that reached the broker before has been seen: it works off its sockets in turns."""
        for _ in range(3):
            self.publish("observer/marker", b"", 1)

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()
        os.close(self.wake_r)
        os.close(self.wake_w)


class Broker:
    MODES = ("normal", "refuse-login", "untrusted", "wrong-name", "expired", "distrusts-module")

    def __init__(self, pki, folder, deadline=30.0, address="127.0.0.1"):
        self.pki, self.folder, self.deadline, self.address = pki, folder, deadline, address
        self.environment = dict(os.environ)
        self.secure, self.plain = Port(), Port()
        self.port = self.secure.number
        self.process = self.observer = None
        self.log_path = os.path.join(folder, "broker.log")
        self.log_at = 0
        self.last_seen = collections.deque()
        self.jobs = None  # a jobs.JobService that goes with it
        open(self.log_path, "w").close()

    def configuration(self, mode):
        server = {"untrusted": "server-untrusted", "wrong-name": "server-wrong-name", "expired": "server-expired"}
        shown = server.get(mode, "server")
        trusted = "other-ca" if mode == "distrusts-module" else "vendor-ca"
        lines = ["per_listener_settings true", "persistence false", "log_dest stderr", "log_type all",
                 "log_timestamp false", "connection_messages true", "max_queued_messages 0", "set_tcp_nodelay true",
                 # No limits: what it has for the module goes out before the PUBACK of a later SEND
                 "message_size_limit 0", "max_inflight_messages 0"]
        if os.getuid() == 0:
            lines.append("user root")
        lines += ["listener %d %s" % (self.port, self.address),
                  "cafile " + self.pki.file(trusted + ".crt"), "certfile " + self.pki.file(shown + ".crt"),
                  "keyfile " + self.pki.file(shown + ".key"), "require_certificate true", "allow_anonymous false"]
        if mode != "refuse-login":
            lines.append("use_identity_as_username true")
        lines += ["listener %d 127.0.0.1" % self.plain.number, "allow_anonymous true", ""]
        return "\n".join(lines)

    def start(self, mode="normal"):
        assert mode in self.MODES, mode
        path = os.path.join(self.folder, "mosquitto.conf")
        with open(path, "w") as f:
            f.write(self.configuration(mode))
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([find_mosquitto(), "-c", path], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, env=self.environment, preexec_fn=die_with_parent)
        self.observer = Observer(self.plain.number, self.deadline)
        if self.jobs:
            self.jobs.connect(self.plain.number, self.deadline)

    def stop(self):
        if self.jobs and self.process:
            self.jobs.disconnect()
        if self.observer:
            self.last_seen = self.observer.seen
            self.observer.close()
            self.observer = None
        if self.process:
            self.process.kill()  # its connections are closed by the kernel
            self.process.wait()
            self.process = None

    @property
    def seen(self):
        return self.observer.seen if self.observer else self.last_seen

    def take_over(self, thing):
        """Makes the broker close the module's connection: another client of the same name comes."""
        with socket.create_connection(("127.0.0.1", self.plain.number)) as s:
            name = thing.encode()
            body = b"\0\4MQTT\4\2\0\x3c" + len(name).to_bytes(2, "big") + name
            s.sendall(b"\x10" + bytes([len(body)]) + body)
            s.settimeout(self.deadline)
            if s.recv(4) != b"\x20\2\0\0":
                raise RuntimeError("the broker does not let another client take over")

    def new_log(self):
        with open(self.log_path, "rb") as f:
            f.seek(self.log_at)
            return f.read()


def find_mosquitto():
    for folder in os.environ.get("PATH", "").split(":") + ["/usr/sbin", "/usr/local/sbin"]:
        if os.access(os.path.join(folder, "mosquitto"), os.X_OK):
            return os.path.join(folder, "mosquitto")
    raise RuntimeError("mosquitto is not installed")


def die_with_parent():
    import ctypes
    import signal
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
