# SPDX-License-Identifier: Apache-2.0
"""The folder of one sandbox."""

import fcntl
import json
import pathlib
import shutil

from sandbox.account import make_account, make_identity
from sandbox.common import Problem, replace_file


CERTIFICATE, KEY = "certificate.pem", "private.key.pem"  # of a device, or a signer


class Sandbox:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder).absolute()
        if "\n" in str(self.folder):
            raise Problem("a line break in the folder's name")
        self.account = self.folder / "account"
        self.device = self.folder / "device"
        self.signers = self.folder / "signers"
        self.state = self.folder / "sandbox.json"
        self.log = self.folder / "mosquitto.log"

    def lock(self):
        """Held until the process ends: one broker per folder."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = open(self.folder / "lock", "w", encoding="ascii")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Problem("another sandbox is running in %s" % self.folder) from error
        return handle

    def prepare(self):
        for leftover in [*self.folder.glob("*.new-*"), *self.signers.glob("*.new-*")]:
            shutil.rmtree(leftover, ignore_errors=True)
        if not self.account.exists():
            make_account(self.account)
        if not self.device.exists():
            make_identity(self.device, self.account)

    def port(self):
        """The port of the last run, 0 if there was none."""
        try:
            return int(json.loads(self.state.read_text())["port"])
        except (OSError, ValueError, KeyError, TypeError):
            return 0

    def remember(self, port):
        replace_file(self.state, json.dumps({"port": port}) + "\n")


MODULE_CONFIG = """# Written by expresslink-sandbox; settings of your own go to
# {file}.d/*.conf.
#
# STATE_DIRECTORY={folder}/state RUNTIME_DIRECTORY={folder}/run expresslinkd -c {file}

[Serial]
Device=pty:{folder}/module

[Identity]
Certificate={identity}/{certificate}
PrivateKey={identity}/{key}

[Cloud]
StagingEndpoint={endpoint}
RootCA={root}

[OTA]
Certificate={signer}/{certificate}
CAFile={root}
"""


def write_module_config(sandbox, folder, identity, endpoint):
    file = folder / "expresslinkd.conf"
    for name in ("state", "run"):
        (folder / name).mkdir(mode=0o700, exist_ok=True)
    replace_file(file, MODULE_CONFIG.format(file=file, folder=folder, identity=identity, certificate=CERTIFICATE,
                                            key=KEY, endpoint=endpoint, root=sandbox.account / "staging-root.pem",
                                            signer=sandbox.signers / "ota"))
    return file
