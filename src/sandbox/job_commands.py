# SPDX-License-Identifier: Apache-2.0
"""The commands for jobs, reports and faults."""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import sys
import uuid

from sandbox import bucket, documents, signers
from sandbox.common import Problem, say
from sandbox.control import Connection
from sandbox.faults import ACTIONS
from sandbox.folder import Sandbox
from sandbox.streams import check_name

NOT_SUCCEEDED = 3  # exit status: the job ended, but not well


# job create

DEFAULTS = {"job_id": None, "thing": [], "timeout": None, "retries": 0, "wait": False, "within": None}


def command_create(options):
    options = argparse.Namespace(**{**DEFAULTS, **vars(options)})
    if bool(options.kind) == bool(options.document):
        raise Problem("what is to be done? host-image, module-image, certificate, or --document, and only one of them")
    sandbox = Sandbox(options.dir)
    with Connection(sandbox.folder) as connection, contextlib.ExitStack() as undo:
        request = make_raw(sandbox, options, undo) if options.document else make_ota(sandbox, options, undo)
        request.update(things=options.thing, timeout=options.timeout, retries=options.retries)
        name = connection.ask("create", **request)["jobId"]
        undo.pop_all()
        print(name, flush=True)
        return wait(connection, name, options.within) if options.wait or options.within else 0


def keep(sandbox, stream, number, data, undo):
    """Copies a file to where the sandbox serves it from, until the job is deleted."""
    check_name(stream)
    path = sandbox.folder / "files" / ("%s-%d" % (stream, number))
    try:
        file = open(path, "xb")
    except FileExistsError as error:
        raise Problem("there is a stream %s already" % stream) from error
    undo.callback(path.unlink, missing_ok=True)
    with file:
        file.write(data)
    return {"fileId": number, "name": path.name, "size": len(data)}


def make_ota(sandbox, options, undo):
    kind = options.kind if options.kind != "certificate" else options.which
    stream = documents.new_stream_name()
    protocols = ["MQTT"] if options.mqtt or not options.https else []
    protocols += ["HTTP"] if options.https else []
    limit = documents.FILE_LIMIT if "MQTT" in protocols else bucket.FILE_LIMIT
    image = signers.certificate_of(sandbox, options.image) if options.kind == "certificate" else options.image
    data = documents.read_image(image, limit)
    file = keep(sandbox, stream, 0, data, undo)
    signature = None
    if options.sign:
        signature = documents.sign(signers.key_of(sandbox, options.sign), sandbox.folder / "files" / file["name"],
                                   options.digest)
    elif options.signature is not None:
        signature = ("sig-sha256-ecdsa", options.signature)
    more = {}
    if kind == "module-image":
        more = {"version": options.version, "manufacturer": options.manufacturer, "model": options.model}
        more = {key: value for key, value in more.items() if value is not None}
        if options.force:
            more["force"] = "YES"
    document = documents.ota_document(stream, len(data), documents.FILE_TYPES[kind], signature,
                                      getattr(options, "version", None), getattr(options, "text", None), more,
                                      bucket.PLACEHOLDER % file["name"] if options.https else None, protocols)
    name = options.job_id or "AFR_OTA-%s-%s" % (kind, uuid.uuid4().hex[:8])
    return {"job_id": name, "document": document, "description": os.path.basename(options.image),
            "expires": options.expires,
            "stream": {"streamId": stream, "version": 1, "description": "", "files": [file]}}


def make_raw(sandbox, options, undo):
    """A document of one's own, as CreateJob takes it, and a stream if one is wanted."""
    try:
        if options.document == "-":
            text = sys.stdin.buffer.read().decode()
        else:
            text = pathlib.Path(options.document).read_bytes().decode()
    except UnicodeDecodeError as error:
        raise Problem("%s is not UTF-8: %s" % (options.document, error.reason)) from error
    except OSError as error:
        raise Problem("%s: %s" % (options.document, error.strerror)) from error
    request = {"job_id": options.job_id or "job-" + uuid.uuid4().hex[:8], "document": text}
    if options.file and not options.stream:
        raise Problem("a file needs a name of its stream: --stream NAME")
    if options.stream:
        if not options.file:
            raise Problem("a stream has at least one file: --file FILE")
        files = [keep(sandbox, options.stream, number, documents.read_image(path), undo)
                 for number, path in enumerate(options.file)]
        request["stream"] = {"streamId": options.stream, "version": 1, "description": "", "files": files}
    return request


