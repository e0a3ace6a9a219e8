#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every reason for which CONNECT fails, each made by a real network and a real peer: the hint and the detail that the
datasheet promises, the same words from DIAG TLS, no processor time burnt, and a module that goes on working."""

import os
import re
import ssl
import struct
import subprocess
import sys
import time
import warnings

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import harness  # noqa: E402
import peer as peers  # noqa: E402
from gateway import HOST, PASSED, pattern, site  # noqa: E402
from harness import Failure  # noqa: E402
from network import CLOUD, CLOUD_TOO, NOBODY  # noqa: E402
from parallel import case, run_at_once  # noqa: E402
from peer import Hangup, Peer  # noqa: E402
from rows import ROWS, row  # noqa: E402

# --- hint 3: the name -----------------------------------------------------------------------------------------------

@row(3, "No endpoint: set Endpoint")
def no_endpoint(s):
    s.m.settings["Cloud", "StagingEndpoint"] = ""
    s.endpoint = None


@row(3, "Not a host name: check Endpoint")
def no_host_name(s):
    s.endpoint = "https://cloud.example/"


@row(3, "Name not found: check Endpoint")
def name_unknown(s):
    s.endpoint = "clowd.example"


@row(3, "Name server does not answer: check network")
def name_server_silent(s):
    s.names.silent = True


@row(3, "Name server does not answer: check network")
def name_server_away(s):
    s.network.name_server(NOBODY)
    s.network.black_hole(NOBODY)


# --- hint 3: TCP ----------------------------------------------------------------------------------------------------

@row(3, "Connection refused: check Endpoint and network")
def refused(_s):
    pass


@row(3, "Connection refused: check Endpoint and network")
def refused_at_every_address(s):
    s.names.table[HOST] = [CLOUD, CLOUD_TOO]


@row(3, "No route to host: check Endpoint and network")
def no_such_neighbour(s):
    s.names.table[HOST] = [NOBODY]


@row(3, "No route to host: check Endpoint and network")
def no_route(s):
    s.network.near("route", "add", "unreachable", "198.51.100.0/24")
    s.endpoint = "198.51.100.1:8883"


@row(3, "No answer from the server: check network")
def black_hole(s):
    s.names.table[HOST] = [NOBODY]
    s.network.black_hole(NOBODY)


# --- hint 2 ---------------------------------------------------------------------------------------------------------

@row(2, "No network: no interface is up and has an address", plugged=False)
def no_network(_s):
    pass


@row(2, "No network: no interface is up and has an address", plugged=False)
def no_network_to_an_address(s):
    s.endpoint = CLOUD + ":8883"


@row(2, "No network: no interface is up and has an address")
def cable_pulled(s):
    s.network.far("link", "set", "far0", "down")


# --- hint 4: no TLS -------------------------------------------------------------------------------------------------

@row(4, "Server is silent during TLS: check Endpoint")
def silent(s):
    s.proxy()


@row(4, "Server is silent during TLS: check Endpoint")
def silent_in_the_middle(s):
    s.m.broker.start()
    s.proxy(s.m.broker.port).cut("down", 100, "drop")


@row(4, "Server closed during TLS: check Endpoint and its port")
def closed_in_the_middle(s):
    s.m.broker.start()
    p = s.proxy(s.m.broker.port)
    p.cut("down", 100, "close")
    return lambda: p.cut("down", 100, "close")


@row(4, "Server closed during TLS: check Endpoint and its port")
def closed_at_once(s):
    s.peer(at="accept")


@row(4, "Server closed during TLS: check Endpoint and its port")
def reset_in_the_middle(s):
    """TLS 1.2, in which we cannot be through before the reset."""
    s.peer(at="flight", context=context(ssl.TLSVersion.TLSv1_2))


class Http(peers.Peer):
    def connection(self, s):
        s.recv(4096)
        s.sendall(b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nConnection: close\r\n\r\n<html>400</html>\r\n")


@row(4, "Server does not speak TLS: check Endpoint and its port")
def plain_text(s):
    p = Http(s.m.pki, address=CLOUD)
    s.endpoint = "%s:%d" % (HOST, p.port)


@row(4, "Server does not speak TLS: check Endpoint and its port")
def plain_text_first(s):
    s.peer(at="garbage")


def context(version, oldest=None):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        c.minimum_version, c.maximum_version = oldest or version, version
    return c


@row(4, "Server does not speak TLS 1.2 or later")
def old_tls(s):
    c = context(ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1)
    c.set_ciphers("ALL:@SECLEVEL=0")
    s.peer(context=c)


class Hello(peers.Peer):
    """Answers with a ServerHello of its own, whatever it was offered, and waits for what is said to that."""
    def __init__(self, pki, version, cipher):
        body = bytes([3, version]) + bytes(32) + b"\0" + struct.pack("!H", cipher) + b"\0"
        self.hello = b"\x16\3%c\0\x2a\2\0\0\x26" % version + body
        super().__init__(pki, address=CLOUD)

    def connection(self, s):
        s.recv(4096)
        s.sendall(self.hello)
        s.recv(4096)


def hello(s, version, cipher):
    p = Hello(s.m.pki, version, cipher)
    s.endpoint = "%s:%d" % (HOST, p.port)


@row(4, "Server does not speak TLS 1.2 or later")
def old_tls_all_the_same(s):
    hello(s, 2, 0x002f)


@row(4, "TLS failed: unknown cipher returned")
def unknown_cipher(s):
    hello(s, 3, 0x1234)


def alert(s, code):
    s.peer().context.sni_callback = lambda *_: code


@row(4, "Server does not know this name: check Endpoint")
def name_unknown_to_server(s):
    alert(s, 112)


@row(4, "Server refused ALPN: check the port of Endpoint")
def alpn_refused(s):
    alert(s, 120)


@row(4, "Server refused the handshake: check Certificate")
def handshake_refused(s):
    alert(s, 40)


@row(4, "Server ended TLS with an alert")
def other_alert(s):
    alert(s, 80)


# --- hint 4: the server's certificate -------------------------------------------------------------------------------

@row(4, "Server certificate not trusted: check RootCA")
def server_untrusted(s):
    s.m.broker.start("untrusted")


@row(4, "Server certificate is for another name: check Endpoint")
def server_wrong_name(s):
    s.m.broker.start("wrong-name")


@row(4, "Server certificate is for another name: check Endpoint")
def server_wrong_address(s):
    s.m.broker.start()
    s.endpoint = "%s:%d" % (CLOUD, s.m.broker.port)


@row(4, "Server certificate expired")
def server_expired(s):
    s.m.broker.start("expired")


def shows(s, name):
    s.peer(certificate=(s.m.pki.file(name + ".crt"), s.m.pki.file(name + ".key")))


@row(4, "Server certificate not yet valid: check clock")
def server_not_yet_valid(s):
    shows(s, "server-future")
    s.clock(0, sure=True)


@row(4, "Clock not set: check time synchronisation")
def server_not_yet_valid_by_a_clock_that_nobody_keeps(s):
    shows(s, "server-future")
    s.clock(0)


@row(4, "Server certificate is not for servers")
def server_not_for_servers(s):
    shows(s, "server-client")


@row(4, "Clock not set: check time synchronisation")
def clock_in_1970(s):
    s.m.broker.start()
    s.clock(60 - time.time())


# --- hint 4: our certificate ----------------------------------------------------------------------------------------

def we_are(s, name):
    s.m.settings["Identity", "Certificate"] = s.m.pki.file(name + ".crt")
    s.m.settings["Identity", "PrivateKey"] = s.m.pki.file(name + ".key")


@row(4, "Our certificate was refused: check its registration")
def our_certificate_unknown(s):
    s.m.broker.start("distrusts-module")


@row(4, "Our certificate was refused: check its registration")
def our_certificate_foreign_1_2(s):
    we_are(s, "device-foreign")
    s.peer(context=context(ssl.TLSVersion.TLSv1_2))


@row(4, "Our certificate was refused: check its registration")
def our_certificate_foreign_1_3(s):
    we_are(s, "device-foreign")
    s.peer(context=context(ssl.TLSVersion.TLSv1_3))


@row(4, "Our certificate has expired, says the server")
def our_certificate_expired_1_2(s):
    we_are(s, "device-expired")
    s.peer(context=context(ssl.TLSVersion.TLSv1_2))


@row(4, "Our certificate has expired, says the server")
def our_certificate_expired_1_3(s):
    we_are(s, "device-expired")
    s.peer(context=context(ssl.TLSVersion.TLSv1_3))


@row(4, "Our certificate has expired, says the server")
def our_certificate_expired(s):
    we_are(s, "device-expired")
    s.m.broker.start()


@row(4, "Our certificate is revoked, says the server")
def our_certificate_revoked(s):
    alert(s, 44)


@row(4, "Own key or certificate unusable: see the module's log")
def our_key_gone(s):
    s.m.broker.start()
    key = os.path.join(s.m.folder, "device.key")
    os.symlink(s.m.pki.file("device.key"), key)
    s.m.settings["Identity", "PrivateKey"] = key
    start = s.start

    def start_and_lose_it():
        start()
        os.unlink(key)
    s.start = start_and_lose_it


@case
def our_certificate_for_another_key():
    """The settings are refused, so nobody need find it out from a server."""
    with harness.module() as m:
        m.settings["Identity", "PrivateKey"] = m.pki.file("device-foreign.key")
        m.write_settings()
        done = subprocess.run(m.command_line() + ["--check-config"], env=m.environment(), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode == 0 or b"PrivateKey" not in done.stdout:
            raise Failure("--check-config: %d, %r" % (done.returncode, done.stdout))


# --- hint 5 ---------------------------------------------------------------------------------------------------------

def connack(s, code):
    s.peer(lambda _p, kind, _flags, _body: bytes([peers.CONNACK << 4, 2, 0, code]) if kind == peers.CONNECT else None)


@row(5, "Server refused the protocol version", PASSED)
def connack_1(s):
    connack(s, 1)


@row(5, "Server refused the client id: check ThingName", PASSED)
def connack_2(s):
    connack(s, 2)


@row(5, "Server is unavailable", PASSED)
def connack_3(s):
    connack(s, 3)


@row(5, "Login refused: check registration and policy", PASSED)
def connack_4(s):
    connack(s, 4)


@row(5, "Login refused: check registration and policy", PASSED)
def connack_5(s):
    connack(s, 5)


@row(5, "Login refused: check registration and policy", PASSED)
def connack_5_of_a_broker(s):
    s.m.broker.start("refuse-login")


@row(5, "Login refused: check registration and policy", PASSED)
def connack_7(s):
    connack(s, 7)


@row(5, "Login refused", PASSED)
def connack_other(s):
    connack(s, 255)


def hang_up_at(step):
    def behaviour(_p, kind, _flags, _body):
        if kind == step:
            raise Hangup
    return behaviour


def silent_at(step):
    return lambda _p, kind, _flags, _body: b"" if kind == step else None


@row(5, "Closed before login: check registration and policy", PASSED)
def closed_at_login(s):
    s.peer(hang_up_at(peers.CONNECT))


@row(5, "Closed before login: check registration and policy", "<any>")
def closed_behind_the_handshake(s):
    s.peer(at="handshake")  # whether DIAG TLS sees the end depends on who is quicker


@row(5, "Closed before login: check registration and policy", PASSED)
def nonsense_at_login(s):
    s.peer(lambda _p, kind, _flags, _body: b"HTTP/1.1 400 Bad Request\r\n\r\n" * 20 if kind == peers.CONNECT else None)


@row(5, "Server does not answer the login", PASSED)
def silent_at_login(s):
    s.peer(silent_at(peers.CONNECT))


# --- hint 6 ---------------------------------------------------------------------------------------------------------

def suback(granted):
    def behaviour(_p, kind, _flags, body):
        if kind == peers.SUBSCRIBE:
            n = len(Peer.filters(body))
            return bytes([peers.SUBACK << 4, 2 + n]) + body[:2] + (granted * n)[:n - 1] + b"\x80"
        return None
    return behaviour


@row(6, "Jobs topics refused: check the policy", PASSED)
def suback_0x80(s):
    s.peer(suback(b"\x80"))


@row(6, "Jobs topics refused: check the policy", PASSED)
def suback_0x80_for_one(s):
    s.peer(suback(b"\1"))


@row(6, "Topic expresslink_config refused: check the policy", PASSED)
def endpoint_topic_refused(s):
    def refuse(_p, kind, _flags, body):
        if kind == peers.SUBSCRIBE and b"expresslink_config" in body:
            return bytes([peers.SUBACK << 4, 3]) + body[:2] + b"\x80"
        return None
    s.peer(refuse)
    s.m.settings["Cloud", "StagingEndpoint"], s.endpoint = s.endpoint, None


@row(6, "Closed by the server after login: check the policy", PASSED)
def closed_at_subscribe(s):
    s.peer(hang_up_at(peers.SUBSCRIBE))


@row(6, "Closed by the server after login: check the policy", PASSED)
def closed_at_publish(s):
    s.peer(hang_up_at(peers.PUBLISH))


@row(6, "Server does not confirm the Jobs topics", PASSED)
def silent_at_subscribe(s):
    s.peer(silent_at(peers.SUBSCRIBE))


@row(6, "Server does not confirm the Jobs topics", PASSED)
def silent_at_publish(s):
    s.peer(silent_at(peers.PUBLISH))


# --- hint 1 ---------------------------------------------------------------------------------------------------------

ROWS.append((1, "Retry in <n> s"))


@case
def too_early():
    """The third failure in a row at the latest makes a wait that does not fit; a reset forgets it."""
    with site() as s:
        s.start()
        for _ in range(4):
            got = s.ask("AT+CONNECT")
            if not got.startswith(b"ERR14 3 "):
                break
        if not re.fullmatch(b"ERR14 1 UNABLE TO CONNECT " + pattern("Retry in <n> s"), got):
            raise Failure("hint 1 expected, got %r" % got)
        s.works()
        s.diagnoses("FAILED 3 Connection refused: check Endpoint and network")
        s.m.broker.start()
        s.diagnoses(PASSED)
        s.m.expect("AT+RESET", "OK")
        s.m.wait_event("2 0 STARTUP")
        s.connects()
        s.end()


run_at_once(16)
