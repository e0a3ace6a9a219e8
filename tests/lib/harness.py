# SPDX-License-Identifier: Apache-2.0
"""A module for tests: the real expresslinkd on a pty with folders of its own, a cloud if one is wanted,
and what a host does: send bytes, read answers, wait. One thread, one poll; nothing sleeps that can wait.

Environment: abs_top_builddir (src/expresslinkd is taken from there), EXPRESSLINKD (another program),
TEST_WRAPPER (a command before it, e.g. valgrind), TEST_DEADLINE (seconds, 30), TEST_KEEP (keep folders).
"""

import contextlib
import fcntl
import os
import re
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True

import broker as broker_module  # noqa: E402
import gpio as gpio_module  # noqa: E402
import pki as pki_module  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
SRCDIR = os.path.dirname(os.path.dirname(HERE))
BUILDDIR = os.environ.get("abs_top_builddir", SRCDIR)
DEADLINE = float(os.environ.get("TEST_DEADLINE", "30"))
EVENT_LEVEL = re.compile(rb"(?:^|[ >])EVENT (high|low)$", re.M)


class Failure(Exception):
    """The module does not do what it should."""


def program(name="expresslinkd"):
    given = os.environ.get("EXPRESSLINKD") if name == "expresslinkd" else None
    return given or os.path.join(BUILDDIR, "src", name)


def is_instrumented():
    """Memory and time are not those of the daemon alone: valgrind, or a build with sanitizers."""
    if os.environ.get("TEST_WRAPPER"):
        return True
    with open(program(), "rb") as f:
        return b"__asan_init" in f.read()


def escape(data):
    """Bytes as an AT parameter (guide 3.3)."""
    return data.replace(b"\\", b"\\\\").replace(b"\n", b"\\A").replace(b"\r", b"\\D")


def short(data, limit=400):
    text = repr(data)[1:]
    return text if len(text) <= limit else "%s ... %s (%d bytes)" % (text[:limit - 100], text[-80:], len(data))


def lock(fd):
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False


