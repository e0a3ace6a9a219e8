#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every message that the sandbox sends, against schemas made of AWS's own models of its API (python3-botocore), of what
its developer guide says of MQTT, and of messages of the real service."""

import json
import os
import re
import sys
import unittest

import jsonschema
from botocore.loaders import Loader

from account import Account
from thing import run

TOKEN = {"type": "string", "minLength": 1, "maxLength": 64}
SECONDS = {"type": "integer", "minimum": 1500000000, "maximum": 9999999999}  # not milliseconds
# What the captured messages have in any case.
NEEDED = {
    "JobExecution": ["jobId", "status", "queuedAt", "lastUpdatedAt", "versionNumber", "executionNumber"],
    "JobExecutionSummary": ["jobId", "queuedAt", "lastUpdatedAt", "versionNumber", "executionNumber"],
    "JobExecutionState": ["status", "versionNumber"],
    "GetPendingJobExecutionsResponse": ["inProgressJobs", "queuedJobs"],
}
# Over MQTT the document is no string, and times are in seconds.
INSTEAD = {"JobDocument": {}, "QueuedAt": SECONDS, "StartedAt": SECONDS, "LastUpdatedAt": SECONDS}
# developer guide, ErrorResponse
JOB_CODES = ["InvalidTopic", "InvalidJson", "InvalidRequest", "InvalidStateTransition", "ResourceNotFound",
             "VersionMismatch", "InternalError", "RequestThrottled", "TerminalStateReached"]
# developer guide, "Handling errors from AWS IoT MQTT-based file delivery"
STREAM_CODES = ["InvalidTopic", "InvalidJson", "InvalidCbor", "InvalidRequest", "Unauthorized", "BlockSizeOutOfBounds",
                "OffsetOutOfBounds", "BlockCountLimitExceeded", "BlockBitmapLimitExceeded", "ResourceNotFound",
                "VersionMismatch", "ETagMismatch", "InternalError"]
NULL_OR_TEXT = {"type": ["string", "null"]}


def closed(properties, needed=()):
    return {"type": "object", "properties": properties, "required": list(needed), "additionalProperties": False}


def from_model(model, name):
    """The JSON schema of a shape of the model."""
    if name in INSTEAD:
        return INSTEAD[name]
    shape = model["shapes"][name]
    kind = shape["type"]
    if kind == "structure":
        return closed({key: from_model(model, member["shape"]) for key, member in shape["members"].items()},
                      NEEDED.get(name, ()))
    if kind == "list":
        return {"type": "array", "items": from_model(model, shape["member"]["shape"])}
    if kind == "map":
        return {"type": "object", "propertyNames": from_model(model, shape["key"]["shape"]),
                "additionalProperties": from_model(model, shape["value"]["shape"])}
    if kind == "string":
        found = {"type": "string", "minLength": shape.get("min", 0), "maxLength": shape.get("max", 1 << 20)}
        if "enum" in shape:
            found["enum"] = shape["enum"]
        if "pattern" in shape:
            # Java's word for control characters, and its quantifier that gives nothing back
            pattern = shape["pattern"].replace(r"\p{C}", r"\x00-\x1f\x7f-\x9f").replace("*+", "*")
            found["pattern"] = "^(%s)$" % pattern
        return found
    found = {"type": {"long": "integer", "integer": "integer", "boolean": "boolean"}[kind]}
    if "min" in shape:
        found.update(minimum=shape["min"], maximum=shape["max"])
    return found


def with_head(schema):
    """What every message about jobs has besides."""
    head = {"clientToken": TOKEN, "timestamp": SECONDS}
    return closed({**head, **schema["properties"]}, ["timestamp", *schema["required"]])


def make_schemas():
    """By the pattern of the topic below the thing's."""
    jobs = Loader().load_service_model("iot-jobs-data", "service-2")
    iot = Loader().load_service_model("iot", "service-2")
    data = {name: from_model(jobs, name) for name in (
        "DescribeJobExecutionResponse", "GetPendingJobExecutionsResponse", "StartNextPendingJobExecutionResponse",
        "UpdateJobExecutionResponse", "JobExecution", "JobExecutionState", "JobExecutionSummary")}
    summaries = {"type": "array", "minItems": 1, "maxItems": 10, "items": data["JobExecutionSummary"]}
    refusal = closed({"code": {"enum": JOB_CODES}, "message": {"type": "string", "minLength": 1},
                      "executionState": data["JobExecutionState"]}, ["code", "message"])
    refusal = with_head(refusal)
    refusal["if"] = {"properties": {"code": {"enum": ["InvalidStateTransition", "VersionMismatch"]}}}
    refusal["then"] = {"required": ["executionState"]}
    refusal["else"] = {"not": {"required": ["executionState"]}}
    file_id = from_model(iot, "FileId")
    token = dict(TOKEN, minLength=0)
    text = {"type": "string", "minLength": 1}
    return {
        "jobs/get/accepted": with_head(data["GetPendingJobExecutionsResponse"]),
        "jobs/start-next/accepted": with_head(data["StartNextPendingJobExecutionResponse"]),
        "jobs/[^/]+/get/accepted": with_head(data["DescribeJobExecutionResponse"]),
        "jobs/[^/]+/update/accepted": with_head(data["UpdateJobExecutionResponse"]),
        "jobs/.*rejected": refusal,
        "jobs/notify": closed({"timestamp": SECONDS, "jobs": closed({"IN_PROGRESS": summaries, "QUEUED": summaries})},
                              ["timestamp", "jobs"]),
        "jobs/notify-next": closed({"timestamp": SECONDS, "execution": data["JobExecution"]}, ["timestamp"]),
        "streams/[^/]+/description/json": closed(
            {"c": token, "s": from_model(iot, "StreamVersion"), "d": from_model(iot, "StreamDescription"),
             "r": {"type": "array", "minItems": 1, "maxItems": 50, "items": closed(
                 {"f": file_id, "z": {"type": "integer", "minimum": 1, "maximum": 24 << 20}}, ["f", "z"])}},
            ["s", "r"]),
        "streams/[^/]+/data/json": closed(
            {"c": token, "f": file_id, "l": {"type": "integer", "minimum": 1, "maximum": 131072},
             "i": {"type": "integer", "minimum": 0, "maximum": 98304},
             "p": {"type": "string", "pattern": "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"}},
            ["f", "l", "i", "p"]),
        "streams/[^/]+/rejected/json": closed(
            {"c": token, "clientToken": token, "o": {"enum": STREAM_CODES}, "code": {"enum": STREAM_CODES},
             "m": text, "message": text}, ["o", "code", "m", "message"]),
    }


