# SPDX-License-Identifier: Apache-2.0
"""Who signs images: the keys of the account, and those that follow them."""

import pathlib

from sandbox.account import Authority, new_folder
from sandbox.common import Problem
from sandbox.folder import CERTIFICATE, KEY, Sandbox

NAMES = {"ota": "Sandbox module images", "host": "Sandbox host images"}


def make_signer(target, name, issuer=None, rsa=False):
    """A key and its certificate; issuer: the folder of who signs it, else it does so itself."""
    with new_folder(target) as folder:
        authority = Authority(folder)
        authority.signer("/O=ExpressLink sandbox/CN=" + name, CERTIFICATE, KEY, issuer, rsa)
        authority.config.unlink()


def make_signers(sandbox):
    """Those that are missing: an older sandbox has none."""
    sandbox.signers.mkdir(mode=0o700, exist_ok=True)
    for name, title in NAMES.items():
        if not (sandbox.signers / name).exists():
            make_signer(sandbox.signers / name, title)


def folder_of(sandbox, signer):
    """The account's own by its name, any other by its folder."""
    return sandbox.signers / signer if signer in NAMES else pathlib.Path(signer)


def key_of(sandbox, signer):
    """A key in a file of its own, or that of a signer."""
    folder = folder_of(sandbox, signer)
    return folder / KEY if folder.is_dir() or signer in NAMES else folder


def certificate_of(sandbox, signer):
    """A certificate in a file of its own, or that of a signer."""
    folder = folder_of(sandbox, signer)
    return folder / CERTIFICATE if folder.is_dir() else folder


def command_signer(options):
    sandbox = Sandbox(options.dir)
    issuer = folder_of(sandbox, options.by) if options.by else None
    if issuer and not (issuer / CERTIFICATE).exists():
        raise Problem("%s is no signer: ota, host, or a folder that this command made" % options.by)
    target = pathlib.Path(options.newdir).absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise Problem("%s exists and is not empty" % target)
    target.parent.mkdir(parents=True, exist_ok=True)
    make_signer(target, target.name[:64] or "signer", issuer, options.rsa)
    return 0
