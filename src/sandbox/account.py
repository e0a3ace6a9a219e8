# SPDX-License-Identifier: Apache-2.0
"""The certificates of the account, and those of devices."""

import contextlib
import os
import pathlib
import shutil
import tempfile

from sandbox.common import find_expresslinkctl, find_program, run_program

OPERATOR = "sandbox-operator"  # the user that sees everything, the $aws topics of all things too
CA_DAYS = 10950                # 30 years: a device lives 20
SERVER_DAYS = 3650

OPENSSL_CONFIG = """
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = DNS:localhost, IP:127.0.0.1, IP:::1
[client]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[signer]
keyUsage = digitalSignature
extendedKeyUsage = codeSigning
"""


class Authority:
    """Makes certificates in one folder, with the openssl program."""

    def __init__(self, folder):
        self.folder = folder
        self.openssl = find_program("openssl", "openssl")
        self.config = folder / "openssl.cnf"
        self.config.write_text(OPENSSL_CONFIG)

    def root(self, name, subject):
        run_program([self.openssl, "req", "-x509", "-config", self.config, "-extensions", "authority",
                     "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-sha256",
                     "-days", CA_DAYS, "-subj", subject,
                     "-keyout", self.folder / (name + ".key.pem"), "-out", self.folder / (name + ".pem")])

    def leaf(self, name, subject, extensions, issuer):
        request = self.folder / (name + ".csr")
        run_program([self.openssl, "req", "-new", "-config", self.config, "-newkey", "ec",
                     "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject,
                     "-keyout", self.folder / (name + ".key.pem"), "-out", request])
        run_program([self.openssl, "x509", "-req", "-in", request, "-sha256", "-days", SERVER_DAYS,
                     "-CA", self.folder / (issuer + ".pem"), "-CAkey", self.folder / (issuer + ".key.pem"),
                     "-set_serial", "0x" + os.urandom(16).hex(), "-extfile", self.config,
                     "-extensions", extensions, "-out", self.folder / (name + ".pem")])
        request.unlink()


    def signer(self, subject, certificate, key, issuer, rsa):
        """As AWS has it for code signing: it is no CA, and signs its successor all the same."""
        kind = ["rsa:2048"] if rsa else ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        by = ["-CA", issuer / certificate, "-CAkey", issuer / key] if issuer else []
        run_program([self.openssl, "req", "-x509", "-config", self.config, "-extensions", "signer", "-newkey", *kind,
                     "-nodes", "-sha256", "-days", CA_DAYS, "-subj", subject, *by,
                     "-keyout", self.folder / key, "-out", self.folder / certificate])


@contextlib.contextmanager
def new_folder(target):
    """A folder that appears under its name only when everything in it is made."""
    work = pathlib.Path(tempfile.mkdtemp(prefix=target.name + ".new-", dir=target.parent))
    try:
        yield work
        work.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def make_account(target):
    with new_folder(target) as folder:
        authority = Authority(folder)
        authority.root("vendor-ca", "/O=ExpressLink sandbox/CN=Sandbox vendor CA")
        authority.root("staging-root", "/O=ExpressLink sandbox/CN=Sandbox staging root")
        authority.leaf("server", "/O=ExpressLink sandbox/CN=localhost", "server", "staging-root")
        authority.leaf("operator", "/O=ExpressLink sandbox/CN=" + OPERATOR, "client", "staging-root")
        clients = (folder / "vendor-ca.pem").read_text() + (folder / "staging-root.pem").read_text()
        (folder / "clients.pem").write_text(clients)


def make_identity(target, account):
    with new_folder(target) as folder:
        run_program([find_expresslinkctl(), "provision", "--out", folder,
                     "--ca", account / "vendor-ca.pem", "--ca-key", account / "vendor-ca.key.pem"])


def thing_name(identity):
    return run_program([find_expresslinkctl(), "provision", "--thing-name", "--out", identity]).strip()