class Module:
    """The daemon, its pty, its log."""

    def __init__(self, cloud=False, name="host", cloud_address="127.0.0.1"):
        self.folder = tempfile.mkdtemp(prefix="expresslinkd-test-")
        self.pki = pki_module.Pki()
        self.name = name
        self.settings = {
            ("Serial", "Device"): "pty:" + name,
            ("Identity", "Certificate"): self.pki.file("device.crt"),
            ("Identity", "PrivateKey"): self.pki.file("device.key"),
            ("Cloud", "StagingEndpoint"): "staging.example",
            ("Cloud", "RootCA"): self.pki.file("server-ca.crt"),
            ("OTA", "Certificate"): self.pki.file("ota1.crt"),
            ("OTA", "CAFile"): self.pki.file("server-ca.crt"),
            ("Location", "Gpsd"): "none",
            ("Log", "Level"): "debug",
        }
        self.state, self.runtime = os.path.join(self.folder, "state"), os.path.join(self.folder, "run")
        os.mkdir(self.state)
        os.mkdir(self.runtime)
        self.process = None
        self.fd = self.err = self.notify = -1
        self.input = bytearray()   # from the module, not yet looked at
        self.log = bytearray()     # all it ever said on stderr
        self.dialogue = []         # (seconds, mark, bytes)
        self.born = time.monotonic()
        self.notified = b""
        self.broker = broker_module.Broker(self.pki, self.folder, DEADLINE, cloud_address) if cloud else None
        self.enter = broker_module.die_with_parent  # between fork() and exec()
        self.more_environment = {}
        self.gpio = None

    def wire(self, *pins):
        """Before the start: these pins are lines of a GPIO chip."""
        if not self.gpio:
            self.gpio = gpio_module.Gpio(os.path.join(self.folder, "gpio"),
                                         os.path.join(BUILDDIR, "tests", "lib", "gpiod.so"))
            self.more_environment.update(self.gpio.environment())
        for pin in pins:
            self.settings["Pins", gpio_module.KEYS[pin]] = pin

    # -- life ------------------------------------------------------------------------------------------------

    @property
    def configuration(self):
        return os.path.join(self.folder, "expresslinkd.conf")

    def write_settings(self):
        sections = {}
        for (section, key), value in self.settings.items():
            sections.setdefault(section, []).append("%s=%s\n" % (key, value))
        with open(self.configuration, "w", encoding="utf-8", errors="surrogateescape") as f:
            for section, lines in sections.items():
                f.write("[%s]\n%s\n" % (section, "".join(lines)))

    def environment(self):
        drop = ("JOURNAL_STREAM", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID")
        env = {k: v for k, v in os.environ.items() if k not in drop}
        env.update(STATE_DIRECTORY=self.state, RUNTIME_DIRECTORY=self.runtime)
        env.update(self.more_environment)
        return env

    def command_line(self):
        return shlex.split(os.environ.get("TEST_WRAPPER", "")) + [program(), "--config", self.configuration]

    def start(self, wait=True):
        self.write_settings()
        path = os.path.join(self.folder, "notify")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        notify.bind(path)
        self.notified, self.notify_socket = b"", notify
        read, write = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(read, False)
        self.err = read
        self.process = subprocess.Popen(self.command_line(), stdin=subprocess.DEVNULL, stdout=write, stderr=write,
                                        env=dict(self.environment(), NOTIFY_SOCKET=path), cwd="/",
                                        preexec_fn=self.enter)
        os.close(write)
        self.dialogue.append((self.clock(), "#", b"started, pid %d" % self.process.pid))
        if wait:
            self.until(lambda: b"READY=1" in self.notified, "READY=1 to systemd", alive=True)
            self.open_line()

    def open_line(self):
        """The host plugs in. It leaves the line's modes alone: the module has to have set them."""
        self.fd = os.open(os.path.join(self.runtime, self.name), os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)

    def close_line(self):
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
        self.input.clear()

    def wait_exit(self, what="the end of the daemon"):
        self.until(lambda: self.process.poll() is not None, what)
        code = self.process.returncode
        self.pump(0)
        os.close(self.err)
        self.notify_socket.close()
        self.err, self.process = -1, None
        self.dialogue.append((self.clock(), "#", b"ended, %d" % code))
        if code == -signal.SIGKILL:
            self.let_go()
        return code

    def let_go(self):
        """A child that was just being started has the daemon's locks until it has become another program."""
        end = time.monotonic() + DEADLINE
        for path in [os.path.join(self.runtime, self.name + ".lock"), self.state]:
            try:
                fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                continue  # this one did not come so far
            while not lock(fd):
                if time.monotonic() > end:
                    raise Failure("%s is still locked" % path)
                time.sleep(0.01)
            os.close(fd)

    def stop(self, how=signal.SIGTERM):
        """Ends the daemon; SIGTERM has to end it with 0, silently on the line."""
        self.process.send_signal(how)
        code = self.wait_exit()
        rest = bytes(self.input)
        self.close_line()
        if how == signal.SIGTERM:
            if code != 0:
                raise Failure("SIGTERM: exit status 0 expected, got %d" % code)
            if rest:
                raise Failure("nothing expected on the line, got %s" % short(rest))

    def restart(self, how=signal.SIGTERM):
        self.stop(how)
        self.start()

    def clean(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None
        if self.broker:
            self.broker.stop()
        for fd in (self.fd, self.err):
            if fd >= 0:
                os.close(fd)
        self.fd = self.err = -1
        if "TEST_KEEP" in os.environ:
            print("kept: " + self.folder)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    # -- the loop --------------------------------------------------------------------------------------------

    def clock(self):
        return time.monotonic() - self.born

    def pump(self, timeout, write=False, read=True):
        """Takes in what came: from the line, the log, the cloud. Waits up to timeout seconds for any of them."""
        poll = select.poll()
        if self.fd >= 0 and (read or write):
            poll.register(self.fd, (select.POLLIN if read else 0) | (select.POLLOUT if write else 0))
        if self.err >= 0:
            poll.register(self.err, select.POLLIN)
            poll.register(self.notify_socket, select.POLLIN)
        wake = self.broker.observer.wake_r if self.broker and self.broker.observer else -1
        if wake >= 0:
            poll.register(wake, select.POLLIN)
        came = poll.poll(max(0, timeout) * 1000)
        for fd, flags in came:
            if fd == self.fd:
                if flags & ~select.POLLOUT and read:
                    self.read_line_bytes()
            elif fd == self.err:
                with contextlib.suppress(BlockingIOError):
                    data = os.read(self.err, 1 << 16)
                    self.log += data
                    if not data:
                        time.sleep(0.002)  # closed: the end is near, and poll() no longer waits
            elif fd == wake:
                os.read(wake, 4096)
            else:
                with contextlib.suppress(BlockingIOError):
                    self.notified += self.notify_socket.recv(4096) + b"\n"
        return bool(came)

    def read_line_bytes(self):
        try:
            data = os.read(self.fd, 1 << 16)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:  # the module hung up
            os.close(self.fd)
            self.fd = -1
            return
        self.input += data

    def until(self, condition, what, deadline=None, alive=False):
        """Waits until condition() holds."""
        end = time.monotonic() + (DEADLINE if deadline is None else deadline)
        while not condition():
            left = end - time.monotonic()
            if left <= 0:
                raise Failure("no %s within the deadline" % what)
            if alive and self.process.poll() is not None:
                self.pump(0)
                raise Failure("the daemon ended with %d while %s was awaited" % (self.process.returncode, what))
            self.pump(min(left, 0.02 if self.process and not alive else 0.25))

    # -- the host --------------------------------------------------------------------------------------------

    def send(self, data, read=True, note=True):
        """Writes all of it, reading meanwhile what comes (unless read is False)."""
        if note:
            self.dialogue.append((self.clock(), ">", bytes(data)))
        view, end = memoryview(bytes(data)), time.monotonic() + DEADLINE
        while view:
            if self.fd < 0:
                raise Failure("the line is closed")
            try:
                n = os.write(self.fd, view[:4096])
                view = view[n:]
                end = time.monotonic() + DEADLINE
            except BlockingIOError:
                if time.monotonic() > end:
                    raise Failure("the module takes no more bytes, %d are left" % len(view)) from None
                self.pump(0.25, write=True, read=read)
            except OSError as e:
                raise Failure("the line: %s" % e) from None
            if read:
                self.pump(0)

    def read_bytes(self, n, deadline=None, note=True):
        self.until(lambda: len(self.input) >= n or self.fd < 0, "answer of %d bytes (so far %s)"
                   % (n, short(bytes(self.input))), deadline)
        return self.take(n, note)

    def take(self, n, note=True):
        data = bytes(self.input[:n])
        del self.input[:n]
        if note:
            self.dialogue.append((self.clock(), "<", data))
        return data

    def read_line(self, deadline=None, note=True):
        """The next line, which has to end with CR LF, without it."""
        def whole():
            return b"\n" in self.input or self.fd < 0
        try:
            self.until(whole, "answer", deadline)
        except Failure as e:
            raise Failure("%s, so far %s" % (e, short(bytes(self.input)))) from None
        if b"\n" not in self.input:
            raise Failure("the module hung up, last bytes %s" % short(bytes(self.input)))
        line = self.take(self.input.index(b"\n") + 1, note)
        if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
            raise Failure("a line that ends with CR LF expected, got %s" % short(line))
        return line[:-2]

    def command(self, text, deadline=None, note=True):
        """Sends one command; gives back the first line of its answer."""
        text = text.encode() if isinstance(text, str) else text
        self.send(text + b"\r\n", note=note)
        return self.read_line(deadline, note)

    def expect(self, text, answer, deadline=None, note=True):
        answer = answer.encode() if isinstance(answer, str) else answer
        got = self.command(text, deadline, note)
        if got != answer:
            raise Failure("%s: expected %s, got %s" % (short(text.encode() if isinstance(text, str) else text),
                                                       short(answer), short(got)))

    def silence(self):
        """Nothing came unasked and nothing comes: the next command gets its answer and nothing else."""
        self.pump(0)
        if self.input:
            raise Failure("nothing expected, got %s" % short(bytes(self.input)))
        self.send(b"AT\r\n")
        got = self.read_bytes(4)
        self.pump(0)
        got += bytes(self.input)
        if got != b"OK\r\n":
            raise Failure("nothing but 'OK\\r\\n' to a marker AT expected, got %s" % short(got))

    def event(self):
        """The next event, None if there is none. Asking again in vain is not worth a line in the dialogue."""
        got = self.command("AT+EVENT?")
        if [d[1:] for d in self.dialogue[-4:]] == [(">", b"AT+EVENT?\r\n"), ("<", b"OK\r\n")] * 2:
            del self.dialogue[-2:]
        if got == b"OK":
            return None
        if not got.startswith(b"OK "):
            raise Failure("EVENT?: got %s" % short(got))
        return got[3:]

    def wait_event(self, wanted, deadline=None):
        wanted = wanted.encode() if isinstance(wanted, str) else wanted
        end = time.monotonic() + (DEADLINE if deadline is None else deadline)
        while True:
            got = self.event()
            if got == wanted:
                return
            if got is not None:
                raise Failure("event %s expected, got %s" % (short(wanted), short(got)))
            if time.monotonic() > end:
                raise Failure("no event %s within the deadline" % short(wanted))
            self.pump(0.01)

    def connect(self):
        self.expect("AT+CONF Endpoint=localhost:%d" % self.broker.port, "OK")
        self.expect("AT+CONNECT", "OK 1 CONNECTED")

    # -- what else can be seen -------------------------------------------------------------------------------

    def event_level(self):
        self.pump(0)
        levels = EVENT_LEVEL.findall(bytes(self.log))
        return levels[-1].decode() if levels else "low"

    def wait_event_level(self, wanted):
        self.until(lambda: self.event_level() == wanted, "EVENT pin that is %s" % wanted)
        if ("Pins", "Event") in self.settings:
            self.until(lambda: self.gpio.is_high("EVENT") == (wanted == "high"), "EVENT line that is %s" % wanted)

    def drive(self, pin, level):
        self.dialogue.append((self.clock(), "!", b"%s %s" % (pin.encode(), level.encode())))
        self.gpio.drive(pin, level == "high")

    def wait_log(self, pattern, since=0):
        pattern = re.compile(pattern, re.M)
        self.until(lambda: pattern.search(bytes(self.log), since), "log line with %r" % pattern.pattern)

    def next_publish(self, aws=False):
        """What the cloud receives next; the module's own Jobs traffic only if asked for."""
        def first():
            for one in list(self.broker.seen):
                if one.topic.startswith(b"$aws/things/") == aws:
                    return one
            return None
        self.until(first, "message in the cloud")
        one = first()
        self.broker.seen.remove(one)
        return one

    def cloud_quiet(self):
        """Nothing the host did not ask for has reached the cloud."""
        self.broker.observer.round_trips()
        rest = [s for s in self.broker.seen if not s.topic.startswith(b"$aws/things/")]
        if rest:
            raise Failure("nothing expected in the cloud, got %r" % (rest[:3],))

    def wait_broker_log(self, pattern):
        pattern = re.compile(pattern, re.M)
        found = None

        def look():
            nonlocal found
            found = pattern.search(self.broker.new_log())
            return found
        self.until(look, "line in the broker's log with %r" % pattern.pattern)
        self.broker.log_at += found.end()

    # -- for the reader of a failure -------------------------------------------------------------------------

    def report(self, out=sys.stdout):
        def show(title, data, tail=200):
            lines = data.decode(errors="replace").splitlines()
            print("--- %s%s" % (title, "" if len(lines) <= tail else " (last %d of %d lines)" % (tail, len(lines))),
                  file=out)
            for line in lines[-tail:]:
                print("    " + line[:300], file=out)
        with contextlib.suppress(OSError):
            self.pump(0)
        print("--- dialogue", file=out)
        for when, mark, data in self.dialogue[-200:]:
            print("    %8.3f %s %s" % (when, mark, short(data)), file=out)
        if self.input:
            print("             not read: %s" % short(bytes(self.input)), file=out)
        show("log of expresslinkd", re.sub(rb"(?:.*host: +AT\+EVENT\?\n.*module: OK.x0D.x0A\n){3,}",
                                           b"    (asked in vain for events)\n", bytes(self.log)))
        if self.broker:
            with open(self.broker.log_path, "rb") as f:
                show("log of mosquitto", f.read(), 60)
        out.flush()


@contextlib.contextmanager
def module(**options):
    """A module for one test; on failure its dialogue and logs are printed."""
    m = Module(**options)
    try:
        yield m
    except BaseException:
        m.report()
        raise
    finally:
        m.clean()


def run_cases(*cases):
    """Runs functions that take no argument; prints a line for each; exit status 0 if all hold."""
    chosen = sys.argv[1:]
    failed = 0
    for case in cases:
        if chosen and case.__name__ not in chosen:
            continue
        start = time.monotonic()
        try:
            case()
            print("ok    %s (%.1f s)" % (case.__name__, time.monotonic() - start))
        except Failure as e:
            failed += 1
            print("FAIL  %s: %s" % (case.__name__, e))
        except Exception:
            failed += 1
            import traceback
            traceback.print_exc(file=sys.stdout)
            print("FAIL  %s" % case.__name__)
        sys.stdout.flush()
    sys.exit(1 if failed else 0)