# The others

def wait(connection, name, within):
    job = connection.ask("wait", job_id=name, within=within)
    statuses = {e["status"] for e in job["executions"]}
    if not all(is_final(e) for e in job["executions"]):
        raise Problem("job %s is %s after %g s" % (name, ", ".join(sorted(statuses)), within))
    for execution in job["executions"]:
        thing = execution["thingName"] + " " if len(job["executions"]) > 1 else ""
        print(thing + execution["status"] + details_text(execution))
    return 0 if statuses == {"SUCCEEDED"} else NOT_SUCCEEDED


def is_final(execution):
    return execution["status"] not in ("QUEUED", "IN_PROGRESS")


def details_text(execution):
    return "".join(" %s=%s" % pair for pair in execution.get("statusDetails", {}).items())


def command_wait(options):
    with Connection(Sandbox(options.dir).folder) as connection:
        return wait(connection, options.job, options.within)


def command_list(options):
    with Connection(Sandbox(options.dir).folder) as connection:
        jobs = connection.ask("list")
    if options.json:
        print(json.dumps(jobs, indent=2, ensure_ascii=False))
        return 0
    rows = [(job["jobId"], execution["status"], details_text(execution).strip(), execution["thingName"])
            for job in jobs for execution in job["executions"]]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    for name, status, details, thing in rows:
        print("%-*s  %-*s  %-*s  %s" % (widths[0], name, widths[1], status, widths[2], details, thing))
    return 0


def clock(seconds):
    return datetime.datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def command_show(options):
    with Connection(Sandbox(options.dir).folder) as connection:
        job = connection.ask("show", job_id=options.job)
    if options.json:
        print(json.dumps(job, indent=2, ensure_ascii=False))
        return 0
    print("job %s: %s, created %s" % (job["jobId"], job["status"], clock(job["createdAt"])))
    print(json.dumps(job["document"], indent=2, ensure_ascii=False))
    for execution in job["executions"]:
        print("execution %d on %s:" % (execution["executionNumber"], execution["thingName"]))
        for step in execution["history"]:
            print("  %s  %-9s %s%s" % (clock(step["at"]), step["by"], step["status"], details_text(step)))
    return 0


def command_cancel(options):
    with Connection(Sandbox(options.dir).folder) as connection:
        left = connection.ask("cancel", job_id=options.job, force=options.force)["inProgress"]
    if left:
        say("the job goes on where it is in progress; --force ends it there too")
    return 0


def command_delete(options):
    with Connection(Sandbox(options.dir).folder) as connection:
        connection.ask("delete", job_id=options.job, force=options.force)
    return 0


def command_defender(options):
    with Connection(Sandbox(options.dir).folder) as connection:
        reports = connection.ask("reports")
    if options.json:
        print(json.dumps(reports, indent=2, ensure_ascii=False))
        return 0
    if not reports:
        say("no reports yet: a module that is onboarded sends them (see man expresslink-sandbox)")
    for one in reports:
        header = one["report"].get("header") if isinstance(one["report"], dict) else None
        number = header.get("report_id") if isinstance(header, dict) else None
        why = " ".join(one["statusDetails"].get(key, "") for key in ("ErrorCode", "ErrorMessage")).strip()
        print("  ".join(filter(None, (clock(one["at"]), one["thingName"], str(number), one["status"], why))))
    return 0


def command_fault(options):
    rules = {action: getattr(options, action) for action in ACTIONS if getattr(options, action)}
    request = {}
    if rules or options.rtt is not None or options.none:
        request = {"rules": rules, "seed": options.seed, "rtt": options.rtt or 0}
    with Connection(Sandbox(options.dir).folder) as connection:
        found = connection.ask("faults", **request)
    if options.json:
        print(json.dumps(found, indent=2))
    elif not request:
        print("seed %d, round trip %d ms" % (found["seed"], found["rtt"]))
        for rule in found["rules"]:
            print("--%s %s: %d of %d" % (rule["action"], rule["rule"], rule["hits"], rule["seen"]))
    return 0
