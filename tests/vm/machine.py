# SPDX-License-Identifier: Apache-2.0
"""A machine under QEMU, seen from outside: its power, its second UART, its network, and hands in it for what cannot be seen.

The emulation is pure (TCG): where QEMU itself runs in a machine, the processor's help is there but does not work."""

import ctypes
import json
import os
import signal
import socket
import subprocess
import time

from disk import Disk
from harness import Failure

MEMORY = "512"


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Lines:
    """A socket of which lines are read with a deadline."""

    def __init__(self, path, deadline):
        self.socket = socket.socket(socket.AF_UNIX)
        end = time.monotonic() + deadline
        while True:
            try:
                self.socket.connect(path)
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)
        self.buffer = b""

    def send(self, data):
        self.socket.settimeout(60)
        self.socket.sendall(data)

    def line(self, deadline, what):
        line = self.soon(deadline, what)
        if line is None:
            raise Failure("%s: nothing within %g s; so far %r" % (what, deadline, self.buffer))
        return line

    def soon(self, seconds, what):
        """None: not so soon."""
        end = time.monotonic() + seconds
        while b"\n" not in self.buffer:
            self.socket.settimeout(max(end - time.monotonic(), 0.001))
            try:
                data = self.socket.recv(65536)
            except socket.timeout:
                return None
            if not data:
                raise Failure("%s: the machine is off" % what)
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line

    def clear(self):
        """Forgets what has arrived."""
        self.socket.setblocking(False)
        try:
            while self.socket.recv(65536):
                pass
        except BlockingIOError:
            pass
        self.buffer = b""

    def rest(self):
        """What the machine had still sent, up to its end."""
        self.socket.settimeout(30)
        data = self.buffer
        while True:
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                more = b""
            if not more:
                return data
            data += more

    def close(self):
        self.socket.close()


class Machine:
    def __init__(self, image, folder, cloud_port):
        self.image, self.folder, self.cloud_port = image, folder, cloud_port
        self.share = os.path.join(folder, "share")
        self.disk = Disk(os.path.join(image, "root.img"), folder)
        os.mkdir(self.share)
        self.files_port = os.path.join(folder, "files-port")  # who serves files on this machine writes its port there
        self.process = self.hands = self.serial = self.monitor = None

    def path(self, name):
        return os.path.join(self.folder, name)

    def listening(self, name):
        return "socket,id=%s,path=%s,server=on,wait=off" % (name, self.path(name + ".sock"))

    def power_on(self):
        command = [
            "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-machine", "q35", "-cpu", "qemu64", "-smp", "2", "-m", MEMORY,
            "-nodefaults", "-display", "none",
            "-kernel", os.path.join(self.image, "vmlinuz"), "-initrd", os.path.join(self.image, "initrd.img"),
            "-append", "console=ttyS0 net.ifnames=0 quiet loglevel=3 mitigations=off panic=-1",
            *self.disk.power_on(),
            "-chardev", "file,id=console,path=%s,append=on" % self.path("console.log"), "-serial", "chardev:console",
            "-chardev", self.listening("uart"), "-serial", "chardev:uart",
            "-device", "virtio-serial-pci", "-chardev", self.listening("hands"),
            "-device", "virtserialport,chardev=hands,name=agent",
            "-chardev", self.listening("adapter"), "-device", "qemu-xhci",
            "-virtfs", "local,path=%s,mount_tag=share,security_model=none,readonly=on" % self.share,
            "-netdev", "user,id=net,restrict=on,guestfwd=tcp:10.0.2.100:8883-cmd:socat - TCP:127.0.0.1:%d,"
            "guestfwd=tcp:10.0.2.100:443-cmd:sh -c 'exec socat - TCP:127.0.0.1:$(cat %s)'"
            % (self.cloud_port, self.files_port), "-device", "virtio-net-pci,netdev=net", "-device", "virtio-rng-pci",
            "-qmp", "unix:%s,server=on,wait=off" % self.path("monitor.sock")]
        with open(self.path("qemu.log"), "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            preexec_fn=die_with_parent)
        self.monitor = Lines(self.path("monitor.sock"), 30)
        self.monitor.line(30, "QEMU")
        self.qmp("qmp_capabilities")
        self.serial = Lines(self.path("uart.sock"), 30)
        self.hands = Lines(self.path("hands.sock"), 30)

    def power_cut(self, chance):
        """chance, a random.Random, decides how much is lost of what was not flushed. What had left the UART, the loss."""
        self.process.kill()
        self.process.wait()
        sent = self.serial.rest()
        self.off()
        return sent, self.disk.power_cut(chance)

    def off(self):
        """For good: its disk is not looked at."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None
            for lines in (self.monitor, self.serial, self.hands):
                lines.close()

    def qmp(self, command, **arguments):
        self.monitor.send(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        while True:
            answer = json.loads(self.monitor.line(30, command))
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise Failure("%s: %s" % (command, answer["error"]["desc"]))

    def slow_disk(self, writes):
        """So many writes a second; 0: as many as it can. Up to the next power_on()."""
        self.qmp("qom-set", path="/objects/speed", property="limits", value={"iops-write": writes})

    def run(self, command, deadline=120):
        """A shell command on one line; its status and its output."""
        assert "\n" not in command
        self.hands.send(command.encode() + b"\n")
        output = []
        while True:
            line = self.hands.line(deadline, command)
            if line.startswith(b"__RC "):
                return int(line[5:]), b"\n".join(output).decode(errors="replace").strip()
            output.append(line)

    def do(self, command, deadline=120):
        status, output = self.run(command, deadline)
        if status:
            raise Failure("%s: status %d\n%s" % (command, status, output))
        return output

    def until(self, command, deadline=60):
        """Waits until it succeeds."""
        end = time.monotonic() + deadline
        while True:
            status, output = self.run(command, max(120, end - time.monotonic()))
            if status == 0:
                return output
            if time.monotonic() > end:
                raise Failure("%s: not within %g s\n%s" % (command, deadline, output))
            time.sleep(0.1)

    def write(self, path, text):
        """A small file of root's."""
        self.do("printf '%%b' '%s' >%s" % (text.replace("\\", "\\\\").replace("'", "\\0047").replace("\n", "\\n"), path))

    def booted(self):
        """Waits for the end of the start, good or bad; says which."""
        return self.run("systemctl is-system-running --wait", 600)[1]

    def reboot(self):
        self.run("systemctl --no-block reboot")
        while json.loads(self.monitor.line(180, "reboot")).get("event") != "RESET":
            pass
        # A question waits until the hands are there again.
        self.hands.clear()
        return self.booted()
