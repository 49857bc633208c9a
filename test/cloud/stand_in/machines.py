"""The machines behind the instances: QEMU, an address of 127.0.0.0/8 with SSH, and a metadata service that the guest reaches."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time

from moto.ec2.models import ec2_backends

from .metadata import MetadataServer

relay = os.path.join(os.path.dirname(__file__), "metadata_relay.py")
memory_mib = {"nano": 512, "micro": 1024, "small": 2048, "medium": 4096}
guest_address = "169.254.10.15"
uefi_code = ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd")


def accelerator():
    """/dev/kvm opens on machines where guests hang: the processor's own word decides."""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        flags = file.read()
    virtual = any(flag in flags for flag in (" vmx", " svm"))
    return (
        ["-accel", "kvm", "-cpu", "host"]
        if virtual and os.access("/dev/kvm", os.W_OK)
        else ["-accel", "tcg", "-cpu", "max"]
    )


def quoted(text):
    """A comma ends an option of QEMU, unless it is doubled."""
    return text.replace(",", ",,")


def opened_ports(instance, least):
    """TCP ports beside SSH's that a rule of the instance's groups names one by one, as far as a user may have such a port here."""
    known = ec2_backends[instance.owner][instance.region].groups.get(instance.vpc_id, {})
    rules = [rule for one, _ in instance.groups if one in known for rule in known[one].ingress_rules]
    single = {int(rule.from_port) for rule in rules if rule.ip_protocol == "tcp" and rule.from_port == rule.to_port}
    return sorted(port for port in single if port >= least and port != 22)


def least_port():
    if os.geteuid() == 0:
        return 1
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii") as file:
        return int(file.read())


