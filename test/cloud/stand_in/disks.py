"""Disk files. A snapshot's is never written to again; a volume's is an overlay that its machine writes to."""

import json
import os
import subprocess
from dataclasses import dataclass

gibibyte = 2**30


@dataclass(frozen=True)
class Disk:
    path: str
    format: str


class Disks:
    """All below one folder, which whoever started us removes."""

    def __init__(self, folder):
        self.made = 0
        self.move_to(folder)

    def move_to(self, folder):
        """What is made from now on is there; what there is stays where it is."""
        self.folder = os.path.join(folder, "disks")
        os.makedirs(self.folder, mode=0o700, exist_ok=True)

    def fresh(self, name, ending):
        self.made += 1
        return os.path.join(self.folder, f"{name}-{self.made}.{ending}")

    def run(self, *argv):
        done = subprocess.run(["qemu-img", *argv], capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise RuntimeError(f"qemu-img {argv[0]}: {done.stderr.strip()}")
        return done.stdout

    def given(self, path):
        """(the disk, its size in GiB rounded up) of a file that stays where it is."""
        # -U: a file that a machine of another process has open can be described too.
        info = json.loads(self.run("info", "-U", "--output=json", path))
        return Disk(path, info["format"]), -(-info["virtual-size"] // gibibyte)

    def overlay(self, disk, name, gib):
        path = self.fresh(name, "qcow2")
        # -u: the size is known, and a running machine may have the file below open.
        self.run("create", "-q", "-u", "-f", "qcow2", "-F", disk.format, "-b", disk.path, path, f"{gib}G")
        return Disk(path, "qcow2")

    def raw(self, disk, name):
        """The same as a sparse raw file, of which blocks can be read."""
        if disk.format == "raw":
            return disk
        path = self.fresh(name, "raw")
        self.run("convert", "-U", "-O", "raw", disk.path, path)
        return Disk(path, "raw")

    def empty(self, name, gib):
        path = self.fresh(name, "raw")
        with open(path, "wb") as file:
            file.truncate(gib * gibibyte)
        return Disk(path, "raw")

    def remove(self, disk):
        if disk is not None and disk.path.startswith(self.folder):
            os.unlink(disk.path)
