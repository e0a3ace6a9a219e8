# SPDX-License-Identifier: Apache-2.0
"""Bad weather: a TCP proxy between the module and a real server, on a thread of its own. Everything can be switched at
any time, for the connections that are open and those that come; every method may be called from any thread, and has
taken effect when it returns.

    with Proxy(broker.port) as proxy:            # listens on 127.0.0.1:proxy.port
        m.expect("AT+CONF Endpoint=localhost:%d" % proxy.port, "OK")

A direction is "up" (module to cloud), "down" (cloud to module) or "both".

    flow(direction, how, delay=s)  what happens to bytes: "pass"; "drop": read and thrown away, so a silent peer;
                                   "hold": read and kept, up to LIMIT bytes, until "pass"; "stop": not read any more, so
                                   that windows close. With a delay each byte arrives that much later.
    half_close(direction)          FIN after what is under way in that direction; the other one goes on
    reset()                        RST to both ends of every open connection, at once
    close()                        FIN to both ends, with what is under way lost
    cut(direction, n, how)         when n more bytes have passed in that direction, on whichever connection: then
                                   "reset", "close", "half_close" or a way of flow(): "drop", "hold", "stop". Exactly n
                                   bytes are handed on. None: not any more
    corrupt(direction, n)          inverts the byte behind n more bytes. None: not any more
    accepting(how)                 of new connections: "pass"; "refuse": the port is closed, RST answers; "reset",
                                   "close": accepted, then ended at once; "silent": accepted, nobody is behind it;
                                   "later": SYN is not answered; TCP asks again, and finds what is the way by then
    calm()                         all of this as at the beginning; bytes that were held go on
    stop()                         ends everything

    connections, opened            those that were accepted, those that are open now
    passed["up"], passed["down"]   bytes handed on, of all connections
    cuts, corrupted                how often cut() and corrupt() have struck

Without a server (Proxy(None)) every connection is silent."""

import collections
import contextlib
import errno
import os
import selectors
import socket
import struct
import threading
import time

LIMIT = 1 << 20
BACKLOG = 128
WAYS = ("pass", "drop", "hold", "stop")
ENDS = ("reset", "close", "half_close")


class Flow:
    """One direction of one connection."""

    def __init__(self, name, source, sink):
        self.name, self.source, self.sink = name, source, sink
        self.waiting = collections.deque()  # (when it is due, bytes)
        self.size = 0
        self.eof = self.shut = source is None  # who is not there says nothing

    def add(self, due, data):
        self.waiting.append((due, data))
        self.size += len(data)

    def due(self):
        return self.waiting[0][0] if self.waiting else None

    def forget(self):
        self.waiting.clear()
        self.size = 0


class Pair:
    """A connection: the module's socket and the server's, None when there is no server."""

    def __init__(self, module, server):
        self.module, self.server = module, server
        self.connecting = server is not None
        self.flows = (Flow("up", module, server), Flow("down", server, module))

    def sockets(self):
        return [s for s in (self.module, self.server) if s]


class Weather:
    def __init__(self):
        self.how = {"up": "pass", "down": "pass"}
        self.delay = {"up": 0.0, "down": 0.0}
        self.cut = {"up": None, "down": None}       # (bytes left, how)
        self.corrupt = {"up": None, "down": None}   # bytes left
        self.accepting = "pass"


