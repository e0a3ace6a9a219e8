# SPDX-License-Identifier: Apache-2.0
"""Everything that the account sends to things goes through here, and meets the faults."""

import threading

from sandbox.faults import REORDER_SECONDS


class Outbox:
    def __init__(self, publish, after, faults):
        self.publish = publish
        self.after = after
        self.faults = faults
        self.lock = threading.Lock()
        self.held = {}  # kind: messages that the next one of that kind overtakes

    def send(self, kind, topic, payload, qos):
        copies, overtaken = self.faults.message(kind, payload)
        for seconds, copy in copies:
            if seconds:
                self.after(seconds, self.put, kind, topic, copy, qos, overtaken)
            else:
                self.put(kind, topic, copy, qos, overtaken)

    def put(self, kind, topic, payload, qos, overtaken):
        message = (topic, payload, qos)
        if overtaken:
            with self.lock:
                self.held.setdefault(kind, []).append(message)
            self.after(REORDER_SECONDS, self.release, kind, message)
            return
        self.publish(*message)
        if self.held:
            self.release(kind)

    def release(self, kind, one=None):
        """Those of that kind; or that one, if it is still here."""
        with self.lock:
            held = self.held.pop(kind, [])
            if one is not None:
                rest = [m for m in held if m is not one]
                if rest:
                    self.held[kind] = rest
                held = [m for m in held if m is one]
        for message in held:
            self.publish(*message)
