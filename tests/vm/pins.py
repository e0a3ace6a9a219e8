# SPDX-License-Identifier: Apache-2.0
"""EVENT, WAKE and RST on real GPIO lines, and SLEEP on a real UART. Each case gets a machine on which expresslinkd.service
serves /dev/ttyS1, and finds no pins in its settings."""

import contextlib
import time

from machine import Failure
from packaged import UNIT, expect

FOLDER = "/etc/expresslinkd/expresslinkd.conf.d"
PINS = "Chip=el-sim\nEvent=EVENT\nWake=WAKE\nReset=2\n"


def level(m, pin):
    return m.do("cat /run/gpio-sim/%s/value" % pin)


def event(m, wanted):
    m.until('test "$(cat /run/gpio-sim/EVENT/value)" = %d' % wanted)


def pull(m, pin, to):
    m.do("echo pull-%s >/run/gpio-sim/%s/pull" % (to, pin))


def pulse(m, pin):
    m.do("cd /run/gpio-sim/%s && echo pull-down >pull && sleep 0.02 && echo pull-up >pull" % pin)


def started_once(m):
    m.expect("AT+EVENT?", "OK 2 0 STARTUP")
    event(m, 0)
    m.expect("AT+EVENT?", "OK")


def has_line_open(m):
    return m.do("ls -l /proc/$(systemctl show --value -p MainPID %s)/fd | grep -c /dev/ttyS1 || :" % UNIT) != "0"


@contextlib.contextmanager
def settings(m, text, start=True):
    m.do("mkdir -p " + FOLDER)
    m.write(FOLDER + "/pins.conf", "[Pins]\n" + text)
    if start:
        m.do("systemctl restart " + UNIT)
    yield
    m.do("rm -r " + FOLDER)
    for pin in ("WAKE", "RST"):
        pull(m, pin, "up")
    m.do("systemctl reset-failed; systemctl restart " + UNIT)
    m.serial.clear()
    m.expect("AT", "OK")


def said(m):
    """What the last start of the daemon has logged about pins."""
    m.do("journalctl --sync")
    return m.do("journalctl -q --no-pager -b -o cat _SYSTEMD_INVOCATION_ID=$(systemctl show --value -p InvocationID %s)"
                " | grep -F '[Pins]' || :" % UNIT)


def event_pin(m):
    """EVENT is high while events wait."""
    with settings(m, PINS):
        event(m, 1)
        started_once(m)
        m.expect("AT+RESET", "OK")
        event(m, 1)
        m.do("systemctl stop " + UNIT)
        event(m, 0)
    with settings(m, PINS + "EventActiveLow=yes\n"):
        event(m, 0)
        m.expect("AT+EVENT?", "OK 2 0 STARTUP")
        event(m, 1)


def reset_pin(m):
    """RST holds the module, and starts it."""
    with settings(m, PINS):
        started_once(m)
        m.expect("AT+CONF Topic1=data", "OK")
        m.expect("AT+CONNECT", "OK 1 CONNECTED", 130)
        m.expect("AT+SUBSCRIBE1", "OK")
        m.cloud.observer.publish("data", b"lost")
        event(m, 1)
        pull(m, "RST", "down")
        event(m, 0)
        m.serial.send(b"AT\r\nAT+EVENT?\r\nAT+CONF? Abo")
        m.do("sleep 0.3")
        pull(m, "RST", "up")
        event(m, 1)
        m.serial.send(b"ut\r\n")
        started_once(m)
        m.expect("AT+CONNECT?", "OK 0 0 DISCONNECTED STAGING")
        m.expect("AT+GET", "OK")
        m.expect("AT+CONF? Topic1", "OK")
        pulse(m, "RST")
        event(m, 1)
        started_once(m)


def held_at_the_start(m):
    """RST is low when the daemon starts."""
    pull(m, "RST", "down")
    with settings(m, PINS + "Bias=none\n"):
        m.serial.send(b"AT\r\n")
        m.do("sleep 0.3")
        event(m, 0)
        pull(m, "RST", "up")
        event(m, 1)
        started_once(m)


