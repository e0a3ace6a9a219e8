# SPDX-License-Identifier: Apache-2.0
"""Many modules on one machine: what each of them costs in memory and in time of the processor."""

import contextlib
import os
import re
import select
import subprocess
import time

import lab

PERIOD = 0.02  # between messages: nobody gets them in heaps


def proportional_memory(pid):
    """KiB of the process, and its part of what it shares with others."""
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return int(re.search(r"^Pss:\s*(\d+)", f.read(), re.M)[1])


def processor_ms(pid):
    """That its threads have used so far, to the nanosecond."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat") as f:
            total += int(f.read().split()[0])
    return total / 1e6


class Module:
    """One of ours, with the host at its pty."""

    def __init__(self, b, stack, number):
        folder = os.path.join(b.folder, f"module-{number}")
        state, link, config = (os.path.join(folder, name) for name in ("state", "module", "conf"))
        os.makedirs(state)
        with open(b.config) as f, open(config, "w") as mine:
            mine.write(f.read() + f"[Identity]\nThingName=bench-{number}\n")
        self.process = stack.enter_context(b.running([b.daemon, "-c", config], b.subject_cpu,
                                                     {"STATE_DIRECTORY": state, "RUNTIME_DIRECTORY": folder}))
        b.await_link(link, self.process)
        self.port = lab.Port(link)
        stack.callback(self.port.close)
        for line in (f"AT+CONF Endpoint=localhost:{b.port}", f"AT+CONF Topic1={lab.TOPIC}", "AT+CONNECT", "AT+SUBSCRIBE1"):
            answer = self.port.ask(line)
            if not answer.startswith("OK"):
                raise lab.Failure(f"{line}: {answer}")
        while self.port.ask("AT+EVENT?") != "OK":
            pass
        self.pid = self.process.pid

    def read(self, text):
        """As a host without an EVENT pin does."""
        while (event := self.port.ask("AT+EVENT?")) == "OK":
            time.sleep(0.001)
        message = self.port.ask("AT+GET1")
        if (event, message) != ("OK 1 1 MSG", "OK " + text):
            raise lab.Failure(f"{event!r} and {message!r} instead of {text!r}")


class Peer:
    """mosquitto_sub, with somebody who reads."""

    def __init__(self, b, stack, number):
        self.process = stack.enter_context(b.subscriber("-i", f"bench-{number}", stdout=subprocess.PIPE))
        self.pid = self.process.pid

    def read(self, text):
        if not select.select([self.process.stdout], [], [], 60)[0] or self.process.stdout.readline() != text + "\n":
            raise lab.Failure(f"mosquitto_sub does not print {text!r}")


def measure(b, make, count, idle, messages):
    """Of each: memory in KiB, processor time in ms for a minute without work and for 1000 messages."""
    with contextlib.ExitStack() as stack:
        subjects = [make(b, stack, number) for number in range(count)]
        publisher = stack.enter_context(b.running(b.client("mosquitto_pub", "-l"), b.driver_cpu, stdin=subprocess.PIPE,
                                                  text=True))

        def used():
            return sum(processor_ms(subject.pid) for subject in subjects) / count

        def exchange(first, last):
            for number in range(first, last):
                print(f"{number} 21.5 degrees in the shade", file=publisher.stdin, flush=True)
                time.sleep(PERIOD)
                for subject in subjects:
                    subject.read(f"{number} 21.5 degrees in the shade")

        exchange(0, 2)
        before = used()
        time.sleep(idle)
        a_minute = (used() - before) * 60 / idle
        before = used()
        exchange(2, 2 + messages)
        a_thousand = (used() - before) * 1000 / messages
        memory = sum(proportional_memory(subject.pid) for subject in subjects) / count
        publisher.stdin.close()
        publisher.wait(10)
    return memory, a_minute, a_thousand