# Of the real service, with the long parts shortened.
CAPTURED = {
    "jobs/AFR_OTA-ota1002/get/accepted": [
        {"timestamp": 1717395845, "execution": {
            "jobId": "AFR_OTA-ota1002", "status": "QUEUED", "queuedAt": 1717395148, "lastUpdatedAt": 1717395148,
            "versionNumber": 1, "executionNumber": 1, "jobDocument": {"afr_ota": {"protocols": ["HTTP"]}}}}],
    "jobs/$next/get/accepted": [
        {"clientToken": "0:thing", "timestamp": 1629735402},
        {"clientToken": ":wm_demo_1", "timestamp": 1739165753, "execution": {
            "jobId": "AFR_OTA-TEST_19", "status": "QUEUED", "queuedAt": 1739165736, "lastUpdatedAt": 1739165736,
            "versionNumber": 1, "executionNumber": 1, "jobDocument": {}}}],
    "jobs/j/update/accepted": [{"timestamp": 1717395854}],
    "jobs/notify-next": [
        {"timestamp": 1605788182, "execution": {
            "jobId": "73752b91-a3e2-4678-b0d5-dc077a9e58aa", "status": "QUEUED", "queuedAt": 1605788181,
            "lastUpdatedAt": 1605788181, "versionNumber": 1, "executionNumber": 1, "jobDocument": {}}},
        {"timestamp": 1517189551}],
    "jobs/notify": [
        {"timestamp": 1517017906, "jobs": {
            "IN_PROGRESS": [{"jobId": "job1", "queuedAt": 1517016947, "lastUpdatedAt": 1517017472,
                             "startedAt": 1517017472, "executionNumber": 1, "versionNumber": 2}],
            "QUEUED": [{"jobId": "job2", "queuedAt": 1517017191, "lastUpdatedAt": 1517017191, "executionNumber": 1,
                        "versionNumber": 1}]}},
        {"timestamp": 1517189551, "jobs": {}}],
    "streams/AFR_OTA-2c14e009-4aab-4ff3-ae18-826917c58453/rejected/json": [
        {"clientToken": "rdy", "c": "rdy", "code": "InvalidRequest", "o": "InvalidRequest",
         "message": "The data requested is out of the range of data available.",
         "m": "The data requested is out of the range of data available."}],
}

