# SPDX-License-Identifier: Apache-2.0
"""What every part needs: problems, other programs, files that appear whole."""

import os
import pathlib
import shutil
import subprocess
import sys


class Problem(Exception):
    """Something the user can do something about: one line, exit status 1."""


def say(text):
    print("expresslink-sandbox: " + text, file=sys.stderr, flush=True)


def find_program(name, package):
    """The program, also in the folders that only root has in PATH."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin")
    if path is None:
        raise Problem("%s not found: apt-get install %s" % (name, package))
    return path


def find_expresslinkctl():
    """In the environment, beside the script that was started (before and after following links), in PATH."""
    if os.environ.get("EXPRESSLINKCTL"):
        return os.environ["EXPRESSLINKCTL"]
    here = pathlib.Path(sys.argv[0])
    for folder in (here.absolute().parent, here.resolve().parent):
        if os.access(folder / "expresslinkctl", os.X_OK):
            return str(folder / "expresslinkctl")
    return find_program("expresslinkctl", "expresslinkd")


def run_program(arguments):
    try:
        done = subprocess.run([str(a) for a in arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    except OSError as error:
        raise Problem("cannot run %s: %s" % (arguments[0], error.strerror)) from error
    if done.returncode != 0:
        lines = done.stdout.strip().splitlines() or ["exit status %d" % done.returncode]
        raise Problem("%s failed: %s" % (pathlib.Path(str(arguments[0])).name, lines[-1]))
    return done.stdout


def replace_file(path, text, mode=0o600):
    new = path.with_name(path.name + ".tmp")
    new.write_text(text)
    new.chmod(mode)
    new.replace(path)
