#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The control socket and expresslinkctl: what the operator sees, who may look, and that looking costs the host nothing."""

import base64
import contextlib
import json
import os
import shutil
import random
import re
import select
import signal
import socket
import stat
import subprocess
import sys
import time

import jsonschema

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import harness  # noqa: E402
import peer as peers  # noqa: E402
from ctl import STATUS, ctl, has, status  # noqa: E402
from harness import Failure  # noqa: E402
from parallel import case, run_at_once  # noqa: E402
from peer import Peer  # noqa: E402

CLIENTS = 32  # that the daemon takes


class Client:
    """A program that speaks to the socket itself."""

    def __init__(self, m, request=b""):
        self.m, self.input = m, b""
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # a socket's address is short, a temporary folder's name may be long
        fd = os.open(m.runtime, os.O_PATH)
        self.socket.connect("/proc/self/fd/%d/control" % fd)
        os.close(fd)
        self.socket.setblocking(False)
        if request:
            self.say(request)

    def say(self, data):
        with contextlib.suppress(BrokenPipeError, ConnectionResetError, BlockingIOError):
            self.socket.sendall(data)

    def line(self):
        """The next one; None: the end."""
        end = time.monotonic() + harness.DEADLINE
        while b"\n" not in self.input:
            if time.monotonic() > end:
                raise Failure("no answer on the control socket, so far %r" % self.input[:200])
            self.m.pump(0)
            if select.select([self.socket], [], [], 0.05)[0]:
                try:
                    data = self.socket.recv(1 << 16)
                except ConnectionResetError:
                    data = b""
                if not data:
                    return None
                self.input += data
        line, _, self.input = self.input.partition(b"\n")
        return json.loads(line)

    def close(self):
        self.socket.close()


def look(m, state=None):
    """The text of it holds the same."""
    got = status(m)
    text = ctl(m, "status")
    if state and got["state"] != state:
        raise Failure("state %s expected, got %s" % (state, got["state"]))
    has(text, "^State +%s$" % got["state"])
    return got


@case
def every_state():
    def silent(_p, kind, _flags, _body):
        return b"" if kind == peers.CONNECT else None
    jsonschema.Draft7Validator.check_schema(STATUS)
    with harness.module(cloud=True) as m:
        m.broker.start()
        m.start()
        got = look(m, "active")
        if got["connection"]["up"] or got["connection"]["last"] is not None or got["connection"]["onboarded"]:
            raise Failure("never connected: %r" % got["connection"])
        m.connect()
        got = look(m, "connected")
        c = got["connection"]
        if not c["up"] or c["endpoint"] != "localhost:%d" % m.broker.port or c["last"]["hint"] is not None \
                or not c["since"] or not c["address"] or not c["onboarded"]:
            raise Failure("connected: %r" % c)
        has(ctl(m, "status"), "^Connection +up since .* to localhost:", "^Certificate +own: .* by Vendor CA, until 20",
            "^Certificate +RootCA: Server CA", "^Certificate +OTAcertificate: Module OTA 1", "^Events +1 of 64$")
        m.broker.stop()
        m.until(lambda: look(m)["connection"]["up"] is False, "loss")
        got = look(m, "active")
        if got["counters"]["losses"] != 1 or not got["connection"]["last"]["reason"]:
            raise Failure("lost: %r" % got)
        if not m.command("AT+CONNECT").startswith(b"ERR14 3"):
            raise Failure("hint 3 expected")
        got = look(m, "active")["connection"]
        if got["last"]["hint"] != 3 or "Connection refused" not in got["last"]["detail"] or got["retry_in_ms"] == 0:
            raise Failure("refused: %r" % got)
        p = Peer(m.pki, silent)
        m.expect("AT+RESET", "OK")
        m.expect("AT+CONF Endpoint=localhost:%d" % p.port, "OK")
        m.send(b"AT+CONNECT\r\n")
        m.until(lambda: look(m)["state"] == "connecting", "connecting")
        m.stop()
        p.close()
    with harness.module() as m:
        m.start()
        for command, state in (("AT+SLEEP 600", "sleeping"), ("AT+SLEEP1 600", "deep sleep")):
            m.expect("AT+RESET", "OK")
            if m.command(command)[:2] != b"OK":
                raise Failure(command)
            m.until(lambda: look(m)["state"] == state, state)
        m.close_line()
        m.stop()


