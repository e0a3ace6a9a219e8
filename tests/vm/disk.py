# SPDX-License-Identifier: Apache-2.0
"""A disk with a cache that a power cut empties. QEMU's blklogwrites notes each write and each flush. When the power is
cut, what the last flush covers is there; of each later write nothing, all, or some sectors."""

import collections
import os
import struct
import subprocess

SECTOR = 512
FLUSH = 1  # a flag of an entry, as in the kernel's dm-log-writes.c; virtio has no writes that are flushes too

Write = collections.namedtuple("Write", "sector data")
Loss = collections.namedtuple("Loss", "pending lost torn")  # numbers of writes


class Disk:
    def __init__(self, image, folder):
        self.settled, self.running, self.log = (os.path.join(folder, "disk." + end) for end in ("raw", "qcow2", "log"))
        subprocess.run(["cp", "--sparse=always", "--reflink=auto", image, self.settled], check=True)
        os.chmod(self.settled, 0o600)

    def power_on(self):
        """QEMU's arguments. It writes to an overlay, which is thrown away, and to the log."""
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", self.settled, self.running],
                       check=True)
        open(self.log, "wb").close()
        # Not flushed to the host's disk: QEMU may be killed, the host is not. Write-zeroes would be logged in two
        # steps, between which other entries may come.
        return ["-blockdev", "driver=file,node-name=overlay,cache.no-flush=on,filename=" + self.running,
                "-blockdev", "driver=qcow2,node-name=running,cache.no-flush=on,file=overlay",
                # Below the log: what is logged waits, and is not flushed so long.
                "-object", "throttle-group,id=speed",
                "-blockdev", "driver=throttle,node-name=throttled,throttle-group=speed,file=running",
                "-blockdev", "driver=file,node-name=log,cache.no-flush=on,filename=" + self.log,
                "-blockdev", "driver=blklogwrites,node-name=disk,file=throttled,log=log,log-sector-size=%d" % SECTOR,
                "-device", "virtio-blk-pci,drive=disk,write-zeroes=off,discard=off"]

    def written(self):
        """Bytes, since power_on(), and a sector for each write or flush."""
        return os.stat(self.log).st_size

    def power_cut(self, chance):
        """When QEMU is dead. chance, a random.Random, decides on what was not flushed."""
        flushed, pending = [], []
        for flags, write in entries(self.log):
            if flags & FLUSH:
                flushed += pending
                pending = []
            if write.data:
                pending.append(write)
        kept, loss = survivors(pending, chance)
        with open(self.settled, "r+b", buffering=0) as disk:
            for write in flushed + kept:
                os.pwrite(disk.fileno(), write.data, write.sector * SECTOR)
        return loss


def survivors(pending, chance):
    """Some drives keep nearly all, some nearly nothing. A sector is whole or not written at all."""
    share, kept, lost, torn = chance.choice((0, 0.1, 0.5, 0.9, 1)), [], 0, 0
    for write in pending:
        if chance.random() >= share:
            lost += 1
        elif len(write.data) > SECTOR and chance.random() < 0.3:
            torn += 1
            kept += [Write(write.sector + n, write.data[n * SECTOR:(n + 1) * SECTOR])
                     for n in range(len(write.data) // SECTOR) if chance.random() < 0.5]
        else:
            kept.append(write)
    return kept, Loss(len(pending), lost, torn)


def entries(path):
    """Of the log, in its order, behind its first sector. A kill may leave a hole for a write that was not done, and
    the last one short."""
    with open(path, "rb") as log:
        log.seek(SECTOR)
        while True:
            head = log.read(SECTOR)
            if len(head) < SECTOR:
                return
            sector, count, flags, _ = struct.unpack_from("<QQQQ", head)
            data = log.read(count * SECTOR)
            if len(data) == count * SECTOR:
                yield flags, Write(sector, data)
