# SPDX-License-Identifier: Apache-2.0
"""The place where bench/run measures: a broker with mutual TLS on loopback, the daemon, its peers, two processors."""

import contextlib
import glob
import json
import os
import re
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import termios
import time
import tty

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))

import jobs  # noqa: E402
import pki  # noqa: E402
import proxy  # noqa: E402

TOPIC = "bench/topic"
ABOUT = "Vendor - Model"


class Failure(Exception):
    """Something that must never happen, however slow the machine is."""


def available_port():
    with contextlib.closing(socket.socket()) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def memory(pid):
    """Resident memory in KiB: all, and the anonymous part."""
    with open(f"/proc/{pid}/status") as f:
        status = dict(line.split(":", 1) for line in f)
    return int(status["VmRSS"].split()[0]), int(status["RssAnon"].split()[0])


def peak(pid):
    """The most that was resident so far, in KiB."""
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"^VmHWM:\s*(\d+)", f.read(), re.M)[1])


def wakeups(pid):
    """How often the process went to sleep so far; the resolver and other short-lived children do not count."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status") as f:
            total += int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", f.read(), re.M)[1])
    return total


class Port:
    """A few words with a module, where time does not matter."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self.fd, termios.TCSANOW)
        self.rest = b""

    def ask(self, line):
        os.write(self.fd, line.encode() + b"\n")
        while b"\n" not in self.rest:
            if not select.select([self.fd], [], [], 60)[0]:
                raise Failure(f"no answer to {line}")
            self.rest += os.read(self.fd, 4096)
        answer, self.rest = self.rest.split(b"\n", 1)
        return answer.decode().rstrip("\r")

    def close(self):
        os.close(self.fd)


