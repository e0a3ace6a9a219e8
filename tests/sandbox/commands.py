#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The commands for jobs: the documents that they make, what they print, what they refuse."""

import base64
import json
import os
import re
import signal
import subprocess
import sys
import unittest

from account import Account
from thing import PROGRAM, SECONDS, run

UUID = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
IMAGE = os.urandom(5000)


class Commands(Account):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.image = cls.folder / "image.bin"
        cls.image.write_bytes(IMAGE)

    def created(self, *words):
        """The document of a new job as the thing gets it, and the job's id."""
        name = self.cloud.job("create", *words).strip()
        execution = self.thing.accepted("jobs/%s/get" % name, {})["execution"]
        return execution["jobDocument"], name

    def check_document(self, document, **file):
        """Everything that CreateOTAUpdate writes, in its order; the file's fields as they should be."""
        update = document["afr_ota"]
        self.assertEqual(list(update), ["protocols", "streamname", "files"])
        self.assertEqual(update["protocols"], ["MQTT"])
        self.assertRegex(update["streamname"], "^AFR_OTA-%s$" % UUID)
        whole = {"filepath": None, "filesize": len(IMAGE), "fileid": 0, "certfile": None, "fileType": None,
                 "update_data_url": None, "auth_scheme": None, "sig--": None, **file}
        if len([key for key in whole if key.startswith("sig-")]) > 1:
            del whole["sig--"]
        self.assertEqual(update["files"], [whole])
        self.assertEqual(list(update["files"][0])[:7], list(whole)[:7])
        self.thing.send("streams/%s/get/json" % update["streamname"], {"f": 0, "l": 8192, "n": 1})
        block = self.thing.wait("streams/%s/data/json" % update["streamname"])
        self.assertEqual(base64.b64decode(block["p"]), IMAGE)

    def key(self, kind):
        private, public = self.folder / (kind + ".pem"), self.folder / (kind + ".pub")
        options = ["-pkeyopt", "ec_paramgen_curve:P-256"] if kind == "EC" else []
        run("openssl", "genpkey", "-algorithm", kind, *options, "-out", private)
        run("openssl", "pkey", "-in", private, "-pubout", "-out", public)
        return private, public

    def check_signature(self, text, public):
        (self.folder / "signature").write_bytes(base64.b64decode(text, validate=True))
        run("openssl", "dgst", "-sha256", "-verify", public, "-signature", self.folder / "signature", self.image)

    def test_host_image(self):
        document, name = self.created("host-image", self.image)
        self.assertRegex(name, "^AFR_OTA-host-image-[0-9a-f]{8}$")
        self.assertEqual(list(document), ["afr_ota"])
        self.check_document(document, fileType=202)
        document, name = self.created("host-image", self.image, "--version", "1.7 ü", "--text", "Do it", "--job-id",
                                      "a_B-9")
        self.assertEqual((name, document.pop("description")), ("a_B-9", "Do it"))
        self.check_document(document, fileType=202, filepath="1.7 ü")

    def test_signatures(self):
        for kind, field in (("EC", "sig-sha256-ecdsa"), ("RSA", "sig-sha256-rsa")):
            private, public = self.key(kind)
            document, _ = self.created("host-image", self.image, "--sign", private)
            signature = document["afr_ota"]["files"][0][field]
            self.check_document(document, fileType=202, certfile="/", **{field: signature})
            self.check_signature(signature, public)
        document, _ = self.created("host-image", self.image, "--signature", "dummy")
        self.check_document(document, fileType=202, certfile="/", **{"sig-sha256-ecdsa": "dummy"})
        document, _ = self.created("host-image", self.image, "--sign", self.key("EC")[0], "--digest", "sha1")
        self.assertIn("sig-sha1-ecdsa", document["afr_ota"]["files"][0])
        private, _ = self.key("ED25519")
        for key, text in ((private, "neither an EC nor an RSA key"), (self.image, "no private key")):
            self.assertIn(text, self.cloud.job("create", "host-image", self.image, "--sign", key, status=1))

    def test_signers(self):
        """The account's own, which the settings of its modules name, and those that follow them."""
        settings = (self.cloud.folder / "expresslinkd.conf").read_text()
        self.assertIn("[OTA]\nCertificate=%s/signers/ota/certificate.pem\n" % self.cloud.folder, settings)
        for number, (signer, folder, more) in enumerate((("ota", self.cloud.folder / "signers" / "ota", ()),
                                                         ("host", self.cloud.folder / "signers" / "host", ()),
                                                         ("ota", self.folder / "next", ()),
                                                         (self.folder / "next", self.folder / "third", ("--rsa",)))):
            if number > 1:
                self.assertEqual(self.cloud.command("signer", str(folder), "--by", str(signer), *more), "")
                issuer = self.cloud.folder / "signers" / "ota" if signer == "ota" else signer
                self.assertEqual(*(run("openssl", "x509", "-in", path / "certificate.pem", "-noout", option).split("=", 1)[1]
                                   for path, option in ((issuer, "-subject"), (folder, "-issuer"))))
                signer = folder
            self.assertEqual((folder / "private.key.pem").stat().st_mode & 0o77, 0)
            field = "sig-sha256-rsa" if more else "sig-sha256-ecdsa"
            document, _ = self.created("module-image", self.image, "--sign", signer)
            signature = document["afr_ota"]["files"][0][field]
            self.check_document(document, fileType=101, certfile="/", **{field: signature})
            public = self.folder / "signer.pub"
            run("openssl", "x509", "-in", folder / "certificate.pem", "-noout", "-pubkey", "-out", public)
            self.check_signature(signature, public)
            text = run("openssl", "x509", "-in", folder / "certificate.pem", "-noout", "-text")
            self.assertIn("Code Signing", text)
        self.assertIn("is not empty", self.cloud.command("signer", str(self.folder / "next"), status=1))
        self.assertIn("is no signer", self.cloud.command("signer", str(self.folder / "x"), "--by", "nobody", status=1))
        self.assertIn("no private key", self.cloud.job("create", "host-image", self.image, "--sign", "nobody", status=1))

    def test_module_image(self):
        private, public = self.key("EC")
        document, _ = self.created("module-image", self.image, "--version", "1.2.3", "--manufacturer", "Us", "--model",
                                   "M", "--sign", private)
        signature = document["afr_ota"]["files"][0]["sig-sha256-ecdsa"]
        self.check_document(document, fileType=101, filepath="1.2.3", certfile="/", version="1.2.3", manufacturer="Us",
                            model="M", **{"sig-sha256-ecdsa": signature})
        self.check_signature(signature, public)
        document, _ = self.created("module-image", self.image, "--force")
        self.check_document(document, fileType=101, force="YES")

    def test_certificates(self):
        for which, file_type in (("ota", 103), ("root", 107), ("host", 204)):
            document, _ = self.created("certificate", which, self.image)
            self.check_document(document, fileType=file_type)
        folder = self.folder / "signer"
        self.cloud.command("signer", str(folder))
        document, _ = self.created("certificate", "host", folder)
        self.assertEqual(document["afr_ota"]["files"][0]["filesize"], (folder / "certificate.pem").stat().st_size)
        document, _ = self.created("certificate", "host", "host")
        self.assertEqual(document["afr_ota"]["files"][0]["filesize"],
                         (self.cloud.folder / "signers" / "host" / "certificate.pem").stat().st_size)

    def test_document_of_ones_own(self):
        text = '{ "do" : ["it", 1e400] }\n'
        (self.folder / "document.json").write_text(text)
        for words, more in (((self.folder / "document.json",), {}), (("-",), {"input": text})):
            name = self.cloud.job("create", "--document", *words, **more).strip()
            self.assertRegex(name, "^job-[0-9a-f]{8}$")
            self.thing.send("jobs/%s/get" % name, {})
            while True:
                topic, payload = self.thing.next()
                if topic == "jobs/%s/get/accepted" % name:
                    break
            self.assertIn(b'"jobDocument":' + text.encode() + b"}", payload)
        self.created("--document", self.folder / "document.json", "--stream", "mine", "--file", self.image, "--file",
                     self.folder / "document.json")
        self.thing.send("streams/mine/describe/json", {})
        answer = self.thing.wait("streams/mine/description/json")
        self.assertEqual(answer["r"], [{"f": 0, "z": len(IMAGE)}, {"f": 1, "z": len(text)}])

    def test_other_thing(self):
        things = [word for name in ("one", "two", "one") for word in ("--thing", name)]
        name = self.cloud.job("create", "host-image", self.image, *things).strip()
        self.assertEqual([e["thingName"] for e in self.cloud.show(name)["executions"]], ["one", "two"])
        self.assertNotIn("execution", self.thing.accepted("jobs/$next/get", {}))

    def test_waiting(self):
        command = [PROGRAM, "job", "create", "--dir", str(self.cloud.folder), "--wait", "host-image", str(self.image)]
        for status, details, code in (("SUCCEEDED", {}, 0), ("FAILED", {"reason": "it is broken", "n": "1"}, 3)):
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
                name = process.stdout.readline().strip()
                self.thing.accepted("jobs/%s/update" % name, {"status": status, "statusDetails": details})
                text, _ = process.communicate(timeout=SECONDS)
            self.assertEqual((process.returncode, text.strip()),
                             (code, status + "".join(" %s=%s" % pair for pair in details.items())))
            self.assertEqual(self.cloud.job("wait", name, status=code), text if code == 0 else "")
        name = self.cloud.job("create", "host-image", self.image).strip()
        error = self.cloud.job("wait", name, "--within", "0.1", status=1)
        self.assertIn("job %s is QUEUED after 0.1 s" % name, error)

    def test_watching(self):
        options = ("--job-id", "j", "--timeout", "5", "--retries", "2")
        name = self.cloud.job("create", "host-image", self.image, *options).strip()
        self.thing.accepted("jobs/j/update", {"status": "IN_PROGRESS", "statusDetails": {"receive": "1/2"}})
        self.assertRegex(self.cloud.job("list"), "^j  IN_PROGRESS  receive=1/2  %s\n$" % UUID)
        self.assertEqual(json.loads(self.cloud.job("list", "--json"))[0]["jobId"], "j")
        found = json.loads(self.cloud.job("show", name, "--json"))
        self.assertEqual([found[key] for key in ("status", "timeoutInMinutes", "retries", "description")],
                         ["IN_PROGRESS", 5, 2, "image.bin"])
        text = self.cloud.job("show", name)
        self.assertTrue(re.search(r"^job j: IN_PROGRESS, created \d+-\d\d-\d\d \d\d:\d\d:\d\d\n", text), text)
        self.assertTrue(re.search(r"\n  \S+ \S+  thing +IN_PROGRESS receive=1/2\n$", text), text)

    def test_nobody_reads(self):
        """As with `| head`, whether it is noticed while printing or at the end."""
        self.cloud.job("create", "host-image", self.image, "--job-id", "j")
        for more in ((), ("--json",)):
            read, write = os.pipe()
            os.close(read)
            done = subprocess.run([PROGRAM, "job", "list", "--dir", self.cloud.folder, *more], stdout=write,
                                  stderr=subprocess.PIPE, timeout=SECONDS, check=False)
            os.close(write)
            self.assertEqual((done.stderr, done.returncode), (b"", 128 + signal.SIGPIPE))

    def test_cancel_and_delete(self):
        self.cloud.job("create", "host-image", self.image, "--job-id", "j")
        self.assertIn("j is in progress: cancel it first, or use --force", self.cloud.job("delete", "j", status=1))
        self.thing.accepted("jobs/j/update", {"status": "IN_PROGRESS"})
        self.cloud.job("cancel", "j")
        self.assertEqual(self.cloud.status("j"), "IN_PROGRESS")
        self.cloud.job("cancel", "j", "--force")
        self.assertEqual(self.cloud.status("j"), "CANCELED")
        self.assertIn("nothing to cancel", self.cloud.job("cancel", "j", status=1))
        self.cloud.job("delete", "j")
        self.assertEqual(os.listdir(self.cloud.folder / "files"), [])
        for command in ("show", "wait", "cancel", "delete"):
            self.assertIn("there is no job j", self.cloud.job(command, "j", status=1))

    def test_refusals(self):
        def refused(text, *words, **more):
            error = self.cloud.job("create", *words, status=1, **more)
            self.assertIn(text, error)
            self.assertEqual(error.count("\n"), 1, error)

        (self.folder / "empty").write_bytes(b"")
        with open(self.folder / "big", "wb") as file:
            file.truncate(24 * 1024 * 1024 + 1)
        self.cloud.create("taken", stream=None)
        refused("what is to be done?")
        refused("what is to be done?", "--document", "-", "host-image", self.image)
        refused("No such file", "host-image", self.folder / "none")
        refused("is empty", "host-image", self.folder / "empty")
        refused("larger than 24 MiB", "host-image", self.folder / "big")
        refused("'a b' is no job id", "host-image", self.image, "--job-id", "a b")
        refused("is no job id", "host-image", self.image, "--job-id", "x" * 65)
        refused("there is a job taken already", "host-image", self.image, "--job-id", "taken")
        refused("'a/b' is no name of a thing", "host-image", self.image, "--thing", "a/b")
        refused("1 to 10080 minutes", "host-image", self.image, "--timeout", "0")
        refused("at most 10 retries", "host-image", self.image, "--retries", "11")
        for text in ("", "{", '{"a":NaN}', "[" * 20000):
            refused("the document is no JSON", "--document", "-", input=text)
        refused("longer than 32768 bytes", "--document", "-", input='"%s"' % ("x" * 32767))
        refused("not UTF-8", "--document", self.image)
        refused("--stream NAME", "--document", "-", "--file", self.image, input="{}")
        refused("--file FILE", "--document", "-", "--stream", "s", input="{}")
        refused("no name of a stream", "--document", "-", "--stream", "../s", "--file", self.image, input="{}")
        self.assertEqual(os.listdir(self.cloud.folder / "files"), [])
        self.cloud.job("create", "--document", "-", "--stream", "s", "--file", self.image, input="{}")
        refused("there is a stream s already", "--document", "-", "--stream", "s", "--file", self.image, input="{}")
        self.assertEqual(os.listdir(self.cloud.folder / "files"), ["s-0"])
        for words in ("job", "job create other x", "job create host-image", "fault --rtt x"):
            run(PROGRAM, *words.split(), status=2)
        error = run(PROGRAM, "job", "list", "--dir", self.folder / "none", status=1)
        self.assertIn("no sandbox runs in", error)


if __name__ == "__main__":
    sys.exit(not unittest.main(exit=False).result.wasSuccessful())
