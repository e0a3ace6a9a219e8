# SPDX-License-Identifier: Apache-2.0
"""The requests that a thing makes about its jobs, over MQTT."""

import json
import re
import time
import unicodedata

from sandbox.jobs import TIMEOUT_LIMIT, dump, refuse_constant

TOKEN_LIMIT = 64
DETAILS_LIMIT = 10         # pairs; the API's own limits are wider, but AWS's quotas once were these
DETAIL_VALUE_LIMIT = 128
# From a status, those that a thing may set; REJECTED is for what was not begun.
TRANSITIONS = {
    "QUEUED": ("IN_PROGRESS", "SUCCEEDED", "FAILED", "REJECTED"),
    "IN_PROGRESS": ("IN_PROGRESS", "SUCCEEDED", "FAILED"),
}
WITH_STATE = ("InvalidStateTransition", "VersionMismatch")


class Rejection(Exception):
    """A request that is refused. The execution is told of where AWS tells of it."""

    def __init__(self, code, message, execution=None):
        super().__init__(message)
        self.code = code
        self.message = message
        self.execution = execution


def request_kind(levels):
    """What the levels behind jobs/ ask for."""
    if levels == ["get"]:
        return "pending"
    if levels == ["start-next"]:
        return "start-next"
    if len(levels) == 2 and levels[1] == "get":
        return "describe"
    if len(levels) == 2 and levels[1] == "update":
        return "update"
    return None


def parse(payload):
    """The request as an object; an empty one is an empty object."""
    try:
        request = json.loads(payload.decode(), parse_constant=refuse_constant) if payload.strip() else {}
    except (ValueError, RecursionError):
        request = None
    if not isinstance(request, dict):
        raise Rejection("InvalidJson", "The request is not a JSON object in UTF-8.")
    return request


def token_of(request):
    token = request.get("clientToken")
    if token is None:
        return None
    if not isinstance(token, str) or not 1 <= len(token.encode(errors="replace")) <= TOKEN_LIMIT:
        raise Rejection("InvalidRequest", "clientToken is no string of 1 to %d bytes." % TOKEN_LIMIT)
    return token


def number(request, key):
    """A whole number, which may come as a string of digits; None if there is none."""
    value = request.get(key)
    if value is None:
        return None
    if isinstance(value, str) and re.fullmatch("-?[0-9]{1,18}", value):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Rejection("InvalidRequest", "%s is not a number." % key)
    return value


def flag(request, key, default):
    value = request.get(key)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise Rejection("InvalidRequest", "%s is neither true nor false." % key)
    return value


def details_of(request):
    details = request.get("statusDetails")
    if details is None:
        return None
    if not isinstance(details, dict):
        raise Rejection("InvalidRequest", "statusDetails is not a JSON object.")
    if len(details) > DETAILS_LIMIT:
        raise Rejection("InvalidRequest", "statusDetails has more than %d pairs." % DETAILS_LIMIT)
    for key, value in details.items():
        if not re.fullmatch("[a-zA-Z0-9:_-]{1,128}", key):
            raise Rejection("InvalidRequest", "A key of statusDetails has not 1 to 128 letters, digits, :, - and _.")
        if not isinstance(value, str) or not 1 <= len(value) <= DETAIL_VALUE_LIMIT:
            raise Rejection("InvalidRequest",
                            "The value of %s is no string of 1 to %d characters." % (key, DETAIL_VALUE_LIMIT))
        if any(unicodedata.category(c).startswith("C") for c in value):
            raise Rejection("InvalidRequest", "The value of %s has a control character." % key)
    return details


def step_timeout(request, may_clear):
    minutes = number(request, "stepTimeoutInMinutes")
    if minutes is None or (may_clear and minutes == -1) or 1 <= minutes <= TIMEOUT_LIMIT:
        return minutes
    raise Rejection("InvalidRequest", "stepTimeoutInMinutes is not from 1 to %d." % TIMEOUT_LIMIT)