@case
def pins_and_held():
    with harness.module() as m:
        m.wire("EVENT", "WAKE", "RST")
        m.start()
        got = look(m, "active")["pins"]
        if got != {"chip": "gpiochip0", "event": {"line": "EVENT", "level": "high"}, "wake": {"line": "WAKE", "level": "high"},
                   "reset": {"line": "RST", "level": "high"}}:
            raise Failure("pins: %r" % got)
        m.wait_event("2 0 STARTUP")
        m.drive("RST", "low")
        m.until(lambda: look(m)["state"] == "held", "reset")
        got = look(m, "held")["pins"]
        if got["reset"]["level"] != "low" or got["event"]["level"] != "low":
            raise Failure("pins: %r" % got)
        has(ctl(m, "status"), r"^Pins +EVENT low \(line EVENT\), WAKE high \(line WAKE\), RST low \(line RST\)$")
        has(ctl(m, "check", status=1), "^ok +pins +reset is line RST of gpiochip0, low$")
        m.drive("RST", "high")
        m.until(lambda: look(m)["state"] == "active", "start")
        m.stop()


@case
def not_running():
    with harness.module() as m:
        for command in ("status", "monitor"):
            has(ctl(m, command, status=1), "^expresslinkctl: no module answers in .*/run: is expresslinkd running\\?$")
        # of another instance, or in another folder
        has(ctl(m, "status", "-i", "no-such-one", status=1), " in /run/expresslinkd-no-such-one: ")
        has(ctl(m, "status", "--runtime", "/nonexistent", status=1), " in /nonexistent: ")
        has(ctl(m, "status", "-i", "a/b", status=2), "instance")
        has(ctl(m, "status", "--nonsense", status=2), "--nonsense")
        m.start()
        m.process.send_signal(signal.SIGKILL)
        m.wait_exit()
        m.close_line()
        has(ctl(m, "status", status=1), "no module answers")
        m.start()
        look(m, "active")
        m.stop()
        if os.path.exists(os.path.join(m.runtime, "control")):
            raise Failure("the socket is left behind")


@case
def one_socket_each():
    """A second module with the same run-time folder works, without a socket of its own."""
    with harness.module() as one, harness.module() as two:
        one.start()
        two.runtime, two.name = one.runtime, "second"
        two.settings["Serial", "Device"] = "pty:second"
        two.start()
        two.expect("AT", "OK")
        if b"control belongs to another running module" not in two.log:
            raise Failure("not in the log: %r" % bytes(two.log))
        pid = look(one)["pid"]
        if pid != one.process.pid:
            raise Failure("pid %d" % pid)
        two.stop()
        if look(one)["pid"] != pid:
            raise Failure("another module answers")
        one.stop()


@case
def others_are_refused():
    with harness.module() as m:
        m.start()
        path = os.path.join(m.runtime, "control")
        st = os.stat(path)
        if stat.S_IMODE(st.st_mode) != 0o660 or (st.st_uid, st.st_gid) != (os.geteuid(), os.getegid()):
            raise Failure("the socket's rights: %o %d %d" % (st.st_mode, st.st_uid, st.st_gid))
        if os.geteuid() == 0:
            for folder in (m.folder, m.runtime):
                os.chmod(folder, 0o755)
            # Where others come to: the build folder need not be such a place
            copy = shutil.copy(harness.program("expresslinkctl"), m.folder)
            os.chmod(copy, 0o755)
            nobody = ("setpriv", "--reuid=65534", "--regid=65534")

            def other(*words, before=(*nobody, "--clear-groups"), **more):
                return ctl(m, *words, before=before, program=copy, **more)
            has(other("status", status=1), "only root, .* group may ask$")
            has(other("check", status=1), "does not talk to this user")
            other("status", before=(*nobody, "--groups=%d" % st.st_gid))
            other("status", before=("setpriv", "--reuid=65534", "--regid=%d" % st.st_gid, "--clear-groups"))
            # Whoever has opened it up has not opened the module
            os.chmod(path, 0o666)
            has(other("status", status=1), "refuses: only root, .* group may ask$")
            has(other("monitor", status=1), "refuses: only root")
        look(m)
        m.stop()