class Lab:
    def __init__(self, options, folder):
        cpus = sorted(os.sched_getaffinity(0))
        self.options = options
        self.number = 0  # of jobs so far
        self.quick = options.quick
        self.rounds = 1 if options.quick else options.rounds
        self.driver_cpu, self.subject_cpu = str(cpus[0]), str(cpus[-1])
        self.any_cpu = ",".join(map(str, cpus))
        self.folder = folder
        self.runtime = os.path.join(folder, "run")
        self.state = os.path.join(folder, "state")
        self.link = os.path.join(self.runtime, "module")
        self.peer_link = os.path.join(self.runtime, "peer")
        self.daemon = os.path.join(options.build, "src", "expresslinkd")
        self.config = os.path.join(folder, "expresslinkd.conf")
        self.log = open(os.path.join(folder, "log"), "w+b")
        self.port, self.plain_port = available_port(), available_port()
        os.mkdir(self.runtime)
        os.mkdir(self.state)
        self.pki = pki.Pki()
        self.write_settings()

    def write_settings(self, keep_alive=60):
        names = ("device.crt", "device.key", "server-ca.crt", "vendor-ca.crt", "server.crt", "server.key")
        device, device_key, server_ca, vendor_ca, server, server_key = map(self.pki.file, names)
        with open(self.config, "w") as f:
            f.write(f"[Serial]\nDevice=pty:module\n"
                    f"[Identity]\nCertificate={device}\nPrivateKey={device_key}\n"
                    f"[Module]\nAbout={ABOUT}\n"
                    f"[Cloud]\nRootCA={server_ca}\nKeepAlive={keep_alive}\n"
                    f"[OTA]\nCertificate={self.pki.file('ota1.crt')}\nCAFile={server_ca}\n")
        with open(os.path.join(self.folder, "mosquitto.conf"), "w") as f:
            f.write(f"per_listener_settings true\nlistener {self.plain_port} 127.0.0.1\nallow_anonymous true\n"
                    f"listener {self.port} 127.0.0.1\n"
                    f"cafile {vendor_ca}\ncertfile {server}\nkeyfile {server_key}\n"
                    f"require_certificate true\nuse_identity_as_username true\n"
                    f"max_queued_messages 0\nset_tcp_nodelay true\nlog_type error\nlog_type subscribe\n")
            if os.geteuid() == 0:
                f.write("user root\n")

    # Programs

    def bench(self, name):
        return os.path.join(self.options.build, "bench", name)

    def tls(self):
        return ["localhost", str(self.port), *map(self.pki.file, ("server-ca.crt", "device.crt", "device.key"))]

    def client(self, program, *args):
        host, port, ca, certificate, key = self.tls()
        return [shutil.which(program) or program, "-h", host, "-p", port, "--cafile", ca, "--cert", certificate,
                "--key", key, "-t", TOPIC, *args]

    def daemon_command(self):
        return [self.daemon, "-c", self.config]

    def environment(self):
        return dict(os.environ, STATE_DIRECTORY=self.state, RUNTIME_DIRECTORY=self.runtime)

    @contextlib.contextmanager
    def running(self, command, cpu, environment=(), **more):
        more = {"stdin": subprocess.DEVNULL, "stdout": self.log, **more}
        process = subprocess.Popen(["taskset", "-c", cpu, *command], stderr=self.log,
                                   env={**self.environment(), **dict(environment)}, **more)
        try:
            yield process
            if process.poll() not in (None, 0):
                raise Failure(f"{command[0]} ended with status {process.returncode}")
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise Failure(f"{command[0]} does not end") from None

    def subscriptions(self):
        """How many the broker has seen so far."""
        with open(self.log.name) as f:
            return f.read().count(f" {TOPIC}\n")

    @contextlib.contextmanager
    def subscriber(self, *args, **more):
        """mosquitto_sub, subscribed."""
        before = self.subscriptions()
        with self.running(self.client("mosquitto_sub", *args), self.subject_cpu, text=True, **more) as process:
            deadline = time.monotonic() + 60
            while self.subscriptions() == before:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise Failure("mosquitto_sub does not subscribe")
                time.sleep(0.005)
            yield process

    def await_link(self, link, process):
        deadline = time.monotonic() + 60
        while not os.path.exists(link):
            if process.poll() is not None or time.monotonic() > deadline:
                raise Failure(f"{process.args[3]} does not start")
            time.sleep(0.005)

    @contextlib.contextmanager
    def broker(self):
        with self.running(["mosquitto", "-c", os.path.join(self.folder, "mosquitto.conf")], self.driver_cpu) as p:
            deadline = time.monotonic() + 60
            while True:
                with contextlib.closing(socket.socket()) as s:
                    if s.connect_ex(("127.0.0.1", self.port)) == 0:
                        break
                if p.poll() is not None or time.monotonic() > deadline:
                    raise Failure("the broker does not start")
                time.sleep(0.01)
            yield p

    @contextlib.contextmanager
    def jobs(self, cpus=None):
        """The account's jobs and files, in this process, beside the broker."""
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, set(map(int, (cpus or self.driver_cpu).split(","))))
        try:
            with tempfile.TemporaryDirectory(dir=self.folder) as folder:
                service = jobs.JobService(folder, self.pki.thing)
                service.connect(self.plain_port, 60)
                yield service
                service.disconnect()
                service.bucket.stop()
        finally:
            os.sched_setaffinity(0, before)

    def event(self, wanted):
        """Asks for events until this one comes."""
        port = Port(self.link)
        deadline = time.monotonic() + 60
        while port.ask("AT+EVENT?") != "OK " + wanted:
            if time.monotonic() > deadline:
                raise Failure(f"no event {wanted}")
            time.sleep(0.002)
        port.close()

    @contextlib.contextmanager
    def module(self, *lines, cpu=None):
        """A running daemon, to which the lines have been said."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.link)
        with self.running(self.daemon_command(), cpu or self.subject_cpu) as process:
            self.await_link(self.link, process)
            self.say(*lines)
            yield process

    def say(self, *lines):
        port = Port(self.link)
        for line in lines:
            answer = port.ask(line)
            if not answer.startswith("OK"):
                raise Failure(f"{line}: {answer}")
        port.close()

    @contextlib.contextmanager
    def peer(self, name, *args):
        """A running peer that has a tty."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.peer_link)
        with self.running([self.bench(name), self.peer_link, *args], self.subject_cpu) as process:
            self.await_link(self.peer_link, process)
            yield process

    def connected(self, *lines, cpu=None):
        return self.module(f"AT+CONF Endpoint=localhost:{self.port}", f"AT+CONF Topic1={TOPIC}", "AT+CONNECT", *lines,
                           cpu=cpu)

    @contextlib.contextmanager
    def through_proxy(self):
        """A module, the proxy on its way to the broker, and a port to speak with it."""
        with proxy.Proxy(self.port) as between, self.module(f"AT+CONF Endpoint=localhost:{between.port}"):
            port = Port(self.link)
            try:
                yield between, port
            finally:
                port.close()

    def loss(self, port, how, most):
        """Seconds from how() to CONLOST, as a host sees it that asks without a pause."""
        answer = port.ask("AT+CONNECT")
        if answer != "OK 1 CONNECTED":
            raise Failure(f"AT+CONNECT: {answer}")
        while port.ask("AT+EVENT?") != "OK":
            pass
        start = time.monotonic()
        how()
        while port.ask("AT+EVENT?") != "OK 3 0 CONLOST":
            if time.monotonic() > start + most:
                raise Failure(f"a loss is not noticed within {most} s")
            if most > 10:
                time.sleep(0.01)
        return time.monotonic() - start

    def packages(self):
        """The folder of the Debian packages."""
        if not self.options.packages:
            folder = os.path.join(self.folder, "packages")
            made = subprocess.run([os.path.join(TOP, "scripts", "package"), folder], stdout=self.log, stderr=self.log,
                                  env=dict(os.environ, DEB_BUILD_OPTIONS="nocheck"))
            if made.returncode:
                raise Failure("scripts/package: no packages")
            self.options.packages = folder
        return self.options.packages

    def package_sizes(self):
        """Of the daemon's package, and of what it installs: KB."""
        found = glob.glob(os.path.join(self.packages(), "expresslinkd_*.deb"))
        if len(found) != 1:
            raise Failure(f"{self.packages()}: not exactly one package expresslinkd")
        field = subprocess.run(["dpkg-deb", "--field", found[0], "Installed-Size"], stdout=subprocess.PIPE, check=True)
        return -(-os.path.getsize(found[0]) // 1024), int(field.stdout)

    def measure(self, program, *args, cpu=None):
        """One run of a program of bench/, on the driver's processor or on this one."""
        run = subprocess.run(["taskset", "-c", cpu or self.driver_cpu, self.bench(program), *map(str, args)],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment())
        result = json.loads(run.stdout) if run.stdout else {}
        if run.returncode != 0 or result.get("exit"):
            raise Failure(f"bench/{program} {' '.join(map(str, args[:3]))}: {run.stderr.decode().strip()} {result}")
        if result.get("refused"):
            raise Failure(f"{result['refused']} of {result['count']} lines refused: {result['first_refused']}")
        return result

    def in_turn(self, *runs):
        """Each of runs once per round; the results of each, in lists."""
        results = [[] for _ in runs]
        for _ in range(self.rounds):
            for run, result in zip(runs, results):
                result.append(run())
        return results
