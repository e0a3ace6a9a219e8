#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""expresslinkd-fetch without a daemon: what it says (cloud/fetch.h) to servers that give one answer."""

import contextlib
import os
import re
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import harness  # noqa: E402
import jobs  # noqa: E402
import parallel  # noqa: E402
import pki as pki_module  # noqa: E402
from harness import Failure  # noqa: E402
from parallel import case  # noqa: E402

SIZE = 300000


@contextlib.contextmanager
def helper_alone(answer, offset):
    """What it says, to a server that has this one answer."""
    pki = pki_module.Pki()
    server = jobs.bucket.Bucket(None, pki.file("server.crt"), pki.file("server.key"), None)
    server.base = "https://localhost:%d/" % server.server_port
    server.RequestHandlerClass = type("Answer", (jobs.bucket.Handler,), {"do_GET": answer})
    server.start()
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(harness.DEADLINE)
    with ours, subprocess.Popen([harness.program("expresslinkd-fetch")], stdin=subprocess.PIPE, stdout=its) as process:
        its.close()
        process.stdin.write(b"%s\n%s\n%s\n%d\n%d\n" % (server.base.encode(), server.server_address[0].encode(),
                                                     pki.file("server-ca.crt").encode(), offset, SIZE))
        process.stdin.close()
        yield ours
        process.kill()
    server.stop()


@case
def answers_that_are_cut():
    """The status counts, when it is there as a whole."""
    def error(h):
        h.send_response(403)
        h.send_header("Content-Length", "1000")
        h.end_headers()
        h.wfile.write(b"<Error><Code>AccessDenied</Code>")
        h.cut()

    def headers(h):
        h.wfile.write(b"HTTP/1.1 206 Partial Content\r\nContent-")
        h.cut()

    def nothing(h):
        h.cut()

    def empty(h):
        h.send_response(200)
        h.send_header("Content-Length", "0")
        h.end_headers()

    for answer, word in ((error, b"XHTTP status 403: AccessDenied"), (headers, b"B"), (nothing, b"B"),
                         (empty, b"FThe server has another file: 0 bytes")):
        with helper_alone(answer, 100000) as helper:
            said = helper.recv(4096)
            if not said.startswith(word):
                raise Failure("%s: it says %r" % (answer.__name__, said))


@case
def what_is_skipped_is_told():
    """While the server is still at it: a server that knows no ranges is slow, not silent."""
    def whole(h):
        h.send_response(200)
        h.send_header("Content-Length", str(SIZE))
        h.end_headers()
        h.wfile.write(bytes(100000))
        h.server.stopped.wait(harness.DEADLINE)

    with helper_alone(whole, 200000) as helper:
        skipped = 0
        while skipped < 100000:
            said = helper.recv(4096)
            if not re.fullmatch(rb"S[1-9]\d*", said):
                raise Failure("it says %r" % said)
            skipped += int(said[1:])
        if skipped != 100000:
            raise Failure("it skips %d bytes" % skipped)


@case
def every_kind_of_address():
    """Confined it connects to each, whatever the library asks the kernel for."""
    def whole(h):
        h.send_response(200)
        h.send_header("Content-Length", str(SIZE))
        h.end_headers()
        h.wfile.write(bytes(SIZE))

    for pair in jobs.bucket.loopback_addresses():
        jobs.bucket.loopback_addresses = lambda pair=pair: [pair]
        with helper_alone(whole, 0) as helper:
            got = 0
            while got < SIZE:
                said = helper.recv(1 << 20)
                if not said.startswith(b"D"):
                    raise Failure("%s: it says %r" % (pair[1], said))
                got += len(said) - 1
            if helper.recv(4096) != b"W":
                raise Failure("%s: that was not all" % pair[1])


parallel.run_at_once(4)
