"""Which machine runs for which instance, and what becomes of an instance when its machine comes up or ends."""

import os
import threading

from .machines import Machine
from .metadata_tree import described

shutdown_seconds = 60


class Hosting:
    """
    Starts and ends machines in threads of its own. An instance whose image has no disk is never started for real: it walks
    through its states alone, which is enough for most tests.
    """

    def __init__(self, world, disks):
        self.world = world
        self.disks = disks
        self.running = {}
        self.starts = 0

    def later(self, work):
        threading.Thread(target=work, daemon=True).start()

    def volumes(self, instance):
        here = self.world.regions[instance.region].volumes
        root_first = sorted(instance.volumes, key=lambda device: (device != instance.root_device, device))
        return [here[instance.volumes[device]] for device in root_first]

    def start(self, instance):
        """Under the lock. The instance is pending, and comes up by itself."""
        self.take_address(instance)
        instance.launched = self.world.now()
        drives = [(one.disk, one.id) for one in self.volumes(instance) if one.disk is not None]
        if not drives:
            instance.become("running", self.world.pending_until())
            return
        self.starts += 1
        folder = os.path.join(self.world.folder, "machines", str(self.starts))
        port = self.world.settings["sshPort"]
        machine = Machine(
            folder,
            instance,
            drives,
            lambda: described(self.world, instance),
            lambda code, machine: self.ended(instance, code, machine),
            port,
        )
        self.running[instance.id] = machine
        instance.console = machine.console

        def work():
            try:
                machine.start()
            except OSError as cause:
                self.failed(instance, str(cause))
                return
            with self.world.lock:
                if instance.state == "pending" and machine.is_running():
                    instance.become("running", self.world.pending_until())

        self.later(work)

    def take_address(self, instance):
        """127.x.y.n on the loopback, each instance its own; the network part is this stand-in's."""
        taken = {one.address for region in self.world.regions.values() for one in region.instances.values()}
        instance.address = next(
            one for one in (f"{self.world.address_prefix}.{n}" for n in range(2, 255)) if one not in taken
        )

    def failed(self, instance, why):
        with self.world.lock:
            instance.reason = ("Server.InternalError", f"Server.InternalError: {why}")
            self.give_up(instance)

    def give_up(self, instance):
        """Under the lock: the instance is gone for good, and so are the volumes that go with it."""
        self.running.pop(instance.id, None)
        here = self.world.regions[instance.region].volumes
        for volume in self.volumes(instance):
            volume.instance_id = None
            if volume.delete_on_termination:
                del here[volume.id]
                self.disks.remove(volume.disk)
        instance.volumes = {}
        instance.address = None
        instance.become("terminated", self.world.now())

    def ended(self, instance, code, machine):
        """The machine ended, and not because we wanted it to."""
        with self.world.lock:
            self.running.pop(instance.id, None)
            if instance.state in ("terminated", "shutting-down"):
                return
            if code == 0 and machine.goes_on:
                self.start_again(instance, machine)
                return
            if code != 0:
                instance.reason = (
                    "Server.InternalError",
                    f"Server.InternalError: QEMU ended with {code}: {machine.complaint()}",
                )
                self.give_up(instance)
                return
            instance.reason = (
                "Client.InstanceInitiatedShutdown",
                "Client.InstanceInitiatedShutdown: Instance initiated shutdown",
            )
            if instance.on_shutdown == "terminate":
                self.give_up(instance)
            else:
                instance.address = None
                instance.become("stopped", self.world.now())

    def stop(self, instance, force):
        """Under the lock. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Stop_Start.html"""
        instance.reason = ("Client.UserInitiatedShutdown", "Client.UserInitiatedShutdown: User initiated shutdown")
        instance.become("stopping", self.world.now())
        machine = self.running.pop(instance.id, None)

        def stopped():
            if instance.state != "stopping":
                return
            instance.address = None
            instance.become("stopped", self.world.pending_until() if machine is None else self.world.now())

        if machine is None:
            stopped()
            return

        def work():
            machine.power_down(0 if force else shutdown_seconds)
            with self.world.lock:
                stopped()

        self.later(work)

    def terminate(self, instance):
        """Under the lock."""
        instance.reason = ("Client.UserInitiatedShutdown", "Client.UserInitiatedShutdown: User initiated shutdown")
        machine = self.running.pop(instance.id, None)
        if machine is None:
            self.give_up(instance)
            return
        instance.become("shutting-down", self.world.now())

        def work():
            machine.power_down(0)
            with self.world.lock:
                self.give_up(instance)

        self.later(work)

    def reboot(self, instance):
        """Down and up again, with the same address: a warm reset of emulated firmware may never come back."""
        self.while_down(instance, lambda: None)

    def while_down(self, instance, work):
        """Under the lock: shuts the machine down, does the work, and starts it again; the instance is running all the time."""
        machine = self.running.get(instance.id)
        if machine is None:
            work()
            return

        def cycle():
            machine.power_down(shutdown_seconds)
            with self.world.lock:
                work()
                if self.running.get(instance.id) is not machine:
                    return
                self.start_again(instance, machine)

        self.later(cycle)

    def start_again(self, instance, before):
        """Under the lock: a new machine in place of the one before, which has ended."""
        self.starts += 1
        drives = [(one.disk, one.id) for one in self.volumes(instance) if one.disk is not None]
        folder = os.path.join(self.world.folder, "machines", str(self.starts))
        again = Machine(folder, instance, drives, before.metadata.describe, before.ended, before.ssh_port)
        self.running[instance.id] = again
        instance.console = again.console
        again.start()

    def freeze(self, volume):
        """Under the lock: what the volume holds now, as a disk that nobody writes to any more; it goes on above it."""
        if volume.disk is None:
            return None
        frozen, volume.disk = volume.disk, self.disks.overlay(volume.disk, volume.id, volume.gib)
        machine = self.running.get(volume.instance_id)
        if machine is not None and machine.is_running():
            index = next(n for n, (_, one) in enumerate(machine.drives) if one == volume.id)
            machine.move_to(index, volume.disk)
        return frozen
