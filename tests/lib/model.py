# SPDX-License-Identifier: Apache-2.0
"""What a module may answer: its dictionary, its queues and its connection, as far as a host can know them. Without
input and output; tests/chaos tells it what was said, what was answered, and what happened to the connection.

The connection is "no", "yes" (proven by an answer, and nothing has happened since) or "maybe". The queues are known
exactly, or only by what may be in them: `exact`."""

import collections
import re
import time

from harness import Failure, short
from keys import Keys
from language import (ACTIVE, MAX_TOPIC, NO_CONNECTION, PARAMETER, RANGE, UNDEFINED, is_filter, is_name, matches, want)
from queues import CONLOST, STARTUP, Queues

LOST_WITHIN = 5  # s, after FIN or RST, on a machine that is busy with other things


class Model(Keys, Queues):

    def __init__(self, good_endpoints, pki):
        self.good_endpoints, self.staging = good_endpoints, good_endpoints[0]
        Keys.__init__(self, self.staging, pki)
        self.mode, self.calm, self.threats = "normal", True, 0
        self.sendings = 0  # of the cloud
        self.connects = self.losses = 0
        self.ledger_least, self.ledger_most = collections.Counter(), collections.Counter()
        self.up, self.inflight = "no", []
        Queues.__init__(self)
        self.fresh()

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
        else:
            self.settled = False

    def may_arrive(self, messages):
        """The broker had not taken these yet when the module subscribed, so perhaps it gets them."""
        for key in messages:
            self.deliverable[key] += 1
            self.events_most += 1
        if messages:
            self.settled = False
            self.inexact()

    def barrier(self):
        """Whatever the broker had for the module is there."""
        inflight, self.inflight = self.inflight, []
        for topic, payload in inflight:
            self.queue_message(topic, payload)
        for key in self.unsettled:
            self.ledger_least[key] += 1
        self.unsettled = []

    def fresh(self):
        """RESET, FACTORY_RESET, power-up (guide 3.7.6)."""
        self.gone()
        self.reset_keys()
        self.clear_queues()
        self.failures, self.sleeping = 0, False

    # -- the connection --------------------------------------------------------------------------------------

    def gone(self):
        if self.inflight:
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

    def quiet(self, command):
        """Nothing more can arrive. What was sent since the command was said may find the connection that one behind it
        makes."""
        return self.settled if self.up == "yes" else self.up == "no" and command.sendings == self.sendings

    # -- answers ---------------------------------------------------------------------------------------------

    def judge(self, command, lines):
        """lines: the answer. Raises Failure, or takes in what it says."""
        answer = lines[0]
        if self.sleeping:
            self.sleeping = False
            self.clear_events()
            self.events = [(STARTUP, False)]
        getattr(self, "on_" + command.kind.replace("?", "_query"))(command, answer, lines[1:])

    def on_fixed(self, command, answer, _rest):
        want(command, answer, command.args[0])

    def on_pattern(self, command, answer, _rest):
        if not re.fullmatch(command.args[0], answer, re.S):
            raise Failure("%s: %r expected, got %s" % (command, command.args[0], short(answer)))

    def on_factory(self, command, answer, _rest):
        want(command, answer, b"OK")
        self.durable.update(self.factory)
        self.fresh()

    def on_reset(self, command, answer, _rest):
        want(command, answer, b"OK")
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
        trusts = self.trusts(self.mode)
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
        elif quiet and hints and self.trusts(self.mode) is not None:
            raise Failure("%s: hint %s expected, got %s" % (command, hints, "OK 1 CONNECTED"))
        else:
            self.connects += 1
            self.filters, self.filters_known, self.settled = set(), True, True
            self.up = "yes" if quiet else "maybe"
        self.may_arrive(command.underway)
        self.failures = 0
        self.roots_used()

    def on_connect_query(self, command, answer, _rest):
        customer = self.durable[b"Endpoint"] != self.staging
        words = [b"OK %d %d %s %s" % (up, customer, b"CONNECTED" if up else b"DISCONNECTED",
                                      b"CUSTOMER" if customer else b"STAGING") for up in (0, 1)]
        if self.up == "maybe":
            want(command, answer, *words)
            if answer == words[0]:
                self.lost()
            elif self.doom and command.said > self.doom:
                raise Failure("%s: the loss is not noticed after %.1f s: %s" % (
                    command, command.said - self.doom + LOST_WITHIN, short(answer)))
        elif self.up == "no" or self.was_quiet(command):
            want(command, answer, words[self.up == "yes"])

    def on_tls(self, command, answer, _rest):
        """DIAG TLS says what CONNECT would meet, as far as TLS."""
        got = re.fullmatch(rb"OK\d* (?:PASSED TLSv1\.[23] \S+|FAILED ([2-5]) .{1,64})", answer)
        if not got:
            raise Failure("%s: got %s" % (command, short(answer)))
        if self.was_quiet(command) and self.trusts(self.mode) is not None:
            wanted = [hint for hint in self.wanted_hints() if hint != 5]
            if wanted != ([int(got[1])] if got[1] else []):
                raise Failure("%s: hint %s expected, got %s" % (command, wanted or "none", short(answer)))

    def on_disconnect(self, command, answer, _rest):
        want(command, answer, b"OK 0 DISCONNECTED")
        if self.up == "maybe":
            self.events.append((CONLOST, True))
        self.gone()

    def on_sleep(self, command, answer, _rest):
        mode = b"OK " + command.args[0]
        if self.up == "yes":
            want(command, answer, ACTIVE)
        elif self.up == "maybe":
            want(command, answer, ACTIVE, mode)
            if answer == mode:
                self.lost()
        else:
            want(command, answer, mode)
        if answer == mode:
            self.sleeping = True

    # Messages

    def on_acknowledged(self, command, answer, because):
        """An operation that needs the connection: true if it was done."""
        if because:
            want(command, answer, because)
            return False
        if self.up == "no":
            want(command, answer, NO_CONNECTION)
            return False
        if self.must_be_up(command):
            want(command, answer, b"OK")
            return True
        want(command, answer, b"OK", NO_CONNECTION)
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
        # What the cloud sent before the SEND is there by now; of what it sent since nobody knows
        if self.filters_known and not command.underway and command.sendings == self.sendings:
            self.settled = True
            self.barrier()

    def on_subscribe(self, command, answer, _rest):
        index = command.args[0]
        if self.on_acknowledged(command, answer, self.topic_trouble(index, is_filter)):
            self.filters.add(self.topics[index])
            self.may_arrive(command.underway)

    def on_unsubscribe(self, command, answer, _rest):
        index = command.args[0]
        if self.on_acknowledged(command, answer, self.topic_trouble(index, is_filter)):
            self.filters.discard(self.topics[index])

    # A restart

    def restarted(self, outstanding):
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
                self.roots_used()
        self.fresh()
        return may
