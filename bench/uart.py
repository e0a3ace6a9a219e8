# SPDX-License-Identifier: Apache-2.0
"""How full the module keeps a real UART, both ways: in a booted machine with the packages (tests/vm)."""

import contextlib
import hashlib
import os
import random
import select
import sys

import lab

sys.path.insert(0, os.path.join(lab.TOP, "tests", "vm"))

import duplex  # noqa: E402
import machine  # noqa: E402
import packaged  # noqa: E402
import wire as line  # noqa: E402

MEGABYTE = 1 << 20
SILENCE = 60


def schedule(pid, policy, priority):
    for task in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(ProcessLookupError):
            os.sched_setscheduler(int(task), policy, os.sched_param(priority))


@contextlib.contextmanager
def before_all_others(m):
    """A UART does not wait for the other work of this machine. For the time of an exchange only: the broker works here."""
    schedule(m.process.pid, os.SCHED_RR, 1)
    try:
        yield
    finally:
        schedule(m.process.pid, os.SCHED_OTHER, 0)


def module(m):
    """SENDs of QoS 1, messages and events, all compared."""
    m.do("systemctl start " + packaged.UNIT)
    m.serial.clear()
    m.expect("AT+CONNECT", "OK 1 CONNECTED", 130)
    with before_all_others(m):
        wire = duplex.exchange(m, MEGABYTE)
    m.do("systemctl stop " + packaged.UNIT)
    return wire


def copies(m):
    """The peer: cat both ways. What it does not get through is the machine's fault."""
    m.do("stty -F /dev/ttyS1 115200 raw -echo && head -c %d /dev/urandom >/run/out && rm -f /run/in" % MEGABYTE)
    m.serial.clear()
    out = random.randbytes(MEGABYTE)
    left, sent, digest = MEGABYTE, 0, hashlib.sha1()
    m.do("systemd-run --quiet --collect --unit=copies sh -c"
         " 'exec 3<>/dev/ttyS1; cat /run/out >&3 & head -c %d <&3 | sha1sum >/run/in; wait'" % MEGABYTE)
    with before_all_others(m), line.Wire(m.serial.socket) as wire:
        while left or sent < MEGABYTE:
            readable, writable, _ = select.select([wire.host], [wire.host] if sent < MEGABYTE else [], [], SILENCE)
            if not readable and not writable:
                raise lab.Failure("the machine's own UART: %d bytes are missing" % left)
            if readable:
                data = wire.host.recv(65536)
                left -= len(data)
                digest.update(data)
            if writable:
                sent += wire.host.send(out[sent:sent + 4096])
        m.until("test -s /run/in")
    for text, ours in ((m.do("cat /run/in"), hashlib.sha1(out)), (m.do("sha1sum </run/out"), digest)):
        if text.split()[0] != ours.hexdigest():
            raise lab.Failure("the machine's own UART changes bytes")
    return wire


def measure(packages, rounds):
    """What the wire says of the module, and of the peer."""
    try:
        with packaged.gateway(packages) as m:
            m.booted()
            m.install("expresslinkd")
            m.make_instance("expresslinkd", "/dev/ttyS1")
            return zip(*[(module(m), copies(m)) for _ in range(rounds)])
    except machine.Failure as e:
        raise lab.Failure(str(e)) from None