class JobsApi:
    def __init__(self, jobs):
        self.jobs = jobs

    def answer(self, thing, levels, payload, refusal=None):
        """The last level of the answer's topic, and its payload. With a refusal, a code, nothing is done."""
        token = None
        try:
            kind = request_kind(levels)
            if kind is None:
                raise Rejection("InvalidTopic", "There is no such request.")
            request = parse(payload)
            token = token_of(request)
            if refusal:
                raise Rejection(refusal, "Refused on request.", self.latest(thing, levels[0]))
            method = getattr(self, "do_" + kind.replace("-", "_"))
            try:
                message, document = method(thing, levels[0], request)
            except OSError as error:
                raise Rejection("InternalError", "The account cannot keep that: %s." % error.strerror) from error
            verdict = "accepted"
        except Rejection as rejection:
            message, document = {"code": rejection.code, "message": rejection.message}, None
            if rejection.execution and rejection.code in WITH_STATE:
                message["executionState"] = rejection.execution.state()
            verdict = "rejected"
        head = {} if token is None else {"clientToken": token}
        head["timestamp"] = int(time.time())
        return verdict, dump({**head, **message}, document)

    def latest(self, thing, name):
        job = self.jobs.jobs.get(name)
        return job.executions[thing][-1] if job and thing in job.executions else None

    def find(self, thing, name, request):
        """The execution that the topic and executionNumber mean."""
        latest, wanted = self.latest(thing, name), number(request, "executionNumber")
        if latest:
            for execution in latest.job.executions[thing]:
                if wanted == execution.number or (wanted is None and execution is latest):
                    return execution
        raise Rejection("ResourceNotFound", "%s has no execution of a job %s%s." % (
            thing, name, "" if wanted is None else " with the number %d" % wanted))

    def do_pending(self, thing, _name, _request):
        found = {"IN_PROGRESS": [], "QUEUED": []}
        for execution in self.jobs.pending(thing):
            found[execution.status].append(execution.summary())
        return {"inProgressJobs": found["IN_PROGRESS"], "queuedJobs": found["QUEUED"]}, None

    def do_describe(self, thing, name, request):
        wanted = flag(request, "includeJobDocument", True)
        if name == "$next":
            number(request, "executionNumber")
            execution = self.jobs.next(thing)
            if not execution:
                return {}, None
        else:
            execution = self.find(thing, name, request)
            if execution.is_terminal():
                raise Rejection("TerminalStateReached", "The execution of job %s is %s." % (name, execution.status))
        return {"execution": execution.data(wanted)}, self.jobs.document(execution.job) if wanted else None

    def do_start_next(self, thing, _name, request):
        details, minutes = details_of(request), step_timeout(request, may_clear=False)
        execution = self.jobs.next(thing)
        if not execution:
            return {}, None
        if execution.status == "QUEUED":
            with self.jobs.watching([thing]):
                self.jobs.begin(execution)
                if details is not None:
                    execution.details = details
                if minutes is not None:
                    self.jobs.step_timer(execution, minutes)
                execution.version += 1
                execution.write_down("thing", time.time())
                self.jobs.save(execution.job)
            self.jobs.arm(execution)
        return {"execution": execution.data()}, self.jobs.document(execution.job)

    def do_update(self, thing, name, request):
        details, minutes = details_of(request), step_timeout(request, may_clear=True)
        with_state = flag(request, "includeJobExecutionState", False)
        with_document = flag(request, "includeJobDocument", False)
        expected, status = number(request, "expectedVersion"), request.get("status")
        if status not in ("IN_PROGRESS", "FAILED", "SUCCEEDED", "REJECTED"):
            raise Rejection("InvalidRequest", "status is none of IN_PROGRESS, FAILED, SUCCEEDED, REJECTED.")
        execution = self.find(thing, name, request)
        if expected is not None and expected != execution.version:
            raise Rejection("VersionMismatch", "The version of the execution is %d, not %d." % (
                execution.version, expected), execution)
        if status not in TRANSITIONS.get(execution.status, ()):
            raise Rejection("InvalidStateTransition", "The execution is %s and cannot become %s." % (
                execution.status, status), execution)
        self.change(execution, status, details, minutes)
        message = {}
        if with_state:
            message["executionState"] = execution.state()
        if with_document:
            message["jobDocument"] = None  # see dump()
        return message, self.jobs.document(execution.job) if with_document else None

    def change(self, execution, status, details, minutes):
        with self.jobs.watching([execution.thing]):
            if details is not None:
                execution.details = details
            execution.version += 1
            if status == "IN_PROGRESS":
                self.jobs.begin(execution)
                if minutes is not None:
                    self.jobs.step_timer(execution, minutes)
                execution.write_down("thing", time.time())
            else:
                self.jobs.end(execution, status, "thing")
            self.jobs.save(execution.job)
        self.jobs.arm(execution)
