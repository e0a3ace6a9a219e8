# SPDX-License-Identifier: Apache-2.0
"""Calls of the aws command, looked at by AWS's own models of its API (python3-botocore). Nothing leaves the machine."""

import contextlib
import json
import os
import re
import subprocess

import botocore.session
from botocore import xform_name
from botocore.exceptions import UnknownServiceError
from botocore.validate import ParamValidator

# Stands in for the command: writes down what it is called with, and answers with a value for --query.
STAND_IN = """#!/bin/bash
printf '%s\\0' "$#" "$@" >>"$AWS_CALLS"
[[ "$*" != *"--query Account "* ]] || echo 123456789012
[[ "$*" != *"--query VersionId "* ]] || echo nUq3kJ.0wXvJ8x2b
[[ "$*" != *"--query CertificateArn "* ]] || echo arn:aws:acm:eu-central-1:123456789012:certificate/0b1c8d1e-3a5f-4c6d
"""


class Wrong(Exception):
    pass


def options_of(words):
    found = {}
    while words:
        word = words.pop(0)
        if not re.fullmatch("--[a-z0-9-]+", word):
            raise Wrong("%r is no option" % word)
        values = found.setdefault(word[2:], [])
        while words and not words[0].startswith("--"):
            values.append(words.pop(0))
    return found


def load(text):
    """file:// is for texts, fileb:// for bytes."""
    if text.startswith("file://"):
        with open(text[7:], encoding="utf-8") as file:
            return file.read()
    if text.startswith("fileb://"):
        with open(text[8:], "rb") as file:
            return file.read()
    return text


def read(shape, values):
    """What the shape makes of an option's words."""
    kind = shape.type_name
    if kind == "boolean":
        if values:
            raise Wrong("a flag has no value: %r" % values)
        return True
    if kind == "list" and not values[0].startswith(("file://", "[")):
        return [read(shape.member, [value]) for value in values]
    if len(values) != 1:
        raise Wrong("one value expected: %r" % values)
    text = load(values[0])
    if kind == "integer":
        return int(text)
    if kind == "blob":
        if "streaming" in shape.serialization:
            with open(values[0], "rb") as file:
                return file.read()
        return text if isinstance(text, bytes) else text.encode()
    if kind in ("structure", "map", "list"):
        if text.lstrip().startswith(("{", "[")):
            return json.loads(text)
        return dict(pair.split("=", 1) for pair in text.split(","))
    return text


def check(shape, value, where):
    """What botocore leaves to the service: words, patterns, lengths and ranges."""
    kind = shape.type_name
    if kind == "structure":
        for key, inner in value.items():
            check(shape.members[key], inner, where + "." + key)
    elif kind == "list":
        for inner in value:
            check(shape.member, inner, where + "[]")
    elif kind == "map":
        for inner in value.values():
            check(shape.value, inner, where + "{}")
    size = value if kind == "integer" else len(value) if kind in ("string", "list", "blob") else 0
    limits = shape.metadata
    if not limits.get("min", 0) <= size <= limits.get("max", size):
        raise Wrong("%s: %r is not from %s to %s" % (where, value, limits.get("min"), limits.get("max")))
    if kind == "string" and shape.enum and value not in shape.enum:
        raise Wrong("%s: %r is none of %s" % (where, value, ", ".join(shape.enum)))
    pattern = limits.get("pattern", "").replace("\\p{Graph}", "[!-~]").replace("\\u0020", " ")
    if kind == "string" and pattern and "\\p{" not in pattern and not re.fullmatch(pattern, value):
        raise Wrong("%s: %r does not match %s" % (where, value, pattern))


def call(session, service, name, words):
    """(operation, parameters), as the command would send them."""
    model = session.get_service_model({"s3api": "s3"}.get(service, service))
    operation = {xform_name(n, "-"): n for n in model.operation_names}.get(name)
    if operation is None:
        raise Wrong("there is no such operation")
    shape, options = model.operation_model(operation).input_shape, options_of(words)
    query, output = options.pop("query", None), options.pop("output", None)
    if query and (query[0] not in model.operation_model(operation).output_shape.members or output != ["text"]):
        raise Wrong("no text in the answer: %r" % query)
    members = {xform_name(member, "-"): member for member in shape.members}
    found = {}
    for option, values in options.items():
        if option not in members:
            raise Wrong("there is no option --%s" % option)
        found[members[option]] = read(shape.members[members[option]], values)
    report = ParamValidator().validate(found, shape)
    if report.has_errors():
        raise Wrong(report.generate_report())
    check(shape, found, operation)
    return operation, found


def run(script, folder):
    """Runs it in the folder, with the stand-in; all calls, looked at."""
    session, found = botocore.session.get_session(), []
    programs, log = os.path.join(folder, "bin"), os.path.join(folder, "calls")
    os.mkdir(programs)
    with open(os.path.join(programs, "aws"), "w", encoding="ascii") as file:
        file.write(STAND_IN)
    os.chmod(file.name, 0o755)
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=folder, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False,
                          env=dict(os.environ, PATH=programs + ":" + os.environ["PATH"], AWS_CALLS=log))
    if done.returncode:
        raise Wrong(done.stdout.decode())
    with open(log, encoding="utf-8") as file:
        words = file.read().split("\0")[:-1]
    with contextlib.chdir(folder):
        while words:
            one, words = words[1:int(words[0]) + 1], words[int(words[0]) + 1:]
            try:
                found.append(call(session, one[0], one[1], one[2:]))
            except (Wrong, OSError, ValueError, IndexError, UnknownServiceError) as error:
                raise Wrong("aws %s: %s" % (" ".join(one), error)) from error
    return found
