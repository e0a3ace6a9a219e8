# SPDX-License-Identifier: Apache-2.0
"""Cases that mostly wait, many at a time, each in a process of its own."""

import os
import signal
import sys
import tempfile

import harness
import pki


CASES = []


def case(function):
    """A decorator: one of the cases of this test."""
    CASES.append(function)
    return function


def run_at_once(at_once, seconds=300):
    """As harness.run_cases(), with a time limit for each."""
    chosen = sys.argv[1:]
    waiting = [c for c in CASES if not chosen or c.__name__ in chosen]
    running, failed = {}, 0
    pki.Pki()  # so that they need not wait for each other
    sys.stdout.flush()
    while waiting or running:
        if waiting and len(running) < at_once:
            case, out = waiting.pop(0), tempfile.TemporaryFile()
            pid = os.fork()
            if pid == 0:
                os.dup2(out.fileno(), 1)
                os.dup2(1, 2)
                run_one(case, seconds)
            running[pid] = (case, out)
            continue
        pid, status = os.wait()
        case, out = running.pop(pid)
        out.seek(0)
        said = out.read().decode(errors="replace")
        if status and "FAIL  " not in said:
            said += "FAIL  %s: status %d\n" % (case.__name__, status)
        failed += status != 0
        print(said, end="", flush=True)
    sys.exit(1 if failed else 0)


def run_one(case, seconds):
    """In the child: the case and the end."""
    def late(_signal, _frame):
        raise harness.Failure("not done after %d s" % seconds)
    signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    sys.argv[1:] = []
    try:
        harness.run_cases(case)
    except SystemExit as e:
        sys.stdout.flush()
        os._exit(e.code)
    os._exit(1)
