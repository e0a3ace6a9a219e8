# SPDX-License-Identifier: Apache-2.0
"""What may happen to a module, from the cloud and on the way to it: a real mosquitto that is killed, stopped and shows
bad certificates, behind a proxy that makes bad weather, floods of messages. Each happening tells the model what it may
mean for the connection; what lasts ends by itself, at the time that is on the agenda."""

import collections
import heapq
import itertools
import os
import signal
import subprocess
import time

import broker
import harness
import mqtt5
from model import LOST_WITHIN
from proxy import Proxy

SILENT = 45 + 10  # s: 1.5 x KeepAlive, and what a loaded machine adds
DOWN_TOPICS = (b"d/0", b"d/1", b"d/2", b"d/3", b"d/3/x", b"d/gr\xc3\xbcn")


class Cloud(broker.Broker):
    """Without the observer of other tests, which leaves before the broker is killed."""

    def __init__(self, pki, folder, deadline):
        super().__init__(pki, folder, deadline)
        self.client = None
        self.counted = collections.Counter()
        self.stopped = False

    def configuration(self, mode):
        # A message that matches two filters comes once
        text = super().configuration(mode).replace("log_type all", "log_type error\nlog_type notice")
        return "allow_duplicate_messages false\n" + text

    def start(self, mode="normal"):
        path = os.path.join(self.folder, "mosquitto.conf")
        with open(path, "w") as f:
            f.write(self.configuration(mode))
        with open(self.log_path, "ab") as log:
            os.truncate(self.log_path, 0)
            self.process = subprocess.Popen([broker.find_mosquitto(), "-c", path], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, preexec_fn=broker.die_with_parent)
        self.client = mqtt5.Client(self.plain.number, self.deadline, self.counted)

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.client.close()
            self.process = self.client = None
        self.stopped = False

    def signal(self, number):
        self.process.send_signal(number)
        self.stopped = number == signal.SIGSTOP

    @property
    def works(self):
        return self.process is not None and not self.stopped


