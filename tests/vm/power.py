# SPDX-License-Identifier: Apache-2.0
"""The power fails while a host writes the configuration. What was answered OK is there afterwards; of what was on its
way each command as a whole, in their order; nothing is damaged."""

import collections
import os
import random
import re
import time

import pki
from machine import Failure

UNIT = "expresslinkd.service"
FOLDER = "/var/lib/expresslinkd"
FILES = {"dictionary", "dictionary.old", "clock", "defender", "update", "update.old"}
FACTORY = {"CustomName": b"", "Endpoint": b"cloud.example", "Defender": b"0", "HOTAcertificate": b""}
CERTIFICATES = ("HOTAcertificate", "RootCA")
VOLATILE = "Topic1"
WRITTEN = 70000  # to the disk for a command, about

# key: None for FACTORY_RESET, whose value is its number; data: what the host sends
Command = collections.namedtuple("Command", "key value data")


def make_certificates(m):
    """Of one key, so that each may follow each, and up to 12 KiB long."""
    made = []
    for names in (0, 10, 40, 160):
        path = m.path("host-ota-%d.crt" % names)
        pki.run("openssl", "req", "-x509", "-key", m.pki.file("hota1.key"), "-subj", "/CN=Host OTA", "-days", "7300",
                "-addext", pki.long_names(names)[0] if names else "basicConstraints=critical,CA:FALSE", "-out", path)
        with open(path, "rb") as f:
            made.append(f.read().strip())
    return made


class Host:
    """Writes values that differ from those before, and knows which may be there."""

    def __init__(self, m, chance):
        self.m, self.chance = m, chance
        self.serial = self.life = self.forgotten = 0
        self.pool = {"HOTAcertificate": make_certificates(m),
                     "RootCA": [b"\n".join(m.pki.pem(name)) for name in ("server-ca", "root2", "root-big")]}
        self.begin_anew()

    def begin_anew(self):
        """From here on what comes back is known."""
        root = self.pool["RootCA"][0]
        self.tell(Command("RootCA", root, b"AT+CONF RootCA=pem\r" + root + b"\r"))
        self.tell(self.reset())
        self.known = dict(FACTORY, RootCA=root)
        self.last = dict(self.known)

    def reset(self):
        self.life += 1
        return Command(None, self.life, b"AT+FACTORY_RESET\r")

    def write(self, key):
        self.serial += 1
        if key in CERTIFICATES:
            value = self.chance.choice([pem for pem in self.pool[key] if pem != self.last[key]])
            line = b"AT+CONF %s=%s\r" % (key.encode(), value.replace(b"\n", b"\\A"))
            if len(line) > 5000 or self.chance.random() < 0.5:
                line = b"AT+CONF %s=pem\r%s\r" % (key.encode(), value)
            return Command(key, value, line)
        value = {"CustomName": b"life%d %d %s" % (self.life, self.serial, b"x" * self.chance.randrange(100)),
                 "Endpoint": b"endpoint-%d.example:8883" % self.serial, "Defender": b"%d" % (300 + self.serial),
                 VOLATILE: b"topic/%d" % self.serial}[key]
        return Command(key, value, b"AT+CONF %s=%s\r" % (key.encode(), value))

    def next_command(self):
        key = self.chance.choices([None, "CustomName", "Endpoint", "Defender", "HOTAcertificate", "RootCA", VOLATILE],
                                  [2, 4, 2, 1, 4, 1, 1])[0]
        command = self.write(key) if key else self.reset()
        self.last = after(self.last, command)
        return command

    def tell(self, command):
        self.m.serial.send(command.data)
        answer = self.m.serial.line(60, command.data[:40])
        if answer != b"OK\r":
            raise Failure("%s: %r" % (short(command.data), answer))
        self.acknowledged(command)

    def acknowledged(self, command):
        if command.key is None:
            self.forgotten = command.value

    def read(self, key):
        if key not in CERTIFICATES:
            return self.m.ask("AT+CONF? " + key)[3:].encode()
        first = self.m.ask("AT+CONF? %s pem" % key)
        if not re.fullmatch("OK[0-9]+ pem", first):
            raise Failure("AT+CONF? %s pem: %s" % (key, first))
        return b"\n".join(self.m.serial.line(30, key).rstrip(b"\r") for _ in range(int(first[2:-4])))


def after(state, command):
    if command.key == VOLATILE:
        return state
    return dict(state, **(FACTORY if command.key is None else {command.key: command.value}))


