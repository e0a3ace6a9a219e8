#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One process serves one line: a second daemon on the same pty or tty is refused, and the first one does not notice."""

import os
import stat
import subprocess
import sys
import termios

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import harness  # noqa: E402
from harness import Failure  # noqa: E402


def second(m):
    done = subprocess.run([harness.program(), "--config", m.configuration], env=m.environment(), timeout=60,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode in (0, 78):
        raise Failure("the second daemon ended with %d: %r" % (done.returncode, done.stdout))
    return done.stdout.decode(errors="replace")


def two_on_one_pty():
    with harness.module() as m:
        m.start()
        said = second(m)
        if "host" not in said:
            raise Failure("it does not say which line: %s" % said)
        m.expect("AT", "OK")
        # a host that comes new finds the first one
        m.close_line()
        m.open_line()
        m.expect("AT+CONF? TechSpec", "OK v1.0")
        m.stop()
        if os.path.lexists(os.path.join(m.runtime, m.name)):
            raise Failure("the link is left behind")
        m.start()
        m.expect("AT", "OK")
        m.stop()


def two_on_one_state_folder():
    """Two lines, one dictionary: the second would undo what the first has acknowledged."""
    with harness.module() as m:
        m.start()
        m.expect("AT+CONF CustomName=first", "OK")
        other = os.path.join(m.folder, "other.conf")
        with open(m.configuration) as f, open(other, "w") as g:
            g.write(f.read().replace("pty:" + m.name, "pty:other"))
        done = subprocess.run([harness.program(), "--config", other], env=m.environment(), timeout=60,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode in (0, 78) or m.state.encode() not in done.stdout:
            raise Failure("the second daemon ended with %d: %r" % (done.returncode, done.stdout))
        m.expect("AT+CONF? CustomName", "OK first")
        m.stop()


def after_a_kill():
    """A link that a killed daemon has left is no obstacle."""
    import signal
    with harness.module() as m:
        m.start()
        m.restart(signal.SIGKILL)
        m.expect("AT", "OK")
        m.stop()


def something_else_in_the_way():
    """A file that is not ours is not removed."""
    with harness.module() as m:
        path = os.path.join(m.runtime, m.name)
        with open(path, "w") as f:
            f.write("precious")
        m.start(wait=False)
        if m.wait_exit() == 0:
            raise Failure("exit status 0")
        with open(path) as f:
            if f.read() != "precious":
                raise Failure("the file was changed")


def absolute_path():
    with harness.module() as m:
        path = os.path.join(m.folder, "elsewhere")
        m.settings["Serial", "Device"] = "pty:" + path
        m.name = path
        m.start()
        m.expect("AT", "OK")
        if not stat.S_ISLNK(os.lstat(path).st_mode):
            raise Failure("not a link")
        m.stop()


def real_tty():
    """A tty that was there before: the slave of a pty of our own, as unpleasant as ttys are."""
    with harness.module() as m:
        master, slave = os.openpty()
        os.set_blocking(master, False)
        attributes = termios.tcgetattr(slave)
        attributes[4] = attributes[5] = termios.B9600
        attributes[2] |= termios.CSTOPB
        termios.tcsetattr(slave, termios.TCSANOW, attributes)
        path = os.ttyname(slave)
        m.settings["Serial", "Device"] = path
        m.write_settings()
        m.open_line = lambda: setattr(m, "fd", master)
        m.start()
        m.expect("AT+CONF CustomName=\x03\x11\x13\x1a", "OK")
        m.expect("AT+CONF? CustomName", "OK \x03\x11\x13\x1a")
        iflag, oflag, cflag, lflag, ispeed, ospeed, _ = termios.tcgetattr(slave)
        if (ispeed, ospeed) != (termios.B115200, termios.B115200) \
                or lflag & (termios.ECHO | termios.ICANON | termios.ISIG) or oflag & termios.OPOST \
                or cflag & (termios.CSTOPB | termios.CRTSCTS) or iflag & (termios.IXON | termios.ICRNL):
            raise Failure("the tty is not 115200 8N1 raw")
        said = second(m)
        if path not in said:
            raise Failure("the second daemon does not say which line: %s" % said)
        m.expect("AT", "OK")
        m.stop()
        os.close(slave)


def no_such_tty():
    with harness.module() as m:
        m.settings["Serial", "Device"] = "/dev/nonexistent"
        m.start(wait=False)
        if m.wait_exit() == 0 or b"/dev/nonexistent" not in m.log:
            raise Failure("it should fail and name the device: %r" % bytes(m.log))


def two_modules_side_by_side():
    with harness.module() as one, harness.module() as two:
        one.start()
        two.start()
        one.expect("AT+CONF CustomName=one", "OK")
        two.expect("AT+CONF CustomName=two", "OK")
        one.expect("AT+CONF? CustomName", "OK one")
        one.stop()
        two.expect("AT+CONF? CustomName", "OK two")
        two.stop()


harness.run_cases(two_on_one_pty, two_on_one_state_folder, after_a_kill, something_else_in_the_way, absolute_path,
                  real_tty, no_such_tty, two_modules_side_by_side)
