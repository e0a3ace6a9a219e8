# SPDX-License-Identifier: Apache-2.0
"""The commands but those for jobs."""

import os
import pathlib
import shutil
import signal
import sys
import threading
import time

from sandbox.account import make_identity, thing_name
from sandbox.broker import ANSWER_SECONDS, START_SECONDS, Broker, endpoint, loopback_addresses, start_broker
from sandbox.common import Problem, say
from sandbox.control import Server
from sandbox.folder import Sandbox, write_module_config
from sandbox.operator import connected
from sandbox.service import Service
from sandbox.signers import make_signers


def command_run(options):
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    sandbox = Sandbox(options.dir)
    lock = sandbox.lock()
    sandbox.prepare()
    make_signers(sandbox)
    addresses = loopback_addresses()
    broker = Broker(sandbox, addresses)
    service = Service(sandbox, options.minute)
    service.start()
    try:
        start_broker(broker, service, options.port, sandbox.port(), stop)
        if not stop.is_set():
            serve(sandbox, broker, service, stop)
    finally:
        service.bucket.stop()
        service.stop()
        broker.stop()
        lock.close()
    return 0


def serve(sandbox, broker, service, stop):
    sandbox.remember(broker.port)
    if not wait_for(service.ready, stop, START_SECONDS) and not stop.is_set():
        raise Problem("the broker does not answer the operator, see %s" % sandbox.log)
    config = write_module_config(sandbox, sandbox.folder, sandbox.device, endpoint(broker.port))
    with Server(sandbox.folder, service) as server:
        threading.Thread(target=server.serve_forever, args=[0.1], daemon=True).start()
        try:
            if not stop.is_set():
                print("READY %s %s" % (endpoint(broker.port), config), flush=True)
            while not stop.wait(0.2):
                if broker.process.poll() is not None:
                    raise Problem("mosquitto ended: %s" % broker.last_words())
        finally:
            server.shutdown()


def wait_for(event, stop, seconds):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not stop.is_set():
        if event.wait(0.05):
            return True
    return event.is_set()


def command_identity(options):
    sandbox = Sandbox(options.dir)
    if not sandbox.account.exists():
        raise Problem("no sandbox in %s: start it once with `expresslink-sandbox run`" % sandbox.folder)
    target = pathlib.Path(options.newdir).absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise Problem("%s exists and is not empty" % target)
    target.parent.mkdir(parents=True, exist_ok=True)
    make_identity(target, sandbox.account)
    make_signers(sandbox)
    if sandbox.port():
        write_module_config(sandbox, target, target, endpoint(sandbox.port()))
    print(thing_name(target))
    return 0


def command_publish(options):
    payload = options.message.encode(errors="surrogateescape")
    if options.message == "-":
        payload = sys.stdin.buffer.read()
    with connected(Sandbox(options.dir), "publish") as client:
        info = client.publish(options.topic, payload, qos=1)
        deadline = time.monotonic() + ANSWER_SECONDS
        while not info.is_published():
            if time.monotonic() > deadline:
                raise Problem("the broker does not acknowledge the message")
            time.sleep(0.01)
    return 0


def command_subscribe(options):
    done, subscribed = threading.Event(), threading.Event()
    left, errors = [options.count], []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())

    def on_message(_client, _userdata, message):
        if done.is_set():
            return
        try:
            sys.stdout.buffer.write(message.topic.encode() + b" " + message.payload + b"\n")
            sys.stdout.buffer.flush()
        except OSError as error:
            errors.append(error)
        left[0] -= 1
        if left[0] == 0 or errors:
            done.set()

    with connected(Sandbox(options.dir), "subscribe", on_message) as client:
        client.on_subscribe = lambda *_: subscribed.set()
        client.subscribe([(topic, 1) for topic in options.topic])
        if not subscribed.wait(ANSWER_SECONDS):
            raise Problem("the broker does not acknowledge the subscription")
        say("subscribed")
        finished = done.wait(options.wait)
    if errors:
        raise errors[0]
    if not finished:
        raise Problem("nothing more came within %g s" % options.wait)
    return 0


def command_log(options):
    sandbox = Sandbox(options.dir)
    if not sandbox.log.exists():
        raise Problem("no sandbox was started in %s" % sandbox.folder)
    if options.follow:
        os.execvp("tail", ["tail", "-n", "+1", "-F", str(sandbox.log)])
    with open(sandbox.log, "rb") as log:
        shutil.copyfileobj(log, sys.stdout.buffer)
    return 0
