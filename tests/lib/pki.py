# SPDX-License-Identifier: Apache-2.0
"""Certificates and keys for the tests, made once per build folder with the openssl program.

Everything is EC P-256 unless it says so. NAME.crt is PEM in OpenSSL's form, NAME.key its private key.
"""

import base64
import fcntl
import os
import re
import subprocess
import tempfile
import uuid

VERSION = "10"  # of what is made here: a cache of another version is made anew

CA = ("basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign")
NO_CA = ("basicConstraints=critical,CA:FALSE",)
LOCALHOST = NO_CA + ("subjectAltName=DNS:localhost,DNS:cloud.example,IP:127.0.0.1",)
SIGNER = ("keyUsage=digitalSignature", "extendedKeyUsage=codeSigning")
PAST = ("20200101000000Z", "20210101000000Z")
ELSEWHERE = NO_CA + ("subjectAltName=DNS:elsewhere.example",)

def long_names(n):
    """An extension that makes a certificate long."""
    return ("subjectAltName=" + ",".join("DNS:%03d.%s.example" % (i, "x" * 40) for i in range(n)),)


# name: (issuer or None for self-signed, common name, extensions, options)
CERTIFICATES = {
    # What the module trusts, and what the broker shows
    "server-ca": (None, "Server CA", CA, {}),
    "server": ("server-ca", "localhost", LOCALHOST, {}),
    "server-wrong-name": ("server-ca", "elsewhere.example", ELSEWHERE, {}),
    "server-expired": ("server-ca", "localhost", LOCALHOST, {"dates": PAST}),
    "server-future": ("server-ca", "localhost", LOCALHOST, {"dates": ("20900101000000Z", "21000101000000Z")}),
    "server-client": ("server-ca", "localhost", LOCALHOST + ("extendedKeyUsage=clientAuth",), {}),
    "other-ca": (None, "Other CA", CA, {}),
    "server-untrusted": ("other-ca", "localhost", LOCALHOST, {}),
    # Who the module is
    "vendor-ca": (None, "Vendor CA", CA, {}),
    "device": ("vendor-ca", None, NO_CA, {"uuid": True}),
    "device-expired": ("vendor-ca", None, NO_CA, {"uuid": True, "dates": PAST}),
    "device-foreign": ("other-ca", None, NO_CA, {"uuid": True}),
    "device-plain": ("vendor-ca", "gateway seven", NO_CA, {"serial": "00c0ffee00000000000000000000beef"}),
    # Root certificates that follow each other (guide 8.12)
    "root2": (None, "Root 2", CA, {}),
    "root2-by-server-ca": ("server-ca", "Root 2 by the present one", CA, {}),
    "root-forged": (None, "Forged root", CA, {"forged": True}),
    "root-by-other-ca": ("other-ca", "Root signed by a stranger", CA, {}),
    "root-big": (None, "Big root", CA + long_names(200), {}),
    "not-a-ca": (None, "Not a CA", NO_CA, {}),
    # Module OTA and host OTA certificates (guide 8.6, 8.11)
    "ota1": (None, "Module OTA 1", NO_CA, {}),
    "ota2-by-ota1": ("ota1", "Module OTA 2", NO_CA, {}),
    "ota-other": (None, "Module OTA 1", NO_CA, {}),
    "hota1": (None, "Host OTA 1", NO_CA, {}),
    "hota2-by-hota1": ("hota1", "Host OTA 2", NO_CA, {}),
    "hota3-by-hota2": ("hota2-by-hota1", "Host OTA 3", NO_CA, {}),
    "hota-other": (None, "Host OTA 1", NO_CA, {}),
    "hota-forged": (None, "Host OTA forged", NO_CA, {"forged": True}),
    "hota2-forged": ("hota1", "Host OTA 2", NO_CA, {"forged": True}),
    "hota-expired": (None, "Host OTA expired", NO_CA, {"dates": PAST}),
    "hota-big": (None, "Host OTA big", NO_CA + long_names(46), {}),
    "hota-rsa": (None, "Host OTA RSA", NO_CA, {"rsa": 2048}),
    # Who signs, as AWS makes it, and who should not
    "ota-rsa": (None, "Module OTA RSA", NO_CA, {"rsa": 2048}),
    "ota-aws": (None, "Module OTA", SIGNER, {}),
    "ota2-weak": ("ota1", "Module OTA 2", NO_CA, {"rsa": 1024}),
    "ota2-curve": ("ota1", "Module OTA 2", NO_CA, {"curve": "secp256k1"}),
    "ota2-server": ("ota1", "Module OTA 2", NO_CA + ("extendedKeyUsage=serverAuth",), {}),
    "ota2-expired": ("ota1", "Module OTA 2", NO_CA, {"dates": PAST}),
    "ota-expired": (None, "Module OTA", NO_CA, {"dates": PAST}),
    "ota-server": (None, "Module OTA", NO_CA + ("extendedKeyUsage=serverAuth",), {}),
    "root-expired": (None, "Expired root", CA, {"dates": PAST}),
    "root-weak": (None, "Weak root", CA, {"rsa": 1024}),
}


