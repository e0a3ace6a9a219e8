#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The sandbox, seen by Debian's MQTT clients: who may come in, who may read what, what answers for Jobs."""

import configparser
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from thing import PROGRAM, SECONDS

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from broker import Port  # noqa: E402


def wait_until(what, condition):
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("waited in vain: " + what)


def run(*arguments, status=0, **options):
    done = subprocess.run([str(a) for a in arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=SECONDS, check=False, **options)
    if status is not None and done.returncode != status:
        raise AssertionError("%s: exit status %d\n%s%s" % (arguments, done.returncode, done.stdout, done.stderr))
    return done


class Sandbox:
    """expresslink-sandbox run, as a user starts it."""

    def __init__(self, folder, *more, host="localhost", **options):
        self.folder = pathlib.Path(folder)
        self.subscribers = 0
        self.process = subprocess.Popen([PROGRAM, "run", "--dir", str(folder), *more], text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        self.line = self.process.stdout.readline()
        if not self.line:
            raise AssertionError("the sandbox does not start: " + self.process.communicate()[1])
        self.port = int(re.fullmatch(r"READY %s:(\d+) (.*/expresslinkd\.conf)\n" % re.escape(host), self.line).group(1))

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, out, err

    def log(self):
        return (self.folder / "mosquitto.log").read_text(errors="replace")

    def client(self, program, name, identity, *more, host="localhost"):
        """The command line of a client with this identity: a folder, or a pair of files."""
        arguments = [program, "-h", host, "-p", str(self.port), "-i", name, "-q", "1",
                     "--cafile", str(self.folder / "account" / "staging-root.pem")]
        if isinstance(identity, pathlib.Path):
            identity = (identity / "certificate.pem", identity / "private.key.pem")
        if identity:
            arguments += ["--cert", str(identity[0]), "--key", str(identity[1])]
        return arguments + [str(a) for a in more]

    def publish(self, identity, topic, payload, status=0, host="localhost"):
        return run(*self.client("mosquitto_pub", "pub", identity, "-t", topic, "-m", payload, host=host), status=status)

    @contextlib.contextmanager
    def subscriber(self, name, identity, *filters):
        """A running mosquitto_sub whose subscription the broker has seen."""
        self.subscribers += 1
        name = "%s-%d" % (name, self.subscribers)  # the log remembers the earlier ones
        more = ["-W", SECONDS] + [a for f in filters for a in ("-t", f)]
        process = subprocess.Popen(self.client("mosquitto_sub", name, identity, "-v", *more), text=True,
                                   stdout=subprocess.PIPE)
        try:
            wait_until("the subscription of " + name, lambda: ": %s 1 %s\n" % (name, filters[-1]) in self.log())
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=SECONDS)


def thing_name(folder):
    return run(os.environ["EXPRESSLINKCTL"], "provision", "--thing-name", "--out", folder).stdout.strip()


def stands_open(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


class Running(unittest.TestCase):
    """Everything that needs one sandbox only."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="sandbox ")  # with a space in its name
        cls.path = pathlib.Path(cls.folder.name) / "a b"
        cls.sandbox = Sandbox(cls.path)
        cls.device = cls.path / "device"
        cls.other = pathlib.Path(cls.folder.name) / "other"
        cls.other_name = run(PROGRAM, "identity", "--dir", cls.path, cls.other).stdout.strip()

    @classmethod
    def tearDownClass(cls):
        status, out, err = cls.sandbox.stop()
        cls.folder.cleanup()
        assert (status, out, err) == (0, "", ""), (status, out, err)

    def test_module_config(self):
        for folder, identity in ((self.path, self.device), (self.other, self.other)):
            config = configparser.ConfigParser()
            config.optionxform = str
            config.read(folder / "expresslinkd.conf")
            self.assertEqual(config["Serial"]["Device"], "pty:%s/module" % folder)
            self.assertEqual(config["Identity"]["Certificate"], str(identity / "certificate.pem"))
            self.assertEqual(config["Identity"]["PrivateKey"], str(identity / "private.key.pem"))
            self.assertEqual(config["Cloud"]["StagingEndpoint"], "localhost:%d" % self.sandbox.port)
            run("openssl", "verify", "-CAfile", config["Cloud"]["RootCA"], self.path / "account" / "server.pem")
            self.assertEqual((folder / "state").stat().st_mode & 0o777, 0o700)

    def test_keys_are_private(self):
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o700)
        for key in self.path.rglob("*.key.pem"):
            self.assertEqual(key.stat().st_mode & 0o777, 0o600, key)

    def test_two_devices_talk(self):
        self.assertNotEqual(thing_name(self.device), thing_name(self.other))
        self.assertEqual(thing_name(self.other), self.other_name)
        with self.sandbox.subscriber("talk", self.device, "talk/+") as subscriber:
            self.sandbox.publish(self.other, "talk/a", "one two")
            self.assertEqual(subscriber.stdout.readline(), "talk/a one two\n")

    def test_server_names(self):
        for host in ("localhost", "127.0.0.1"):
            self.sandbox.publish(self.device, "name", host, host=host)
        if socket.has_ipv6 and "ipv6 listen socket" in self.sandbox.log():
            self.sandbox.publish(self.device, "name", "six", host="::1")
        status = self.sandbox.publish(self.device, "name", "other", host="127.0.0.2", status=None).returncode
        self.assertNotEqual(status, 0, "a name that is not in the certificate")

    def test_who_comes_in(self):
        log = self.sandbox.log()
        with self.assertRaises(AssertionError, msg="without a certificate"):
            self.sandbox.publish(None, "in", "x")
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                "/CN=" + thing_name(self.device), "-keyout", folder / "key", "-out", folder / "cert")
            with self.assertRaises(AssertionError, msg="a certificate of its own making"):
                self.sandbox.publish((folder / "cert", folder / "key"), "in", "x")
        with self.assertRaises(AssertionError, msg="plain text"):
            run("mosquitto_pub", "-h", "localhost", "-p", self.sandbox.port, "-t", "in", "-m", "x")
        self.assertNotIn("as pub ", self.sandbox.log()[len(log):])

    def test_own_reserved_topics_only(self):
        mine, others = ("$aws/things/%s/shadow" % thing_name(f) for f in (self.device, self.other))
        with self.sandbox.subscriber("reserved", self.device, "$aws/#", "a/#") as subscriber:
            self.sandbox.publish(self.other, mine, "forged")
            self.sandbox.publish(self.other, others, "not for you")
            self.sandbox.publish(self.device, mine, "own")
            self.sandbox.publish(self.other, "a/b", "end")
            self.assertEqual(subscriber.stdout.readline(), mine + " own\n")
            self.assertEqual(subscriber.stdout.readline(), "a/b end\n")

    def ask_jobs(self, request, payload):
        base = "$aws/things/%s/jobs/" % thing_name(self.device)
        with self.sandbox.subscriber("jobs", self.device, base + request + "/+") as subscriber:
            self.sandbox.publish(self.device, base + request, payload)
            topic, answer = subscriber.stdout.readline().split(" ", 1)
        self.assertTrue(topic.startswith(base + request + "/"))
        answer = json.loads(answer)
        self.assertLess(abs(answer.pop("timestamp") - time.time()), SECONDS)
        return topic.rsplit("/", 1)[1], answer

    def test_jobs(self):
        self.assertEqual(self.ask_jobs("$next/get", '{"clientToken":"0:x"}'), ("accepted", {"clientToken": "0:x"}))
        self.assertEqual(self.ask_jobs("$next/get", "{}"), ("accepted", {}))
        self.assertEqual(self.ask_jobs("start-next", "{}"), ("accepted", {}))
        self.assertEqual(self.ask_jobs("get", '{"clientToken":"t"}'),
                         ("accepted", {"clientToken": "t", "inProgressJobs": [], "queuedJobs": []}))
        for payload in ("{", "[]", "7"):
            verdict, answer = self.ask_jobs("$next/get", payload)
            self.assertEqual((verdict, answer["code"]), ("rejected", "InvalidJson"))
        verdict, answer = self.ask_jobs("job-7/update", '{"status":"SUCCEEDED","clientToken":"t"}')
        self.assertEqual((verdict, answer["code"], answer["clientToken"]), ("rejected", "ResourceNotFound", "t"))

    def test_operator(self):
        topics = ["a b/c", "$aws/things/%s/x" % self.other_name]
        command = [PROGRAM, "subscribe", "--dir", str(self.path), "--count", "2", "--wait", str(SECONDS), "#", "$aws/#"]
        with subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as subscriber:
            self.assertIn("subscribed", subscriber.stderr.readline())
            run(PROGRAM, "publish", "--dir", self.path, topics[0], "Grüße")
            run(PROGRAM, "publish", "--dir", self.path, topics[1], "-", input="x" * 200000)
            out, _ = subscriber.communicate(timeout=SECONDS)
        self.assertEqual(out, topics[0] + " Grüße\n" + topics[1] + " " + "x" * 200000 + "\n")
        self.assertEqual(subscriber.returncode, 0)
        command[command.index("--count") + 1] = "0"
        with subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as subscriber:
            self.assertIn("subscribed", subscriber.stderr.readline())
            subscriber.stdout.close()
            run(PROGRAM, "publish", "--dir", self.path, topics[0], "nobody reads it")
            self.assertEqual((subscriber.stderr.read(), subscriber.wait(SECONDS)), ("", 128 + signal.SIGPIPE))
        self.assertIn("sandbox-operator", run(PROGRAM, "log", "--dir", self.path).stdout)
        refused = run(PROGRAM, "subscribe", "--dir", self.path, "--wait", "0.01", "never", status=1).stderr
        self.assertIn("nothing more came", refused)

    def test_refusals(self):
        def refused(text, *arguments, status=1, env=None):
            error = run(PROGRAM, *arguments, status=status, env=env).stderr
            self.assertIn(text, error)
            self.assertNotIn("Traceback", error)
            if status == 1:
                self.assertEqual(error.count("\n"), 1, error)

        empty = pathlib.Path(self.folder.name) / "empty"
        refused("another sandbox is running", "run", "--dir", self.path)
        refused("port %d is in use" % self.sandbox.port, "run", "--dir", empty, "--port", self.sandbox.port)
        refused("exists and is not empty", "identity", "--dir", self.path, self.other)
        for command in (["identity", "x"], ["publish", "t", "x"], ["subscribe", "t"], ["log"]):
            refused("no sandbox", command[0], "--dir", pathlib.Path(self.folder.name) / "none", *command[1:])
        refused("cannot run", "run", "--dir", pathlib.Path(self.folder.name) / "tool",
                env=dict(os.environ, EXPRESSLINKCTL="/nowhere/expresslinkctl"))
        refused("no port number", "run", "--port", "70000", status=2)
        refused("no port number", "run", "--port", "-1", status=2)
        refused("required", status=2)
        refused("invalid choice", "walk", status=2)


class Stopping(unittest.TestCase):
    """Starts, ends, and what remains."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="sandbox")
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name) / "deep" / "er"
        self.port = Port()  # which nobody takes when the sandbox has left it
        self.addCleanup(self.port.lock.close)

    def start(self):
        """The first time there, afterwards where it was before."""
        more = () if self.path.exists() else ("--port", str(self.port.number))
        sandbox = Sandbox(self.path, *more)
        self.addCleanup(sandbox.stop)
        return sandbox

    def test_same_again(self):
        first = self.start()
        identity = (self.path / "device" / "certificate.pem").read_bytes()
        root = (self.path / "account" / "staging-root.pem").read_bytes()
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
            self.assertEqual(first.stop(number), (0, "", ""))
            self.assertFalse(stands_open(first.port))
            (self.path / "device.new-half").mkdir()  # as an interrupted first start leaves it
            again = self.start()
            self.assertEqual(again.port, first.port)
            self.assertFalse((self.path / "device.new-half").exists())
            first = again
        self.assertEqual((self.path / "device" / "certificate.pem").read_bytes(), identity)
        self.assertEqual((self.path / "account" / "staging-root.pem").read_bytes(), root)

    def test_port_taken_meanwhile(self):
        first = self.start()
        self.assertEqual(first.stop(), (0, "", ""))
        with socket.socket() as taker:
            taker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taker.bind(("127.0.0.1", first.port))
            taker.listen()
            second = self.start()
            self.assertNotEqual(second.port, first.port)
            self.assertIn("localhost:%d\n" % second.port, (self.path / "expresslinkd.conf").read_text())
            self.assertEqual(second.stop(), (0, "", ""))

    def test_wanted_port(self):
        self.assertEqual(self.start().port, self.port.number)

    def test_no_name_for_loopback(self):
        """As in a fresh tree of Debian 12, which has no /etc/hosts."""
        hook = self.path.parents[1] / "hook"
        hook.mkdir()
        (hook / "sitecustomize.py").write_text(
            "import socket\nresolve = socket.getaddrinfo\ndef none(host, *more, **named):\n"
            "    if host == 'localhost':\n        raise socket.gaierror(-2, 'no such name')\n"
            "    return resolve(host, *more, **named)\nsocket.getaddrinfo = none\n")
        environment = dict(os.environ, PYTHONPATH=str(hook))
        nameless = Sandbox(self.path, host="127.0.0.1", env=environment)
        self.addCleanup(nameless.stop)
        self.assertIn("StagingEndpoint=127.0.0.1:%d\n" % nameless.port, (self.path / "expresslinkd.conf").read_text())
        run(PROGRAM, "publish", "--dir", self.path, "t", "x", env=environment)

    def test_killed(self):
        sandbox = self.start()
        sandbox.process.kill()
        wait_until("the broker's end", lambda: not stands_open(sandbox.port))
        again = self.start()
        again.publish(self.path / "device", "after", "all")

    def test_broker_dies(self):
        sandbox = self.start()
        children = pathlib.Path("/proc/%d/task/%d/children" % ((sandbox.process.pid,) * 2))
        for child in children.read_text().split():
            os.kill(int(child), signal.SIGKILL)
        out, err = sandbox.process.communicate(timeout=SECONDS)
        self.assertEqual((sandbox.process.returncode, out), (1, ""))
        self.assertRegex(err, "^expresslink-sandbox: mosquitto ended: .*\n$")


if __name__ == "__main__":
    for needed in ("mosquitto_pub", "mosquitto_sub"):
        run(needed, "--help", status=None)
    sys.exit(not unittest.main(exit=False).result.wasSuccessful())
