"""What can be done to an instance: stop, start, reboot, terminate, change it, and make an image of it."""

import base64

from .errors import Refused
from .image_making import check_name, put_image, tagged
from .instances import find_instance, told_state
from .registry import operation
from .snapshots import snapshot_of
from .world import new_id, tags_for


def changed(call, params, work, between=None):
    """
    The changes of state once `work` was done to each instance; none is touched if one of the ids is wrong. The answer is always
    the state `between`, as at AWS, even where it lasts no time here.
    """
    instances = [find_instance(call, one) for one in params["InstanceIds"]]
    told = []
    for instance in instances:
        before = instance.state
        work(instance, before)
        now = between if between and instance.state != before else instance.state
        told.append({"InstanceId": instance.id, "PreviousState": told_state(before), "CurrentState": told_state(now)})
    return told


def wrong_state(instance, state, doing):
    return Refused(
        "IncorrectInstanceState",
        f"The instance '{instance.id}' is not in a state from which it can be {doing}: it is {state}.",
    )


@operation("ec2", "StopInstances")
def stop_instances(call, params):
    def work(instance, state):
        if state in ("stopped", "stopping"):
            return
        if state != "running":
            raise wrong_state(instance, state, "stopped")
        call.machines.stop(instance, params.get("Force", False))

    return {"StoppingInstances": changed(call, params, work, "stopping")}


@operation("ec2", "StartInstances")
def start_instances(call, params):
    def work(instance, state):
        if state in ("running", "pending"):
            return
        if state != "stopped":
            raise wrong_state(instance, state, "started")
        instance.reason = None
        instance.become("pending", call.world.now())
        call.machines.start(instance)

    return {"StartingInstances": changed(call, params, work, "pending")}


@operation("ec2", "RebootInstances")
def reboot_instances(call, params):
    def work(instance, state):
        if state != "running":
            raise wrong_state(instance, state, "rebooted")
        call.machines.reboot(instance)

    changed(call, params, work)
    return {}


@operation("ec2", "TerminateInstances")
def terminate_instances(call, params):
    """https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_ChangingDisableAPITermination.html"""
    for one in params["InstanceIds"]:
        if find_instance(call, one).protected:
            raise Refused(
                "OperationNotPermitted",
                f"The instance '{one}' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.",
            )

    def work(instance, state):
        if state not in ("terminated", "shutting-down"):
            call.machines.terminate(instance)

    return {"TerminatingInstances": changed(call, params, work, "shutting-down")}


@operation("ec2", "CreateImage")
def create_image(call, params):
    """It has no client token; a name that is taken is what tells a second try. The disk is the instance's own."""
    world, instance = call.world, find_instance(call, params["InstanceId"])
    check_name(call, params["Name"])
    if instance.state not in ("running", "stopped"):
        raise wrong_state(instance, instance.state, "imaged")
    if params.get("BootModeOverride") and instance.firmware != "uefi":
        raise Refused("InvalidParameterCombination", "The instance is not booted by UEFI.")
    image_id = new_id("ami")
    tags = {kind: tags_for(kind, params, tagged) for kind in tagged}
    overrides = {one["DeviceName"]: one for one in params.get("BlockDeviceMappings", [])}
    devices, pairs = [], []
    for device, volume_id in sorted(instance.volumes.items()):
        asked = overrides.get(device, {})
        if "NoDevice" in asked:
            continue
        if set(asked.get("Ebs", {})) - {"DeleteOnTermination", "SnapshotId"}:
            raise Refused(
                "InvalidBlockDeviceMapping",
                "Only DeleteOnTermination can be changed for a device that the instance has.",
            )
        volume = call.here.volumes[volume_id]
        snapshot = snapshot_of(
            call, volume, f"Created by CreateImage({instance.id}) for {image_id}", dict(tags["snapshot"])
        )
        ebs = {
            "DeleteOnTermination": asked.get("Ebs", {}).get("DeleteOnTermination", volume.delete_on_termination),
            "SnapshotId": snapshot.id,
            "VolumeSize": volume.gib,
            "VolumeType": volume.type,
        }
        ebs |= {
            name: value
            for name, value in (("Iops", volume.iops), ("Throughput", volume.throughput))
            if value is not None
        }
        devices.append({"DeviceName": device, "Ebs": ebs})
        pairs.append((volume, snapshot))
    more = {name: value for name, value in instance.more.items() if name != "Description"}
    more["SourceInstanceId"] = instance.id
    if params.get("Description"):
        more["Description"] = params["Description"]
    if params.get("BootModeOverride"):
        more["BootMode"] = params["BootModeOverride"]
    image = put_image(
        call,
        params,
        image_id,
        architecture=instance.architecture,
        root_device_name=instance.root_device,
        devices=devices,
        more=more,
        tags=tags["image"],
        product_codes=list(instance.product_codes),
        source=(instance.image_id, instance.region),
        watermarks=list(instance.watermarks),
    )
    take_disks(call, params, instance, image, pairs)
    return {"ImageId": image_id}


