# SPDX-License-Identifier: Apache-2.0
"""The dictionary of a module, as a model: what CONF may answer, what is there then, what a reset and a kill leave."""

from harness import Failure, escape, short
from language import PARAMETER, SIGNATURE, want

SIZES = {b"CustomName": 128, b"Endpoint": 128, b"SSID": 32, b"Passphrase": 64}
ISSUER = {"untrusted": "other-ca"}  # of what the broker shows in a mode, else server-ca
CERTIFICATES = (("server-ca",), ("other-ca",), ("server-ca", "other-ca"), ("root2",), ("root-by-other-ca",), ("hota1",),
                ("hota2-by-hota1",), ("hota3-by-hota2",), ("hota-other",))


class Keys:
    """Certificates are tuples of names of tests/lib/pki.py."""

    def __init__(self, staging, pki):
        self.factory = {b"CustomName": b"", b"Endpoint": staging, b"Defender": b"0", b"SSID": b"Workshop",
                        b"HOTAcertificate": ()}
        self.durable = dict(self.factory)
        self.durable[b"RootCA"] = ("server-ca",)
        # Roots that are trusted until the new ones have worked: those that are there, those that may be there
        self.previous, self.previous_maybe, self.root_writes = set(), set(), 0
        self.pem = {names: b"\n".join(pki.pem("+".join(names))) for names in CERTIFICATES}
        self.pem[()] = b""
        self.qos, self.topics = b"0", {}

    def reset_keys(self):
        self.qos, self.topics = b"0", {}

    def trusts(self, mode):
        """Whether the broker's certificate in this mode is trusted: True, False, or None: either."""
        issuer = ISSUER.get(mode, "server-ca")
        if issuer in self.durable[b"RootCA"] or issuer in self.previous:
            return True
        return None if issuer in self.previous_maybe else False

    def roots_used(self):
        """A connection came about: the previous roots may have done their work. The note of it is being written."""
        self.previous, self.root_writes = set(), 0

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
        want(command, answer, wanted)
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
        want(command, answer, b"OK " + escape(value) if value else b"OK")

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
