# SPDX-License-Identifier: Apache-2.0
"""Jobs and their executions: what the operator does with them, who is told, what is kept.

A job has one execution on each of its things; a retry makes another one there, with the next number."""

import contextlib
import itertools
import json
import re
import time

from sandbox.common import Problem, replace_file

TERMINAL = ("SUCCEEDED", "FAILED", "TIMED_OUT", "REJECTED", "REMOVED", "CANCELED")
NOTIFY_LIMIT = 10        # executions in one list notification
DOCUMENT_LIMIT = 32768   # bytes
TIMEOUT_LIMIT = 10080    # minutes
RETRY_LIMIT = 10
HISTORY_LIMIT = 200


def dump(message, document=None):
    """The message as AWS writes it; the document takes the place of its null, byte for byte as it was given."""
    text = json.dumps(message, separators=(",", ":"), ensure_ascii=False)
    if document is not None:
        text = text.replace('"jobDocument":null', '"jobDocument":' + document, 1)
    return text.encode()


class Execution:
    KEPT = ("number", "order", "status", "details", "queued", "started", "updated", "version", "deadline",
            "step_deadline", "history")

    def __init__(self, job, thing):
        self.job = job
        self.thing = thing
        self.number = 1
        self.order = 0
        self.status = "QUEUED"
        self.details = {}
        self.queued = self.started = self.updated = None
        self.version = 1
        self.deadline = self.step_deadline = None
        self.history = []

    def is_terminal(self):
        return self.status in TERMINAL

    def timer(self):
        """When it times out, in seconds since the epoch; None: never."""
        return min((d for d in (self.deadline, self.step_deadline) if d is not None), default=None)

    def write_down(self, who, now):
        self.updated = int(now)
        self.history.append({"at": int(now), "by": who, "status": self.status, "statusDetails": dict(self.details),
                             "versionNumber": self.version})
        del self.history[:-HISTORY_LIMIT]

    def summary(self):
        """JobExecutionSummary"""
        found = {"jobId": self.job.name, "queuedAt": self.queued, "startedAt": self.started,
                 "lastUpdatedAt": self.updated, "executionNumber": self.number, "versionNumber": self.version}
        return {key: value for key, value in found.items() if value is not None}

    def state(self):
        """JobExecutionState"""
        found = {"status": self.status}
        if self.details:
            found["statusDetails"] = self.details
        found["versionNumber"] = self.version
        return found

    def data(self, with_document=True):
        """JobExecutionData, as captured: without the thing's name, and nothing that is empty."""
        found = {"jobId": self.job.name, "status": self.status}
        if self.details:
            found["statusDetails"] = self.details
        found["queuedAt"] = self.queued
        if self.started is not None:
            found["startedAt"] = self.started
        found["lastUpdatedAt"] = self.updated
        if self.timer() is not None and not self.is_terminal():
            found["approximateSecondsBeforeTimedOut"] = max(0, int(self.timer() - time.time()))
        found.update(versionNumber=self.version, executionNumber=self.number)
        if with_document:
            found["jobDocument"] = None  # see dump()
        return found


class Job:
    KEPT = ("name", "document", "description", "created", "timeout", "retries", "canceled", "stream",
            "expires")

    def __init__(self, name, document):
        self.name = name
        self.document = document
        self.description = ""
        self.created = int(time.time())
        self.timeout = None   # minutes in progress
        self.retries = 0
        self.canceled = False
        self.stream = None
        self.expires = None   # seconds for which a URL is good
        self.executions = {}  # by thing: all of them, the latest last

    def latest(self):
        return [executions[-1] for executions in self.executions.values()]

    def is_finished(self):
        return all(execution.is_terminal() for execution in self.latest())

    def status(self):
        if self.canceled:
            return "CANCELED"
        return "COMPLETED" if self.is_finished() else "IN_PROGRESS"

    def to_json(self):
        found = {key: getattr(self, key) for key in self.KEPT}
        found["executions"] = {thing: [{key: getattr(e, key) for key in e.KEPT} for e in executions]
                               for thing, executions in self.executions.items()}
        return found

    @classmethod
    def from_json(cls, found):
        job = cls(found["name"], found["document"])
        for key in cls.KEPT:
            setattr(job, key, found.get(key) if key == "expires" else found[key])
        for thing, kept in found["executions"].items():
            job.executions[thing] = []
            for one in kept:
                execution = Execution(job, thing)
                for key in Execution.KEPT:
                    setattr(execution, key, one[key])
                job.executions[thing].append(execution)
        return job

    def show(self):
        """For the operator: in AWS's words, and what they leave out."""
        executions = []
        for execution in self.latest():
            found = {"thingName": execution.thing}
            found.update(execution.data(with_document=False))
            del found["jobId"]
            found["history"] = execution.history
            executions.append(found)
        return {"jobId": self.name, "status": self.status(), "createdAt": self.created,
                "description": self.description, "timeoutInMinutes": self.timeout, "retries": self.retries,
                "document": json.loads(self.document), "stream": self.stream, "executions": executions}