def take_disks(call, params, instance, image, pairs):
    """Now, or once the machine is down; until then image and snapshots are pending."""
    world, machines = call.world, call.machines

    def freeze():
        for volume, snapshot in pairs:
            snapshot.disk = machines.freeze(volume)
            snapshot.ready_at = world.pending_until()
        image.ready_at = world.pending_until()

    if params.get("NoReboot") or instance.id not in machines.running:
        freeze()
        return
    never = image.ready_at.replace(year=9999)
    image.ready_at = never
    for _, snapshot in pairs:
        snapshot.ready_at = never
    machines.while_down(instance, freeze)


@operation("ec2", "ModifyInstanceMetadataOptions")
def modify_metadata_options(call, params):
    instance = find_instance(call, params["InstanceId"])
    given = {key: value for key, value in params.items() if key not in ("InstanceId", "DryRun")}
    instance.metadata = {**instance.metadata, **given, "State": "applied"}
    return {"InstanceId": instance.id, "InstanceMetadataOptions": instance.metadata}


@operation("ec2", "DescribeInstanceAttribute")
def describe_instance_attribute(call, params):
    instance, asked = find_instance(call, params["InstanceId"]), params["Attribute"]
    answers = {
        "userData": (
            "UserData",
            {"Value": base64.b64encode(instance.user_data).decode()} if instance.user_data else {},
        ),
        "instanceType": ("InstanceType", {"Value": instance.type}),
        "disableApiTermination": ("DisableApiTermination", {"Value": instance.protected}),
        "instanceInitiatedShutdownBehavior": ("InstanceInitiatedShutdownBehavior", {"Value": instance.on_shutdown}),
        "rootDeviceName": ("RootDeviceName", {"Value": instance.root_device}),
        "enaSupport": ("EnaSupport", {"Value": instance.more.get("EnaSupport", False)}),
    }
    if asked not in answers:
        raise Refused("InvalidParameterValue", f"The attribute '{asked}' is not answered by this stand-in")
    name, value = answers[asked]
    return {"InstanceId": instance.id, name: value}


@operation("ec2", "ModifyInstanceAttribute")
def modify_instance_attribute(call, params):
    instance = find_instance(call, params["InstanceId"])
    known = {
        "InstanceId",
        "DryRun",
        "DisableApiTermination",
        "InstanceInitiatedShutdownBehavior",
        "EnaSupport",
        "InstanceType",
    }
    if set(params) - known:
        raise Refused("InvalidParameterValue", f"{sorted(set(params) - known)[0]} can't be changed in this stand-in")
    if "DisableApiTermination" in params:
        instance.protected = params["DisableApiTermination"].get("Value", False)
    if "InstanceInitiatedShutdownBehavior" in params:
        instance.on_shutdown = params["InstanceInitiatedShutdownBehavior"]["Value"]
    if "EnaSupport" in params or "InstanceType" in params:
        if instance.state != "stopped":
            raise Refused("IncorrectInstanceState", f"The instance '{instance.id}' is not in the 'stopped' state.")
        if "EnaSupport" in params:
            instance.more["EnaSupport"] = params["EnaSupport"].get("Value", False)
        instance.type = params.get("InstanceType", {}).get("Value", instance.type)
    return {}