class Machine:
    """One run of QEMU. Made anew for each start of its instance."""

    def __init__(self, folder, instance, drives, describe, ended, ssh_port):
        self.folder = folder
        self.instance = instance
        self.drives = drives
        self.ended = ended
        self.wanted_end = False
        # Between the thread that starts it and one that ends it before it has come to that.
        self.gate = threading.Lock()
        self.ssh_port = ssh_port
        os.makedirs(folder, mode=0o700, exist_ok=True)
        self.console = os.path.join(folder, "console.log")
        self.monitor = os.path.join(folder, "qmp")
        self.events = os.path.join(folder, "events")
        # The guest asked to be started again when it ended.
        self.goes_on = False
        self.metadata = MetadataServer(os.path.join(folder, "imds"), describe)
        self.process = None
        # The node that each disk's guest writes to.
        self.nodes = [f"disk{index}" for index in range(len(drives))]

    def command(self):
        instance = self.instance
        uuid = (
            f"ec2{instance.id[2:7]}-{instance.id[7:11]}-4{instance.id[11:14]}-8{instance.id[14:17]}-{instance.id[3:15]}"
        )
        size = memory_mib.get(instance.type.split(".")[-1], 4096)
        command = [
            "qemu-system-x86_64", "-M", "q35", *accelerator(), "-smp", "2", "-m", str(min(size, 2048)),
            "-display", "none", "-nodefaults", "-serial", f"file:{quoted(self.console)}",
            "-qmp", f"unix:{quoted(self.monitor)},server=on,wait=off",
            "-no-reboot", "-qmp", f"unix:{quoted(self.events)},server=on,wait=off",
            "-smbios", f"type=1,manufacturer=Amazon EC2,product={instance.type},uuid={uuid},serial={uuid}",
            "-smbios", "type=0,vendor=Amazon EC2,version=1.0",
            "-netdev", ",".join([
                "user", "id=n0", "net=169.254.0.0/16", "host=169.254.0.2", "dns=169.254.0.3", f"dhcpstart={guest_address}",
                f"hostfwd=tcp:{instance.address}:{self.ssh_port}-:22",
                *(f"hostfwd=tcp:{instance.address}:{port}-:{port}" for port in opened_ports(instance, least_port())),
                f"guestfwd=tcp:169.254.169.254:80-cmd:{quoted(f'{sys.executable} -I -S {relay} {self.metadata.path}')}",
            ]),
            "-device", f"virtio-net-pci,netdev=n0,mac={instance.mac}", "-device", "virtio-rng-pci",
        ]  # fmt: skip
        if instance.firmware == "uefi":
            code, variables = uefi_code
            command += ["-drive", f"if=pflash,format=raw,readonly=on,file={code}"]
            command += ["-drive", f"if=pflash,format=raw,snapshot=on,file={variables}"]
        for index, (disk, volume_id) in enumerate(self.drives):
            # Nobody needs these disks after a crash of the host: a flush would only cost time.
            file = f"file.driver=file,file.cache.no-flush=on,file.filename={quoted(disk.path)}"
            named = f"node-name=disk{index},driver=qcow2,discard=unmap,cache.no-flush=on,{file}"
            # The serial of an EBS volume is its id without the dash.
            command += [
                "-blockdev",
                named,
                "-device",
                f"virtio-blk-pci,drive=disk{index},serial={volume_id.replace('-', '')[:20]}",
            ]
        return command

    def start(self):
        """@throws OSError where QEMU can't be started; a QEMU that ends at once is told by `ended`"""
        with self.gate, open(os.path.join(self.folder, "qemu.log"), "ab") as log:
            if self.wanted_end:
                self.metadata.close()
                return
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        threading.Thread(target=self.watch, daemon=True).start()
        if "tcg" in self.process.args:
            threading.Thread(target=self.watch_kernel, daemon=True).start()

    def hear(self):
        """Hears of how the guest ends, until it has: a reboot ends QEMU too, for a warm reset of emulated firmware may never come back."""
        with self.link(self.events) as link, link.makefile("rw", encoding="utf-8") as stream:
            stream.write('{"execute": "qmp_capabilities"}\n')
            stream.flush()
            for line in stream:
                said = json.loads(line)
                if said.get("event") == "SHUTDOWN":
                    self.goes_on = said["data"].get("reason") in ("guest-reset", "host-qmp-system-reset")

    def watch_kernel(self):
        """An emulated kernel stops now and then, where a real one would not: its instance is started again, but once."""
        while self.is_running():
            time.sleep(2)
            with contextlib.suppress(OSError, RuntimeError), open(self.console, "rb") as file:
                if b"Kernel panic - not syncing" not in file.read():
                    continue
                if not getattr(self.instance, "has_panicked", False):
                    self.instance.has_panicked = True
                    self.ask("system_reset")
                return

    def watch(self):
        try:
            self.hear()
        except (OSError, ValueError):
            pass  # QEMU was ended before it spoke, or while it did
        code = self.process.wait()
        self.metadata.close()
        if not self.wanted_end:
            self.ended(code, self)

    def complaint(self):
        with open(os.path.join(self.folder, "qemu.log"), encoding="utf-8", errors="replace") as file:
            return file.read()[-500:].strip()

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def link(self, path):
        """A connection with a socket of QEMU's, once it has it. @throws OSError"""
        deadline = time.monotonic() + 15
        while True:
            try:
                link = socket.socket(socket.AF_UNIX)
                link.connect(path)
                return link
            except OSError:
                link.close()
                if time.monotonic() > deadline or not self.is_running():
                    raise
                time.sleep(0.1)

    def ask(self, command, **arguments):
        """One command over QMP. @throws OSError, RuntimeError"""
        with self.link(self.monitor) as link, link.makefile("rw", encoding="utf-8") as stream:
            stream.readline()
            for asked in ({"execute": "qmp_capabilities"}, {"execute": command, "arguments": arguments}):
                stream.write(json.dumps(asked) + "\n")
                stream.flush()
                while True:
                    said = json.loads(stream.readline() or '{"error": {"desc": "the machine is gone"}}')
                    if "event" not in said:
                        break
                if "error" in said:
                    raise RuntimeError(f"{command}: {said['error'].get('desc')}")
            return said["return"]

    def power_down(self, seconds):
        """As the button does: the guest shuts itself down; after `seconds` it is cut off."""
        with self.gate:
            self.wanted_end = True
        deadline = time.monotonic() + seconds
        pressed = 0.0
        while self.is_running() and time.monotonic() < deadline:
            # A guest that has not come up yet does not hear it the first time.
            if time.monotonic() - pressed > 10:
                pressed = time.monotonic()
                try:
                    self.ask("system_powerdown")
                except (OSError, RuntimeError):
                    break
            time.sleep(0.1)
        self.cut()

    def cut(self):
        with self.gate:
            self.wanted_end = True
        if self.is_running():
            self.process.kill()
        if self.process is not None:
            self.process.wait()

    def move_to(self, index, overlay):
        """From now on the guest writes to `overlay`: what it wrote before stands still."""
        node = os.path.basename(overlay.path)
        cache = {"no-flush": True}
        file = {"driver": "file", "filename": overlay.path, "cache": cache}
        node_options = {"driver": "qcow2", "discard": "unmap", "cache": cache, "file": file, "backing": None}
        self.ask("blockdev-add", **{"node-name": node}, **node_options)
        self.ask("blockdev-snapshot", node=self.nodes[index], overlay=node)
        self.nodes[index] = node
