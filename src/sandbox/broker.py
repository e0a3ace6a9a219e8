# SPDX-License-Identifier: Apache-2.0
"""mosquitto, on the loopback addresses."""

import os
import signal
import socket
import subprocess
import time

from sandbox.account import OPERATOR
from sandbox.common import Problem, find_program, replace_file

START_SECONDS = 60
ANSWER_SECONDS = 30
PORT_ATTEMPTS = 8

BROKER_CONFIG = """# Written by expresslink-sandbox each time it starts.
per_listener_settings false
persistence false
allow_anonymous false
acl_file {folder}/acl
set_tcp_nodelay true
max_queued_messages 20000
log_dest stderr
log_type error
log_type warning
log_type notice
log_type information
log_type subscribe
log_type unsubscribe
log_timestamp_format %Y-%m-%dT%H:%M:%S
{user}
"""

LISTENER_CONFIG = """
listener {port} {address}
cafile {account}/clients.pem
certfile {account}/server.pem
keyfile {account}/server.key.pem
require_certificate true
use_identity_as_username true
tls_version tlsv1.2
"""

# '#' does not match a topic that starts with '$', and a line without a user is for nobody here.
BROKER_ACL = """pattern readwrite #
pattern readwrite $aws/things/%u/#

user {operator}
topic readwrite #
topic readwrite $aws/#
topic read $SYS/#
"""


def loopback_addresses():
    found = []
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.bind((address, 0))
            found.append((family, address))
        except OSError:
            pass
    if not found:
        raise Problem("no loopback address can be used")
    return found


def broker_host():
    """localhost, or where nothing resolves that name (no /etc/hosts), an address of it."""
    try:
        socket.getaddrinfo("localhost", None)
        return "localhost"
    except OSError:
        return loopback_addresses()[0][1]


def endpoint(port):
    host = broker_host()
    return "%s:%d" % ("[%s]" % host if ":" in host else host, port)


def port_is_free(port, addresses):
    for family, address in addresses:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True


def pick_port(addresses):
    for _ in range(100):
        with socket.socket(addresses[0][0], socket.SOCK_STREAM) as probe:
            probe.bind((addresses[0][1], 0))
            port = probe.getsockname()[1]
        if port_is_free(port, addresses):
            return port
    raise Problem("no free port found")


def die_with_parent():
    """A broker must not outlive a sandbox that was killed."""
    import ctypes  # pylint: disable=import-outside-toplevel
    ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0)  # PR_SET_PDEATHSIG


class Broker:
    def __init__(self, sandbox, addresses):
        self.sandbox = sandbox
        self.addresses = addresses
        self.program = find_program("mosquitto", "mosquitto")
        self.process = None
        self.port = 0

    def configure(self, port):
        folder = self.sandbox.folder
        user = "user root" if os.geteuid() == 0 else ""
        text = BROKER_CONFIG.format(folder=folder, user=user)
        for _, address in self.addresses:
            text += LISTENER_CONFIG.format(port=port, address=address, account=self.sandbox.account)
        replace_file(folder / "acl", BROKER_ACL.format(operator=OPERATOR))
        replace_file(folder / "mosquitto.conf", text)

    def start(self, port, service, stop):
        """Starts mosquitto and logs in, which it allows when it listens everywhere. False: mosquitto ended."""
        self.configure(port)
        with open(self.sandbox.log, "wb") as log:
            self.process = subprocess.Popen(
                [self.program, "-c", str(self.sandbox.folder / "mosquitto.conf")], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, preexec_fn=die_with_parent, start_new_session=True)
        self.port = port
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and not stop.is_set():
            if self.process.poll() is not None:
                return False
            if service.login(port):
                return True
            stop.wait(0.01)
        if stop.is_set():
            return True
        raise Problem("no login at the broker: %s; see %s" % (service.failure, self.sandbox.log))

    def stop(self):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()

    def last_words(self):
        lines = self.sandbox.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it says nothing"


def start_broker(broker, service, wanted, last, stop):
    """The wanted port or none; without a wish the last one if it is free, else any."""
    for attempt in range(PORT_ATTEMPTS):
        if wanted:
            if not port_is_free(wanted, broker.addresses):
                raise Problem("port %d is in use" % wanted)
            port = wanted
        elif attempt == 0 and last and port_is_free(last, broker.addresses):
            port = last
        else:
            port = pick_port(broker.addresses)
        if broker.start(port, service, stop):
            return
        if port_is_free(port, broker.addresses):
            break  # it was not for the port
    raise Problem("mosquitto ended: %s" % broker.last_words())
