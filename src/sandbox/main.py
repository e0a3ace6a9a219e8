# SPDX-License-Identifier: Apache-2.0
"""The command line."""

import argparse
import importlib
import os
import signal
import sys

from sandbox import VERSION
from sandbox import __doc__ as about
from sandbox.common import Problem, say
from sandbox.vocabulary import GROUPS, KINDS, SPOILS


def port_number(text):
    if text.isascii() and text.isdigit() and int(text) <= 65535:
        return int(text)
    raise argparse.ArgumentTypeError("%r is no port number" % text)


def positive(text):
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError("%r is no time in seconds" % text)
    return value


def default_folder():
    data = os.environ.get("XDG_DATA_HOME") or os.path.join(os.path.expanduser("~"), ".local", "share")
    return os.path.join(data, "expresslink-sandbox")


class Arguments:
    def __init__(self):
        self.folder = argparse.ArgumentParser(add_help=False)
        self.folder.add_argument("--dir", default=default_folder(), help="the sandbox's folder (default: %(default)s)")
        self.parser = argparse.ArgumentParser(prog="expresslink-sandbox", description=about.split("\n", maxsplit=1)[0])
        self.parser.add_argument("-V", "--version", action="version", version="expresslink-sandbox " + VERSION)
        self.commands = self.parser.add_subparsers(metavar="COMMAND", required=True)
        self.account()
        job = self.commands.add_parser("job", help="make, watch and end jobs", description="Make, watch and end jobs.")
        self.jobs = job.add_subparsers(metavar="COMMAND", required=True)
        self.create()
        self.other_jobs()
        self.add(self.commands, "defender", "job_commands.defender",
                 "list the last reports to Device Defender").add_argument("--json", action="store_true",
                                                                          help="for programs, with all that they say")
        self.fault()

    def add(self, among, name, function, text, **more):
        command = among.add_parser(name, parents=[self.folder], help=text, description=text, **more)
        command.set_defaults(function=function)  # by name: what a command does not need is not loaded
        return command

    def account(self):
        run = self.add(self.commands, "run", "commands.run",
                       "run the account's broker and services until SIGTERM or Ctrl-C")
        run.add_argument("--port", type=port_number, default=0, help="TCP port; 0, the default: that of the last run, "
                         "or any that is free")
        run.add_argument("--minute", type=positive, default=60, metavar="SECONDS",
                         help="how long a minute of a job's timeouts is, for tests (default: 60)")
        identity = self.add(self.commands, "identity", "commands.identity",
                            "make another device's key and certificate in NEWDIR")
        identity.add_argument("newdir", metavar="NEWDIR")
        signer = self.add(self.commands, "signer", "signers.signer",
                          "make another key that signs images, and its certificate, in NEWDIR")
        signer.add_argument("newdir", metavar="NEWDIR")
        signer.add_argument("--by", metavar="SIGNER", help="who signs the certificate: ota or host, which are the "
                            "sandbox's own, or the folder of another signer (default: its own key)")
        signer.add_argument("--rsa", action="store_true", help="an RSA key (default: EC, P-256)")
        publish = self.add(self.commands, "publish", "commands.publish",
                           "publish a message as the account's operator")
        publish.add_argument("topic", metavar="TOPIC")
        publish.add_argument("message", metavar="MESSAGE", help="the payload; - reads it from standard input")
        subscribe = self.add(self.commands, "subscribe", "commands.subscribe",
                             "print messages, each as TOPIC PAYLOAD")
        subscribe.add_argument("topic", metavar="FILTER", nargs="+")
        subscribe.add_argument("--count", type=int, default=0, help="end after so many messages")
        subscribe.add_argument("--wait", type=float, help="fail if they did not come within so many seconds")
        log = self.add(self.commands, "log", "commands.log", "print the broker's log")
        log.add_argument("-f", "--follow", action="store_true", help="go on with what is added")

    def create(self):
        # Before and after the kind of job, so without defaults, which would overwrite what stood before it.
        common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
        common.add_argument("--dir", help="the sandbox's folder (default: %s)" % default_folder())
        common.add_argument("--job-id", metavar="ID", help="(default: one that is new)")
        common.add_argument("--thing", action="append", metavar="NAME",
                            help="the thing that is to do it (default: the sandbox's first device); may be repeated")
        common.add_argument("--timeout", type=int, metavar="MINUTES", help="how long it may be in progress")
        common.add_argument("--retries", type=int, metavar="N", help="how often it is tried again when it failed")
        common.add_argument("--wait", action="store_true", help="wait for its end and print how it ended")
        common.add_argument("--within", type=positive, metavar="SECONDS", help="fail when it takes longer")
        signed = argparse.ArgumentParser(add_help=False)
        signed.add_argument("--sign", metavar="SIGNER", help="sign the file: ota and host are the sandbox's own signers, "
                            "another one is a folder, or a file with an EC or RSA key")
        signed.add_argument("--digest", choices=("sha256", "sha1"), default="sha256",
                            help="what is signed (default: sha256)")
        signed.add_argument("--signature", metavar="TEXT", help="a signature as it is")
        signed.add_argument("--https", action="store_true", help="offer it by HTTPS, with a pre-signed URL")
        signed.add_argument("--mqtt", action="store_true", help="offer it in an MQTT stream (the default without --https)")
        signed.add_argument("--expires", type=int, metavar="SECONDS",
                            help="how long a URL is good, up to 3600 (default: 1800)")
        text = "make a job: an update over the air, or one with a document of your own"
        create = self.jobs.add_parser("create", parents=[common], help=text, description=text)
        create.add_argument("--document", metavar="FILE.json", help="the job's document; - is standard input")
        create.add_argument("--stream", metavar="NAME", help="with --document: a stream of this name")
        create.add_argument("--file", action="append", metavar="FILE",
                            help="with --stream: a file of it; the first one has the file id 0, the next one 1")
        create.set_defaults(function="job_commands.create")
        kinds = create.add_subparsers(metavar="KIND", dest="kind")
        host = kinds.add_parser("host-image", parents=[common, signed], help="an update of the host (file type 202)")
        host.add_argument("image", metavar="FILE")
        host.add_argument("--version", help="its version, which goes into filepath, as in the AWS console")
        host.add_argument("--text", help="words for the host, as the document's description")
        module = kinds.add_parser("module-image", parents=[common, signed],
                                  help="an update of the module's own software (file type 101)")
        module.add_argument("image", metavar="FILE")
        for name in ("version", "manufacturer", "model"):
            module.add_argument("--" + name)
        module.add_argument("--force", action="store_true", help="without asking the host")
        certificate = kinds.add_parser("certificate", parents=[common, signed],
                                       help="another certificate (file types 103, 107 and 204)")
        certificate.add_argument("which", choices=("ota", "root", "host"))
        certificate.add_argument("image", metavar="FILE", help="it, or its signer: ota, host, or a folder")

    def other_jobs(self):
        listing = self.add(self.jobs, "list", "job_commands.list", "list the jobs")
        show = self.add(self.jobs, "show", "job_commands.show", "print a job, its document and what became of it")
        waiting = self.add(self.jobs, "wait", "job_commands.wait",
                           "wait for the end of a job and print how it ended")
        cancel = self.add(self.jobs, "cancel", "job_commands.cancel", "cancel a job where it is not in progress")
        delete = self.add(self.jobs, "delete", "job_commands.delete", "delete a job that is not in progress")
        for command in (show, waiting, cancel, delete):
            command.add_argument("job", metavar="ID")
        for command in (listing, show):
            command.add_argument("--json", action="store_true", help="for programs")
        for command in (cancel, delete):
            command.add_argument("--force", action="store_true", help="also where it is in progress")
        waiting.add_argument("--within", type=positive, metavar="SECONDS", help="fail when it takes longer")

    def fault(self):
        text = "make things go wrong, for tests; without options, print what does"
        fault = self.add(self.commands, "fault", "job_commands.fault", text, epilog=(
            "KIND is one of %s, or all of %s. Behind it may stand, with commas: p=PROBABILITY (1), after=N (the first "
            "N are spared), times=N (then no more). Each call says all that is to go wrong from now on; an option may be "
            "repeated." % (", ".join(KINDS), ", ".join(GROUPS))))
        for action, help_text in (
                ("lose", "a message is not sent"),
                ("double", "it is sent twice"),
                ("delay", "it is late: ms=FROM-TO"),
                ("reorder", "the next one of its kind overtakes it"),
                ("corrupt", "it is damaged: what=json, or for a block also payload, size, short, index, base64"),
                ("refuse", "a request is rejected: code=CODE"),
                ("ignore", "a request is not even looked at"),
                ("spoil", "a download by HTTPS goes wrong, KIND is `download`: what=%s" % ", ".join(SPOILS)
                 + "; at=BYTES, where it does")):
            fault.add_argument("--" + action, action="append", metavar="KIND", help=help_text)
        fault.add_argument("--rtt", type=int, metavar="MS", help="every message is so late")
        fault.add_argument("--seed", type=int, default=0, help="what chance begins with (default: 0)")
        fault.add_argument("--none", action="store_true", help="nothing goes wrong any more")
        fault.add_argument("--json", action="store_true", help="for programs")


def main():
    options = Arguments().parser.parse_args()
    if "dir" not in options:
        options.dir = default_folder()
    module, name = options.function.split(".")
    try:
        status = getattr(importlib.import_module("sandbox." + module), "command_" + name)(options)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # whoever reads has seen enough; what is left to print must not be tried again at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except Problem as problem:
        say(str(problem))
    except OSError as error:
        say("%s: %s" % (error.filename, error.strerror) if error.filename else str(error))
    except KeyboardInterrupt:
        return 130
    return 1