def flood(m, rounds):
    """Commands with long answers; every one is answered."""
    for i in range(rounds):
        m.send(b"AT+CONF? RootCA\r\n" * 20 + b"AT+CONF CustomName=r%d\r\nAT+CONF? CustomName\r\n" % i, note=False)
        while m.read_line(note=False) != b"OK r%d" % i:
            pass


def resident_kib(m):
    with open("/proc/%d/status" % m.process.pid) as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


@case
def stopped_readers():
    """Twenty monitors that stop reading: the host notices nothing, memory is bounded, and who reads sees it all."""
    with harness.module() as m:
        m.start()
        flood(m, 20)
        before = resident_kib(m)
        stopped = [Client(m, b"monitor\n") for _ in range(20)]
        for one in stopped:
            one.line()
        process = subprocess.Popen([harness.program("expresslinkctl"), "monitor"], env=m.environment(),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        os.set_blocking(process.stdout.fileno(), False)
        process.stdout.peek(1)
        os.kill(process.pid, signal.SIGSTOP)
        flood(m, 100)  # well within the time after which they would be dropped
        grown = resident_kib(m) - before
        if not harness.is_instrumented() and grown > 21 * 80 + 1024:
            raise Failure("%d KiB more memory for 21 readers that stopped" % grown)
        look(m, "active")
        # who goes on is told what is missing, and what comes then
        os.kill(process.pid, signal.SIGCONT)
        one = stopped[0]
        counts = {"lost": 0, "host": 0, "module": 0, "state": 0}
        m.expect("AT+CONF CustomName=the end", "OK")
        for _ in range(1000):
            m.expect("AT", "OK", note=False)
        deadline = time.monotonic() + harness.DEADLINE
        while not counts["lost"]:
            record = one.line()
            counts[record["type"]] += record.get("count", 1)
            if select.select([one.socket], [], [], 0)[0] == [] and b"\n" not in one.input:
                m.expect("AT", "OK", note=False)
            if time.monotonic() > deadline:
                raise Failure("nothing is told to be lost: %r" % counts)
        for other in stopped:
            other.close()
        m.until(lambda: fds(m) < 40, "the end of the clients")
        m.expect("AT", "OK")
        process.kill()
        process.wait()
        process.stdout.close()
        m.stop()


def fds(m):
    return len(os.listdir("/proc/%d/fd" % m.process.pid))


@case
def many_clients():
    """As many as there may be, and more; each is answered, or told why not."""
    with harness.module() as m:
        m.start()
        before = fds(m)
        clients = [Client(m, b"status\n") for _ in range(20)]
        for one in clients:
            jsonschema.validate(one.line(), STATUS)
        clients += [Client(m) for _ in range(CLIENTS - 20)]
        m.expect("AT", "OK")
        late = Client(m, b"status\n")
        if late.line() != {"error": "too many others are asking"} or late.line() is not None:
            raise Failure("one too many was not refused")
        late.close()
        has(ctl(m, "status", status=1), "refuses: too many others are asking$")
        for one in clients:
            one.say(b"attempts\n")
            if one.line() != {"attempts": []}:
                raise Failure("attempts expected")
            one.close()
        m.until(lambda: fds(m) <= before, "closed descriptors")
        look(m)
        m.stop()


@case
def hostile_bytes():
    seed = int(os.environ.get("TEST_SEED", "0")) or random.randrange(1 << 30)
    print("seed %d" % seed)
    r = random.Random(seed)
    pieces = [b"status\n", b"monitor\n", b"attempts\n", b"\n", b"\0", b"status", b"x" * 100, b"status\r\n", b"probe\n"]
    with harness.module(cloud=True) as m:
        m.settings["Cloud", "StagingEndpoint"] = "127.0.0.1:1"
        m.start()
        before = fds(m)
        for i in range(400):
            one = Client(m)
            for _ in range(r.randrange(8)):
                one.say(r.choice(pieces) if r.random() < 0.7 else r.randbytes(r.randrange(1, 3000)))
            if r.random() < 0.5:
                with contextlib.suppress(OSError):
                    one.socket.recv(r.randrange(1, 5000))
            if r.random() < 0.2:
                with contextlib.suppress(OSError):
                    one.socket.shutdown(socket.SHUT_WR)
            one.close()
            if i % 20 == 0:
                m.expect("AT", "OK", note=False)
        m.until(lambda: fds(m) <= before, "closed descriptors")
        look(m, "active")
        m.stop()


@contextlib.contextmanager
def monitor(m, *words):
    process = subprocess.Popen([harness.program("expresslinkctl"), "monitor", *words], env=m.environment(),
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    os.set_blocking(process.stdout.fileno(), False)
    process.text = ""

    def seen(pattern):
        with contextlib.suppress(BlockingIOError):
            data = os.read(process.stdout.fileno(), 1 << 16)
            process.text += data.decode(errors="replace")
        return re.search(pattern, process.text, re.M)

    def wait(pattern):
        try:
            m.until(lambda: seen(pattern), "%r on the monitor" % pattern)
        except Failure as e:
            raise Failure("%s:\n%s" % (e, process.text)) from None
    process.wait_for = wait
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


STAMP = r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} "


@case
def dialogue():
    with harness.module(cloud=True) as m:
        m.settings["Network", "Type"] = "wifi"
        m.settings["Log", "Level"] = "info"
        m.broker.start()
        m.start()
        with monitor(m) as seen, monitor(m, "--json") as raw:
            seen.wait_for(STAMP + r"\* state active$")
            raw.wait_for('"state":"active"')
            m.expect("AT+CONF Passphrase=open sesame", "OK")
            m.expect("AT+CONF Passphrase=open sesame" + "x" * 60, "ERR4 PARAMETER ERROR")
            m.connect()
            m.expect("AT+CONF Topic1=greenhouse", "OK")
            m.expect("AT+SUBSCRIBE1", "OK")
            m.broker.observer.publish(b"greenhouse", b"wa\xffrm\n")
            m.wait_event("2 0 STARTUP")
            m.until(lambda: m.command("AT+GET1") == b"OK wa\xffrm\\A", "message")
            key = b"-----BEGIN PRIVATE KEY-----\\Asecretsecret\\A-----END PRIVATE KEY-----"
            m.command(b"AT+CONF RootCA=" + key)
            m.expect("AT+NONSENSE", "ERR3 COMMAND NOT FOUND")
            m.send(b"AT+CONF RootCA=pem\r\n" + b"\n".join(m.pki.pem("server-ca")) + b"\r\n")
            if m.read_line() != b"OK":
                raise Failure("RootCA=pem")
            m.expect("AT+SEND1 " + "long" * 1000, "OK")
            m.broker.observer.publish(b"$aws/things/%s/jobs/notify-next" % m.pki.thing.encode(), json.dumps(
                {"execution": {"jobId": "night", "status": "QUEUED", "executionNumber": 1, "jobDocument": {}}}).encode())
            seen.wait_for(STAMP + r"\* update job night: REJECTED, this is no update: afr_ota is missing$")
            m.expect("AT+DISCONNECT", "OK 0 DISCONNECTED")
            m.expect("AT+RESET", "OK")
            for pattern in (r"> AT\+CONF Passphrase=\*\*\*$", r"< OK\\x0D\\x0A$", r"< ERR4 PARAMETER ERROR\\x0D\\x0A$",
                            r"> AT\+CONNECT$", r"\* state connecting$",
                            r"\* connection .*connected to localhost:\d+ at 127.0.0.1, TLSv1.3",
                            r"\* state connected$", r"\* event 1 1 MSG$", r"< OK wa\\xFFrm\\A\\x0D\\x0A$",
                            r"< ERR3 COMMAND NOT FOUND\\x0D\\x0A$", r"> a certificate of \d+ bytes$",
                            r"> AT\+SEND1 (long)+l?o?n?\.\.\. \(4009 bytes\)$",
                            r"\* connection .*ended .*: closed by the module$", r"\* event 2 0 STARTUP$"):
                seen.wait_for(STAMP + pattern)
            raw.wait_for('"name":"STARTUP"')
            m.stop()
            seen.wait_for("^expresslinkctl: the module in .* has hung up$")
            if seen.wait(harness.DEADLINE) != 1:
                raise Failure("exit status %d" % seen.returncode)
            for text in (seen.text, raw.text):
                if "sesame" in text or "secretsecret" in text:
                    raise Failure("a secret on the monitor:\n" + text)
            for line in raw.text.splitlines()[:-1]:
                json.loads(line)


def secrets_of(m):
    """What must not leave the machine, in every form in which it could."""
    with open(m.pki.file("device.key")) as f:
        body = "".join(line for line in f.read().splitlines() if "-----" not in line)
    found = [body[i:i + 20] for i in range(0, len(body) - 20, 20)]
    found += [base64.b64decode(body)[40:60].hex(), "PRIVATE KEY", "sesame", "geheim", "4711"]
    return found


@case
def report_without_secrets():
    with harness.module(cloud=True) as m:
        m.settings["Network", "Type"] = "wifi"
        m.settings["Network", "DefaultPassphrase"] = "geheim0"
        pin = os.path.join(m.folder, "pin")
        with open(pin, "w") as f:
            f.write("4711471147114711\n")
        m.settings["Identity", "PinFile"] = pin
        dropins = m.configuration + ".d"
        os.mkdir(dropins)
        with open(os.path.join(dropins, "10-about.conf"), "w") as f:
            f.write("[Module]\n# geheim1\nAbout=Vendor - Model\n")
        m.broker.start()
        m.start()
        m.expect("AT+CONF Passphrase=open sesame", "OK")
        m.connect()
        m.expect("AT+DISCONNECT", "OK 0 DISCONNECTED")
        m.broker.stop()
        for _ in range(22):
            m.expect("AT+RESET", "OK", note=False)
            if not m.command("AT+CONNECT", note=False).startswith(b"ERR14 3"):
                raise Failure("hint 3 expected")
        texts = [ctl(m, "report"), ctl(m, "status"), ctl(m, "status", "--json")]
        has(texts[0], "^libmosquitto +2", "^OpenSSL +3", "^libsystemd +[0-9]", "^kernel +Linux", "^distribution +Debian",
            r"^DefaultPassphrase=\*\*\*$", r"^Certificate=/", r"^About=Vendor - Model$", "^State +active$")
        attempts = re.findall(r"^20[^ ]+Z  localhost:\d+: hint 3, Connection refused", texts[0], re.M)
        if len(attempts) != 20:
            raise Failure("%d attempts instead of 20:\n%s" % (len(attempts), texts[0]))
        m.stop()
        # stopped, and with what a person may have mistyped
        m.settings["Identity", "PrivateKey"] = "pkcs11:token=module;pin-value=geheim2?pin-source=geheim3&x=y"
        m.settings["Network", "DefaultPasphrase"] = "geheim4"
        m.settings["Netwrok", "DefaultPassphrase"] = "geheim5"
        m.write_settings()
        with open(m.configuration, "a") as f:
            f.write("geheim6\n[geheim7]\n")
        texts.append(ctl(m, "report", "-c", m.configuration))
        has(texts[-1], "no answer in", r"^PrivateKey=pkcs11:token=module;pin-value=\*\*\*\?pin-source=\*\*\*&x=y$",
            r"^DefaultPasphrase=\*\*\*$", "^libmosquitto +2", "is no setting")
        texts.append(ctl(m, "check", "-c", m.configuration, status=1))
        for text in texts[:4]:
            for secret in secrets_of(m):
                if secret in text:
                    raise Failure("%r in\n%s" % (secret, text))


@case
def report_has_the_settings():
    """Those of the module that answers, those that were asked for, or the usual ones."""
    with harness.module() as m:
        other = os.path.join(m.folder, "other.conf")
        with open(other, "w") as f:
            f.write("[Module]\nAbout=Another - One\n")
        m.settings["Module", "About"] = "Vendor - Model"
        m.start()
        has(ctl(m, "report"), "^About=Vendor - Model$")
        has(ctl(m, "report", "-c", other), "^About=Another - One$", "^State +active$",
            "^Last attempt +none$", "^Defender +off: the module is not onboarded$")
        m.stop()
        has(ctl(m, "report"), "^== Settings\n.*/expresslinkd/expresslinkd.conf", "no answer in")


run_at_once(6)
