# SPDX-License-Identifier: Apache-2.0
"""A machine with our packages, the host on its second UART, and a cloud."""

import contextlib
import glob
import json
import os
import shutil
import subprocess
import tempfile

import broker as broker_module
import pki as pki_module
from machine import Failure, Machine

HERE = os.path.dirname(os.path.abspath(__file__))
UNIT = "expresslinkd.service"
SETTINGS = """[Serial]
Device=%s
[Identity]
Certificate=/etc/expresslinkd/%s/certificate.pem
PrivateKey=/etc/expresslinkd/%s/private.key.pem
[Cloud]
StagingEndpoint=cloud.example
RootCA=/etc/expresslinkd/root.pem
[OTA]
CAFile=/etc/expresslinkd/root.pem
"""


def expect(what, found, wanted):
    if found != wanted:
        raise Failure("%s: %r, expected %r" % (what, found, wanted))


class Gateway(Machine):
    def __init__(self, folder, packages):
        self.pki = pki_module.Pki(os.path.join(folder, "pki"))
        self.cloud = broker_module.Broker(self.pki, folder)
        super().__init__(subprocess.run([os.path.join(HERE, "build")], stdout=subprocess.PIPE, check=True,
                                        text=True).stdout.strip(), folder, self.cloud.port)
        for deb in glob.glob(os.path.join(packages, "*.deb")):
            if "dbgsym" not in deb:
                shutil.copy(deb, self.share)
        for name in ("vendor-ca.crt", "vendor-ca.key", "server-ca.crt"):
            shutil.copy(self.pki.file(name), self.share)
            os.chmod(os.path.join(self.share, name), 0o644)

    def serve_files(self, bucket):
        """Its URLs lead there from the machine, too."""
        with open(self.files_port, "w") as file:
            file.write(str(bucket.server_port))
        bucket.base = "https://cloud.example/"

    def package(self, name):
        found = glob.glob(os.path.join(self.share, name + "_*.deb"))
        if len(found) != 1:
            raise Failure("%s: not exactly one package %s" % (self.share, name))
        return "/share/" + os.path.basename(found[0])

    def install(self, *names):
        self.do("mkdir -p /share && mount -t 9p -o trans=virtio,version=9p2000.L,ro share /share")
        self.do("apt-get install -y -qq " + " ".join(map(self.package, names)), 300)

    def make_instance(self, name, device):
        """An identity and settings."""
        folder = "/etc/expresslinkd/" + name
        self.do("expresslinkctl provision --out %s --ca /share/vendor-ca.crt --ca-key /share/vendor-ca.key" % folder)
        self.do("cp /share/server-ca.crt /etc/expresslinkd/root.pem")
        self.write("/etc/expresslinkd/%s.conf" % name, SETTINGS % (device, name, name))

    def ask(self, line, deadline=60):
        """What the module answers over the UART."""
        self.serial.send(line.encode() + b"\r\n")
        return self.serial.line(deadline, line).decode().rstrip("\r")

    def expect(self, line, answer, deadline=60):
        expect(line, self.ask(line, deadline), answer)

    def property(self, name, unit=UNIT):
        return self.do("systemctl show --value -p %s %s" % (name, unit))

    def up(self, unit=UNIT):
        self.until("systemctl --quiet is-active " + unit)

    def journal(self, unit=UNIT, *more):
        """Entries as dictionaries."""
        self.do("journalctl --sync")
        text = self.do("journalctl --quiet --no-pager -b -o json -u %s %s" % (unit, " ".join(more)))
        return [json.loads(line) for line in text.splitlines()]

    def keep_clock_right(self, right):
        """As an NTP client would, or as if there were none: adjtimex() sets maxerror, esterror and status."""
        self.do("perl -e '$t = pack(\"L x4 q4 l x4 q20\", 0x1c, 0, 0, %d, 100, %d, (0) x 20);"
                " syscall(159, $t) >= 0 or die $!'" % ((100, 0x1) if right else (16000000, 0x40)))


@contextlib.contextmanager
def gateway(packages):
    """One whose power is on. TEST_KEEP=1 keeps its folder."""
    folder = tempfile.mkdtemp(prefix="expresslinkd-machine-")
    m = None
    try:
        m = Gateway(folder, packages)
        m.cloud.start()
        m.power_on()
        yield m
    finally:
        if m:
            m.off()
            m.cloud.stop()
        if os.environ.get("TEST_KEEP"):
            print(folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)