class World:
    """model: see model.py, set by the owner; count: happenings by kind."""

    def __init__(self, host):
        self.host, self.model, self.count = host, None, collections.Counter()
        self.cloud = Cloud(host.pki, host.folder, harness.DEADLINE)
        self.proxy = Proxy(self.cloud.port)
        self.agenda, self.order = [], itertools.count()
        self.bad = set()  # what lasts
        self.sequence = 0
        self.flooded = 0.0
        self.sent = collections.deque()  # (number of the acknowledgement that tells that it was taken, message)
        self.mode = "normal"   # in which the broker is started next
        self.patient = False  # there is time for stops that are longer than the keep-alive
        self.ended = itertools.count()

    def stop(self):
        self.agenda = []
        self.cloud.stop()
        self.proxy.stop()

    # -- time ------------------------------------------------------------------------------------------------

    def later(self, seconds, function):
        heapq.heappush(self.agenda, (time.monotonic() + seconds, next(self.order), function))

    def wait(self):
        return max(0.0, self.agenda[0][0] - time.monotonic()) if self.agenda else 1e9

    def work(self):
        while self.agenda and self.agenda[0][0] <= time.monotonic():
            heapq.heappop(self.agenda)[2]()

    def lasts(self, what, seconds, end):
        """Something that goes on until end() is called; when it strikes again meanwhile, the last one ends it."""
        token = next(self.ended)
        self.bad = {(w, t) for w, t in self.bad if w != what} | {(what, token)}
        self.model.calm = False

        def over():
            if (what, token) in self.bad:
                end()
                self.good(what)
        self.later(seconds, over)

    def good(self, what):
        self.bad = {(w, t) for w, t in self.bad if w != what}
        self.model.calm = not self.bad

    def is_bad(self, what):
        return any(w == what for w, _ in self.bad)

    def calm(self):
        """All bad weather ends now."""
        self.agenda = []
        self.proxy.calm()
        if self.cloud.stopped:
            self.cloud.signal(signal.SIGCONT)
        self.mode = "normal"
        if self.model.mode != "normal" or not self.cloud.process:
            self.restart("normal")
        self.bad = set()
        self.model.threat()
        self.model.calm = True

    # -- happenings ------------------------------------------------------------------------------------------

    def happen(self, r):
        """One of them, chosen by r."""
        names = list(HAPPENINGS)
        self.strike(r.choices(names, [HAPPENINGS[n] for n in names])[0], r)

    def strike(self, name, r):
        self.count[name.replace("_", " ")] += 1
        self.host.note("happening: " + name)
        getattr(self, name)(r)

    def restart(self, mode):
        if self.cloud.stopped:
            self.cloud.signal(signal.SIGCONT)
        self.good("stopped")
        self.threat_by_closing()
        self.cloud.stop()
        self.sent.clear()
        self.cloud.start(mode)
        self.model.mode = mode

    def broker_killed(self, r):
        seconds = r.choice((0, 0, 0.1, 0.6))
        if not self.cloud.process:
            return
        self.threat_by_closing()
        self.cloud.stop()
        self.sent.clear()
        self.good("stopped")
        self.lasts("down", seconds, self.start_again)

    def start_again(self):
        if not self.cloud.process:
            self.model.threat()
            self.cloud.start(self.mode)
            self.model.mode = self.mode

    def broker_stopped(self, r):
        seconds = r.choice((0.02, 0.1, 0.3, 0.8))
        if self.patient and r.random() < 0.02:
            seconds = r.uniform(20, 60)
        if not self.cloud.works:
            return
        self.model.threat(SILENT if seconds > SILENT else None)
        self.cloud.signal(signal.SIGSTOP)
        self.lasts("stopped", seconds, self.go_on)

    def go_on(self):
        if self.cloud.stopped:
            self.model.threat()
            self.cloud.signal(signal.SIGCONT)

    def broker_changed(self, r):
        """Refuses the login for a while, or shows a bad certificate."""
        mode = r.choice(("refuse-login", "untrusted", "wrong-name", "expired", "distrusts-module"))
        if not self.cloud.works or self.is_bad("down"):
            return
        self.mode = mode
        self.restart(mode)
        self.later(r.uniform(0.3, 1.5), self.change_back)

    def change_back(self):
        self.mode = "normal"
        if self.cloud.process and self.model.mode != "normal":
            self.restart("normal")

    def taken_over(self, _r):
        if not self.cloud.works:
            return
        self.threat_by_closing()
        self.cloud.take_over(self.host.pki.thing)

    def threat_by_closing(self):
        """The broker closes the connection, and the proxy passes that on at once unless it makes weather."""
        self.model.threat(None if self.is_bad("proxy") else LOST_WITHIN)

    def proxy_resets(self, _r):
        self.model.threat(LOST_WITHIN)
        self.proxy.reset()

    def proxy_closes(self, _r):
        self.model.threat(LOST_WITHIN)
        self.proxy.close()

    def proxy_half_closes(self, r):
        if self.cloud.works:
            self.threat_by_closing()
        else:
            self.model.threat()
        self.proxy.half_close(r.choice(("up", "down", "both")))

    def proxy_weather(self, seconds):
        def end():
            self.model.threat()
            self.proxy.calm()
        self.model.threat()
        self.lasts("proxy", seconds, end)

    def proxy_stalls(self, r):
        self.proxy_weather(r.choice((0.05, 0.2, 1.0)))
        self.proxy.flow(r.choice(("up", "down", "both")), r.choice(("hold", "stop")))

    def proxy_drops(self, r):
        self.proxy_weather(r.choice((0.05, 0.2, 0.5)))
        self.proxy.flow(r.choice(("up", "down", "both")), "drop")

    def proxy_delays(self, r):
        self.proxy_weather(r.uniform(0.2, 2))
        self.proxy.flow(r.choice(("up", "down", "both")), "pass", r.choice((0.001, 0.01, 0.05)))

    def proxy_cuts(self, r):
        self.proxy_weather(r.uniform(0.2, 1))
        self.proxy.cut(r.choice(("up", "down")), r.choice((0, 1, 5, 30, 100, 1000, 5000)) + r.randrange(10),
                       r.choice(("reset", "close", "half_close", "drop", "hold")))

    def proxy_corrupts(self, r):
        self.proxy_weather(r.uniform(0.2, 1))
        self.proxy.corrupt(r.choice(("up", "down")), r.choice((0, 3, 20, 200, 2000)) + r.randrange(5))

    def proxy_refuses(self, r):
        self.proxy_weather(r.choice((0.05, 0.3, 0.8)))
        self.proxy.accepting(r.choice(("refuse", "reset", "close", "silent", "later")))

    def underway(self):
        """Messages that the broker may not have taken yet."""
        client = self.cloud.client
        while self.sent and (not client or self.sent[0][0] <= client.acknowledged):
            self.sent.popleft()
        return [message for _, message in self.sent]

    # -- messages --------------------------------------------------------------------------------------------

    def payload(self, r, n):
        self.sequence += 1
        head = b"c%d:" % self.sequence
        return head + r.randbytes(n - len(head)) if n > len(head) else r.randbytes(n)

    def size(self, r):
        kind = r.random()
        if kind < 0.1:
            return 0
        return r.randrange(1, 200) if kind < 0.8 else r.randrange(200, 9000)

    def flood(self, r):
        """Up to thousands, of nothing to 128 KiB."""
        if not self.cloud.works:
            return
        big = r.random() < 0.15
        count = r.choice((2, 5, 20) if big else (1, 2, 3, 10, 100, 500, 2000))
        for i in range(count):
            n = r.choice((131072, 131072, r.randrange(10000, 131072))) if big else self.size(r)
            self.publish(r.choice(DOWN_TOPICS), self.payload(r, n), 1 if i == count - 1 else r.randrange(2))

    def publish(self, topic, payload, qos, settled=False):
        self.model.sendings += 1
        self.model.published(topic, payload, settled, outstanding=bool(self.host.pending))
        client = self.cloud.client
        self.sent.append((client.published + 1, (topic, payload)))
        client.publish(topic, payload, qos)
        self.count["messages to the module"] += 1
        self.flooded = time.monotonic()


# How often, relative to each other
HAPPENINGS = {
    "broker_killed": 6, "broker_stopped": 8, "broker_changed": 4, "taken_over": 8, "proxy_resets": 10,
    "proxy_closes": 6, "proxy_half_closes": 8, "proxy_stalls": 8, "proxy_drops": 6, "proxy_delays": 6, "proxy_cuts": 10,
    "proxy_corrupts": 8, "proxy_refuses": 6, "flood": 16,
}