def one_cut(m, host, chance):
    """Writes, cuts the power, and looks at what the next start finds. Numbers for the report."""
    m.slow_disk(chance.choice((0, 10, 30)))
    count = chance.randrange(1, 7)
    begin = time.monotonic()
    for _ in range(count):
        command = host.next_command()
        host.tell(command)
        host.known = after(host.known, command)
    pace = (time.monotonic() - begin) / count
    ahead = [host.next_command() for _ in range(chance.choice((0, 1, 1, 1, 2, 3)))]
    m.serial.send(b"".join(command.data for command in ahead))
    wait(m, chance, pace, len(ahead))
    sent, loss = m.power_cut(chance)

    answers = sent.split(b"\n")[:-1]
    if set(answers) - {b"OK\r"} or len(answers) > len(ahead):
        raise Failure("%r answered to %r" % (answers, [short(c.data) for c in ahead]))
    states = [host.known]
    for command in ahead:
        states.append(after(states[-1], command))
    for command in ahead[:len(answers)]:
        host.acknowledged(command)

    m.power_on()
    m.until("systemctl --quiet is-active " + UNIT, 600)
    possible = states[len(answers):]
    host.known = host.last = look(m, host, possible)
    forgotten(m, host)
    return {"acknowledged": count + len(answers), "on the way": len(ahead) - len(answers),
            "of them there": possible.index(host.known),
            "not flushed": loss.pending, "lost": loss.lost, "torn": loss.torn}


class Moment:
    """An instant that nobody knows before: by the clock, or by what is written to the disk."""

    def __init__(self, m, chance, seconds, size):
        by_clock = chance.random() < 0.3
        self.disk = m.disk
        self.end = time.monotonic() + (chance.random() if by_clock else 2) * seconds
        self.enough = float("inf") if by_clock else m.disk.written() + chance.random() * size

    def has_come(self):
        return time.monotonic() >= self.end or self.disk.written() >= self.enough


def wait(m, chance, pace, ahead):
    """For an instant while commands are on their way."""
    if not ahead:
        time.sleep(chance.choice((0, 0, chance.random() * 6)))
        return
    moment = Moment(m, chance, pace * ahead, ahead * WRITTEN)
    while not moment.has_come():
        time.sleep(0.001)


def short(data):
    return "%r%s" % (data[:60], "... (%d bytes)" % len(data) if len(data) > 60 else "")


def look(m, host, possible):
    """What the module has, which must be one of the states that are possible, and whether it had to help itself."""
    found = {key: host.read(key) for key in host.known}
    if found not in possible:
        wrong = [{key: short(state[key]) for key in found if state[key] != found[key]} for state in possible]
        raise Failure("the module has\n  %s\nexpected, or what follows it:\n  %s" % (
            "\n  ".join("%s=%s" % (key, short(found[key])) for key in found), "\n  ".join(map(str, wrong))))
    m.expect("AT+CONF? " + VOLATILE, "OK")
    m.expect("AT+EVENT?", "OK 2 0 STARTUP")
    info = m.ask("AT+DIAG INFO")
    if " damaged=0" not in info:
        raise Failure("AT+DIAG INFO: " + info)
    unharmed(m)
    left = set(m.do("ls -A " + FOLDER).split()) - FILES
    if left:
        raise Failure("in the module's folder: %s" % left)
    return found


def unharmed(m, allowed="(?!)"):
    """Neither the module nor the file system had to help itself. allowed: warnings that the module may give."""
    said = [entry["MESSAGE"] for entry in m.journal(UNIT, "-p warning", "_COMM=expresslinkd")]
    said = [message for message in said if not re.fullmatch(allowed, message)]
    if said:
        raise Failure("the module complains: %s" % said)
    complaints = m.do("journalctl -q -b -k -o cat | grep -E 'EXT4-fs.*(error|warning)' || :")
    if complaints:
        raise Failure("the file system was lost: " + complaints)


def forgotten(m, host):
    """What FACTORY_RESET has removed stays removed."""
    for word in m.do("grep -rhoE 'life[0-9]+' %s | sort -u || :" % FOLDER).split():
        if int(word[4:]) < host.forgotten:
            raise Failure("%s was forgotten by FACTORY_RESET, which was acknowledged, and is there again:\n%s"
                          % (word, m.run("ls -l --full-time " + FOLDER)[1]))


def power_cuts(m):
    """The power fails while the host writes: what was answered is there, nothing is damaged."""
    rounds = int(os.environ.get("ROUNDS", "2"))
    seed = int(os.environ.get("SEED", "0")) or random.randrange(1, 1 << 30)
    chance, total = random.Random(seed), collections.Counter()
    host = Host(m, chance)
    m.do("sync")
    for n in range(1, rounds + 1):
        try:
            seen = one_cut(m, host, chance)
        except Failure as failure:
            raise Failure("power cut %d of seed %d: %s" % (n, seed, failure)) from None
        total.update(seen)
        print("     cut %d: %s" % (n, report(seen)), flush=True)
    host.begin_anew()
    print("     seed %d, %d cuts: %s" % (seed, rounds, report(total)))


def report(numbers):
    return ("commands: {acknowledged} acknowledged, {on the way} on the way, {of them there} of them there;"
            " disk writes: {not flushed} not flushed, {lost} of them lost, {torn} torn").format_map(numbers)


CASES = (power_cuts,)
