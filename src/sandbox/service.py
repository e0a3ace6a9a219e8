# SPDX-License-Identifier: Apache-2.0
"""The account's services, logged in at the broker as its operator."""

import contextlib
import socket
import sys
import threading
import time
import traceback

from sandbox import streams as delivery
from sandbox.account import thing_name
from sandbox.broker import broker_host
from sandbox.bucket import EXPIRES, Bucket, check_expires
from sandbox.defender import Defender
from sandbox.faults import Faults
from sandbox.jobs import Jobs
from sandbox.jobs_api import JobsApi, request_kind
from sandbox.operator import operator_client, reason
from sandbox.outbox import Outbox
from sandbox.scheduler import Scheduler
from sandbox.streams import Refusal, Streams


class Service:
    # AWS answers directly to who asks; with a broker between them, each who has subscribed hears the answer.
    FILTERS = ("$aws/things/+/jobs/+", "$aws/things/+/jobs/+/+",
               "$aws/things/+/streams/+/describe/+", "$aws/things/+/streams/+/get/+",
               "$aws/things/+/defender/metrics/json")

    def __init__(self, sandbox, minute=60, client=None, certificate=None):
        """certificate: of the server for files, and its key; by default the account's."""
        self.sandbox = sandbox
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)  # an execution ended, or a job
        self.ready = threading.Event()
        self.failure = "none was tried"
        self.default_thing = None
        self.notices = []  # what things will be told when the present request is answered
        self.scheduler = Scheduler()
        self.faults = Faults()
        self.outbox = Outbox(self.publish, self.scheduler.after, self.faults)
        self.streams = Streams(sandbox.folder / "files")
        self.bucket = Bucket(sandbox.folder / "files", *(certificate or (
            sandbox.account / "server.pem", sandbox.account / "server.key.pem")), self.faults)
        self.jobs = Jobs(sandbox.folder / "jobs", self.streams, self.notify, self.later, minute, self.fill_in)
        self.api = JobsApi(self.jobs)
        self.defender = Defender(minute)
        self.client = client or operator_client(sandbox, "service")
        self.client.max_inflight_messages_set(1000)
        self.client.on_connect = self.on_connect
        self.client.on_subscribe = self.on_subscribe
        self.client.on_message = self.on_message

    def start(self):
        """Before the broker: what was kept, and the clock."""
        self.streams.prepare()
        self.jobs.load()
        self.scheduler.start()
        self.bucket.start()

    def fill_in(self, document, expires):
        return self.bucket.fill_in(document, expires or EXPIRES)

    def login(self, port):
        try:
            self.client.connect(broker_host(), port, keepalive=60)
        except OSError as error:
            self.failure = error.strerror or str(error)
            return False
        self.client.loop_start()
        return True

    def stop(self):
        self.client.disconnect()
        self.client.loop_stop()

    def on_connect(self, client, _userdata, _flags, code, *_rest):
        if reason(code) == 0:
            # An answer does not wait for the acknowledgement of the one before it.
            client.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.subscribe([(topic, 1) for topic in self.FILTERS])

    def on_subscribe(self, _client, _userdata, _mid, codes, *_rest):
        if all(reason(code) < 128 for code in codes):
            self.ready.set()

    # Messages out

    def publish(self, topic, payload, qos):
        self.client.publish(topic, payload, qos)

    def notify(self, kind, thing, payload):
        self.notices.append((kind, "$aws/things/%s/jobs/%s" % (thing, kind), payload, 1))

    @contextlib.contextmanager
    def alone(self):
        """Nobody else meanwhile. Who has asked hears the answer before others hear what has changed."""
        with self.lock:
            try:
                yield
            finally:
                notices, self.notices = self.notices, []
                for notice in notices:
                    self.outbox.send(*notice)
                if notices:
                    self.changed.notify_all()

    def later(self, seconds, call):
        def locked():
            with self.alone():
                call()
        self.scheduler.after(seconds, locked)

    # Messages in

    def on_message(self, _client, _userdata, message):
        levels = message.topic.split("/")
        try:
            with self.alone():
                if levels[3] == "jobs":
                    self.job_request(message.topic, levels[2], levels[4:], message.payload)
                elif levels[3] == "defender":
                    self.report(message.topic, levels[2], message.payload)
                else:
                    self.stream_request(levels, message.payload)
        except Exception:  # pylint: disable=broad-except
            # paho ends its thread with what a callback raises.
            traceback.print_exc(file=sys.stderr)

    def job_request(self, topic, thing, levels, payload):
        if levels[-1] in ("accepted", "rejected", "notify", "notify-next"):
            return  # our own
        kind = request_kind(levels)
        ignored, refusal = self.faults.request(kind)
        if ignored:
            return
        verdict, answer = self.api.answer(thing, levels, payload, refusal)
        self.outbox.send(kind or "describe", topic + "/" + verdict, answer, 1)

    def stream_request(self, levels, payload):
        stream, action, encoding = levels[4:]
        kind = {"describe": "stream", "get": "block"}[action]
        base = "/".join(levels[:5])
        ignored, code = self.faults.request(kind)
        if ignored:
            return
        token = None
        try:
            if encoding == "cbor":
                raise Refusal("InvalidCbor", "This account knows JSON only.")
            if encoding != "json":
                raise Refusal("InvalidTopic", "There is no such encoding.")
            request = delivery.parse(payload)
            token = delivery.check_token(request)
            if code:
                raise Refusal(code, "Refused on request.")
            if action == "describe":
                self.outbox.send("stream", base + "/description/json", self.streams.describe(stream, request), 1)
            else:
                for block in self.streams.blocks(stream, request):
                    self.outbox.send("block", base + "/data/json", block, 0)
        except Refusal as refusal:
            answer = delivery.rejection(refusal, token)
            form, encode = ("cbor", delivery.cbor_map) if encoding == "cbor" else ("json", delivery.json_map)
            self.outbox.send("stream", base + "/rejected/" + form, encode(answer), 1)

    def report(self, topic, thing, payload):
        ignored, refusal = self.faults.request("report")
        if not ignored:
            verdict, answer = self.defender.answer(thing, payload, refusal)
            self.outbox.send("report", topic + "/" + verdict, answer, 1)

    # Requests of the operator's commands, see control.py

    def do_create(self, job_id, document, things=(), description="", timeout=None, retries=0, stream=None,
                  expires=None):
        if expires is not None:
            check_expires(expires)
        if not things:
            if self.default_thing is None:
                self.default_thing = thing_name(self.sandbox.device)
            things = [self.default_thing]
        with self.alone():
            self.jobs.create(job_id, list(dict.fromkeys(things)), document, description, timeout, retries, stream,
                             expires)
        return {"jobId": job_id}

    def do_list(self):
        with self.alone():
            return [job.show() for job in self.jobs.by_age()]

    def do_show(self, job_id):
        with self.alone():
            return self.jobs.find(job_id).show()

    def do_cancel(self, job_id, force=False):
        with self.alone():
            return {"inProgress": self.jobs.cancel(self.jobs.find(job_id), force)}

    def do_delete(self, job_id, force=False):
        with self.alone():
            self.jobs.delete(self.jobs.find(job_id), force)
        return {}

    def do_wait(self, job_id, within=None, alive=lambda: True):
        """Until every execution has ended, the time is up, or nobody waits any more."""
        end = None if within is None else time.monotonic() + within
        with self.lock:
            job = self.jobs.find(job_id)
            while not job.is_finished() and self.jobs.find(job_id) is job and alive():
                left = 1 if end is None else min(1, end - time.monotonic())
                if left <= 0:
                    break
                self.changed.wait(left)
            return job.show()

    def do_reports(self):
        with self.lock:
            return self.defender.show()

    def do_faults(self, rules=None, seed=0, rtt=0):
        if rules is not None:
            self.faults.set(rules, seed, rtt)
        return self.faults.show()
