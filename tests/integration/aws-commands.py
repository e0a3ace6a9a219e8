#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The commands of expresslink-aws(7), run by a shell as they stand there: each call fits AWS's own models of its API,
the policy lets the module do what it does, and the real module understands the job's document."""

import fnmatch
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))

import aws  # noqa: E402
import harness  # noqa: E402
import jobs  # noqa: E402
from harness import Failure  # noqa: E402

THING = "7e5d6e31-14d9-4637-9790-a9a51d25c910"
IMAGE = jobs.image(70000, 5)
# What the issue of an update needs at least
CALLS = ["CreatePolicy", "AttachPolicy", "AttachThingPrincipal", "CreateBucket", "PutBucketVersioning", "CreateRole",
         "PutRolePolicy", "CreateCustomMetric", "CreateSecurityProfile", "AttachSecurityProfile", "PutObject", "CreateOTAUpdate", "CreateStream", "CreateJob", "PutSigningProfile"]


def page():
    """Its examples, as a terminal shows them."""
    with open(os.path.join(harness.SRCDIR, "man", "expresslink-aws.7"), encoding="utf-8") as file:
        blocks = re.findall(r"^\.nf\n(.*?)^\.fi\n", file.read(), re.M | re.S)
    text = "".join(blocks)
    for mark, character in (("\\-", "-"), ("\\(aq", "'"), ("\\e", "\\")):
        text = text.replace(mark, character)
    return text


def statements(text):
    policy = json.loads(text)
    if policy["Version"] != "2012-10-17" or set(policy) != {"Version", "Statement"}:
        raise Failure("no policy of this language: %s" % text)
    for one in policy["Statement"]:
        if one["Effect"] != "Allow" or not set(one) <= {"Effect", "Action", "Resource", "Principal"}:
            raise Failure("an odd statement: %r" % one)
        actions, resources = one["Action"], one.get("Resource", [])
        for action in [actions] if isinstance(actions, str) else actions:
            if not re.fullmatch("[a-z0-9]+:[A-Z][A-Za-z]+", action):
                raise Failure("no action: %s" % action)
            yield action, [resources] if isinstance(resources, str) else resources


def filters():
    """The module's own subscriptions, from the source; and a topic that each of its requests goes to."""
    with open(os.path.join(harness.SRCDIR, "src", "cloud", "topics.c"), encoding="utf-8") as file:
        found = [text % THING for text in re.findall(r'"(\$aws/things/%s/[^"]*)"', file.read())]
    if len(found) < 7:
        raise Failure("topics.c has other filters than this test knows of: %r" % found)
    return found


def metrics():
    """Those that the module counts itself, from the source."""
    with open(os.path.join(harness.SRCDIR, "src", "cloud", "metrics.c"), encoding="utf-8") as file:
        return set(re.findall(r'add_custom\(custom, "([^"]+)"', file.read()))


def check_policy(text):
    allowed = {}
    for action, resources in statements(text):
        allowed.setdefault(action, []).extend(r.split(":", 5)[5].replace("${iot:Connection.Thing.ThingName}", THING)
                                              for r in resources)

    def may(action, resource):
        if not any(fnmatch.fnmatchcase(resource, pattern) for pattern in allowed[action]):
            raise Failure("the module may not %s %s" % (action, resource))
    may("iot:Connect", "client/" + THING)
    for one in filters():
        may("iot:Subscribe", "topicfilter/" + one)
        may("iot:Receive", "topic/" + one.replace("+", "x"))
    for rest in ("jobs/$next/get", "jobs/get", "jobs/j/get", "jobs/j/update", "streams/s/get/json",
                 "defender/metrics/json"):
        may("iot:Publish", "topic/$aws/things/%s/%s" % (THING, rest))


def check_calls(calls):
    for name in CALLS:
        if name not in [operation for operation, _ in calls]:
            raise Failure("the page has no " + name)
    for operation, found in calls:
        for key in ("policyDocument", "AssumeRolePolicyDocument", "PolicyDocument"):
            if key in found:
                list(statements(found[key]))
        if operation == "CreatePolicy":
            check_policy(found["policyDocument"])
        if operation == "CreateSecurityProfile" and not {b["metric"] for b in found["behaviors"]} & metrics():
            raise Failure("no metric of the module's is watched: %r" % found)
        if operation == "CreateOTAUpdate" and (found["files"][0]["fileType"] != 202 or found["protocols"] != ["MQTT"]):
            raise Failure("no image for the host over MQTT: %r" % found)


    made = {found["metricName"] for operation, found in calls
            if operation == "CreateCustomMetric" and found["metricType"] == "number"}
    if made != metrics():
        raise Failure("the module's own metrics are %r, the page makes %r" % (metrics(), made))


def deliver(m, name, document):
    """The job with this document, and its stream, to the real module; True: accepted, read to the end by the host."""
    stream = json.loads(document)["afr_ota"]["streamname"]
    (m.broker.jobs.sandbox.folder / "files" / stream).write_bytes(IMAGE)
    m.broker.jobs.images[name] = IMAGE
    m.broker.jobs.do_create(name, document, stream={"streamId": stream, "version": 1, "description": "", "files": [
        {"fileId": 0, "name": stream, "size": len(IMAGE)}]})
    m.wait_event("5 0 OTA")
    m.expect("AT+OTA?", "OK 2 v1.2")
    m.expect("AT+OTA ACCEPT", "OK")
    m.wait_event("5 0 OTA")
    m.expect("AT+OTA?", "OK 5 %d" % len(IMAGE))
    m.expect("AT+OTA CLOSE", "OK")
    m.until(lambda: m.broker.jobs.execution(name)[0] == "SUCCEEDED", "job that SUCCEEDED")
    m.broker.jobs.do_delete(name)


def commands():
    with harness.module(cloud=True) as m:
        with open(os.path.join(m.folder, "host.bin"), "wb") as file:
            file.write(IMAGE)
        try:
            calls = aws.run(page(), m.folder)
        except aws.Wrong as e:
            raise Failure(str(e)) from None
        check_calls(calls)
        m.settings["OTA", "RequireHostSignature"] = "yes"
        m.broker.jobs = jobs.JobService(m.folder, m.pki.thing)
        m.broker.start()
        m.start()
        m.wait_event("2 0 STARTUP")
        m.connect()
        made = {found["jobId"]: found["document"] for operation, found in calls if operation == "CreateJob"}
        deliver(m, "host-v1-2", made["host-v1-2"])
        with open(os.path.join(m.folder, "sign.pem"), encoding="ascii") as file:
            m.expect("AT+CONF HOTAcertificate=" + file.read().strip().replace("\n", "\\A"), "OK")
        deliver(m, "host-v1-2-signed", made["host-v1-2-signed"])
        m.stop()


harness.run_cases(commands)
