#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Jobs of the sandbox, taken by the Jobs client of AWS's own device SDK (npm: aws-iot-device-sdk-v2).

No part of `make check`: it fetches the SDK from the npm registry, once, into a folder that EXPRESSLINK_SDK names."""

import fcntl
import filecmp
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import unittest

from account import Account
from thing import SECONDS

HERE = pathlib.Path(__file__).absolute().parent / "sdk"
FOLDER = pathlib.Path(os.environ.get("EXPRESSLINK_SDK") or "/var/tmp/expresslinkd-sdk")
FILES = ("package.json", "package-lock.json")


def install():
    """A folder with the packages of the lock file, no others, and without running anything of theirs."""
    FOLDER.parent.mkdir(parents=True, exist_ok=True)
    with open(FOLDER.with_name(FOLDER.name + ".lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if all((FOLDER / name).is_file() and filecmp.cmp(FOLDER / name, HERE / name, shallow=False) for name in FILES):
            return
        new = FOLDER.with_name(FOLDER.name + ".new")
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(FOLDER, ignore_errors=True)
        new.mkdir()
        for name in FILES:
            shutil.copy(HERE / name, new)
        for attempt in range(3):
            done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"],
                                  cwd=new, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, check=False)
            if done.returncode == 0:
                break
            time.sleep(5 * attempt)
        else:
            raise AssertionError("npm ci failed:\n" + done.stdout)
        new.rename(FOLDER)


class Sdk(Account):
    @classmethod
    def setUpClass(cls):
        install()
        super().setUpClass()
        cls.thing.close()  # the SDK takes its place
        folder = cls.cloud.folder
        cls.process = subprocess.Popen(
            [*os.environ.get("NODE", "node").split(), str(HERE / "bridge.js"), str(cls.cloud.port),
             str(folder / "account" / "staging-root.pem"), str(folder / "device" / "certificate.pem"),
             str(folder / "device" / "private.key.pem"), cls.cloud.thing], text=True,
            env=dict(os.environ, NODE_PATH=str(FOLDER / "node_modules")), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        cls.events = []
        first = cls.line()
        assert first == {"event": "ready"}, first

    @classmethod
    def tearDownClass(cls):
        cls.process.stdin.close()
        try:
            status = cls.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            cls.process.kill()
            status = cls.process.wait()
        assert status == 0, status

    def setUp(self):
        pass

    @classmethod
    def line(cls):
        text = cls.process.stdout.readline()
        if not text:
            raise AssertionError("the SDK's client ended with %s" % cls.process.wait(SECONDS))
        return json.loads(text)

    def call(self, method, **request):
        """The answer, as the SDK has read it; its error likewise."""
        self.process.stdin.write(json.dumps({"call": method, "request": request}) + "\n")
        self.process.stdin.flush()
        while True:
            found = self.line()
            if "event" not in found:
                return found.get("response") or found["error"]
            self.events.append(found)

    def next_event(self, name):
        while True:
            for event in self.events:
                if event["event"] == name:
                    self.events.remove(event)
                    return event["message"]
            self.events.append(self.line())

    def test_life_of_a_job(self):
        self.assertNotIn("execution", self.call("startNextPendingJobExecution"))
        image = self.folder / "image"
        image.write_bytes(b"x" * 5000)
        for name in ("one", "two"):
            self.cloud.job("create", "host-image", image, "--job-id", name, "--version", "1.0", "--timeout", "60")
        self.assertEqual([e["jobId"] for e in self.next_event("list")["jobs"]["QUEUED"]], ["one"])
        self.assertEqual([e["jobId"] for e in self.next_event("list")["jobs"]["QUEUED"]], ["one", "two"])
        execution = self.next_event("next")["execution"]
        self.assertEqual((execution["jobId"], execution["status"], execution["versionNumber"]), ("one", "QUEUED", 1))
        self.assertEqual(execution["jobDocument"]["afr_ota"]["files"][0]["filesize"], 5000)
        pending = self.call("getPendingJobExecutions")
        self.assertEqual(pending["inProgressJobs"], [])
        self.assertEqual([e["jobId"] for e in pending["queuedJobs"]], ["one", "two"])

        answer = self.call("startNextPendingJobExecution", statusDetails={"receive": "0/2"}, stepTimeoutInMinutes=5)
        execution = answer["execution"]
        found = [execution[key] for key in ("jobId", "status", "statusDetails", "versionNumber", "executionNumber")]
        self.assertEqual(found, ["one", "IN_PROGRESS", {"receive": "0/2"}, 2, 1])
        answer = self.call("updateJobExecution", jobId="one", status="IN_PROGRESS", expectedVersion=2,
                           statusDetails={"receive": "1/2"}, includeJobExecutionState=True, includeJobDocument=True)
        self.assertEqual(answer["executionState"], {"status": "IN_PROGRESS", "statusDetails": {"receive": "1/2"},
                                                    "versionNumber": 3})
        self.assertEqual(answer["jobDocument"], execution["jobDocument"])
        for name in ("one", "$next"):
            execution = self.call("describeJobExecution", jobId=name)["execution"]
            self.assertEqual((execution["jobId"], execution["versionNumber"]), ("one", 3))

        error = self.call("updateJobExecution", jobId="one", status="SUCCEEDED", expectedVersion=2)
        self.assertEqual((error["code"], error["executionState"]["versionNumber"]), ("VersionMismatch", 3))
        for code, request in (("InvalidStateTransition", {"jobId": "one", "status": "REJECTED"}),
                              ("ResourceNotFound", {"jobId": "none", "status": "SUCCEEDED"}),
                              ("InvalidRequest", {"jobId": "one", "status": "FAILED", "statusDetails": {"a b": "c"}})):
            self.assertEqual(self.call("updateJobExecution", **request)["code"], code)
        self.assertIn("timestamp", self.call("updateJobExecution", jobId="one", status="SUCCEEDED"))
        self.assertEqual(self.call("describeJobExecution", jobId="one")["code"], "TerminalStateReached")
        self.assertEqual(self.next_event("next")["execution"]["jobId"], "two")
        self.cloud.job("cancel", "two")
        self.assertNotIn("execution", self.next_event("next"))
        self.assertEqual(self.cloud.job("wait", "one"), "SUCCEEDED receive=1/2\n")


if __name__ == "__main__":
    sys.exit(not unittest.main(exit=False).result.wasSuccessful())
