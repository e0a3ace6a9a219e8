#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The sandbox's Jobs service, seen by a thing: requests, states, errors, notifications, time, restarts."""

import json
import os
import signal
import sys
import time
import unittest

from account import Account
from thing import SECONDS, Connection, Thing
from sandbox.common import Problem  # where thing has found it

MINUTE = 0.3
EXECUTION = ("jobId", "status", "queuedAt", "lastUpdatedAt", "versionNumber", "executionNumber", "jobDocument")


class Jobs(Account):
    options = ("--minute", str(MINUTE))

    def update(self, job, status, **more):
        return self.thing.accepted("jobs/%s/update" % job, dict(more, status=status))

    def refused(self, code, topic, request):
        answer = self.thing.rejected("jobs/" + topic, request)
        self.assertEqual(answer["code"], code, answer)
        self.assertTrue(answer["message"])
        self.assertLess(abs(answer["timestamp"] - time.time()), SECONDS)
        self.assertEqual("executionState" in answer, code in ("VersionMismatch", "InvalidStateTransition"))
        return answer

    def told(self):
        """The notifications that came: (topic, who is told of)."""
        found = []
        for topic, payload in self.thing.drain():
            message = json.loads(payload)
            if topic == "jobs/notify":
                self.assertEqual(set(message), {"timestamp", "jobs"})
                found.append(("list", {status: [(e["jobId"], e["versionNumber"]) for e in executions]
                                       for status, executions in message["jobs"].items()}))
            elif topic == "jobs/notify-next":
                execution = message.get("execution", {})
                found.append(("next", (execution.get("jobId"), execution.get("status"))))
        return found


