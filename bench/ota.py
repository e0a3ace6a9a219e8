# SPDX-License-Identifier: Apache-2.0
"""The rows about updates: jobs and streams are the tests', in this process beside the broker."""

import os
import re
import subprocess
import sys
import time

import lab
from table import Row, ratio_row, values

sys.path.insert(0, os.path.join(lab.TOP, "tests", "vm"))

import wire  # noqa: E402

BLOCK = 16384  # src/cloud/streams.h: the peers ask for as much
WINDOW = 16


def fetch(b, service, data):
    """The module fetches an image; it is then in state 5. Seconds from ACCEPT to the event."""
    b.number += 1
    service.create(f"job-{b.number}", "host-image", data)
    b.event("5 0 OTA")
    return b.measure("drive", "wait", b.link, 1, "AT+OTA ACCEPT", "AT+EVENT?")["seconds"]


def bench_ota_read(b):
    """An image for the host, to its end in pieces of 2048 bytes; the peer has the same answer for all."""
    size = (256 if b.quick else 8192) * 1024
    count = size // 2048 - 100  # the driver warms up with 100

    def read():
        b.say("AT+OTA SEEK")
        return b.measure("drive", "ask", b.link, count, "AT+OTA READ 2048")

    with b.broker(), b.jobs() as service, b.connected():
        fetch(b, service, os.urandom(size))
        with b.peer("echo", "OK 800 " + "A5" * 2048 + " 2800"):
            ours, peer = b.in_turn(read, lambda: b.measure("drive", "ask", b.peer_link, count, "AT+OTA READ 2048"))
        b.say("AT+OTA FLUSH")  # else the next module to start announces it
    ours, peer = ([r["per_second"] * 2048 / 1e6 for r in results] for results in (ours, peer))
    yield ratio_row("OTA READ 2048 to the end", "MB/s", ours, peer, 0.7, less=False)


def read_all(host, count):
    """Two READs are under way at any time, as from a host that does not wait. Bytes of the image a second."""
    line, rest, begin, last = b"AT+OTA READ 2048\r\n", b"", 0.0, 0.0
    host.settimeout(60)
    host.sendall(line * 2)
    for i in range(count):
        while b"\n" not in rest:
            rest += host.recv(65536)
            begin, last = begin or time.monotonic(), time.monotonic()
        answer, rest = rest.split(b"\n", 1)
        if not re.fullmatch(rb"OK 800 [0-9A-F]{4096} [0-9A-F]{4}\r", answer):
            raise lab.Failure(f"OTA READ over the line: {answer[:60]!r}")
        if i == 0:  # the line is full from here on
            begin = last
        if i + 2 < count:
            host.sendall(line)
    return (count - 1) * 2048 / (last - begin)


def bench_ota_line(b):
    """Over a line of 115200, of which each byte of the image takes two."""
    count = 6 if b.quick else 64
    with b.broker(), b.jobs() as service, b.connected():
        fetch(b, service, os.urandom(count * 2048))
        with open(os.open(b.link, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK), "r+b", 0) as tty, wire.Wire(tty) as line:
            ours = read_all(line.host, count)
        b.say("AT+OTA FLUSH")
    best = wire.RATE / 2
    yield Row("OTA READ 2048 at 115200 (peer: what the line carries)", "B/s", ours, best, ours / best, "≥ 0.99 ×",
              ours / best >= 0.99)


def bench_at_download(b):
    """The round trip while an image comes as fast as it can; the peer is the idle module."""
    count = 200 if b.quick else 10000

    def at():
        return b.measure("drive", "ask", b.link, count, "AT")

    def busy():
        b.number += 1
        service.create(f"job-{b.number}", "host-image", image)
        b.event("5 0 OTA")
        b.say("AT+OTA ACCEPT")
        result = at()
        b.event("5 0 OTA")
        b.say("AT+OTA FLUSH")
        return result

    image = os.urandom(16 << 20)
    with b.broker(), b.jobs() as service, b.connected():
        ours, peer = b.in_turn(busy, at)
    yield ratio_row("AT → OK during a download (peer: idle), median", "µs", values(ours, "median_us"),
                    values(peer, "median_us"), 2)
    yield ratio_row("AT → OK during a download, 99th percentile", "µs", values(ours, "p99_us"),
                    values(peer, "p99_us"))


