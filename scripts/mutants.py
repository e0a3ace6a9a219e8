#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Breaks the source in one place at a time and looks whether `make check` sees it.

Mutants: an inverted test, an off by one, a dropped call, a wrong constant, in the functions and tables of src/.
The same seed over the same source gives the same mutants. A mutant that does not compile without a warning, or that
compiles to the very same code, is replaced by another one. A hang counts as seen. Built with the sanitizers, so that a
leak counts too.
"""

import argparse
import difflib
import os
import queue
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent

# Lines that do nothing a test could or should see.
SKIP = re.compile(
    r"\blog_\w+\(|\bassert\(|_Static_assert|^\s*#|_set_description\(|_set_priority\(|\bmalloc_trim\(|"
    r"\bexplicit_bzero\(|\bERR_clear_error\(|\bEINTR\b|^\s*case\b|^\s*default:|__attribute__|\bsizeof\b|\bcalloc\(|\bmalloc\("
)
ONLY_LOGS = re.compile(r"^\s*if \(.*\)\s+\(?(void\)\s*)?log_\w+\(")
DECLARATION = re.compile(r"^\s*(static |const |struct |enum |unsigned |char |int |uint\d+_t |size_t |bool )[^=()]*;\s*$")
CALL = re.compile(r"^(\t+)(?!return\b|if\b|while\b|for\b|switch\b|sizeof\b)\w+\(.*\);$")
OFF_BY_ONE = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
LITERAL = re.compile(r"(?<![\w.])(0[xX][0-9a-fA-F]+|\d+)(?=[uUlL]*(?![\w.]))")
KNOWN_GOOD_LIMIT = 1200  # seconds
TRIES = 3  # of all tests, when one was disturbed by something else
WORDS = {"true": "false", "false": "true"}


def blank(text):
    """The source with comments, strings and characters replaced by spaces: same length, same lines."""
    pattern = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
    return pattern.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def bodies(lines):
    """Numbers of the lines within functions and initialised tables."""
    inside = False
    for number, line in enumerate(lines):
        if line.startswith("}"):
            inside = False
        if inside:
            yield number
        if line.startswith("{") or re.match(r"\w.*=\s*\{\s*$", line):
            inside = True


def closing(line, at):
    """Index of the parenthesis that closes the one at `at`, or -1."""
    depth = 0
    for i in range(at, len(line)):
        depth += (line[i] == "(") - (line[i] == ")")
        if depth == 0:
            return i
    return -1


def in_line(code, line):
    """(kind, new line) for every mutant of one line; code is the line without strings and comments."""
    for m in re.finditer(r"\b(?:if|while) \(", code):
        end = closing(code, m.end() - 1)
        if end > 0:
            yield "inverted test", f"{line[:m.end()]}!({line[m.end():end]}){line[end:]}"
    for m in re.finditer(r"&&|\|\||==|!=", code):
        other = {"&&": "||", "||": "&&", "==": "!=", "!=": "=="}[m.group()]
        yield "inverted test", line[: m.start()] + other + line[m.end() :]
    for m in re.finditer(r"(?<= )(<=|>=|<|>)(?= )", code):
        if re.search(r"(\S+) [<>]=? (\S+) \? (\1 : \2|\2 : \1)", code):
            continue  # the smaller or the larger of two: the same for equal ones
        yield "off by one", line[: m.start()] + OFF_BY_ONE[m.group()] + line[m.end() :]
    for m in re.finditer(r" [+-] 1\b(?!\.)", code):
        yield "off by one", line[: m.start()] + line[m.end() :]
    m = CALL.match(code)
    if m:
        yield "dropped call", f"{m.group(1)};"
    for m in LITERAL.finditer(code):
        text = m.group()
        if re.search(r"[+-] $", code[: m.start()]) and text == "1":
            continue  # an off by one
        value = int(text, 16) if text[:2] in ("0x", "0X") else int(text)
        yield "wrong constant", f"{line[:m.start()]}{value + 1}{line[m.end():]}"
    for m in re.finditer(r"\b(true|false)\b", code):
        yield "wrong constant", line[: m.start()] + WORDS[m.group()] + line[m.end() :]
    for m in re.finditer(r"\bAT_ERR_[A-Z_]+\b", code):
        other = "AT_ERR_PARAMETER" if m.group() != "AT_ERR_PARAMETER" else "AT_ERR_OVERFLOW"
        yield "wrong constant", line[: m.start()] + other + line[m.end() :]


class Mutant:
    def __init__(self, path, number, kind, old, new):
        self.path, self.number, self.kind, self.old, self.new = path, number, kind, old, new

    def __str__(self):
        return f"{self.path}:{self.number + 1} {self.kind}"

    def diff(self):
        return "\n".join("    " + x for x in list(difflib.ndiff([self.old], [self.new])) if x[0] in "+-")


def find_mutants(top):
    found = {}
    for path in sorted(top.glob("src/**/*.c")):
        lines = path.read_text().split("\n")
        codes = blank("\n".join(lines)).split("\n")
        for number in bodies(codes):
            if SKIP.search(codes[number]) or DECLARATION.match(codes[number]):
                continue
            if ONLY_LOGS.search(codes[number] + codes[number + 1]):
                continue
            for kind, new in in_line(codes[number], lines[number]):
                found.setdefault(kind, []).append(Mutant(path.relative_to(top), number, kind, lines[number], new))
    return found


def drawn(found, seed):
    """All mutants in a random order that gives every kind the same share."""
    dice = random.Random(seed)
    pools = {kind: dice.sample(found[kind], len(found[kind])) for kind in sorted(found)}
    seen = set()
    while pools:
        kind = dice.choice(sorted(pools))
        mutant = pools[kind].pop()
        if not pools[kind]:
            del pools[kind]
        if (mutant.path, mutant.number) not in seen:
            seen.add((mutant.path, mutant.number))
            yield mutant


class Job:
    """A copy of the source with a build folder, where one mutant at a time is tried."""

    def __init__(self, work, index):
        self.source, self.build = work / f"source-{index}", work / f"build-{index}"
        self.tmp = work / f"tmp-{index}"
        self.limit = None
        self.process = None
        # Name spaces of its own: nothing outlives a test that was stopped, and ports do not collide. Its network is one
        # that leads nowhere, but is there.
        self.confine = []
        if os.geteuid() == 0:
            self.confine = ["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child", "--mount-proc", "sh", "-ec",
                            "ip link set lo up; ip link add eth0 type veth peer name eth1; ip link set eth0 up; "
                            'ip link set eth1 up; ip address add 192.0.2.1/24 dev eth0; exec "$@"', "sh"]

    def run(self, *command, folder=None, seconds=None, until=lambda: False, confined=False):
        """(exit status, output); the status is None when the time was up or until() said stop."""
        shutil.rmtree(self.tmp, ignore_errors=True)
        self.tmp.mkdir()
        self.tmp.chmod(0o1777)
        log = open(self.build.parent / f"{self.build.name}.log", "w+b")
        process = self.process = subprocess.Popen(
            (self.confine if confined else []) + list(command), cwd=folder or self.build, stdin=subprocess.DEVNULL,
            stdout=log, stderr=subprocess.STDOUT, start_new_session=True, env={**os.environ, "TMPDIR": str(self.tmp)})
        end = time.monotonic() + seconds if seconds else None
        status = None
        while True:
            try:
                status = process.wait(0.1)
                break
            except subprocess.TimeoutExpired:
                if until() or (end and time.monotonic() > end):
                    break
        self.kill()
        process.wait()
        log.seek(0)
        return status, log.read().decode(errors="replace")

    def kill(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except (AttributeError, ProcessLookupError):
            pass

    def must(self, *command, **options):
        status, output = self.run(*command, **options)
        if status != 0:
            raise SystemExit(f"mutants: {' '.join(map(str, command))} fails without any mutant\n{output[-6000:]}")
        return output

    def failed(self):
        """Names of the tests that have failed so far."""
        for trs in sorted((self.build / "tests").rglob("*.trs")):
            try:
                text = trs.read_text(errors="replace")
            except OSError:
                continue
            if re.search(r"^:test-result: (FAIL|ERROR|XPASS)", text, re.M):
                return str(trs.relative_to(self.build / "tests"))[: -len(".trs")]
        return None

    def clear(self):
        for trs in (self.build / "tests").rglob("*.trs"):
            trs.unlink()

    def prepare(self, known_good):
        self.must(str(TOP / "scripts/copy-tree"), str(self.source), folder="/")
        self.build.mkdir()
        self.must(str(self.source / "configure"), "--quiet", "--enable-sanitizers", "--enable-werror", "CFLAGS=-O1 -g")
        self.must("make", "-s", "-j2")
        self.must("make", "-s", "-j2", "-C", "tests", "check", "TESTS=")
        if known_good:
            self.limit = KNOWN_GOOD_LIMIT
            return
        begin = time.monotonic()
        status, output = self.run("make", "-s", "-j4", "-C", "tests", "check", confined=True)
        if status != 0:
            log = self.build / "tests/test-suite.log"
            raise SystemExit("mutants: make check fails without any mutant\n" + output[-3000:] +
                             (log.read_text(errors="replace")[-6000:] if log.exists() else ""))
        self.limit = 60 + 4 * (time.monotonic() - begin)

    def code(self, path):
        """The machine code of a source file, without anything that depends on the line or the tools' mode."""
        out = self.build / "mutant.o"
        status, flags = self.run("pkg-config", "--cflags", "libmosquitto", "openssl", "libsystemd", "inih", "libcjson")
        defines = ['-DSBINDIR="x"', '-DLIBEXECDIR="x"', '-DSYSCONFDIR="x"', '-DPKGDATADIR="x"', "-D_GNU_SOURCE"]
        status, _ = self.run("gcc", "-std=gnu11", "-w", "-O2", "-g0", *defines, f"-I{self.source}/src", f"-I{self.build}",
                             *flags.split(), "-c", str(self.source / path), "-o", str(out))
        return out.read_bytes() if status == 0 else None

    def try_out(self, mutant):
        """("killed", by what), ("survived", ""), or ("unfit", why)."""
        path = self.source / mutant.path
        original = path.read_text()
        before = self.code(mutant.path)
        try:
            lines = original.split("\n")
            lines[mutant.number] = mutant.new
            path.write_text("\n".join(lines))
            after = self.code(mutant.path)
            if after is None:
                return "unfit", "does not compile"
            if after == before:
                return "unfit", "the same code"
            return self.judge(mutant)
        finally:
            path.write_text(original)

    def judge(self, mutant):
        status, output = self.run("make", "-s", "-j2")
        if status != 0:
            return "unfit", "does not compile"
        tests = self.source / "tests"
        name = f"{mutant.path.parent.name}/check_{mutant.path.stem}"
        own = [str(path.relative_to(tests).with_suffix("")) for pattern in (f"{name}.c", f"{name}_*.c")
               for path in sorted(tests.glob(pattern))]
        if own:
            status, _ = self.run("make", "-s", "-C", "tests", *own)
            if status == 0:
                status, _ = self.run("make", "-s", "-C", "tests", "check", "check_PROGRAMS=", "TESTS=" + " ".join(own),
                                     confined=True, seconds=self.limit)
            if status != 0:
                return "killed", " ".join(own) + (" (no end)" if status is None else "")
        for _ in range(TRIES):
            self.clear()
            status, _ = self.run("make", "-s", "-j4", "-C", "tests", "check", confined=True, seconds=self.limit,
                                 until=self.failed)
            if status == 0:
                return "survived", ""
            name = self.failed()
            if name is None:
                return "killed", "no end" if status is None else "make check"
            if self.fails_alone(name):
                return "killed", name
        return "survived", ""

    def fails_alone(self, name):
        """Or was it something else that disturbed the test? Then what it said is worth reading."""
        log = self.build / "tests" / f"{name}.log"
        said = log.read_text(errors="replace") if log.exists() else ""
        log.unlink(missing_ok=True)
        self.clear()
        status, _ = self.run("make", "-s", "-C", "tests", f"{name}.log", confined=True, seconds=self.limit)
        if status is None or self.failed():
            return True
        print(f"DISTURBED  {name}, which passes alone; it had said:\n{said[-6000:]}", flush=True)
        return False


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--known-good", action="store_true", help="`make check` passes without any mutant: it is not tried")
    parser.add_argument("--only", action="append", metavar="MUTANT",
                        help="as it is printed, or the beginning of that: src/at/line.c:20")
    parser.add_argument("--list", action="store_true", help="only print what would be tried first")
    options = parser.parse_args()

    found = find_mutants(TOP)
    if options.only:
        found = {kind: few for kind, all_of in found.items()
                 if (few := [one for one in all_of if str(one).startswith(tuple(options.only))])}
    supply = drawn(found, options.seed)
    print(f"mutants: {sum(map(len, found.values()))} possible ones, seed {options.seed}", flush=True)
    if options.list:
        for _, mutant in zip(range(options.count), supply):
            print(f"{mutant}\n{mutant.diff()}")
        return 0

    options.work.chmod(0o711)  # some tests try what another user can do
    jobs = [Job(options.work, i) for i in range(options.jobs)]
    errors, lock, results = queue.Queue(), threading.Lock(), {"killed": 0, "survived": 0}
    begun = [0]

    def work(job):
        try:
            job.prepare(options.known_good)
            while True:
                with lock:
                    if begun[0] >= options.count:
                        return
                    begun[0] += 1
                while True:
                    with lock:
                        mutant = next(supply, None)
                    if mutant is None:
                        return
                    begin = time.monotonic()
                    verdict, by = job.try_out(mutant)
                    if verdict != "unfit":
                        break
                with lock:
                    results[verdict] += 1
                    by = f" by {by}" if by else ""
                    print(f"{verdict.upper()}  {mutant}{by} ({time.monotonic() - begin:.0f} s)\n{mutant.diff()}", flush=True)
        except BaseException as e:  # also SystemExit: it has to reach the main thread
            errors.put(e)

    def stop(_number, _frame):
        for job in jobs:
            job.kill()
        os._exit(130)

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    threads = [threading.Thread(target=work, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if not errors.empty():
        raise errors.get()
    total = sum(results.values())
    print(f"{total} mutants: {results['killed']} killed, {results['survived']} survived")
    return 0 if total and results["survived"] <= max(2, total // 10) else 1


if __name__ == "__main__":
    sys.exit(main())