class Requests(Jobs):
    def test_notifications(self):
        """The series of examples in the developer guide, "Jobs notifications"."""
        self.cloud.create("job1")
        self.assertEqual(self.told(), [("list", {"QUEUED": [("job1", 1)]}), ("next", ("job1", "QUEUED"))])
        self.cloud.create("job2")
        self.assertEqual(self.told(), [("list", {"QUEUED": [("job1", 1), ("job2", 1)]})])
        self.update("job1", "IN_PROGRESS")
        self.assertEqual(self.told(), [])
        self.cloud.create("job3")
        self.assertEqual(self.told(), [("list", {"IN_PROGRESS": [("job1", 2)], "QUEUED": [("job2", 1), ("job3", 1)]})])
        self.update("job1", "SUCCEEDED")
        self.assertEqual(self.told(), [("list", {"QUEUED": [("job2", 1), ("job3", 1)]}), ("next", ("job2", "QUEUED"))])
        self.update("job3", "IN_PROGRESS")
        self.assertEqual(self.told(), [("next", ("job3", "IN_PROGRESS"))])
        self.update("job2", "REJECTED")
        self.assertEqual(self.told(), [("list", {"IN_PROGRESS": [("job3", 2)]})])
        self.cloud.ask("delete", job_id="job3", force=True)
        self.assertEqual(self.told(), [("list", {}), ("next", (None, None))])

    def test_notification_of_many(self):
        for n in range(12):
            self.cloud.create("job%d" % n)
        last = [what for kind, what in self.told() if kind == "list"][-1]
        self.assertEqual(last, {"QUEUED": [("job%d" % n, 1) for n in range(10)]})
        pending = self.thing.accepted("jobs/get", {})
        self.assertEqual([e["jobId"] for e in pending["queuedJobs"]], ["job%d" % n for n in range(12)])

    def test_describe(self):
        self.assertEqual(set(self.thing.accepted("jobs/$next/get", {"clientToken": "a"})), {"clientToken", "timestamp"})
        document = '{"operation": "test", "n": 1e400, "n": 100000000000000000000000, "ü": null}'
        self.cloud.create("j", document)
        self.thing.drain()
        for topic in ("jobs/$next/get", "jobs/j/get"):
            for request in ({"clientToken": "0:x"}, {"executionNumber": 1}, {"executionNumber": "1"}, {}, None):
                self.thing.send(topic, "" if request is None else request)
                found, payload = self.thing.next()
                self.assertEqual(found, topic + "/accepted")
                self.assertIn(document.encode(), payload)  # byte for byte
                answer = json.loads(payload)
                execution = answer.pop("execution")
                self.assertEqual(tuple(execution), EXECUTION)
                self.assertEqual([execution[k] for k in ("jobId", "status", "versionNumber", "executionNumber")],
                                 ["j", "QUEUED", 1, 1])
                for key in ("queuedAt", "lastUpdatedAt"):
                    self.assertLess(abs(execution[key] - time.time()), SECONDS)
                self.assertEqual(answer.get("clientToken"), (request or {}).get("clientToken"))
        execution = self.thing.accepted("jobs/j/get", {"includeJobDocument": False})["execution"]
        self.assertEqual(tuple(execution), EXECUTION[:-1])
        self.refused("ResourceNotFound", "j/get", {"executionNumber": 2})
        self.refused("ResourceNotFound", "other/get", {})
        self.refused("InvalidRequest", "j/get", {"executionNumber": "one"})
        self.refused("InvalidRequest", "j/get", {"includeJobDocument": "no"})
        self.update("j", "SUCCEEDED")
        self.refused("TerminalStateReached", "j/get", {})
        self.assertNotIn("execution", self.thing.accepted("jobs/$next/get", {}))

    def test_order(self):
        for name in ("a", "b", "c"):
            self.cloud.create(name)
        self.update("c", "IN_PROGRESS")
        self.update("b", "IN_PROGRESS")
        pending = self.thing.accepted("jobs/get", {"clientToken": "t"})
        self.assertEqual(set(pending), {"inProgressJobs", "queuedJobs", "timestamp", "clientToken"})
        self.assertEqual([e["jobId"] for e in pending["inProgressJobs"]], ["b", "c"])
        self.assertEqual([e["jobId"] for e in pending["queuedJobs"]], ["a"])
        self.assertIn("startedAt", pending["inProgressJobs"][0])
        self.assertNotIn("startedAt", pending["queuedJobs"][0])
        for name in ("b", "c", "a"):
            self.assertEqual(self.thing.accepted("jobs/$next/get", {})["execution"]["jobId"], name)
            self.update(name, "FAILED")

    def test_start_next(self):
        self.assertNotIn("execution", self.thing.accepted("jobs/start-next", {}))
        self.cloud.create("j")
        first = self.thing.accepted("jobs/start-next", {"statusDetails": {"step": "1"}, "clientToken": "t"})
        self.assertEqual(first["clientToken"], "t")
        self.assertEqual([first["execution"][k] for k in ("status", "statusDetails", "versionNumber", "jobDocument")],
                         ["IN_PROGRESS", {"step": "1"}, 2, {"operation": "test"}])
        again = self.thing.accepted("jobs/start-next", {"statusDetails": {"step": "2"}})
        self.assertEqual(again["execution"], first["execution"])
        self.refused("InvalidRequest", "start-next", {"stepTimeoutInMinutes": -1})

    def test_transitions(self):
        possible = {
            None: {"IN_PROGRESS", "SUCCEEDED", "FAILED", "REJECTED"},
            "IN_PROGRESS": {"IN_PROGRESS", "SUCCEEDED", "FAILED"},
            "SUCCEEDED": set(), "FAILED": set(), "REJECTED": set(),
        }
        for before, after in possible.items():
            for status in ("IN_PROGRESS", "SUCCEEDED", "FAILED", "REJECTED"):
                name = "%s-%s" % (before, status)
                self.cloud.create(name)
                if before:
                    self.update(name, before)
                version = 2 if before else 1
                if status in after:
                    answer = self.update(name, status, includeJobExecutionState=True)
                    self.assertEqual(answer["executionState"], {"status": status, "versionNumber": version + 1})
                else:
                    answer = self.refused("InvalidStateTransition", name + "/update", {"status": status})
                    self.assertEqual(answer["executionState"], {"status": before, "versionNumber": version})
        for status in ("QUEUED", "CANCELED", "TIMED_OUT", "REMOVED", "DONE", "succeeded", "", 1, None, []):
            self.refused("InvalidRequest", "None-IN_PROGRESS/update", {"status": status})
        self.refused("InvalidRequest", "None-IN_PROGRESS/update", {})

    def test_update(self):
        self.cloud.create("j")
        self.assertEqual(set(self.update("j", "IN_PROGRESS")), {"timestamp"})
        answer = self.update("j", "IN_PROGRESS", statusDetails={"receive": "1/9"}, expectedVersion="2", clientToken="t",
                             executionNumber=1, includeJobExecutionState=True, includeJobDocument=True)
        del answer["timestamp"]
        self.assertEqual(answer, {"clientToken": "t", "jobDocument": {"operation": "test"}, "executionState": {
            "status": "IN_PROGRESS", "statusDetails": {"receive": "1/9"}, "versionNumber": 3}})
        for version in (2, "2", 4, 0, -1):
            answer = self.refused("VersionMismatch", "j/update", {"status": "SUCCEEDED", "expectedVersion": version})
            self.assertEqual(answer["executionState"]["versionNumber"], 3)
        self.update("j", "IN_PROGRESS", expectedVersion=3)
        self.assertEqual(self.cloud.show("j")["executions"][0]["statusDetails"], {"receive": "1/9"})  # none: unchanged
        self.update("j", "IN_PROGRESS", statusDetails={"reason": "x"})
        self.assertEqual(self.cloud.show("j")["executions"][0]["statusDetails"], {"reason": "x"})     # some: all anew
        self.refused("ResourceNotFound", "j/update", {"status": "SUCCEEDED", "executionNumber": 2})
        self.refused("ResourceNotFound", "k/update", {"status": "SUCCEEDED"})
        self.refused("InvalidRequest", "j/update", {"status": "SUCCEEDED", "expectedVersion": "two"})
        self.refused("InvalidRequest", "j/update", {"status": "SUCCEEDED", "expectedVersion": True})
        self.update("j", "SUCCEEDED", expectedVersion="5")
        history = [(step["by"], step["status"], step["versionNumber"]) for step in
                   self.cloud.show("j")["executions"][0]["history"]]
        self.assertEqual(history, [("service", "QUEUED", 1)] + [("thing", "IN_PROGRESS", n) for n in (2, 3, 4, 5)]
                         + [("thing", "SUCCEEDED", 6)])

    def test_status_details(self):
        self.cloud.create("j")
        ten = {"k%d" % n: "v" for n in range(10)}
        for details in ({}, ten, {"k" * 128: "v" * 128}, {"a-Z_0:9": "Grüße, \"1/2\""}):
            self.update("j", "IN_PROGRESS", statusDetails=details)
        for details in (dict(ten, more="v"), {"k" * 129: "v"}, {"": "v"}, {"a b": "v"}, {"ä": "v"}, {"k": ""},
                        {"k": "v" * 129}, {"k": 1}, {"k": None}, {"k": {}}, {"k": "a\nb"}, {"k": "\x7f"}, [], "x"):
            self.refused("InvalidRequest", "j/update", {"status": "IN_PROGRESS", "statusDetails": details})
        self.assertEqual(self.cloud.show("j")["executions"][0]["versionNumber"], 5)

    def test_malformed(self):
        self.cloud.create("j")
        for topic in ("get", "start-next", "$next/get", "j/get", "j/update"):
            for payload in (b"{", b"[]", b"7", b'"x"', b"{'a':1}", b'{"a":NaN}', b"\xff", b'{"a":"\xc3"}',
                            b"[" * 100000):
                answer = self.refused("InvalidJson", topic, payload)
                self.assertEqual(set(answer), {"code", "message", "timestamp"})
            for token in ("", "x" * 65, 7, {}, ["t"]):
                answer = self.refused("InvalidRequest", topic, {"clientToken": token, "status": "SUCCEEDED"})
                self.assertNotIn("clientToken", answer)
        answer = self.refused("InvalidRequest", "j/update", {"clientToken": "x" * 64})
        self.assertEqual(answer["clientToken"], "x" * 64)
        for topic in ("j", "j/delete", "$next/start"):
            self.refused("InvalidTopic", topic, {})

    def test_cancel(self):
        for name in ("a", "b"):
            self.cloud.create(name)
        self.update("a", "IN_PROGRESS")
        self.thing.drain()
        self.assertEqual(self.cloud.ask("cancel", job_id="a"), {"inProgress": 1})
        self.assertEqual(self.told(), [])
        self.assertEqual(self.cloud.show("a")["status"], "CANCELED")
        self.update("a", "IN_PROGRESS", statusDetails={"still": "here"})
        self.assertEqual(self.cloud.ask("cancel", job_id="a", force=True), {"inProgress": 0})
        self.assertEqual(self.told(), [("list", {"QUEUED": [("b", 1)]}), ("next", ("b", "QUEUED"))])
        answer = self.refused("InvalidStateTransition", "a/update", {"status": "SUCCEEDED"})
        self.assertEqual(answer["executionState"]["status"], "CANCELED")
        self.refused("TerminalStateReached", "a/get", {})
        self.assertEqual(self.cloud.ask("cancel", job_id="b"), {"inProgress": 0})
        self.assertEqual(self.told(), [("list", {}), ("next", (None, None))])

    def test_delete(self):
        self.cloud.create("a")
        self.update("a", "IN_PROGRESS")
        self.thing.drain()
        self.cloud.ask("delete", job_id="a", force=True)
        self.assertEqual(self.told(), [("list", {}), ("next", (None, None))])
        self.refused("ResourceNotFound", "a/update", {"status": "SUCCEEDED"})
        self.refused("ResourceNotFound", "a/get", {})
        self.cloud.create("a", '{"again":1}')  # the same id again
        self.assertEqual(self.thing.accepted("jobs/a/get", {})["execution"]["jobDocument"], {"again": 1})


    def test_disk(self):
        """What cannot be kept is refused."""
        stream = self.offer("j", b"x" * 300)
        jobs = self.cloud.folder / "jobs"
        jobs.rename(self.cloud.folder / "elsewhere")
        self.addCleanup(lambda: (self.cloud.folder / "elsewhere").rename(jobs))
        self.refused("InternalError", "j/update", {"status": "IN_PROGRESS"})
        with self.assertRaisesRegex(Problem, "No such file"):
            self.offer("k", b"x" * 300)
        self.assertEqual([job["jobId"] for job in self.cloud.ask("list")], ["j"])
        self.assertEqual(os.listdir(self.cloud.folder / "files"), [stream + "-0"])
        self.assertEqual(self.told(), [])


