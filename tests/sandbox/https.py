#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Files by HTTPS: the documents with their URLs, what the server answers, how it goes wrong on request."""

import http.client
import os
import re
import ssl
import sys
import time
import unittest
import urllib.parse

from account import Account
from thing import SECONDS

IMAGE = os.urandom(300000)


class Https(Account):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.image = cls.folder / "image.bin"
        cls.image.write_bytes(IMAGE)
        cls.tls = ssl.create_default_context(cafile=str(cls.cloud.folder / "account" / "staging-root.pem"))

    def url(self, name):
        """A fresh one."""
        document = self.thing.accepted("jobs/%s/get" % name, {})["execution"]["jobDocument"]
        return document["afr_ota"]["files"][0]["update_data_url"]

    def offered(self, *words):
        return self.cloud.job("create", "host-image", str(self.image), "--https", *words).strip()

    def get(self, url, method="GET", **headers):
        """Status, headers, body; the body is what came until the connection broke."""
        found = urllib.parse.urlsplit(url)
        connection = http.client.HTTPSConnection(found.hostname, found.port, context=self.tls, timeout=20)
        try:
            connection.request(method, found.path + "?" + found.query, headers=headers)
            answer = connection.getresponse()
            try:
                body = answer.read()
            except http.client.IncompleteRead as e:
                body = e.partial
            return answer.status, answer.headers, body
        finally:
            connection.close()

    def code(self, url, **headers):
        status, answer, body = self.get(url, **headers)
        self.assertEqual(answer["Content-Type"], "application/xml")
        return status, re.search(b"<Error><Code>(\\w+)</Code><Message>[^<]+</Message>", body)[1].decode()

    def spoiled(self, rule, **headers):
        self.cloud.fault(spoil="download," + rule)
        return self.get(self.url(self.job), **headers)

    def setUp(self):
        super().setUp()
        self.job = None

    def test_document(self):
        name = self.offered("--version", "1.7")
        document = self.thing.accepted("jobs/%s/get" % name, {})["execution"]["jobDocument"]["afr_ota"]
        self.assertEqual(list(document), ["protocols", "files"])
        self.assertEqual(document["protocols"], ["HTTP"])
        file = document["files"][0]
        self.assertEqual((file["filesize"], file["auth_scheme"]), (len(IMAGE), "aws.s3.presigned"))
        url = urllib.parse.urlsplit(file["update_data_url"])
        query = urllib.parse.parse_qs(url.query)
        self.assertEqual(url.scheme, "https")
        self.assertEqual(query["X-Amz-Expires"], ["1800"])
        self.assertEqual(query["X-Amz-SignedHeaders"], ["host"])
        self.assertNotIn("X-Amz", self.cloud.job("show", name))  # what is kept has none

    def test_both(self):
        name = self.offered("--mqtt")
        document = self.thing.accepted("jobs/%s/get" % name, {})["execution"]["jobDocument"]["afr_ota"]
        self.assertEqual(document["protocols"], ["MQTT", "HTTP"])
        self.assertIn("streamname", document)

    def test_get(self):
        name = self.offered()
        status, headers, body = self.get(self.url(name))
        self.assertEqual((status, headers["Content-Length"], body), (200, str(len(IMAGE)), IMAGE))
        for text, first, end in (("0-", 0, len(IMAGE)), ("5-9", 5, 10), ("299999-400000", 299999, 300000)):
            status, headers, body = self.get(self.url(name), Range="bytes=" + text)
            self.assertEqual((status, body), (206, IMAGE[first:end]))
            self.assertEqual(headers["Content-Range"], "bytes %d-%d/%d" % (first, end - 1, len(IMAGE)))
        self.assertEqual(self.code(self.url(name), Range="bytes=300000-"), (416, "InvalidRange"))
        self.assertEqual(self.get(self.url(name), method="HEAD")[0], 403)

    def test_signature(self):
        name = self.offered()
        url = self.url(name)
        for wrong in (url[:-1] + ("0" if url[-1] != "0" else "1"), url.replace("X-Amz-Expires=1800", "X-Amz-Expires=9999"),
                      url.split("?")[0]):
            self.assertEqual(self.code(wrong), (403, "SignatureDoesNotMatch"))
        self.cloud.job("delete", "--force", name)
        self.assertEqual(self.code(url), (404, "NoSuchKey"))

    def test_expires(self):
        self.assertEqual(self.get(self.url(self.offered("--expires", "60")))[0], 200)
        url = self.url(self.offered("--expires", "1"))
        deadline = time.monotonic() + SECONDS
        while self.get(url)[0] == 200 and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual(self.code(url), (403, "AccessDenied"))
        self.assertIn("1 to 3600", self.cloud.job("create", "host-image", str(self.image), "--https", "--expires", "0",
                                                  status=1))

    def test_spoil(self):
        self.job = self.offered()
        size = len(IMAGE)
        self.assertEqual(self.spoiled("what=cut,at=1000")[2], IMAGE[:1000])
        status, headers, body = self.spoiled("what=more")
        self.assertEqual((status, headers["Content-Length"], body), (200, str(size + 1000), IMAGE + bytes(1000)))
        status, headers, body = self.spoiled("what=more-unsaid")
        self.assertEqual((headers["Content-Length"], body), (None, IMAGE + bytes(1000)))
        self.assertEqual(self.spoiled("what=less")[2], IMAGE[:-1])
        status, headers, body = self.spoiled("what=less-unsaid,at=70")
        self.assertEqual((headers["Content-Length"], body), (None, IMAGE[:70]))
        self.assertTrue(self.spoiled("what=html")[1]["Content-Type"].startswith("text/html"))
        self.assertEqual(self.spoiled("what=whole", Range="bytes=5-")[::2], (200, IMAGE))
        self.assertEqual(self.spoiled("what=range", Range="bytes=5-")[2], IMAGE[6:])
        body = self.spoiled("what=flip,at=70")[2]
        self.assertEqual([at for at in range(size) if body[at] != IMAGE[at]], [70])
        self.assertTrue(self.spoiled("what=to-http")[1]["Location"].startswith("http://"))
        self.assertTrue(self.spoiled("what=to-https")[1]["Location"].startswith("https://"))
        for what, status in (("expired", 403), ("denied", 403), ("busy", 503)):
            self.assertEqual(self.spoiled("what=" + what)[0], status)
        self.cloud.fault(spoil="download,what=html,after=1,times=1")
        self.assertEqual([len(self.get(self.url(self.job))[2]) == size for _ in range(3)], [True, False, True])
        for wrong in ("block,what=cut", "download,what=rain", "download,at=x"):
            self.cloud.command("fault", "--spoil", wrong, status=1)

    def test_restart(self):
        """URLs of before are worth nothing, those of now are."""
        name = self.offered()
        url = self.url(name)
        self.thing.close()
        self.cloud.stop()
        self.cloud.start()
        Account.thing = type(self.thing)(self.cloud)
        with self.assertRaises((OSError, AssertionError)):
            self.assertEqual(self.get(url)[0], 200)
        self.assertEqual(self.get(self.url(name))[2], IMAGE)


if __name__ == "__main__":
    sys.exit(not unittest.main(exit=False).result.wasSuccessful())