class Proxy:
    def __init__(self, server, address="127.0.0.1", port=0, server_address="127.0.0.1"):
        self.target = None if server is None else (server_address, server)
        self.address, self.port = address, port
        self.weather = Weather()
        self.pairs = []
        self.connections = self.cuts = self.corrupted = 0
        self.passed = {"up": 0, "down": 0}
        self.orders = collections.deque()
        self.lock = threading.Lock()
        self.stopping = False
        self.wake_r, self.wake_w = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.listener = None
        self.listen()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    # -- orders, from any thread -----------------------------------------------------------------------------

    def order(self, function):
        """Runs it on the proxy's thread and waits for it."""
        done, failed = threading.Event(), []

        def run():
            try:
                function()
            except Exception as e:
                failed.append(e)
            done.set()
        with self.lock:
            if self.stopping:
                return
            self.orders.append(run)
        os.write(self.wake_w, b".")
        done.wait()
        if failed:
            raise failed[0]

    @staticmethod
    def directions(direction):
        assert direction in ("up", "down", "both"), direction
        return ("up", "down") if direction == "both" else (direction,)

    def flow(self, direction, how, delay=0.0):
        assert how in WAYS, how

        def run():
            for d in self.directions(direction):
                self.weather.how[d], self.weather.delay[d] = how, delay
        self.order(run)

    def half_close(self, direction):
        def run():
            for pair in self.pairs:
                for flow in pair.flows:
                    if flow.name in self.directions(direction):
                        flow.eof = True
        self.order(run)

    def reset(self):
        self.order(lambda: [self.end(pair, "reset") for pair in list(self.pairs)])

    def close(self):
        self.order(lambda: [self.end(pair, "close") for pair in list(self.pairs)])

    def cut(self, direction, n, how="reset"):
        assert how in ENDS + WAYS[1:], how
        self.order(lambda: self.weather.cut.update(
            {d: None if n is None else (n, how) for d in self.directions(direction)}))

    def corrupt(self, direction, n):
        self.order(lambda: self.weather.corrupt.update({d: n for d in self.directions(direction)}))

    def accepting(self, how):
        assert how in ("pass", "refuse", "reset", "close", "silent", "later"), how
        self.order(lambda: self.open_door(how))

    def calm(self):
        def run():
            self.open_door("pass")
            self.weather = Weather()
        self.order(run)

    @property
    def opened(self):
        return len(self.pairs)

    def stop(self):
        with self.lock:
            self.stopping = True
        with contextlib.suppress(OSError):
            os.write(self.wake_w, b".")
        self.thread.join()

    # -- the thread ------------------------------------------------------------------------------------------

    def listen(self):
        self.listener = socket.create_server((self.address, self.port), backlog=BACKLOG,
                                             family=socket.AF_INET6 if ":" in self.address else socket.AF_INET)
        self.listener.setblocking(False)
        self.port = self.listener.getsockname()[1]

    @property
    def at_the_door(self):
        """Somebody looks whether a connection has come."""
        return self.listener and self.weather.accepting != "later"

    def open_door(self, how):
        self.accept()  # who came before
        before, self.weather.accepting = self.weather.accepting, how
        if before == how:
            return
        if before == "refuse":
            self.listen()
        elif before == "later":
            self.listener.accept()[0].close()
            self.listener.listen(BACKLOG)
        if how == "refuse":
            self.listener.close()
            self.listener = None
        elif how == "later":  # the only place in its queue is taken, also when who has it has gone
            self.listener.listen(0)
            socket.create_connection((self.address, self.port)).close()

    def run(self):
        try:
            while True:
                self.wait()
                while self.orders:
                    self.orders.popleft()()
                with self.lock:
                    if self.stopping and not self.orders:
                        return
                self.accept()
                for pair in list(self.pairs):
                    self.work(pair)
        finally:
            for pair in list(self.pairs):
                self.end(pair, "close")
            if self.listener:
                self.listener.close()
            os.close(self.wake_r)
            os.close(self.wake_w)

    def wait(self):
        """Until something can be done. The set of sockets changes all the time, and is small."""
        wanted, due = {self.wake_r: selectors.EVENT_READ}, []
        if self.at_the_door:
            wanted[self.listener] = selectors.EVENT_READ
        for pair in self.pairs:
            if pair.connecting:
                wanted[pair.server] = selectors.EVENT_WRITE
                continue
            for flow in pair.flows:
                if self.reads(flow):
                    wanted[flow.source] = wanted.get(flow.source, 0) | selectors.EVENT_READ
                if flow.waiting and self.weather.how[flow.name] == "pass" and flow.sink:
                    if flow.due() > time.monotonic():
                        due.append(flow.due())
                    else:
                        wanted[flow.sink] = wanted.get(flow.sink, 0) | selectors.EVENT_WRITE
        with selectors.PollSelector() as selector:
            for fd, events in wanted.items():
                selector.register(fd, events)
            came = selector.select(max(0.0, min(due) - time.monotonic()) if due else None)
        if any(key.fileobj == self.wake_r for key, _ in came):
            os.read(self.wake_r, 4096)

    def reads(self, flow):
        return flow.source and not flow.eof and self.weather.how[flow.name] != "stop" and flow.size < LIMIT

    def accept(self):
        while self.at_the_door:
            try:
                module, _ = self.listener.accept()
            except BlockingIOError:
                return
            except OSError:
                continue  # gone again
            self.connections += 1
            how = self.weather.accepting
            module.setblocking(False)
            module.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            server = None
            if self.target and how == "pass":
                server = socket.socket()
                server.setblocking(False)
                server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if server.connect_ex(self.target) not in (0, errno.EINPROGRESS):
                    how = "reset"
            pair = Pair(module, server)
            self.pairs.append(pair)
            if how in ("reset", "close"):
                self.end(pair, how)

    def work(self, pair):
        if pair.connecting:
            error = pair.server.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error:
                self.end(pair, "reset")
                return
            try:
                pair.server.getpeername()
            except OSError:
                return
            pair.connecting = False
        broken = None
        for flow in pair.flows:
            try:
                self.read(flow)
                self.write(pair, flow)
            except OSError as e:
                broken = e
        if broken:
            # One end broke the connection: the other one sees the same, behind the last words that it had
            self.end(pair, "reset" if broken.errno in (errno.ECONNRESET, errno.EPIPE) else "close")
            return
        if pair in self.pairs and all(flow.shut for flow in pair.flows):
            self.end(pair, "close")

    def read(self, flow):
        if not self.reads(flow):
            return
        try:
            data = flow.source.recv(1 << 16)
        except BlockingIOError:
            return
        if not data:
            flow.eof = True
        elif self.weather.how[flow.name] != "drop" and flow.sink:
            flow.add(time.monotonic() + self.weather.delay[flow.name], data)

    def write(self, pair, flow):
        """Hands on what is due, as far as the sink takes it; strikes where it was told to."""
        name = flow.name
        while flow.waiting and flow.due() <= time.monotonic() and self.weather.how[name] == "pass":
            due, data = flow.waiting[0]
            cut = self.weather.cut[name]
            part = data if cut is None else data[:cut[0]]
            if part:
                try:
                    n = flow.sink.send(self.corrupted_part(name, part))
                except BlockingIOError:
                    return
                flow.size -= n
                flow.waiting.popleft()
                if n < len(data):
                    flow.waiting.appendleft((due, data[n:]))
                self.count(name, n)
            if self.strike(pair, flow):
                return
        if flow.eof and not flow.waiting and not flow.shut:
            flow.shut = True
            if flow.sink:
                flow.sink.shutdown(socket.SHUT_WR)

    def corrupted_part(self, name, part):
        at = self.weather.corrupt[name]
        if at is None or at >= len(part):
            return part
        return part[:at] + bytes([part[at] ^ 0xff]) + part[at + 1:]

    def count(self, name, n):
        self.passed[name] += n
        at, cut = self.weather.corrupt[name], self.weather.cut[name]
        if at is not None:
            self.weather.corrupt[name] = at - n if at >= n else None
            self.corrupted += at < n
        if cut is not None:
            self.weather.cut[name] = (cut[0] - n, cut[1])

    def strike(self, pair, flow):
        cut = self.weather.cut[flow.name]
        if cut is None or cut[0] > 0:
            return False
        self.weather.cut[flow.name] = None
        self.cuts += 1
        if cut[1] in WAYS:
            self.weather.how[flow.name] = cut[1]
            if cut[1] == "drop":
                flow.forget()
        elif cut[1] == "half_close":
            flow.forget()
            flow.eof = flow.shut = True
            flow.sink.shutdown(socket.SHUT_WR)
        else:
            self.end(pair, cut[1])
        return True

    def end(self, pair, how):
        if pair not in self.pairs:
            return
        self.pairs.remove(pair)
        for s in pair.sockets():
            with contextlib.suppress(OSError):
                if how == "reset":
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                else:
                    s.shutdown(socket.SHUT_RDWR)
            s.close()
