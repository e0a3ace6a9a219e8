#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Settings files with every kind of mistake: --check-config names file and line of each and exits with 1, the daemon
says the same and exits with 78 (EX_CONFIG), before it has touched anything."""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import harness  # noqa: E402
from harness import Failure  # noqa: E402

GOOD = """[Serial]
Device=pty:host
[Identity]
Certificate={pki}/device.crt
PrivateKey={pki}/device.key
"""

# text behind GOOD (5 lines) -> line of the mistake
MISTAKES = [
    ("[Nonsense]\n", 6),
    ("[Nonsense]\nKey=1\n", (6, 7)),
    ("[Module]\nNonsense=1\n", 7),
    ("[Module]\nmaxtopic=16\n", 7),
    ("[module]\nMaxTopic=16\n", (6, 7)),
    ("[Module]\nMaxTopic=15\n", 7),
    ("[Module]\nMaxTopic=50\n", 7),
    ("[Module]\nMaxTopic=\n", 7),
    ("[Module]\nMaxTopic=16x\n", 7),
    ("[Module]\nMaxTopic=-16\n", 7),
    ("[Module]\nMaxTopic=0x20\n", 7),
    ("[Module]\nMaxTopic=99999999999999999999\n", 7),
    ("[Module]\nEventQueue=63\n", 7),
    ("[Module]\nMessageQueue=1\n", 7),
    ("[Module]\nMessageBytes=1K\n", 7),
    ("[Module]\nMessageBytes=512Q\n", 7),
    ("[Module]\nMaxTopic=20\nMaxTopic=20\n", 8),
    ("[Module]\nMaxTopic=20\n\n# comment\n[Log]\n[Module]\nMaxTopic=21\n", 12),
    ("[Module]\nAbout=" + "x" * 65 + "\n", 7),
    ("[Cloud]\nKeepAlive=29\n", 7),
    ("[Cloud]\nKeepAlive=1201\n", 7),
    ("[Cloud]\nConnectTimeout=4\n", 7),
    ("[Cloud]\nConnectTimeout=116\n", 7),
    ("[Cloud]\nStagingEndpoint=two words\n", 7),
    ("[Cloud]\nStagingEndpoint=host:99999\n", 7),
    ("[Cloud]\nRootCA=/nonexistent/root.pem\n", 7),
    ("[Cloud]\nRootCA={pki}/device.key\n", 7),
    ("[OTA]\nCertificate=/nonexistent/ota.pem\n", 7),
    ("[OTA]\nCertificate={folder}/expresslinkd.conf\n", 7),
    ("[OTA]\nShared=perhaps\n", 7),
    ("[OTA]\nMaxImageSize=17M\n", 7),
    ("[Network]\nType=carrier pigeon\n", 7),
    ("[Network]\nDefaultSSID=" + "s" * 33 + "\n", 7),
    ("[Pins]\nEventActiveLow=2\n", 7),
    ("[Pins]\nBias=sideways\n", 7),
    ("[Compatibility]\nOTAEventParameter=both\n", 7),
    ("[Compatibility]\nTimeLabels=maybe\n", 7),
    ("[Log]\nLevel=loud\n", 7),
    ("[Log]\nLevel\n", 7),
    ("[Log]\n=debug\n", 7),
    ("[Log\nLevel=debug\n", 6),
    ("Level=debug\n[Serial]\n", 6),
    ("[Confmode]\nTimeout=soon\n", 7),
    ("[Location]\nGpsd=host:port\n", 7),
]


def run(m, *arguments):
    done = subprocess.run([harness.program(), "--config", m.configuration] + list(arguments), env=m.environment(),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    return done.returncode, done.stdout.decode(errors="replace")


def write(m, text, name=None):
    with open(name or m.configuration, "w", encoding="utf-8") as f:
        f.write(text.replace("{pki}", m.pki.folder).replace("{folder}", m.folder))


def must_fail(m, where, lines, text):
    lines = lines if isinstance(lines, tuple) else (lines,)
    for arguments, status in ((["--check-config"], 1), ([], 78)):
        code, said = run(m, *arguments)
        if code != status:
            raise Failure("%r: exit status %d expected of %s, got %d: %s" % (text, status, arguments or "the daemon",
                                                                            code, said))
        if not any(re.search(r"^(<\d>)?(.* )?%s:%d: ." % (re.escape(where), line), said, re.M) for line in lines):
            raise Failure("%r: no line that begins with %s:%s, only\n%s" % (text, where, lines, said))
        if os.listdir(m.state) or os.listdir(m.runtime):
            raise Failure("%r: it has left something: %r %r" % (text, os.listdir(m.state), os.listdir(m.runtime)))


def each_mistake():
    with harness.module() as m:
        wrong = []
        for text, line in MISTAKES:
            write(m, GOOD + text)
            try:
                must_fail(m, m.configuration, line, text)
            except Failure as e:
                wrong.append(str(e))
        if wrong:
            raise Failure("%d of %d:\n%s" % (len(wrong), len(MISTAKES), "\n".join(wrong)))


def good_ones():
    """What looks odd but is right."""
    with harness.module() as m:
        for text in ("", "[Defender]\n", "# comment\n; comment\n\n[Log]\n  # indented\nLevel = debug\n",
                     "[Module]\nMessageBytes=1M\nAbout=A - B = C\n", "[Cloud]\nStagingEndpoint=\n",
                     "[Cloud]\nStagingEndpoint=a.example:8884\n", "[Location]\nGpsd=none\n",
                     "[Cloud]\nRootCA={pki}/server-ca.crt\n", "\r\n[Log]\r\nLevel=info\r\n"):
            write(m, GOOD + text)
            code, said = run(m, "--check-config")
            if code != 0:
                raise Failure("%r: exit status 0 expected, got %d: %s" % (text, code, said))
            if os.listdir(m.state) or os.listdir(m.runtime):
                raise Failure("--check-config has left something")


def what_is_required():
    with harness.module() as m:
        for missing in ("Device", "Certificate", "PrivateKey"):
            write(m, "".join(line + "\n" for line in GOOD.splitlines() if not line.startswith(missing + "=")))
            for arguments, status in ((["--check-config"], 1), ([], 78)):
                code, said = run(m, *arguments)
                if code != status or missing not in said or m.configuration not in said:
                    raise Failure("without %s: %d %s" % (missing, code, said))


def every_problem_at_once():
    """All problems are said, each on its own line."""
    with harness.module() as m:
        write(m, GOOD + "[Module]\nMaxTopic=1\nFoo=1\n[Cloud]\nKeepAlive=1\n[Log]\nLevel=x\n")
        _, said = run(m, "--check-config")
        for line in (7, 8, 10, 12):
            if "%s:%d: " % (m.configuration, line) not in said:
                raise Failure("line %d is not mentioned: %s" % (line, said))


def drop_ins():
    """FILE.d/*.conf are read in order, may override, and mistakes in them name them."""
    with harness.module() as m:
        write(m, GOOD + "[Module]\nAbout=main\n[Log]\nLevel=debug\n")
        os.mkdir(m.configuration + ".d")
        write(m, "[Module]\nAbout=second\n", m.configuration + ".d/20-second.conf")
        write(m, "[Module]\nAbout=first\nMaxTopic=20\n", m.configuration + ".d/10-first.conf")
        write(m, "not read\n", m.configuration + ".d/30-third.conf.bak")
        code, said = run(m, "--check-config")
        if code != 0:
            raise Failure("drop-ins: %d %s" % (code, said))
        m.write_settings = lambda: None
        m.start()
        m.expect("AT+CONF? About", "OK second")
        m.expect("AT+CONF? Topic20", "OK")
        m.expect("AT+CONF? Topic21", "ERR11 UNKNOWN KEY")
        m.stop()
        write(m, "[Module]\nAbout=third\n\nMaxTopic=three\n", m.configuration + ".d/30-third.conf")
        must = m.configuration + ".d/30-third.conf"
        for arguments, status in ((["--check-config"], 1), ([], 78)):
            code, said = run(m, *arguments)
            if code != status or must + ":4: " not in said:
                raise Failure("a mistake in a drop-in: %d %s" % (code, said))


def no_file():
    with harness.module() as m:
        for arguments, status in ((["--check-config"], 1), ([], 78)):
            code, said = run(m, *arguments)
            if code != status or m.configuration not in said:
                raise Failure("without a file: %d %s" % (code, said))
        os.mkdir(m.configuration)
        code, said = run(m, "--check-config")
        if code != 1 or m.configuration not in said:
            raise Failure("a folder: %d %s" % (code, said))


def garbage():
    with harness.module() as m:
        for data in (bytes(range(256)) * 40, b"\0" * 1000, b"[" * 100000, b"=" * 100000, b"x" * 1000000,
                     b"[Log]\nLevel=" + b"d" * 100000 + b"\n"):
            with open(m.configuration, "wb") as f:
                f.write(data)
            code, said = run(m, "--check-config")
            if code != 1 or m.configuration not in said:
                raise Failure("%r...: %d %s" % (data[:20], code, said[:300]))


def key_and_certificate():
    """A key for another certificate, a certificate that is none, a key that others can read or that is none."""
    with harness.module() as m:
        crt, key = "{pki}/device.crt", "{pki}/device.key"
        for certificate, private in ((crt, "{pki}/hota1.key"), (key, key), (crt, crt), (crt, "/nonexistent"),
                                     ("/nonexistent", key)):
            write(m, "[Serial]\nDevice=pty:host\n[Identity]\nCertificate=%s\nPrivateKey=%s\n" % (certificate, private))
            for arguments, status in ((["--check-config"], 1), ([], 78)):
                code, said = run(m, *arguments)
                if code != status or not re.search(re.escape(m.configuration) + r":[45]?:? ", said):
                    raise Failure("%s with %s: %d %s" % (certificate, private, code, said))
                if "PRIVATE KEY" in said:
                    raise Failure("a key is shown")


def arguments():
    """The options of the contract."""
    version = subprocess.run([harness.program(), "--version"], stdout=subprocess.PIPE)
    if version.returncode or not re.match(rb"expresslinkd \d+\.\d+", version.stdout):
        raise Failure("--version: %r" % version.stdout)
    if subprocess.run([harness.program(), "-V"], stdout=subprocess.PIPE).stdout != version.stdout:
        raise Failure("-V is not --version")
    if b"--check-config" not in subprocess.run([harness.program(), "-h"], stdout=subprocess.PIPE).stdout:
        raise Failure("-h does not name --check-config")
    if subprocess.run([harness.program(), "--nonsense"], stderr=subprocess.DEVNULL).returncode in (0, 78):
        raise Failure("--nonsense is taken")


harness.run_cases(each_mistake, good_ones, what_is_required, every_problem_at_once, drop_ins, no_file, garbage,
                  key_and_certificate, arguments)
