# SPDX-License-Identifier: Apache-2.0
"""The event queue and the message queue of a module, as a model. Either their content is known exactly (`exact`), or
only what may be in them: what was sent to the module and not read yet."""

import collections
import re

from harness import Failure, escape, short
from language import MAX_TOPIC, RANGE, UNDEFINED, matches, unescape, want

MAX_MESSAGES, MAX_BYTES, MAX_EVENTS = 64, 256 * 1024, 64
STARTUP, CONLOST = b"2 0 STARTUP", b"3 0 CONLOST"


class Queues:
    """Part of a Model, which knows the topics and the connection."""

    def __init__(self):
        self.events = []     # (event, optional: it may be there or not)
        self.messages = []   # (topic, payload)
        self.inflight = []   # messages that the cloud has for the module, to arrive before the next PUBACK
        self.deliverable = collections.Counter()
        self.last_sequence = {}
        self.settled = True  # nothing but inflight is under way
        self.clear_queues()

    def clear_queues(self):
        """With STARTUP as the first event."""
        self.clear_events()
        self.events = [(STARTUP, False)]
        self.messages, self.deliverable, self.overrun = [], collections.Counter(), False
        self.messages_known = self.exact = True

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
        if self.inflight:
            self.inflight, self.settled = [], False

    def clear_events(self):
        self.events, self.events_most, self.events_known = [], 0, True
        self.overruns_most = 1

    def now_exact(self):
        if self.events_known and self.messages_known and not self.inflight:
            self.exact, self.overrun = True, False

    def on_get(self, command, answer, rest):
        index = command.args[0]
        if index is not None and index > MAX_TOPIC:
            want(command, answer, RANGE)
            return
        if index and not self.topics.get(index):
            want(command, answer, UNDEFINED)
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
            if index is None and self.quiet(command) and not self.exact:
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

    def on_event_query(self, command, answer, _rest):
        if self.inflight:
            self.inexact()
        event = answer[3:] if answer.startswith(b"OK ") else None
        if event is None:
            want(command, answer, b"OK")
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
        if self.quiet(command):
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
