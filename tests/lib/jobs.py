# SPDX-License-Identifier: Apache-2.0
"""Jobs and streams beside the broker of the tests: the services of expresslink-sandbox, in this process."""

import base64
import os
import pathlib
import sys
import time
import types

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(HERE)), "src"))

from sandbox import bucket, documents, service  # noqa: E402

import broker as broker_module  # noqa: E402
import pki as pki_module  # noqa: E402

KINDS = {"host-image": 202, "module-image": 101, "ota-certificate": 103, "root-certificate": 107, "host-certificate": 204}


SPOILS = {
    "cut": lambda text: base64.b64encode(base64.b64decode(text)[:-1]).decode(),
    "bit": lambda text: base64.b64encode(bytes(b ^ (i == 40) for i, b in enumerate(base64.b64decode(text)))).decode(),
    "base64": lambda text: "!" + text[1:],
    "unpadded": lambda text: text[:-1],
}


def image(size, seed=0):
    """Bytes that tell where they are."""
    return bytes((i * 7 + (i >> 8) * 13 + seed) & 0xff for i in range(size))


class JobService(service.Service):
    """Through the broker's listener without TLS, where everybody may do everything."""

    def __init__(self, folder, thing, minute=60, pki=None):
        pki = pki or pki_module.Pki()
        super().__init__(types.SimpleNamespace(folder=pathlib.Path(folder)), minute,
                         broker_module.plain_client("jobs-service"), (pki.file("server.crt"), pki.file("server.key")))
        self.default_thing = thing
        self.images = {}
        self.start()

    def connect(self, port, deadline):
        """Each time the broker has started."""
        self.ready.clear()
        end = time.monotonic() + deadline
        while True:
            try:
                self.client.connect("127.0.0.1", port, keepalive=60)
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.003)
        self.client.loop_start()
        if not self.ready.wait(deadline):
            raise RuntimeError("the job service cannot subscribe")

    def disconnect(self):
        self.client.disconnect()
        self.client.loop_stop()

    def create(self, name, kind, data, key=None, signature=None, version=None, text=None, timeout=None, retries=0,
               digest="sha256", spoil=None, over=None, source="mqtt", expires=None, **more):
        """A job as CreateOTAUpdate makes it; `more` goes into the document's file. spoil: what is wrong with the
        signature, see SPOILS; over: it is that of another image, of so many bytes. source: mqtt, https, both."""
        stream = documents.new_stream_name()
        path = self.sandbox.folder / "files" / (stream + "-0")
        path.write_bytes(data if over is None else image(int(over)))
        signed = documents.sign(key, path, digest) if key else ("sig-sha256-ecdsa", signature) if signature else None
        path.write_bytes(data)
        if spoil:
            signed = (signed[0], SPOILS[spoil](signed[1]))
        document = documents.ota_document(stream, len(data), KINDS[kind], signed, version, text, more,
                                          None if source == "mqtt" else bucket.PLACEHOLDER % path.name,
                                          {"mqtt": ["MQTT"], "https": ["HTTP"], "both": ["MQTT", "HTTP"]}[source])
        self.images[name] = data
        self.do_create(name, document, timeout=timeout, retries=retries, expires=expires,
                       stream={"streamId": stream, "version": 1, "description": "",
                               "files": [{"fileId": 0, "name": path.name, "size": len(data)}]})

    def execution(self, name):
        """The last one: its status and statusDetails."""
        with self.lock:
            found = self.jobs.jobs[name].latest()[0]
            return found.status, dict(found.details)
