# SPDX-License-Identifier: Apache-2.0
"""What a module may answer: its dictionary, its queues and its connection, as far as a host can know them. Without
input and output; tests/chaos tells it what was said, what was answered, and what happened to the connection.

The connection is "no", "yes" (proven by an answer, and nothing has happened since) or "maybe". The queues are known
exactly, or only by what may be in them: `exact`."""

import collections
import re
import time

from harness import Failure, escape, short

MAX_TOPIC, MAX_MESSAGES, MAX_BYTES, MAX_EVENTS = 16, 64, 256 * 1024, 64
STARTUP, CONLOST = b"2 0 STARTUP", b"3 0 CONLOST"
LOST_WITHIN = 5          # s, after FIN or RST; ruled are 10 ms on a machine that has nothing else to do

OVERFLOW, PARAMETER, NO_CONNECTION = b"ERR1 OVERFLOW", b"ERR4 PARAMETER ERROR", b"ERR6 NO CONNECTION"
RANGE, UNDEFINED, WRITEONLY = b"ERR7 OUT OF RANGE", b"ERR8 PARAMETER UNDEFINED", b"ERR13 KEY WRITEONLY"
ACTIVE, SIGNATURE = b"ERR18 ACTIVE CONNECTION", b"ERR23 INVALID SIGNATURE"

SIZES = {b"CustomName": 128, b"Endpoint": 128, b"SSID": 32, b"Passphrase": 64}
ESCAPES = {b"A": b"\n", b"D": b"\r", b"\\": b"\\"}
ISSUER = {"untrusted": "other-ca"}  # of what the broker shows, else server-ca


def unescape(data):
    def one(m):
        if m[1] not in ESCAPES:
            raise Failure("an escape that is none: %s in %s" % (short(m[0]), short(data)))
        return ESCAPES[m[1]]
    return re.sub(rb"\\(.?)", one, data, flags=re.S)


def is_text(data):
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return bool(text) and not any(ord(c) < 0x20 or 0x7f <= ord(c) < 0xa0 for c in text)


def is_name(topic):
    return is_text(topic) and b"+" not in topic and b"#" not in topic


def is_filter(topic):
    levels = topic.split(b"/")
    return is_text(topic) and all(b"+" not in x or x == b"+" for x in levels) and \
        all(b"#" not in x for x in levels[:-1]) and (b"#" not in levels[-1] or levels[-1] == b"#")


def matches(pattern, topic):
    if not is_filter(pattern):
        return False
    wanted, got = pattern.split(b"/"), topic.split(b"/")
    if wanted[-1] == b"#":
        wanted, got = wanted[:-1], got[:len(wanted) - 1]
    return len(wanted) == len(got) and all(w in (b"+", g) for w, g in zip(wanted, got))


