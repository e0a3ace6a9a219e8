# SPDX-License-Identifier: Apache-2.0
"""MQTT-based file delivery: streams of files, in blocks, as JSON."""

import binascii
import json
import os
import re

from sandbox.common import Problem
from sandbox.jobs import refuse_constant

FILE_LIMIT = 24 * 1024 * 1024
FILES_LIMIT = 50
TOKEN_LIMIT = 64
BLOCK_MIN, BLOCK_MAX = 256, 131072
BLOCK_NUMBER_MAX = FILE_LIMIT // BLOCK_MIN  # an offset, or a count
BITMAP_LIMIT = 12288
ANSWER_LIMIT = 131072   # bytes of data for one request
PAYLOAD_LIMIT = 131072  # bytes of a message: base64 makes four of three


class Refusal(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code = code
        self.message = message


class File:
    """One file of a stream, open while the stream is known."""

    def __init__(self, path, size):
        self.size = size
        self.handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def block(self, index, length):
        return os.pread(self.handle, length, index * length)

    def close(self):
        os.close(self.handle)


class Stream:
    def __init__(self, version, description):
        self.version = version
        self.description = description
        self.files = {}


class Streams:
    def __init__(self, folder):
        self.folder = folder
        self.streams = {}

    def prepare(self):
        self.folder.mkdir(mode=0o700, exist_ok=True)

    def clean(self, wanted):
        """Removes the files that no stream has: a create was interrupted."""
        for path in self.folder.iterdir():
            if path.name not in wanted:
                path.unlink()

    def add(self, found):
        """From what the job keeps: streamId, version, description, files with fileId, name, size."""
        name = found["streamId"]
        check_name(name)
        if name in self.streams:
            raise Problem("there is a stream %s already" % name)
        stream = Stream(found["version"], found["description"])
        try:
            for file in found["files"]:
                stream.files[file["fileId"]] = File(self.folder / file["name"], file["size"])
        except OSError as error:
            raise Problem("%s: %s" % (error.filename, error.strerror)) from error
        self.streams[name] = stream

    def drop(self, found):
        stream = self.streams.pop(found["streamId"])
        for file in stream.files.values():
            file.close()
        for file in found["files"]:
            (self.folder / file["name"]).unlink(missing_ok=True)

    def find(self, name):
        if name not in self.streams:
            raise Refusal("ResourceNotFound", "There is no stream %s." % name)
        return self.streams[name]

    # Requests

    def describe(self, name, request):
        stream = self.find(name)
        message = {} if request.get("c") is None else {"c": request["c"]}
        message["s"] = stream.version
        if stream.description:
            message["d"] = stream.description
        message["r"] = [{"f": number, "z": file.size} for number, file in sorted(stream.files.items())]
        return json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode()

    def blocks(self, name, request):
        """The messages with the blocks that are asked for."""
        stream = self.find(name)
        version = whole(request, "s", 0, 65535, "InvalidRequest")
        if version is not None and version != stream.version:
            raise Refusal("VersionMismatch", "The version of the stream is %d, not %d." % (stream.version, version))
        number = whole(request, "f", 0, 255, "InvalidRequest", needed=True)
        if number not in stream.files:
            raise Refusal("ResourceNotFound", "The stream has no file %d." % number)
        length = whole(request, "l", BLOCK_MIN, BLOCK_MAX, "BlockSizeOutOfBounds", needed=True)
        if length // 3 * 4 + 200 > PAYLOAD_LIMIT:
            raise Refusal("BlockSizeOutOfBounds", "A message cannot hold %d bytes as base64." % length)
        file = stream.files[number]
        head = b"{" if request.get("c") is None else b'{"c":%s,' % json.dumps(request["c"]).encode()
        for index in wanted_blocks(request, length, -(-file.size // length)):
            data = file.block(index, length)
            yield b'%s"f":%d,"l":%d,"i":%d,"p":"%s"}' % (head, number, len(data), index,
                                                        binascii.b2a_base64(data, newline=False))


def check_name(name):
    if not re.fullmatch("[a-zA-Z0-9_-]{1,128}", name):
        raise Problem("%r is no name of a stream: 1 to 128 letters, digits, - and _" % name)


def wanted_blocks(request, length, count):
    """Numbers of blocks, at most so many as are answered at once; count: how many the file has."""
    offset = whole(request, "o", 0, BLOCK_NUMBER_MAX, "OffsetOutOfBounds") or 0
    wanted = whole(request, "n", 0, BLOCK_NUMBER_MAX, "BlockCountLimitExceeded") or ANSWER_LIMIT // length
    limit = min(wanted, max(1, ANSWER_LIMIT // length))
    if request.get("b") is None:
        if offset + wanted > count:
            raise Refusal("InvalidRequest", "The data requested is out of the range of data available.")
        return range(offset, offset + limit)
    bits = bitmap(request["b"])
    if offset + bits.bit_length() > count:
        raise Refusal("InvalidRequest", "The data requested is out of the range of data available.")
    if not bits:
        raise Refusal("InvalidRequest", "The bitmap asks for no block.")
    found = []
    while bits and len(found) < limit:
        lowest = bits & -bits
        found.append(offset + lowest.bit_length() - 1)
        bits ^= lowest
    return found


def bitmap(text):
    """Bit 0 of the first byte is the first block."""
    if not isinstance(text, str) or not re.fullmatch("0x([0-9a-fA-F]{2})+", text):
        raise Refusal("InvalidRequest", "The bitmap is no 0x with pairs of hexadecimal digits.")
    if len(text) // 2 - 1 >= BITMAP_LIMIT:
        raise Refusal("BlockBitmapLimitExceeded", "The bitmap is not shorter than %d bytes." % BITMAP_LIMIT)
    return int.from_bytes(bytes.fromhex(text[2:]), "little")


def whole(request, key, low, high, code, needed=False):
    value = request.get(key)
    if value is None:
        if needed:
            raise Refusal("InvalidRequest", "%s is missing." % key)
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise Refusal("InvalidRequest", "%s is not a whole number." % key)
    if not low <= value <= high:
        raise Refusal(code, "%s is not from %d to %d." % (key, low, high))
    return value


def parse(payload):
    try:
        request = json.loads(payload.decode(), parse_constant=refuse_constant)
    except (ValueError, RecursionError):
        request = None
    if not isinstance(request, dict):
        raise Refusal("InvalidJson", "The request is not a JSON object in UTF-8.")
    return request


def check_token(request):
    token = request.get("c")
    if token is not None and (not isinstance(token, str) or len(token.encode(errors="replace")) > TOKEN_LIMIT):
        raise Refusal("InvalidRequest", "c is no string of at most %d bytes." % TOKEN_LIMIT)
    return token


def rejection(refusal, token):
    """Each field under its short name and its old one, as AWS sends it."""
    message = {} if token is None else {"clientToken": token, "c": token}
    message.update(code=refusal.code, o=refusal.code, message=refusal.message, m=refusal.message)
    return message


def cbor_map(message):
    """A map of texts as AWS encodes it, without a length."""
    def text(value):
        data = value.encode()
        return (bytes([0x60 + len(data)]) if len(data) < 24 else bytes([0x78, len(data)])) + data
    return b"\xbf" + b"".join(text(key) + text(value) for key, value in message.items()) + b"\xff"


def json_map(message):
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode()