FILE = closed({"filepath": NULL_OR_TEXT, "filesize": {"type": "integer", "minimum": 1},
               "fileid": {"type": "integer", "minimum": 0, "maximum": 255}, "certfile": NULL_OR_TEXT,
               "fileType": {"type": "integer", "minimum": 0, "maximum": 255}, "update_data_url": NULL_OR_TEXT,
               "auth_scheme": NULL_OR_TEXT, "sig-sha256-ecdsa": {"type": "string"},
               "sig-sha256-rsa": {"type": "string"}, "sig--": {"type": "null"}},
              ["filepath", "filesize", "fileid", "certfile", "fileType", "update_data_url", "auth_scheme"])
FILE["oneOf"] = [{"required": [key]} for key in ("sig-sha256-ecdsa", "sig-sha256-rsa", "sig--")]
DOCUMENT = closed({"afr_ota": closed(
    {"protocols": {"const": ["MQTT"]}, "files": {"type": "array", "items": FILE, "minItems": 1},
     "streamname": {"type": "string", "pattern": "^AFR_OTA-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"}},
    ["protocols", "streamname", "files"])}, ["afr_ota"])
CAPTURED_DOCUMENTS = [
    {"afr_ota": {"protocols": ["MQTT"], "streamname": "AFR_OTA-6e01bdb2-5057-4606-8966-b1bf8028416f", "files": [
        {"filepath": None, "filesize": 366816, "fileid": 0, "certfile": "foobar", "fileType": 101,
         "update_data_url": None, "auth_scheme": None,
         "sig-sha256-ecdsa": "MEUCIQCuwPQBzaKu9Rp4v4BwGa7T4h3JK71KwDJ3LZoSvYdCsQIgclDeaFE"}]}},
    {"afr_ota": {"protocols": ["MQTT"], "streamname": "AFR_OTA-6e01bdb2-5057-4606-8966-b1bf8028416f", "files": [
        {"filepath": "3.8.4", "filesize": 537600, "fileid": 0, "certfile": None, "fileType": 0, "update_data_url": None,
         "auth_scheme": None, "sig--": None}]}},
]


