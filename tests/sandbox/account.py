# SPDX-License-Identifier: Apache-2.0
"""One sandbox and one thing for all cases of a test, each of which begins without jobs and faults."""

import pathlib
import shutil
import tempfile
import unittest

from thing import Cloud, Thing


class Account(unittest.TestCase):
    options = ()  # of `run`
    cloud = thing = folder = None

    @classmethod
    def setUpClass(cls):
        if Account.cloud is None:
            Account.folder = pathlib.Path(tempfile.mkdtemp(prefix="sandbox"))
            unittest.addModuleCleanup(shutil.rmtree, Account.folder)
            Account.cloud = Cloud(Account.folder / "cloud", *cls.options)
            unittest.addModuleCleanup(Account.end)
            Account.thing = Thing(Account.cloud)

    @staticmethod
    def end():
        if Account.thing:
            Account.thing.close()
        Account.cloud.stop()

    def setUp(self):
        self.cloud.empty()
        self.thing.drain()

    def offer(self, job, *files, stream=None):
        """A job with a stream of these bytes; its name."""
        stream = stream or "stream-of-" + job
        found = []
        for number, data in enumerate(files):
            name = "%s-%d" % (stream, number)
            (self.cloud.folder / "files" / name).write_bytes(data)
            found.append({"fileId": number, "name": name, "size": len(data)})
        self.cloud.create(job, stream={"streamId": stream, "version": 1, "description": "of " + job, "files": found})
        self.thing.drain()
        return stream