class Model:
    def __init__(self, good_endpoints, staging, pki):
        self.good_endpoints, self.staging, self.pki = good_endpoints, staging, pki
        self.factory = {b"CustomName": b"", b"Endpoint": staging, b"Defender": b"0", b"SSID": b"Workshop",
                        b"HOTAcertificate": ()}
        self.durable = dict(self.factory)
        self.durable[b"RootCA"] = ("server-ca",)
        # Roots that are trusted until the new ones have worked: those that are there, those that may be there
        self.previous, self.previous_maybe, self.root_writes = set(), set(), 0
        self.pem = {names: b"\n".join(pki.pem("+".join(names))) for names in (
            ("server-ca",), ("other-ca",), ("server-ca", "other-ca"), ("root2",), ("root-by-other-ca",), ("hota1",),
            ("hota2-by-hota1",), ("hota3-by-hota2",), ("hota-other",))}
        self.pem[()] = b""
        self.mode, self.calm, self.threats = "normal", True, 0
        self.connects = self.losses = 0
        self.ledger_least, self.ledger_most = collections.Counter(), collections.Counter()
        self.last_sequence = {}
        self.power_up()

    # -- what happens ----------------------------------------------------------------------------------------

    def threat(self, loses_within=None):
        """Something that may end the connection; loses_within: that has to, in so many seconds."""
        self.threats += 1
        if self.up == "yes":
            self.up = "maybe"
            if self.inflight:
                self.inexact()
        if self.up == "maybe" and loses_within is not None:
            doom = time.monotonic() + loses_within
            self.doom = min(self.doom or doom, doom)

    def published(self, topic, payload, settled=False, outstanding=False):
        """The cloud has sent this, or will; settled: nothing else is under way, and a SEND with QoS 1 comes next;
        outstanding: commands are not answered yet, so that who knows what is subscribed when it comes."""
        if not outstanding and (self.up == "no" or (
                self.filters_known and not any(matches(f, topic) for f in self.filters))):
            return
        self.deliverable[topic, payload] += 1
        self.events_most += 1
        if not settled:
            self.settled = False
            self.inexact()
        elif self.exact:
            self.inflight.append((topic, payload))

    def barrier(self):
        """Whatever the broker had for the module is there."""
        inflight, self.inflight = self.inflight, []
        for topic, payload in inflight:
            self.queue_message(topic, payload)
        for key in self.unsettled:
            self.ledger_least[key] += 1
        self.unsettled = []

    # -- the queues ------------------------------------------------------------------------------------------

    def index(self, topic):
        return next((i for i in range(1, MAX_TOPIC + 1) if i in self.topics and matches(self.topics[i], topic)), 0)

    def queue_event(self, event):
        if len(self.events) >= MAX_EVENTS:
            if any(optional for _, optional in self.events):
                self.inexact()
            at = next((i for i, (e, _) in enumerate(self.events) if e.endswith(b" MSG")), None)
            if at is None and event.endswith(b" MSG"):
                return
            del self.events[at or 0]
        self.events.append((event, False))

    def queue_message(self, topic, payload):
        if not self.exact:
            return
        event = b"1 %d MSG" % self.index(topic)
        size = sum(len(t) + len(p) for t, p in self.messages)
        if len(self.messages) < MAX_MESSAGES and size + len(topic) + len(payload) <= MAX_BYTES:
            self.messages.append((topic, payload))
            self.queue_event(event)
        elif not self.overrun:
            self.overrun = True
            self.queue_event(event)
            self.queue_event(b"4 0 OVERRUN " + topic[:64])

    def inexact(self):
        self.exact = self.events_known = self.messages_known = False
        self.inflight = []

    def clear_events(self):
        self.events, self.events_most, self.events_known = [], 0, True
        self.overruns_most = 1

    def fresh(self):
        """RESET, FACTORY_RESET, power-up (guide 3.7.6)."""
        self.gone()
        self.qos, self.topics, self.failures, self.overrun = b"0", {}, 0, False
        self.clear_events()
        self.events = [(STARTUP, False)]
        self.messages, self.deliverable = [], collections.Counter()
        self.messages_known = self.exact = True
        self.sleeping = False

    def power_up(self):
        self.events, self.inflight, self.unsettled, self.maybe_told = [], [], [], False
        self.fresh()

    # -- the connection --------------------------------------------------------------------------------------

    def gone(self):
        if getattr(self, "inflight", None):
            self.inexact()
        self.up, self.doom, self.filters, self.filters_known = "no", None, set(), True
        self.inflight, self.unsettled, self.maybe_told = [], [], False

    def lost(self):
        """The connection turned out to be lost: CONLOST is in the queue, or comes now."""
        self.losses += 1
        told = self.maybe_told
        self.gone()
        if told:
            self.events.append((CONLOST, True))
        else:
            self.queue_event(CONLOST)

    def was_quiet(self, command):
        """Nothing happened since the command was said."""
        return command.calm and self.calm and command.threats == self.threats

    def must_be_up(self, command):
        return self.up == "yes" and self.was_quiet(command)

    def trusts(self):
        """True, False, or None: either."""
        issuer = ISSUER.get(self.mode, "server-ca")
        if issuer in self.durable[b"RootCA"] or issuer in self.previous:
            return True
        return None if issuer in self.previous_maybe else False

    def quiet(self):
        """Nothing more can arrive."""
        return self.up == "no" or (self.up == "yes" and self.settled)

    # -- answers ---------------------------------------------------------------------------------------------

    def judge(self, command, lines):
        """lines: the answer. Raises Failure, or takes in what it says."""
        answer = lines[0]
        if self.sleeping:
            self.sleeping = False
            self.clear_events()
            self.events = [(STARTUP, False)]
        getattr(self, "on_" + command.kind.replace("?", "_query"))(command, answer, lines[1:])

    @staticmethod
    def want(command, answer, *allowed):
        if answer not in allowed:
            raise Failure("%s: %s expected, got %s" % (
                command, " or ".join(short(a) for a in allowed), short(answer)))

    def on_fixed(self, command, answer, _rest):
        self.want(command, answer, command.args[0])

    def on_pattern(self, command, answer, _rest):
        if not re.fullmatch(command.args[0], answer, re.S):
            raise Failure("%s: %r expected, got %s" % (command, command.args[0], short(answer)))

    # Dictionary

    def verdict(self, key, value):
        """The answer to CONF, and the value that is then there."""
        if key in SIZES:
            return (b"OK", value) if len(value) <= SIZES[key] else (PARAMETER, None)
        if key == b"QoS":
            return (b"OK", value) if value in (b"0", b"1") else (PARAMETER, None)
        if key == b"Defender":
            good = value.isdigit() and int(value) <= 2592000
            return (b"OK", b"%d" % int(value)) if good else (PARAMETER, None)
        if key == b"HOTAcertificate":
            return self.verdict_hota(value)
        if key == b"RootCA":
            return self.verdict_root(value)
        return (b"OK", value) if len(value) <= 128 else (PARAMETER, None)  # Topic#

    def verdict_hota(self, names):
        present = self.durable[b"HOTAcertificate"]
        if isinstance(names, bytes):  # no certificate
            return PARAMETER, None
        if not names:
            return (SIGNATURE, None) if present else (b"OK", ())
        if not present or names == present:
            follows = True
        else:
            follows = (present[0], names[0]) in (("hota1", "hota2-by-hota1"), ("hota2-by-hota1", "hota3-by-hota2"))
        return (b"OK", names) if follows else (SIGNATURE, None)

    def verdict_root(self, names):
        present = self.durable[b"RootCA"]
        if isinstance(names, bytes) or not names:
            return PARAMETER, None
        if "root-by-other-ca" in names and names != present and "other-ca" not in present:
            return SIGNATURE, None
        return b"OK", names

    def store(self, key, value):
        if key == b"QoS":
            self.qos = value
        elif key.startswith(b"Topic"):
            self.topics[int(key[5:])] = value
            if self.inflight:
                self.inexact()
        else:
            if key == b"RootCA" and value != self.durable[key]:
                self.roots_replaced()
            if key != b"Passphrase":
                self.durable[key] = value

    def roots_replaced(self):
        self.previous_maybe |= set(self.durable[b"RootCA"])
        if self.root_writes < 8:  # as many as there is surely room for
            self.previous |= set(self.durable[b"RootCA"])
        self.root_writes += 1

    def on_conf(self, command, answer, _rest):
        key, value = command.args
        wanted, stored = self.verdict(key, value)
        self.want(command, answer, wanted)
        if wanted == b"OK":
            self.store(key, stored)

    def value(self, key):
        if key == b"QoS":
            return self.qos
        if key.startswith(b"Topic"):
            return self.topics.get(int(key[5:]), b"")
        value = self.durable[key]
        return self.pem[value] if isinstance(value, tuple) else value

    def on_conf_query(self, command, answer, _rest):
        value = self.value(command.args[0])
        self.want(command, answer, b"OK " + escape(value) if value else b"OK")

    def on_factory(self, command, answer, _rest):
        self.want(command, answer, b"OK")
        self.durable.update(self.factory)
        self.fresh()

    def on_reset(self, command, answer, _rest):
        self.want(command, answer, b"OK")
        self.fresh()

    # Connection

    def on_connect(self, command, answer, _rest):
        if answer == b"OK 1 CONNECTED":
            self.connected(command)
            return
        if self.up == "yes":
            raise Failure("%s: OK expected, nothing has happened to the connection; got %s" % (command, short(answer)))
        if self.up == "maybe":
            self.lost()
        got = re.fullmatch(rb"ERR14 ([1-6]) UNABLE TO CONNECT (.{1,64})", answer, re.S)
        if not got:
            raise Failure("%s: OK or ERR14 with hint and detail expected, got %s" % (command, short(answer)))
        hint = int(got[1])
        if hint == 1:
            if self.failures < 3 or not re.fullmatch(rb"Retry in \d+ s", got[2]):
                raise Failure("%s: after %d failures no backoff is due: %s" % (command, self.failures, short(answer)))
            return
        self.failures += 1
        if self.was_quiet(command):
            wanted = self.wanted_hints()
            if hint not in wanted:
                raise Failure("%s: hint %s expected, got %s" % (command, wanted or "none", short(answer)))

    def wanted_hints(self):
        if self.durable[b"Endpoint"] not in self.good_endpoints:
            return [3]
        trusts = self.trusts()
        if self.mode in ("wrong-name", "expired", "distrusts-module") or trusts is False:
            return [4]
        if self.mode == "refuse-login":
            return [5] if trusts else [4, 5]
        return [] if trusts else [4]

    def connected(self, command):
        if self.up == "yes":
            return
        quiet = self.was_quiet(command)
        hints = self.wanted_hints()
        if self.up == "maybe":  # still, or again
            self.events.append((CONLOST, True))
            self.filters_known = self.settled = False
            self.inexact()
            self.doom, self.unsettled = None, []
        elif quiet and hints and self.trusts() is not None:
            raise Failure("%s: hint %s expected, got %s" % (command, hints, "OK 1 CONNECTED"))
        else:
            self.connects += 1
            self.filters, self.filters_known, self.settled = set(), True, True
            self.up = "yes" if quiet else "maybe"
        self.failures = 0
        self.previous, self.root_writes = set(), 0  # they may have worked; the note of it is being written

    def on_connect_query(self, command, answer, _rest):
        customer = self.durable[b"Endpoint"] != self.staging
        words = [b"OK %d %d %s %s" % (up, customer, b"CONNECTED" if up else b"DISCONNECTED",
                                      b"CUSTOMER" if customer else b"STAGING") for up in (0, 1)]
        if self.up == "maybe":
            self.want(command, answer, *words)
            if answer == words[0]:
                self.lost()
            elif self.doom and command.said > self.doom:
                raise Failure("%s: the loss is not noticed after %.1f s: %s" % (
                    command, command.said - self.doom + LOST_WITHIN, short(answer)))
        elif self.up == "no" or self.was_quiet(command):
            self.want(command, answer, words[self.up == "yes"])

    def on_disconnect(self, command, answer, _rest):
        self.want(command, answer, b"OK 0 DISCONNECTED")
        if self.up == "maybe":
            self.events.append((CONLOST, True))
        self.gone()

    def on_sleep(self, command, answer, _rest):
        if self.up == "yes":
            self.want(command, answer, ACTIVE)
        elif self.up == "maybe":
            self.want(command, answer, ACTIVE, b"OK 0")
            if answer == b"OK 0":
                self.lost()
        else:
            self.want(command, answer, b"OK 0")
        if answer == b"OK 0":
            self.sleeping = True

    # Messages

    def on_acknowledged(self, command, answer, because):
        """An operation that needs the connection: true if it was done."""
        if because:
            self.want(command, answer, because)
            return False
        if self.up == "no":
            self.want(command, answer, NO_CONNECTION)
            return False
        if self.must_be_up(command):
            self.want(command, answer, b"OK")
            return True
        self.want(command, answer, b"OK", NO_CONNECTION)
        if answer == NO_CONNECTION:
            if self.up == "yes":
                self.up = "maybe"
            self.doom = min(self.doom or 1e18, time.monotonic() + LOST_WITHIN)
            if self.inflight:
                self.inexact()
        elif self.doom and command.said > self.doom:
            raise Failure("%s: OK, and the loss of the connection has not been noticed" % command)
        return answer == b"OK"

    def topic_trouble(self, index, valid):
        if not 1 <= index <= MAX_TOPIC:
            return RANGE
        topic = self.topics.get(index, b"")
        if not topic:
            return UNDEFINED
        return None if valid(topic) else PARAMETER

    def on_send(self, command, answer, _rest):
        index, payload = command.args
        because = self.topic_trouble(index, is_name)
        topic = self.topics.get(index, b"")
        if not because and self.up != "no":
            self.ledger_most[topic, payload] += 1
            one = self.qos == b"1"
            if any(matches(f, topic) for f in self.filters) or not self.filters_known:
                self.published(topic, payload, settled=self.settled)
        if not self.on_acknowledged(command, answer, because):
            if not because and self.inflight:
                self.inexact()
            return
        if not one:
            self.unsettled.append((topic, payload))
            return
        self.ledger_least[topic, payload] += 1
        if self.up == "maybe" and command.threats == self.threats and command.calm and self.calm:
            self.up, self.doom = "yes", None
        if self.filters_known and not self.cloud_is_busy(command):
            self.settled = True
            self.barrier()

    def cloud_is_busy(self, command):
        """The cloud has published something that it had not confirmed when the command was said."""
        return command.busy

    def on_subscribe(self, command, answer, _rest):
        index = command.args[0]
        if self.on_acknowledged(command, answer, self.topic_trouble(index, is_filter)):
            self.filters.add(self.topics[index])

    def on_unsubscribe(self, command, answer, _rest):
        index = command.args[0]
        if self.on_acknowledged(command, answer, self.topic_trouble(index, is_filter)):
            self.filters.discard(self.topics[index])

    def on_get(self, command, answer, rest):
        index = command.args[0]
        if index is not None and index > MAX_TOPIC:
            self.want(command, answer, RANGE)
            return
        if index and not self.topics.get(index):
            self.want(command, answer, UNDEFINED)
            return
        if self.inflight:
            self.inexact()
        if self.exact:
            wanted = self.exact_get(index)
            if [answer] + rest != wanted:
                raise Failure("%s: %s expected, got %s" % (command, [short(w) for w in wanted],
                                                           [short(a) for a in [answer] + rest]))
        topic, payload = self.loose_get(command, index, answer, rest)
        if topic is not None:
            self.deliverable[topic, payload] -= 1
            self.check_order(command, topic, payload)
            self.overruns_most += 1

    def exact_get(self, index):
        for at, (topic, payload) in enumerate(self.messages):
            if index is None or self.index(topic) == index:
                break
        else:
            return [b"OK"]
        del self.messages[at]
        self.overrun = False
        if index:
            return [b"OK " + escape(payload) if payload else b"OK"]
        return [b"OK1 " + escape(topic), escape(payload)]

    def loose_get(self, command, index, answer, rest):
        """Topic and payload of what was read, (None, None): nothing that can be told."""
        if answer == b"OK":
            if index is None and self.quiet() and not self.exact:
                self.messages, self.messages_known = [], True
                self.now_exact()
            return None, None
        if index:
            payload = unescape(answer[3:])
            found = [t for (t, p), n in self.deliverable.items() if p == payload and n > 0 and self.index(t) == index]
            topic = found[0] if found else None
        else:
            topic, payload = unescape(answer[4:]), unescape(rest[0])
            if not answer.startswith(b"OK1 ") or (index == 0 and self.index(topic) != 0):
                raise Failure("%s: got %s" % (command, short(answer)))
        if topic is None or self.deliverable[topic, payload] <= 0:
            raise Failure("%s: nobody has sent this, or it was read already: %s %s" % (
                command, short(topic or b"?"), short(payload)))
        return topic, payload

    def check_order(self, command, topic, payload):
        found = re.match(rb"([cm])(\d+):", payload)  # who sent it, and its number among all
        if found:
            number, last = int(found[2]), self.last_sequence.get((topic, found[1]), -1)
            if last >= number:
                raise Failure("%s: message %d of %s comes after %d" % (command, number, short(topic), last))
            self.last_sequence[topic, found[1]] = number

    def now_exact(self):
        if self.events_known and self.messages_known and not self.inflight:
            self.exact, self.overrun = True, False

    # Events

    def on_event_query(self, command, answer, _rest):
        if self.inflight:
            self.inexact()
        event = answer[3:] if answer.startswith(b"OK ") else None
        if event is None:
            self.want(command, answer, b"OK")
            self.no_event(command)
        elif event == STARTUP or (self.events and self.events[0] == (STARTUP, False)):
            if not self.events or self.events.pop(0) != (STARTUP, False) or event != STARTUP:
                raise Failure("%s: STARTUP is the first event, and only after a start: %s" % (command, short(answer)))
        elif event == CONLOST:
            self.conlost(command)
        else:
            self.other_event(command, event)

    def no_event(self, command):
        owed = [e for e, optional in self.events if not optional]
        if owed and (self.exact or CONLOST in owed):
            raise Failure("%s: %s is missing, got OK" % (command, short(owed[0])))
        if self.quiet():
            self.events, self.events_most, self.events_known = [], 0, True
            if not self.exact:
                self.now_exact()
        else:
            self.events = []

    def conlost(self, command):
        told = [i for i, (e, _) in enumerate(self.events) if e == CONLOST]
        if self.exact:  # in a row at the head
            told = [i for n, i in enumerate(told) if i == n]
        if told:  # one that is owed rather than one that may be
            _, optional = self.events.pop(min(told, key=lambda i: (self.events[i][1], i)))
            self.maybe_told |= optional and self.up == "maybe"
        elif self.up == "maybe" and (not self.events or not self.exact):
            self.losses += 1
            self.gone()
        else:
            raise Failure("%s: no connection was lost, or that has been told: CONLOST" % command)

    def other_event(self, command, event):
        if self.exact:
            while self.events and self.events[0][1]:
                self.events.pop(0)  # optional, and did not happen
            wanted = self.events.pop(0)[0] if self.events else None
            if event != wanted:
                raise Failure("%s: %s expected, got %s" % (command, wanted and short(wanted), short(event)))
        else:
            # Known ones of these kinds are counted in events_most
            at = next((i for i, (e, _) in enumerate(self.events) if e == event), None)
            if at is not None:
                del self.events[at]
        if re.fullmatch(rb"1 (\d|1[0-6]) MSG", event):
            self.events_most -= 1
            if self.events_most < 0:
                raise Failure("%s: more MSG events than messages" % command)
        elif event.startswith(b"4 0 OVERRUN "):
            self.overruns_most -= 1
            if self.overruns_most < 0:
                raise Failure("%s: a second OVERRUN, and no message was read since the first" % command)
        else:
            raise Failure("%s: what event is this? %s" % (command, short(event)))

    # Counters

    def on_info(self, command, answer, _rest):
        got = re.search(rb" state=(\S+) messages=(\d+)/64 bytes=(\d+)/262144 events=(\d+)/64 ", answer)
        if not got or not answer.startswith(b"OK version="):
            raise Failure("%s: got %s" % (command, short(answer)))
        if self.inflight or not self.exact or self.up == "maybe" or any(optional for _, optional in self.events):
            return
        size = sum(len(t) + len(p) for t, p in self.messages)
        wanted = (b"connected" if self.up == "yes" else b"active", b"%d" % len(self.messages), b"%d" % size,
                  b"%d" % len(self.events))
        if self.was_quiet(command) and got.groups() != wanted:
            raise Failure("%s: %r expected, got %r" % (command, wanted, got.groups()))

    # A restart

    def restarted(self, outstanding, graceful=False):
        """Commands that were not answered may have been executed or not. Returns the keys with the values that they
        may have now, for read_back()."""
        may = {key: [value] for key, value in self.durable.items()}
        topics = {i: {t} for i, t in self.topics.items()}
        for command in outstanding:
            if command.kind == "conf":
                self.outstanding_conf(command, may, topics)
            elif command.kind == "factory":
                for key, value in self.factory.items():
                    may[key].append(value)
            elif command.kind == "reset":
                topics = {i: t | {b""} for i, t in topics.items()}
            elif command.kind == "send":
                for topic in topics.get(command.args[0], ()):
                    self.ledger_most[topic, command.args[1]] += 1
            elif command.kind == "connect":
                self.previous = set()
        self.power_up()
        return may

    def outstanding_conf(self, command, may, topics):
        key, value = command.args
        if key.startswith(b"Topic"):
            topics.setdefault(int(key[5:]), set()).add(value)
        elif key in may and not (isinstance(value, bytes) and key in (b"RootCA", b"HOTAcertificate")):
            verdict, stored = self.verdict(key, value)
            if verdict == b"OK" or isinstance(value, tuple):
                may[key].append(stored if verdict == b"OK" else value)

    def read_back(self, key, answer, allowed):
        for value in allowed:
            data = self.pem[value] if isinstance(value, tuple) else value
            if answer == (b"OK " + escape(data) if data else b"OK"):
                if key == b"RootCA" and value != self.durable[key]:
                    self.roots_replaced()
                self.durable[key] = value
                return
        raise Failure("after the restart %s is %s, acknowledged was %s" % (
            key.decode(), short(answer), short(repr(allowed).encode())))
