# SPDX-License-Identifier: Apache-2.0
"""AWS IoT Device Defender: takes the reports of things, or says why not."""

import collections
import json
import pathlib
import time

from sandbox.common import Problem
from sandbox.jobs import refuse_constant

LEAST_MINUTES = 5  # between two reports of a thing
EARLY = 0.98       # on the way one may be slower than the next
KEPT = 20          # reports of a thing
PAYLOAD_LIMIT = 131072
SCHEMA = pathlib.Path(__file__).with_name("defender.schema.json")


class Refusal(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code = code
        self.message = message


class Defender:
    def __init__(self, minute=60, clock=time.time):
        self.least = LEAST_MINUTES * minute
        self.clock = clock
        self.validator = None
        self.last = {}     # thing: (id, time) of its last accepted report
        self.reports = {}  # thing: the last ones, whatever became of them

    def check_form(self, report):
        if self.validator is None:
            try:
                import jsonschema  # pylint: disable=import-outside-toplevel
            except ImportError as error:
                raise Problem("jsonschema is missing: apt-get install python3-jsonschema") from error
            self.validator = jsonschema.Draft7Validator(json.loads(SCHEMA.read_text()))
        wrong = next(self.validator.iter_errors(report), None)
        if wrong is not None:
            where = "/".join(str(level) for level in wrong.absolute_path) or "the report"
            raise Refusal("InvalidPayload", "Malformed metrics report: %s: %s" % (where, wrong.message[:200]))

    def check(self, thing, payload, report, now):
        if report is None or len(payload) > PAYLOAD_LIMIT:
            raise Refusal("InvalidPayload", "Malformed metrics report")
        self.check_form(report)
        last, at = self.last.get(thing, (0, None))
        if report["header"]["report_id"] <= last:
            raise Refusal("InvalidPayload", "report_id %d does not rise above %d" % (report["header"]["report_id"], last))
        if at is not None and now - at < EARLY * self.least:
            raise Refusal("Throttled", "%g s after the last report" % round(now - at, 1))

    def answer(self, thing, payload, refusal=None):
        """The last level of the answer's topic, and its payload. With a refusal, a code, nothing else is looked at."""
        now = self.clock()
        try:
            report = json.loads(payload.decode(), parse_constant=refuse_constant)
        except (ValueError, RecursionError):
            report = None
        answer = {"thingName": thing}
        try:
            if refusal:
                raise Refusal(refusal, "Refused on request.")
            self.check(thing, payload, report, now)
            number = report["header"]["report_id"]
            self.last[thing] = number, now
            answer.update(reportId=number, status="ACCEPTED")
        except Refusal as error:
            answer.update(status="REJECTED", statusDetails={"ErrorCode": error.code, "ErrorMessage": error.message})
        answer["timestamp"] = int(now * 1000)
        kept = self.reports.setdefault(thing, collections.deque(maxlen=KEPT))
        kept.append({"thingName": thing, "at": now, "status": answer["status"], "report": report,
                     "statusDetails": answer.get("statusDetails", {})})
        return answer["status"].lower(), json.dumps(answer, separators=(",", ":")).encode()

    def show(self):
        """All that are kept, oldest first."""
        return sorted((one for kept in self.reports.values() for one in kept), key=lambda one: one["at"])