class Messages(Account):
    options = ("--minute", "0.2")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.schemas = make_schemas()
        for schema in cls.schemas.values():
            jsonschema.Draft7Validator.check_schema(schema)

    def check(self, topic, message):
        """Validates; which schema it was."""
        found = [pattern for pattern in self.schemas if re.fullmatch(pattern, topic)]
        self.assertEqual(len(found), 1, topic)
        jsonschema.Draft7Validator(self.schemas[found[0]]).validate(message)
        return found[0]

    def requests_about_jobs(self):
        tell = self.thing.send
        for topic in ("get", "start-next", "$next/get"):
            tell("jobs/" + topic, {})
        for name, more in (("a", {"timeout": 1}), ("b", {}), ("c", {"retries": 1}), ("d", {})):
            self.cloud.create(name, **more)
        for topic in ("get", "$next/get", "a/get", "b/get", "none/get", "none", "a/update"):
            tell("jobs/" + topic, {"clientToken": "t"})
        tell("jobs/start-next", {"statusDetails": {"step": "ä/1"}, "stepTimeoutInMinutes": 10000, "clientToken": "t"})
        for topic in ("get", "$next/get", "start-next"):
            tell("jobs/" + topic, {"clientToken": "t", "includeJobDocument": False})
        for job, request in (
                ("b", {"status": "IN_PROGRESS"}), ("b", {"status": "REJECTED"}),
                ("b", {"status": "SUCCEEDED", "expectedVersion": 9}),
                ("b", {"status": "IN_PROGRESS", "statusDetails": {"receive": "1/2"}, "includeJobExecutionState": True,
                       "includeJobDocument": True}),
                ("b", {"status": "SUCCEEDED", "includeJobExecutionState": True}), ("b", {"status": "FAILED"}),
                ("c", {"status": "FAILED"}), ("c", {"status": "IN_PROGRESS", "stepTimeoutInMinutes": 9})):
            tell("jobs/%s/update" % job, request)
        tell("jobs/b/get", "{}")
        tell("jobs/b/get", "{")
        self.cloud.ask("wait", job_id="a")
        self.thing.drain()
        for name in ("c", "d"):
            self.cloud.ask("cancel", job_id=name, force=True)

    def requests_for_blocks(self, stream):
        for token in ({}, {"c": "token"}, {"c": ""}):
            for action, request in (("describe", {}), ("get", {"f": 0, "l": 256, "n": 3}), ("get", {}),
                                    ("get", {"f": 0, "l": 1, "n": 1}), ("get", {"f": 0, "l": 256, "n": 3, "s": 7})):
                self.thing.send("streams/%s/%s/json" % (stream, action), {**request, **token})

    def test_all_messages(self):
        self.requests_about_jobs()
        self.requests_for_blocks(self.offer("files", os.urandom(700), b"x"))
        self.thing.drain()
        seen = {}
        for topic, payload in self.thing.messages:
            pattern = self.check(topic, json.loads(payload))
            seen[pattern] = seen.get(pattern, 0) + 1
        self.assertEqual(set(seen), set(self.schemas))
        codes = {json.loads(payload)["code"] for topic, payload in self.thing.messages if topic.endswith("rejected")}
        self.assertEqual(codes, set(JOB_CODES) - {"InternalError", "RequestThrottled"})

    def test_refusals_on_request(self):
        stream = self.offer("j", b"x")
        for code in JOB_CODES:
            self.cloud.fault(refuse="jobs,code=" + code)
            for topic in ("get", "start-next", "$next/get", "j/get", "j/update"):
                if code not in ("InvalidStateTransition", "VersionMismatch") or topic == "j/update":
                    self.check("jobs/%s/rejected" % topic, self.thing.rejected("jobs/" + topic, {"status": "FAILED"}))
        for code in STREAM_CODES:
            self.cloud.fault(refuse="streams,code=" + code)
            for action in ("get", "describe"):
                self.thing.send("streams/%s/%s/json" % (stream, action), {})
                topic = "streams/%s/rejected/json" % stream
                self.check(topic, self.thing.wait(topic))

    def test_documents(self):
        for document in CAPTURED_DOCUMENTS:
            jsonschema.validate(document, DOCUMENT)
        image, key = self.folder / "image", self.folder / "key"
        image.write_bytes(b"x" * 300)
        run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
        for words in (["host-image", image], ["host-image", image, "--version", "1", "--sign", key],
                      ["certificate", "root", image]):
            name = self.cloud.job("create", *words).strip()
            execution = self.thing.accepted("jobs/%s/get" % name, {})["execution"]
            jsonschema.validate(execution["jobDocument"], DOCUMENT)

    def test_schemas_can_tell(self):
        """They take what AWS has sent, and no longer when something of it is wrong."""
        for topic, messages in CAPTURED.items():
            for message in messages:
                self.check(topic, message)
                for wrong in ({**message, "more": 1}, {**message, "timestamp": 1717395845000},
                              {**message, "clientToken": 7},
                              {k: v for k, v in message.items() if k not in ("timestamp", "o")}):
                    with self.assertRaises(jsonschema.ValidationError, msg=(topic, wrong)):
                        self.check(topic, wrong)
        execution = CAPTURED["jobs/$next/get/accepted"][1]["execution"]
        for wrong in ({"status": "DONE"}, {"jobId": "a b"}, {"queuedAt": "1"}, {"statusDetails": {"k": 1}},
                      {"statusDetails": {"a b": "c"}}, {"statusDetails": {"k": "a\nb"}}, {"versionNumber": "1"}):
            with self.assertRaises(jsonschema.ValidationError, msg=wrong):
                self.check("jobs/$next/get/accepted", {"timestamp": 1739165753, "execution": {**execution, **wrong}})
        with self.assertRaises(jsonschema.ValidationError):
            self.check("jobs/j/update/rejected", {"timestamp": 1739165753, "code": "VersionMismatch", "message": "x"})


if __name__ == "__main__":
    sys.exit(not unittest.main(exit=False).result.wasSuccessful())
