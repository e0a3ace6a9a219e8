# SPDX-License-Identifier: Apache-2.0
"""The table of reasons for which CONNECT fails: tests/integration/hints.py fills it, the datasheet promises it."""

import os
import re

import harness
from gateway import pattern, site
from harness import Failure
from parallel import case

SAME = "FAILED %(hint)d %(detail)s"

ROWS = []  # (hint, detail) of the cases, for the comparison with the datasheet


def row(hint, detail, diag=SAME, **options):
    """A case in which CONNECT fails. The function makes the weather, before the module starts; what it returns makes it
    again, before DIAG TLS."""
    def register(weather):
        def run():
            with site(**options) as s:
                again = weather(s)
                s.start()
                fails(s, again)
                s.end()

        def fails(s, again):
            s.refuses(hint, detail)
            s.works(b"OK 0 0 DISCONNECTED STAGING" if s.endpoint is None else b"OK 0 1 DISCONNECTED CUSTOMER")
            if again:
                again()
            s.diagnoses(diag % {"hint": hint, "detail": detail})
            s.works(b"OK 0 0 DISCONNECTED STAGING" if s.endpoint is None else b"OK 0 1 DISCONNECTED CUSTOMER")
        run.__name__ = weather.__name__
        ROWS.append((hint, detail))
        case(run)
        return weather
    return register


# Want of memory, of processes, of descriptors: tests/cloud/check_attempt_network.c, check_fault.c, check_probe_network.c
NOT_HERE = {(3, "Resolver could not be started: see the module's log"), (3, "Module lacks resources: see its log"),
            (6, "Jobs topics: <error>")}


@case
def datasheet():
    """Every row of the cases stands in the table of the datasheet, and nothing else does."""
    path = os.path.join(harness.SRCDIR, "man", "expresslink-datasheet.7")
    with open(path) as f:
        table = re.search(r"^\.SS Hint codes.*?^\.TS$(.*?)^\.TE$", f.read(), re.S | re.M).group(1)
    table = re.sub(r"T\{\n(.*?)\nT\}", lambda m: m[1].replace("\n", " "), table, flags=re.S)
    found = set()
    for hint, details in re.findall(r"^([0-6])\|([^|]*)\|", table, re.M):
        details = re.sub(r"\\fI(\w+)\\fP", r"<\1>", details).replace("\\-", "-")
        found |= {(int(hint), d.strip()) for d in details.split(";")}

    def fits(row, one):
        return row == one or row[0] == one[0] and "<" not in row[1] and re.fullmatch(pattern(one[1]), row[1].encode())
    missing = {row for row in ROWS if not any(fits(row, one) for one in found)}
    surplus = {one for one in found - NOT_HERE if not any(fits(row, one) for row in ROWS)}
    for what, some in (("not in the datasheet", missing), ("not tested here", surplus)):
        if some:
            raise Failure("%s: %s" % (what, sorted(some)))
