# SPDX-License-Identifier: Apache-2.0
"""A sandbox for tests, and a thing that talks with its services: every message either way is kept."""

import json
import os
import pathlib
import queue
import re
import signal
import ssl
import subprocess
import sys
import time

sys.dont_write_bytecode = True
SOURCE = pathlib.Path(os.environ.get("abs_top_srcdir") or pathlib.Path(__file__).absolute().parents[2])
BUILD = pathlib.Path(os.environ.get("abs_top_builddir") or SOURCE)
os.environ.setdefault("EXPRESSLINKCTL", str(BUILD / "src" / "expresslinkctl"))
PROGRAM = str(SOURCE / "src" / "expresslink-sandbox")
SECONDS = int(os.environ.get("TEST_DEADLINE", "60"))

sys.path.insert(0, str(SOURCE / "src"))
import paho.mqtt.client as mqtt  # noqa: E402
from sandbox.broker import die_with_parent  # noqa: E402
from sandbox.control import Connection  # noqa: E402


def run(*arguments, status=0, **options):
    """What it prints."""
    done = subprocess.run([str(a) for a in arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=SECONDS, check=False, **options)
    if done.returncode != status:
        raise AssertionError("%s: exit status %d\n%s%s" % (arguments, done.returncode, done.stdout, done.stderr))
    return done.stdout if status == 0 else done.stderr


class Cloud:
    """expresslink-sandbox run, with the commands that go with it."""

    def __init__(self, folder, *more):
        self.folder = pathlib.Path(folder)
        self.more = more
        self.start()
        self.thing = run(os.environ["EXPRESSLINKCTL"], "provision", "--thing-name", "--out",
                         self.folder / "device").strip()

    def start(self):
        self.process = subprocess.Popen([PROGRAM, "run", "--dir", str(self.folder), *self.more], text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=die_with_parent)
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError("the sandbox does not start: " + self.process.communicate()[1])
        self.port = int(re.match(r"READY localhost:(\d+) ", line).group(1))

    def stop(self, number=signal.SIGTERM):
        """Ends it; it must not have complained about anything."""
        self.process.send_signal(number)
        _, err = self.process.communicate(timeout=SECONDS)
        if err or self.process.returncode not in (0, -signal.SIGKILL):
            raise AssertionError("the sandbox ended with %d: %s" % (self.process.returncode, err))

    def command(self, *words, status=0, **options):
        """A command that goes with the folder: what it prints, on stderr if it is to fail."""
        at = 2 if words[0] == "job" else 1
        return run(PROGRAM, *words[:at], "--dir", self.folder, *words[at:], status=status, **options)

    def job(self, *words, **options):
        return self.command("job", *words, **options)

    def ask(self, operation, **request):
        """What a command would ask, without the time that starting one takes."""
        with Connection(self.folder) as connection:
            return connection.ask(operation, **request)

    def create(self, name, document='{"operation":"test"}', **more):
        return self.ask("create", job_id=name, document=document, **more)["jobId"]

    def show(self, job):
        return self.ask("show", job_id=job)

    def status(self, job):
        return self.show(job)["executions"][0]["status"]

    def fault(self, seed=0, rtt=0, **rules):
        self.ask("faults", rules={action: [text] for action, text in rules.items()}, seed=seed, rtt=rtt)

    def empty(self):
        """No job, no fault."""
        self.fault()
        for job in self.ask("list"):
            self.ask("delete", job_id=job["jobId"], force=True)


class Thing:
    def __init__(self, cloud, identity=None, name=None):
        self.name = name or cloud.thing
        self.base = "$aws/things/%s/" % self.name
        self.messages = []             # all that ever came: (topic below the thing's, payload)
        self.came = queue.Queue()      # those that nobody has looked at
        self.passed = []               # those that came before an answer that was awaited
        identity = identity or cloud.folder / "device"
        if hasattr(mqtt, "CallbackAPIVersion"):
            self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=self.name)
        else:
            self.client = mqtt.Client(client_id=self.name)
        self.client.tls_set(ca_certs=str(cloud.folder / "account" / "staging-root.pem"),
                            certfile=str(identity / "certificate.pem"), keyfile=str(identity / "private.key.pem"),
                            tls_version=ssl.PROTOCOL_TLS_CLIENT)
        ready = queue.Queue()
        self.client.on_connect = lambda *_: self.client.subscribe(
            [(self.base + "jobs/#", 1), (self.base + "streams/#", 1), (self.base + "defender/#", 1)])
        self.client.on_subscribe = lambda *_: ready.put(True)
        self.client.on_message = self.on_message
        self.client.connect("localhost", cloud.port)
        self.client.loop_start()
        ready.get(timeout=SECONDS)

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()

    def on_message(self, _client, _userdata, message):
        topic = message.topic[len(self.base):]
        if is_answer(topic):
            self.messages.append((topic, message.payload))
            self.came.put((topic, message.payload))

    def send(self, topic, request):
        payload = request if isinstance(request, (bytes, str)) else json.dumps(request)
        self.client.publish(self.base + topic, payload, 1)

    def next(self, seconds=SECONDS):
        """The next message."""
        return self.came.get(timeout=seconds)

    def wait(self, topic, seconds=SECONDS):
        """The next message on this topic, as an object."""
        end = time.monotonic() + seconds
        while True:
            found, payload = self.came.get(timeout=max(0.001, end - time.monotonic()))
            if found == topic:
                return json.loads(payload)
            self.passed.append((found, payload))

    def ask(self, topic, request):
        """The verdict and the answer to a request about jobs, or to a report."""
        self.send(topic, request)
        while True:
            found, payload = self.came.get(timeout=SECONDS)
            if found in (topic + "/accepted", topic + "/rejected"):
                return found[len(topic) + 1:], json.loads(payload)
            self.passed.append((found, payload))

    def accepted(self, topic, request):
        verdict, answer = self.ask(topic, request)
        if verdict != "accepted":
            raise AssertionError("%s: %s" % (topic, answer))
        return answer

    def rejected(self, topic, request):
        verdict, answer = self.ask(topic, request)
        if verdict != "rejected":
            raise AssertionError("%s: accepted %s" % (topic, answer))
        return answer

    def drain(self):
        """All that came so far and nobody has looked at, with everything that was under way."""
        self.send("jobs/get", {"clientToken": "drain"})
        found, self.passed = self.passed, []
        while True:
            message = self.came.get(timeout=SECONDS)
            if message[0] == "jobs/get/accepted" and json.loads(message[1]).get("clientToken") == "drain":
                return found
            found.append(message)


def is_answer(topic):
    """Not what the thing itself has sent."""
    levels = topic.split("/")
    if levels[0] == "jobs":
        return levels[-1] in ("accepted", "rejected", "notify", "notify-next")
    if levels[0] == "defender":
        return levels[-1] in ("accepted", "rejected")
    return levels[2] in ("description", "data", "rejected")