class Time(Jobs):
    def wait_next(self, job):
        """Until somebody else is the next one."""
        while self.thing.wait("jobs/notify-next").get("execution", {}).get("jobId") != job:
            pass

    def test_in_progress(self):
        self.cloud.create("late", timeout=1)
        self.cloud.create("next")
        self.assertNotIn("approximateSecondsBeforeTimedOut", self.thing.accepted("jobs/late/get", {})["execution"])
        begun = time.monotonic()
        self.thing.accepted("jobs/start-next", {"stepTimeoutInMinutes": 10080})
        execution = self.thing.accepted("jobs/late/get", {})["execution"]
        self.assertEqual(execution["approximateSecondsBeforeTimedOut"], 0)
        self.wait_next("next")
        self.assertGreaterEqual(time.monotonic() - begun, MINUTE)
        self.assertEqual(self.cloud.status("late"), "TIMED_OUT")
        answer = self.refused("InvalidStateTransition", "late/update", {"status": "SUCCEEDED"})
        self.assertEqual(answer["executionState"]["status"], "TIMED_OUT")

    def test_step(self):
        self.cloud.create("late")
        self.update("late", "IN_PROGRESS", stepTimeoutInMinutes=10080)
        seconds = self.thing.accepted("jobs/late/get", {})["execution"]["approximateSecondsBeforeTimedOut"]
        self.assertLessEqual(seconds, 10080 * MINUTE)
        self.assertGreater(seconds, 10080 * MINUTE - SECONDS)
        for minutes in (0, -2, 10081, "x", 1.5):
            self.refused("InvalidRequest", "late/update", {"status": "IN_PROGRESS", "stepTimeoutInMinutes": minutes})
        self.update("late", "IN_PROGRESS", stepTimeoutInMinutes=-1)
        self.assertNotIn("approximateSecondsBeforeTimedOut", self.thing.accepted("jobs/late/get", {})["execution"])
        self.update("late", "IN_PROGRESS", stepTimeoutInMinutes=1)
        self.wait_next(None)
        self.assertEqual(self.cloud.status("late"), "TIMED_OUT")

    def test_retries(self):
        self.cloud.create("j", retries=1, timeout=1)
        self.update("j", "FAILED", statusDetails={"reason": "first"})
        self.assertEqual(self.told()[2:], [("list", {"QUEUED": [("j", 1)]}), ("next", ("j", "QUEUED"))])
        execution = self.thing.accepted("jobs/j/get", {})["execution"]
        self.assertEqual((execution["executionNumber"], execution["versionNumber"]), (2, 1))
        self.assertNotIn("statusDetails", execution)
        self.refused("TerminalStateReached", "j/get", {"executionNumber": 1})
        answer = self.refused("InvalidStateTransition", "j/update", {"status": "SUCCEEDED", "executionNumber": "1"})
        self.assertEqual(answer["executionState"]["statusDetails"], {"reason": "first"})
        self.update("j", "IN_PROGRESS", executionNumber=2)
        self.wait_next(None)
        self.assertEqual(self.cloud.show("j")["status"], "COMPLETED")
        self.assertEqual(self.cloud.status("j"), "TIMED_OUT")

    def test_waiting(self):
        for how in ("SUCCEEDED", "FAILED"):
            self.cloud.create(how)
            self.assertEqual(self.cloud.ask("wait", job_id=how, within=0.01)["executions"][0]["status"], "QUEUED")
            self.thing.send("jobs/%s/update" % how, {"status": how})
            self.assertEqual(self.cloud.ask("wait", job_id=how)["executions"][0]["status"], how)