def stream(b, name, rtt, size, window, goal):
    """An image over MQTT, against a bare program that keeps so many blocks under way."""
    image, path = os.urandom(size), os.path.join(b.folder, "fetched")

    def ours():
        seconds = fetch(b, service, image)
        b.say("AT+OTA FLUSH")
        return size / seconds / 1e6

    def peer():
        result = b.measure("download", *b.tls(), b.pki.thing, "bench", size, BLOCK, window, path, cpu=b.subject_cpu)
        with open(path, "rb") as f:
            if f.read() != image:
                raise lab.Failure("bench/download: another file than the stream's")
        return size / result["seconds"] / 1e6

    with b.broker(), b.jobs() as service:
        (service.sandbox.folder / "files" / "bench").write_bytes(image)
        service.streams.add({"streamId": "bench", "version": 1, "description": "",
                             "files": [{"fileId": 0, "name": "bench", "size": size}]})
        with b.connected():
            service.do_faults({}, rtt=rtt)
            rounds, b.rounds = b.rounds, min(b.rounds, 3)
            ours, peer = b.in_turn(ours, peer)
            b.rounds = rounds
            service.do_faults({})
    yield ratio_row(name, "MB/s", ours, peer, goal, less=False)


def bench_stream(b):
    yield from stream(b, "Stream of 8 MiB (peer: a bare window)", 0, (1 if b.quick else 8) << 20, WINDOW, 0.8)


def bench_stream_far(b):
    yield from stream(b, "Stream of 8 MiB at 100 ms (peer: block by block)", 100, 1 << 18 if b.quick else 8 << 20, 1, 5)


def bench_ota_memory(b):
    """When the image is there, and at most meanwhile: what a large one takes beyond a small one."""
    def after(size):
        with b.connected() as process:
            fetch(b, service, os.urandom(size))
            found = lab.memory(process.pid)[1], lab.peak(process.pid)
            b.say("AT+OTA FLUSH")
        return found

    small, large = 1 << 20, (2 if b.quick else 16) << 20
    with b.broker(), b.jobs() as service:
        ours, peer = b.in_turn(lambda: after(large), lambda: after(small))
    for i, name in enumerate(("anonymous", "peak")):
        found, other = values(ours, i)[0], values(peer, i)[0]
        row = Row(f"Memory of an update, {large >> 20} MiB (peer: 1 MiB), {name}", "KiB", found, other, None, "", None)
        if name == "anonymous":  # the peak has what waits for the disk, up to its bound
            row = row._replace(goal="≤ 64 KiB more", met=found <= other + 64)
        yield row


def bench_https(b):
    """An image for the module, from ACCEPT until it is verified and on the disk; the peer is a script that does the same.
    Both on any processor, and the server too. The rates are those that the server sees; the peer's is without the disk."""
    size = (1 if b.quick else 200) << 20
    image, key = os.urandom(size), b.pki.file("ota1.key")
    target = os.path.join(b.folder, "download")
    public, signature = target + ".pub", target + ".sig"
    rates = {"ours": [], "peer": []}

    def rate(side):
        rates[side].append(size / 1e6 / service.bucket.seconds)

    def ours():
        b.number += 1
        service.create(f"job-{b.number}", "module-image", image, key=key, source="https")
        b.event("5 0 OTA")
        begin = time.monotonic()
        b.say("AT+OTA ACCEPT")
        b.event("5 0 OTA")
        seconds = time.monotonic() - begin
        rate("ours")
        b.say("AT+OTA FLUSH")
        return seconds

    def peer():
        url = service.bucket.sign(sorted(os.listdir(service.bucket.folder))[-1], 3600)
        script = ('curl -sSf --cacert "$1" -o "$2" "$3" && '
                  'openssl dgst -sha256 -verify "$2.pub" -signature "$2.sig" "$2" && sync "$2"')
        begin = time.monotonic()
        subprocess.run(["sh", "-c", script, "sh", b.pki.file("server-ca.crt"), target, url], check=True, stdout=b.log,
                       stderr=b.log)
        seconds = time.monotonic() - begin
        rate("peer")
        os.unlink(target)
        return seconds

    with open(target, "wb") as file:
        file.write(image)
    for command in (["pkey", "-in", key, "-pubout", "-out", public],
                    ["dgst", "-sha256", "-sign", key, "-out", signature, target]):
        subprocess.run(["openssl", *command], check=True)
    with b.broker(), b.jobs(b.any_cpu) as service, b.connected(cpu=b.any_cpu):
        walls = b.in_turn(ours, peer)
    yield ratio_row("HTTPS, verified and on the disk (peer: curl && openssl dgst && sync)", "s", *walls, 0.8)
    yield ratio_row("HTTPS, rate (peer: curl)", "MB/s", rates["ours"], rates["peer"], 0.9, less=False)


ROWS = {
    "ota-read": bench_ota_read, "ota-line": bench_ota_line, "at-download": bench_at_download,
    "stream": bench_stream, "stream-far": bench_stream_far, "ota-memory": bench_ota_memory,
    "https": bench_https,
}