class Jobs:
    """All jobs of the account. `notify(kind, thing, payload)` tells a thing, `after(seconds, call)` wakes us,
    `fill_in(document, expires)` puts URLs into what is told."""

    def __init__(self, folder, streams, notify, after, minute=60, fill_in=lambda document, _expires: document):
        self.folder = folder
        self.streams = streams
        self.notify = notify
        self.after = after
        self.minute = minute
        self.fill_in = fill_in
        self.jobs = {}
        self.queues = {}  # by thing: executions that are not terminal
        self.orders = itertools.count(1)

    # What is kept: a file for each job

    def load(self):
        self.folder.mkdir(mode=0o700, exist_ok=True)
        for path in self.folder.glob("*.json"):
            try:
                job = Job.from_json(json.loads(path.read_text()))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise Problem("%s is damaged (%s): remove it" % (path, error)) from error
            self.jobs[job.name] = job
            if job.stream:
                self.streams.add(job.stream)
        self.streams.clean({file["name"] for job in self.jobs.values() if job.stream for file in job.stream["files"]})
        for job in self.jobs.values():
            for execution in job.latest():
                if not execution.is_terminal():
                    self.queues.setdefault(execution.thing, []).append(execution)
                    self.arm(execution)
        highest = max((e.order for job in self.jobs.values() for e in job.latest()), default=0)
        self.orders = itertools.count(highest + 1)

    def path(self, job):
        return self.folder / (job.name + ".json")

    def save(self, job):
        replace_file(self.path(job), json.dumps(job.to_json()))

    # Who is next

    def pending(self, thing):
        """In progress before queued, then in the order in which they were queued."""
        return sorted(self.queues.get(thing, ()), key=lambda e: (e.status != "IN_PROGRESS", e.order))

    def next(self, thing):
        return next(iter(self.pending(thing)), None)

    @contextlib.contextmanager
    def watching(self, things):
        """Tells each thing whether what is done meanwhile has changed its list, or who is the next in it."""
        before = {thing: (set(self.queues.get(thing, ())), self.next(thing)) for thing in things}
        yield
        for thing, (members, first) in before.items():
            if set(self.queues.get(thing, ())) != members:
                self.notify_list(thing)
            if self.next(thing) is not first:
                self.notify_next(thing)

    def notify_list(self, thing):
        jobs = {}
        for execution in self.pending(thing)[:NOTIFY_LIMIT]:
            jobs.setdefault(execution.status, []).append(execution.summary())
        self.notify("notify", thing, dump({"timestamp": int(time.time()), "jobs": jobs}))

    def notify_next(self, thing):
        message, first = {"timestamp": int(time.time())}, self.next(thing)
        if first:
            message["execution"] = first.data()
        self.notify("notify-next", thing, dump(message, first and self.document(first.job)))

    def document(self, job):
        """As a thing gets it."""
        return self.fill_in(job.document, job.expires)

    # What changes an execution

    def queue(self, job, thing):
        execution = Execution(job, thing)
        executions = job.executions.setdefault(thing, [])
        execution.number = len(executions) + 1
        execution.order = next(self.orders)
        execution.queued = int(time.time())
        execution.write_down("service", time.time())
        executions.append(execution)
        self.queues.setdefault(thing, []).append(execution)

    def begin(self, execution):
        execution.status = "IN_PROGRESS"
        if execution.started is None:
            execution.started = int(time.time())
            if execution.job.timeout:
                execution.deadline = time.time() + execution.job.timeout * self.minute

    def end(self, execution, status, who):
        """The last word about it: the caller has set everything else."""
        execution.status = status
        execution.deadline = execution.step_deadline = None
        execution.write_down(who, time.time())
        self.queues[execution.thing].remove(execution)
        job = execution.job
        if status in ("FAILED", "TIMED_OUT") and execution.number <= job.retries and not job.canceled:
            self.queue(job, execution.thing)

    def step_timer(self, execution, minutes):
        execution.step_deadline = None if minutes == -1 else time.time() + minutes * self.minute

    def arm(self, execution):
        if execution.timer() is not None:
            self.after(max(0, execution.timer() - time.time()), lambda: self.expire(execution))

    def expire(self, execution):
        known = self.jobs.get(execution.job.name) is execution.job
        if not known or execution.is_terminal() or execution.timer() is None:
            return
        if execution.timer() > time.time():
            self.arm(execution)
            return
        with self.watching([execution.thing]):
            self.end(execution, "TIMED_OUT", "service")
            self.save(execution.job)

    # What the operator does

    def find(self, name):
        if name not in self.jobs:
            raise Problem("there is no job %s" % name)
        return self.jobs[name]

    def by_age(self):
        return sorted(self.jobs.values(), key=lambda job: min(e[0].order for e in job.executions.values()))

    def create(self, name, things, document, description="", timeout=None, retries=0, stream=None,
               expires=None):
        if not re.fullmatch("[a-zA-Z0-9_-]{1,64}", name):
            raise Problem("%r is no job id: 1 to 64 letters, digits, - and _" % name)
        if name in self.jobs:
            raise Problem("there is a job %s already" % name)
        for thing in things:
            if not re.fullmatch("[a-zA-Z0-9:_-]{1,128}", thing):
                raise Problem("%r is no name of a thing: 1 to 128 letters, digits, :, - and _" % thing)
        check_document(document)
        if timeout is not None and not 1 <= timeout <= TIMEOUT_LIMIT:
            raise Problem("a timeout has 1 to %d minutes" % TIMEOUT_LIMIT)
        if not 0 <= retries <= RETRY_LIMIT:
            raise Problem("there are at most %d retries" % RETRY_LIMIT)
        job = Job(name, document)
        job.description, job.timeout, job.retries, job.stream = description, timeout, retries, stream
        job.expires = expires
        if stream:
            self.streams.add(stream)
        with self.watching(things):
            for thing in things:
                self.queue(job, thing)
            self.jobs[name] = job
            try:
                self.save(job)
            except OSError:
                self.forget(job)
                raise
        return job

    def forget(self, job):
        for execution in job.latest():
            if not execution.is_terminal():
                self.queues[execution.thing].remove(execution)
        del self.jobs[job.name]
        self.path(job).unlink(missing_ok=True)
        if job.stream:
            self.streams.drop(job.stream)

    def cancel(self, job, force):
        """As CancelJob does: what is in progress goes on, unless it is forced to end. How many do go on."""
        if job.is_finished():
            raise Problem("job %s is %s: there is nothing to cancel" % (job.name, job.status()))
        job.canceled = True
        with self.watching(job.executions):
            for execution in job.latest():
                if execution.status == "QUEUED" or (execution.status == "IN_PROGRESS" and force):
                    self.end(execution, "CANCELED", "operator")
            self.save(job)
        return sum(not execution.is_terminal() for execution in job.latest())

    def delete(self, job, force):
        if job.status() == "IN_PROGRESS" and not force:
            raise Problem("job %s is in progress: cancel it first, or use --force" % job.name)
        with self.watching(job.executions):
            self.forget(job)


def refuse_constant(name):
    raise ValueError("%s is no JSON" % name)


def check_document(text):
    if len(text.encode(errors="surrogateescape")) > DOCUMENT_LIMIT:
        raise Problem("the document is longer than %d bytes" % DOCUMENT_LIMIT)
    try:
        text.encode()
        json.loads(text, parse_constant=refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Problem("the document is no JSON: %s" % error) from error