class Restart(Jobs):
    def again(self, how):
        """The sandbox ends and starts again; the thing comes back."""
        self.thing.close()
        self.cloud.stop(how)
        self.cloud.start()
        Account.thing = Thing(self.cloud)

    def test_jobs_survive(self):
        stream = self.offer("a", b"x" * 300)
        for name, options in (("b", {"retries": 1}), ("c", {"timeout": 10080}), ("gone", {}), ("late", {"timeout": 2})):
            self.cloud.create(name, **options)
        self.update("b", "FAILED")
        self.update("c", "IN_PROGRESS", statusDetails={"receive": "1/2"}, stepTimeoutInMinutes=9999)
        self.update("late", "IN_PROGRESS")
        self.cloud.ask("delete", job_id="gone", force=True)
        (self.cloud.folder / "files" / "left-over").write_bytes(b"x")
        for how in (signal.SIGKILL, signal.SIGTERM):
            before = self.cloud.ask("list")
            pending = self.thing.accepted("jobs/get", {})
            self.again(how)
            after = self.cloud.ask("list")
            for execution in (job["executions"][0] for job in before + after):
                execution.pop("approximateSecondsBeforeTimedOut", None)
            self.assertEqual(after[:-1], before[:-1])
            now = self.thing.accepted("jobs/get", {})
            self.assertEqual([e for e in now["queuedJobs"]], pending["queuedJobs"])
        self.assertEqual(self.cloud.ask("wait", job_id="late")["executions"][0]["status"], "TIMED_OUT")
        self.thing.send("streams/%s/get/json" % stream, {"f": 0, "l": 256, "n": 2})
        self.assertEqual(self.thing.wait("streams/%s/data/json" % stream)["l"], 256)
        self.assertEqual(os.listdir(self.cloud.folder / "files"), [stream + "-0"])
        self.cloud.create("d")
        self.assertEqual([e["jobId"] for e in self.thing.accepted("jobs/get", {})["queuedJobs"]], ["a", "b", "d"])
        self.cloud.empty()
        self.assertEqual(os.listdir(self.cloud.folder / "files"), [])
        self.assertEqual(os.listdir(self.cloud.folder / "jobs"), [])

    def test_end_while_somebody_asks(self):
        with Connection(self.cloud.folder) as connection:
            connection.ask("list")
            self.again(signal.SIGKILL)
            with self.assertRaisesRegex(Problem, "the sandbox ended"):
                connection.ask("list")

    def test_damage(self):
        self.cloud.create("j")
        self.cloud.stop()
        file = self.cloud.folder / "jobs" / "j.json"
        whole = file.read_text()
        for text in ("", whole[:-9], "[]", "{}"):
            file.write_text(text)
            error = self.cloud.command("run", status=1)
            self.assertIn("j.json is damaged", error)
            self.assertEqual(error.count("\n"), 1)
        file.write_text(whole)
        self.cloud.start()
        self.assertEqual(self.cloud.status("j"), "QUEUED")


if __name__ == "__main__":
    sys.exit(not unittest.main(exit=False).result.wasSuccessful())
