# SPDX-License-Identifier: Apache-2.0
"""How commands talk to the sandbox that runs: a socket in its folder, one line of JSON each way."""

import contextlib
import json
import os
import socket
import socketserver

from sandbox.common import Problem

NAME = "control"
OPERATIONS = ("create", "list", "show", "cancel", "delete", "wait", "faults", "reports")


@contextlib.contextmanager
def short_path(folder):
    """A path to the socket that is short enough for one, however deep the folder lies."""
    handle = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield "/proc/self/fd/%d/%s" % (handle, NAME)
    finally:
        os.close(handle)


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        with contextlib.suppress(ConnectionError):
            for line in self.rfile:
                self.wfile.write(json.dumps(self.answer(line)).encode() + b"\n")

    def answer(self, line):
        try:
            request = json.loads(line)
            operation = request.pop("operation")
            if operation not in OPERATIONS:
                raise Problem("there is no operation %s" % operation)
            if operation == "wait":
                request["alive"] = self.alive
            return {"answer": getattr(self.server.service, "do_" + operation)(**request)}
        except Problem as problem:
            return {"problem": str(problem)}
        except OSError as error:
            return {"problem": "%s: %s" % (error.filename, error.strerror) if error.filename else str(error)}

    def alive(self):
        """Who waits is still there: nothing to read is what he has to say."""
        try:
            return self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, folder, service):
        self.service = service
        (folder / NAME).unlink(missing_ok=True)
        with short_path(folder) as path:
            super().__init__(path, Handler)


class Connection:
    """To the sandbox that runs in a folder."""

    def __init__(self, folder):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with short_path(folder) as path:
                self.socket.connect(path)
        except OSError as error:
            self.socket.close()
            raise Problem("no sandbox runs in %s: start it with `expresslink-sandbox run`" % folder) from error
        self.lines = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lines.close()
        self.socket.close()

    def ask(self, operation, **request):
        try:
            self.socket.sendall(json.dumps(dict(request, operation=operation)).encode() + b"\n")
            line = self.lines.readline()
        except ConnectionError:
            line = b""
        if not line:
            raise Problem("the sandbox ended")
        found = json.loads(line)
        if "problem" in found:
            raise Problem(found["problem"])
        return found["answer"]