def sleep_modes(m):
    """SLEEP 0 and 1, and each of the means to wake."""
    # Without lines nothing could end mode 1
    m.expect("AT+SLEEP1", "OK 0")
    m.expect("AT+EVENT?", "OK 2 0 STARTUP")
    with settings(m, PINS):
        started_once(m)
        # 0: a command, the duration, WAKE, RST
        m.expect("AT+SLEEP", "OK 0")
        started_once(m)
        m.expect("AT+SLEEP 1", "OK 0")
        event(m, 1)
        started_once(m)
        for pin in ("WAKE", "RST"):
            m.expect("AT+SLEEP 1000", "OK 0")
            pulse(m, pin)
            event(m, 1)
            started_once(m)
        # 1: the same without the command, of which every byte is lost
        for how, wake in (("AT+SLEEP9", lambda: pulse(m, "WAKE")), ("AT+SLEEP1", lambda: pulse(m, "RST")),
                          ("AT+SLEEP1 3", lambda: None)):
            m.expect(how, "OK 1")
            begin = time.monotonic()
            while has_line_open(m):
                if time.monotonic() - begin > 30:
                    raise Failure("%s: the line is still open" % how)
            m.serial.send(b"AT+CONF CustomName=lost\r\n")
            wake()
            event(m, 1)
            started_once(m)
            m.expect("AT+CONF? CustomName", "OK")
        # While WAKE is low it does not sleep
        pull(m, "WAKE", "down")
        for how, answer in (("AT+SLEEP", "OK 0"), ("AT+SLEEP1", "OK 1")):
            m.expect(how, answer)
            event(m, 1)
            started_once(m)


def no_such_pin(m):
    """What is not there is said in one line, and not tried again."""
    for text, line in (("Chip=el-sin\nEvent=0\n", "[Pins] Chip=el-sin: there is no such GPIO chip"),
                       ("Chip=el-sim\nWake=8\n", "[Pins] Wake=8: the chip has fewer lines"),
                       ("Chip=el-sim\nReset=wake\n", "[Pins] Reset=wake: the chip has no line of this name")):
        with settings(m, text, start=False):
            m.run("systemctl restart " + UNIT)
            expect("exit status", m.do("systemctl show --value -p ExecMainStatus " + UNIT), "78")
            expect("the log", said(m), line)
    # While udev is at work, a chip may still come: it is tried again.
    m.do("touch /run/udev/queue")
    with settings(m, "Chip=el-sin\nEvent=0\n", start=False):
        m.run("systemctl --no-block restart " + UNIT)
        m.until("test $(systemctl show --value -p NRestarts %s) -ge 2" % UNIT)
        m.do("rm -f /run/udev/queue")
        m.until("systemctl --quiet is-failed " + UNIT)
        expect("exit status", m.do("systemctl show --value -p ExecMainStatus " + UNIT), "78")


def taken_pin(m):
    """A line that another program has is named with it; later it is ours."""
    # libgpiod 2's, or 1's. The former knows chips by their name only.
    m.do("chip=$(gpiodetect | sed -n 's/ \\[el-sim\\].*//p') && "
         "systemd-run --quiet --unit=taker sh -c \"gpiomon --chip $chip 2 || exec gpiomon $chip 2\"")
    m.until("gpioinfo | grep gpiomon")
    with settings(m, PINS, start=False):
        m.run("systemctl --no-block restart " + UNIT)
        m.until("journalctl --sync; journalctl -q -b -o cat -u %s | grep -qF"
                " '[Pins] Reset=2: the line is in use by gpiomon'" % UNIT)
        m.do("systemctl stop taker")
        m.until("systemctl --quiet is-active " + UNIT)
        m.expect("AT", "OK")


def login_on_the_port(m):
    """A getty on the same port is named in the log."""
    m.do("systemctl stop %s; systemctl start serial-getty@ttyS1.service" % UNIT)
    m.until("pgrep agetty")
    m.do("systemctl start " + UNIT)
    m.until("journalctl --sync; journalctl -q -b -o cat -u %s | grep -F"
            " '/dev/ttyS1 is used by serial-getty@ttyS1.service'" % UNIT)
    # The login prompt has made the port its own; udev makes it that of the group again.
    m.do("systemctl stop serial-getty@ttyS1.service && udevadm trigger --action=change --settle /dev/ttyS1")
    m.do("systemctl restart " + UNIT)
    m.serial.clear()
    m.serial.send(b"\r\n")
    m.expect("AT", "OK")


def breaks(m):
    """A break in the middle of a command adds no byte to it."""
    m.expect("AT+CONF CustomName=", "OK")
    m.serial.send(b"AT+CONF Custom")
    m.do("sleep 0.1")
    # The emulated UART has one flag for all breaks in its FIFO, so each is seen before the next one comes
    count = "sed -n 's/^1:.* brk:\\([0-9]*\\).*/\\1/p' /proc/tty/driver/serial"
    for _ in range(3):
        before = int(m.do(count) or 0)
        m.qmp("chardev-send-break", id="uart")
        m.until('test "$(%s)" = %d' % (count, before + 1))
    m.serial.send(b"Name=whole\r\n")
    expect("a command with breaks in it", m.serial.line(30, "CONF"), b"OK\r")
    m.expect("AT+CONF? CustomName", "OK whole")
    m.expect("AT+CONF CustomName=", "OK")


CASES = (breaks, event_pin, reset_pin, held_at_the_start, sleep_modes, no_such_pin, taken_pin, login_on_the_port)
