# SPDX-License-Identifier: Apache-2.0
"""MQTT as the operator, with paho 1.x or 2.x."""

import contextlib
import os
import sys
import threading

from sandbox.account import OPERATOR
from sandbox.broker import ANSWER_SECONDS, broker_host
from sandbox.common import Problem

try:
    import paho.mqtt.client as mqtt
except ImportError:
    sys.exit("expresslink-sandbox: paho-mqtt is missing for %s: apt-get install python3-paho-mqtt" % sys.executable)


def reason(code):
    """A number, whatever this version of paho hands over."""
    return int(getattr(code, "value", code))


def operator_client(sandbox, suffix):
    name = "%s-%s-%d" % (OPERATOR, suffix, os.getpid())
    if hasattr(mqtt, "CallbackAPIVersion"):
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=name)
    else:
        client = mqtt.Client(client_id=name)
    try:
        client.tls_set(ca_certs=str(sandbox.account / "staging-root.pem"),
                       certfile=str(sandbox.account / "operator.pem"),
                       keyfile=str(sandbox.account / "operator.key.pem"))
    except OSError as error:
        raise Problem("no sandbox in %s: %s" % (sandbox.folder, error.strerror)) from error
    client.max_queued_messages_set(0)
    client.reconnect_delay_set(1, 5)
    return client


@contextlib.contextmanager
def connected(sandbox, suffix, on_message=None):
    """A client that is logged in, its network thread running."""
    if not sandbox.port():
        raise Problem("no sandbox was started in %s" % sandbox.folder)
    client = operator_client(sandbox, suffix)
    up = threading.Event()
    client.on_connect = lambda _c, _u, _f, code, *_rest: up.set() if reason(code) == 0 else None
    client.on_message = on_message
    try:
        client.connect(broker_host(), sandbox.port())
    except OSError as error:
        raise Problem("no sandbox runs in %s: %s" % (sandbox.folder, error.strerror or error)) from error
    client.loop_start()
    try:
        if not up.wait(ANSWER_SECONDS):
            raise Problem("the broker does not let the operator in, see %s" % sandbox.log)
        yield client
    finally:
        client.disconnect()
        client.loop_stop()