def area():
    """The folder that the tests of this user share, also those that are root in a name space of their own."""
    if "TEST_AREA" not in os.environ:
        os.environ["TEST_AREA"] = os.path.join(tempfile.gettempdir(), "expresslinkd-tests-%d" % os.getuid())
    return os.environ["TEST_AREA"]


def run(*command, **more):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)
    if done.returncode:
        raise RuntimeError("%s: %s" % (" ".join(command), done.stdout.decode(errors="replace")))
    return done.stdout


def forge(path):
    """Changes one bit of the signature: its last bytes."""
    with open(path) as f:
        text = f.read()
    body = re.search(r"-----BEGIN CERTIFICATE-----(.*?)-----END", text, re.S).group(1)
    der = bytearray(base64.b64decode(body))
    der[-1] ^= 1
    code = base64.b64encode(bytes(der)).decode()
    lines = [code[i:i + 64] for i in range(0, len(code), 64)]
    with open(path, "w") as f:
        f.write("\n".join(["-----BEGIN CERTIFICATE-----"] + lines + ["-----END CERTIFICATE-----", ""]))


def make_one(folder, name):
    issuer, common_name, extensions, options = CERTIFICATES[name]
    crt, key = os.path.join(folder, name + ".crt"), os.path.join(folder, name + ".key")
    serial = options.get("serial", uuid.uuid4().hex)
    if options.get("uuid"):
        common_name = str(uuid.UUID(serial))
    new = ["-newkey", "rsa:%d" % options["rsa"]] if "rsa" in options else [
        "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:" + options.get("curve", "P-256")]
    if "dates" in options:
        # Only "openssl ca" takes any dates
        csr = os.path.join(folder, name + ".csr")
        run("openssl", "req", "-new", *new, "-nodes", "-keyout", key, "-subj", "/CN=" + common_name, "-out", csr)
        area = os.path.join(folder, name + ".ca")
        os.mkdir(area)
        open(os.path.join(area, "index"), "w").close()
        with open(os.path.join(area, "serial"), "w") as f:
            f.write(serial.upper() + "\n")
        with open(os.path.join(area, "conf"), "w") as f:
            f.write("[ca]\ndefault_ca=d\n[d]\ndatabase=%s/index\nserial=%s/serial\nnew_certs_dir=%s\n"
                    "default_md=sha256\npolicy=p\nx509_extensions=x\n[p]\ncommonName=supplied\n[x]\n%s\n"
                    % (area, area, area, "\n".join(extensions)))
        by = ["-selfsign", "-keyfile", key] if issuer is None else [
            "-cert", os.path.join(folder, issuer + ".crt"), "-keyfile", os.path.join(folder, issuer + ".key")]
        run("openssl", "ca", "-batch", "-notext", "-config", os.path.join(area, "conf"), *by, "-in", csr, "-out", crt,
            "-startdate", options["dates"][0], "-enddate", options["dates"][1])
    else:
        by = [] if issuer is None else [
            "-CA", os.path.join(folder, issuer + ".crt"), "-CAkey", os.path.join(folder, issuer + ".key")]
        add = [word for e in extensions for word in ("-addext", e)]
        run("openssl", "req", "-x509", *new, "-nodes", "-keyout", key, "-subj", "/CN=" + common_name, "-days", "7300",
            "-set_serial", "0x" + serial, *add, *by, "-out", crt)
    if options.get("forged"):
        forge(crt)
    os.chmod(key, 0o600)


class Pki:
    """The folder of certificates; made when it is not there yet. Several tests may want it at once."""

    def __init__(self, folder=None):
        if folder is None:
            build = os.environ.get("abs_top_builddir")
            shared = os.path.join(build, "tests") if build and os.access(build, os.W_OK) else area()
            folder = os.path.join(shared, "pki")
        self.folder = folder
        parent = os.path.dirname(folder)
        os.makedirs(parent, mode=0o700, exist_ok=True)
        with open(folder + ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not self.is_current():
                self.make()
        self.thing = self.info("device", "CN")

    def is_current(self):
        try:
            with open(os.path.join(self.folder, "version")) as f:
                return f.read() == VERSION
        except OSError:
            return False

    def make(self):
        subprocess.run(["rm", "-rf", self.folder], check=True)
        os.mkdir(self.folder, 0o700)
        for name in CERTIFICATES:
            make_one(self.folder, name)
        with open(os.path.join(self.folder, "version"), "w") as f:
            f.write(VERSION)

    def file(self, name):
        return os.path.join(self.folder, name)

    def pem(self, name):
        """The certificate (several: names joined by '+') as canonical lines."""
        lines = []
        for one in name.split("+"):
            with open(self.file(one + ".crt"), "rb") as f:
                lines += f.read().strip().split(b"\n")
        return lines

    def info(self, name, what):
        text = run("openssl", "x509", "-in", self.file(name + ".crt"), "-noout", "-subject", "-nameopt", "multiline")
        return re.search(r"commonName\s*= (.*)", text.decode()).group(1) if what == "CN" else None


if __name__ == "__main__":
    print(Pki().folder)
