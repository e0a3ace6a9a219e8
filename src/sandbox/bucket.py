# SPDX-License-Identifier: Apache-2.0
"""Files by HTTPS as from a bucket of S3: pre-signed URLs that are good for a while, ranges, errors as XML.

A job's document has a placeholder, as AWS's have; each time a thing is given the document there is a fresh URL in it."""

import contextlib
import datetime
import hashlib
import hmac
import http.server
import os
import re
import secrets
import socket
import ssl
import threading
import time
import urllib.parse
import uuid

from sandbox.broker import broker_host, loopback_addresses
from sandbox.common import Problem

EXPIRES = 1800             # seconds, AWS's default for updates
EXPIRES_LIMIT = (1, 3600)  # AWS's own lower limit is 60
FILE_LIMIT = 1 << 30
PIECE = 1 << 20
PATIENCE = 60              # seconds for a client that takes nothing
STALL = 600
PLACEHOLDER = "${aws:iot:s3-presigned-url:https://s3.amazonaws.com/sandbox/%s}"
FOUND = re.compile(r"\$\{aws:iot:s3-presigned-url:https://s3\.amazonaws\.com/sandbox/([a-zA-Z0-9_-]+)\}")
PAGE = b"<!DOCTYPE html><html><title>Welcome</title>Please log in.</html>\n"


class Bucket(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, folder, certificate, key, faults):
        self.folder, self.faults = folder, faults
        self.secret = secrets.token_bytes(32)
        self.stopped = threading.Event()
        # For tests: the range and the status of each request that was answered, and the seconds that the last one took
        self.asked = []
        self.seconds = 0
        family, address = loopback_addresses()[0]
        self.address_family = family
        super().__init__((address, 0), Handler)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.minimum_version = ssl.TLSVersion.TLSv1_2
        self.tls.load_cert_chain(certificate, key)
        host = broker_host()
        self.base = "https://%s:%d/" % ("[%s]" % host if ":" in host else host, self.server_port)

    def server_bind(self):
        """Without asking who we are: that may take long."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = self.server_address[:2]

    def start(self):
        threading.Thread(target=self.serve_forever, args=[0.1], daemon=True).start()

    def stop(self):
        self.stopped.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        """A client that leaves is no news."""

    # URLs

    def signature(self, name, date, expires):
        return hmac.new(self.secret, ("%s\n%s\n%s" % (name, date, expires)).encode(), hashlib.sha256).hexdigest()

    def sign(self, name, expires):
        date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        return self.base + name + "?" + urllib.parse.urlencode({
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Credential": "SANDBOX/%s/local/s3/aws4_request" % date[:8],
            "X-Amz-Date": date, "X-Amz-Expires": expires, "X-Amz-SignedHeaders": "host",
            "X-Amz-Signature": self.signature(name, date, expires)})

    def fill_in(self, document, expires):
        return FOUND.sub(lambda found: self.sign(found[1], expires), document)


def check_expires(seconds):
    if not EXPIRES_LIMIT[0] <= seconds <= EXPIRES_LIMIT[1]:
        raise Problem("a URL is good for %d to %d seconds" % EXPIRES_LIMIT)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "AmazonS3", ""
    timeout = PATIENCE

    def setup(self):
        self.request.settimeout(PATIENCE)
        self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def finish(self):
        with contextlib.suppress(OSError, ValueError):
            super().finish()

    def log_message(self, *_):
        pass

    def cut(self):
        """No farewell of TLS: the connection is gone."""
        with contextlib.suppress(OSError):
            self.request.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    # What is wrong with a request

    def error(self, status, code, message, more=""):
        body = ('<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>%s</Code><Message>%s</Message>%s<RequestId>%s'
                "</RequestId><HostId>sandbox</HostId></Error>" % (code, message, more, uuid.uuid4().hex[:16].upper()))
        self.answer(status, body.encode(), "application/xml")

    def expired(self):
        self.error(403, "AccessDenied", "Request has expired")

    def denied(self):
        self.error(403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature "
                   "you provided. Check your key and signing method.")

    def answer(self, status, body, kind, **headers):
        self.server.asked.append((self.headers.get("Range"), status))
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_HEAD(self):
        """The method is signed too."""
        self.send_response(403)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        name = url.path[1:]
        query = {key: values[-1] for key, values in urllib.parse.parse_qs(url.query).items()}
        date, expires = query.get("X-Amz-Date", ""), query.get("X-Amz-Expires", "")
        if not hmac.compare_digest(query.get("X-Amz-Signature", ""), self.server.signature(name, date, expires)):
            self.denied()
            return
        signed = datetime.datetime.strptime(date + "+0000", "%Y%m%dT%H%M%SZ%z")
        age = datetime.datetime.now(datetime.timezone.utc) - signed
        if age.total_seconds() > int(expires):
            self.expired()
            return
        try:
            file = open(self.server.folder / name, "rb")
        except OSError:
            self.error(404, "NoSuchKey", "The specified key does not exist.", "<Key>%s</Key>" % name)
            return
        with file:
            rule = self.server.faults.download()
            if rule is None:
                self.send(file)
            else:
                getattr(self, "spoil_" + rule.values["what"].replace("-", "_"))(file, rule.values["at"])

    # The file

    def range(self, size):
        """First byte and end; None: there is no such range."""
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        if not found:
            return 0, size
        first, end = int(found[1]), min(int(found[2]) + 1, size) if found[2] else size
        return (first, end) if first < end else None

    def head(self, status, first, end, size, length):
        self.server.asked.append((self.headers.get("Range"), status))
        self.send_response(status)
        self.send_header("Content-Type", "binary/octet-stream")
        self.send_header("Accept-Ranges", "bytes")
        if status == 206:
            self.send_header("Content-Range", "bytes %d-%d/%d" % (first, end - 1, size))
        if length is None:
            self.send_header("Connection", "close")
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def send(self, file, ranged=True, shift=0, length=0, stop=None, flip=None, more=0):
        """length: what is said to follow, more or less than there is; None: nothing is said. stop: after so many bytes."""
        begin = time.monotonic()
        size = os.fstat(file.fileno()).st_size
        found = self.range(size) if ranged else (0, size)
        if found is None:
            self.error(416, "InvalidRange", "The requested range is not satisfiable")
            return
        first, end = found
        partial = ranged and "Range" in self.headers
        first += shift
        self.head(206 if partial else 200, first, end, size, None if length is None else end - first + length)
        if stop is not None:
            end = min(end, first + stop)
        file.seek(first)
        while first < end:
            piece = bytearray(file.read(min(PIECE, end - first)))
            if flip is not None and first <= flip < first + len(piece):
                piece[flip - first] ^= 1
            self.wfile.write(piece)
            first += len(piece)
        self.wfile.write(bytes(more))
        self.server.seconds = time.monotonic() - begin

    def spoil_cut(self, file, at):
        self.send(file, stop=at)
        self.cut()

    def spoil_stall(self, file, at):
        self.send(file, stop=at)
        self.server.stopped.wait(STALL)
        self.cut()

    def spoil_more(self, file, _at):
        self.send(file, length=1000, more=1000)

    def spoil_more_unsaid(self, file, _at):
        self.send(file, length=None, more=1000)

    def spoil_less(self, file, _at):
        size = os.fstat(file.fileno()).st_size
        first = (self.range(size) or (0, 0))[0]
        self.send(file, length=-1, stop=size - first - 1)

    def spoil_less_unsaid(self, file, at):
        self.send(file, length=None, stop=at)

    def spoil_html(self, _file, _at):
        self.answer(200, PAGE, "text/html; charset=utf-8")

    def spoil_expired(self, _file, _at):
        self.expired()

    def spoil_denied(self, _file, _at):
        self.denied()

    def spoil_busy(self, _file, _at):
        self.error(503, "SlowDown", "Please reduce your request rate.")

    def spoil_whole(self, file, _at):
        self.send(file, ranged=False)

    def spoil_range(self, file, _at):
        self.send(file, shift=1)

    def spoil_flip(self, file, at):
        self.send(file, flip=at)

    def spoil_to_http(self, _file, _at):
        self.answer(302, b"", "text/plain", Location=(self.server.base + self.path[1:]).replace("https", "http", 1))

    def spoil_to_https(self, _file, _at):
        self.answer(307, b"", "text/plain", Location=self.server.base + self.path[1:])
