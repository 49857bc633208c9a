"""Images made of snapshots and of other images; lifecycle.py makes those of instances."""

import re

from . import keys
from .errors import Refused
from .images import available, find_image
from .registry import operation
from .snapshots import copy_limit, copy_of, may_read
from .world import Image, new_id, tags_for

tagged = ("image", "snapshot")
name_allowed = re.compile(r"[A-Za-z0-9()\[\] ./\-'@_]{3,128}\Z")


def put_image(call, params, image_id, **what):
    """A new image of the caller's: pending for a while, and not found at once."""
    world = call.world
    image = Image(
        id=image_id,
        region=call.region,
        owner=call.account,
        name=params["Name"],
        created=world.now(),
        ready_at=world.pending_until(),
        visible_at=world.seen_from(),
        **what,
    )
    call.here.images[image_id] = image
    return image


def check_name(call, name):
    """CreateImage and RegisterImage refuse a name that the account has in this region; CopyImage does not."""
    check_letters(name)
    for image in call.here.images.values():
        if image.owner == call.account and image.name == name:
            raise Refused(
                "InvalidAMIName.Duplicate",
                f"AMI name {name} is already in use by AMI {image.id}",
            )


def check_letters(name):
    if not name_allowed.match(name):
        raise Refused(
            "InvalidAMIName.Malformed",
            "AMI names must be between 3 and 128 characters long, and may contain letters, numbers, "
            "'(', ')', '.', '-', '/', '[', ']', ''', '@' and '_'",
        )


@operation("ec2", "RegisterImage")
def register_image(call, params):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RegisterImage.html"""
    check_name(call, params["Name"])
    root = params.get("RootDeviceName")
    if not root or params.get("ImageLocation"):
        raise Refused(
            "InvalidRequest", "The stand-in registers images that are backed by EBS alone: RootDeviceName is needed"
        )
    devices = []
    for one in params.get("BlockDeviceMappings", []):
        device = dict(one)
        if "Ebs" in one:
            device["Ebs"] = registered_ebs(call, one["Ebs"])
        devices.append(device)
    if not any(one["DeviceName"] == root and one.get("Ebs", {}).get("SnapshotId") for one in devices):
        raise Refused("InvalidBlockDeviceMapping", "Snapshot Ids for EBS root volumes are required.")
    kept = (
        "Description",
        "EnaSupport",
        "SriovNetSupport",
        "VirtualizationType",
        "BootMode",
        "TpmSupport",
        "ImdsSupport",
        "UefiData",
    )
    more = {"VirtualizationType": "paravirtual", **{key: params[key] for key in kept if key in params}}
    if more["VirtualizationType"] == "paravirtual" and more.get("EnaSupport"):
        raise Refused("InvalidParameterCombination", "Enhanced networking is supported for HVM images alone")
    image = put_image(
        call,
        params,
        new_id("ami"),
        architecture=params.get("Architecture", "i386"),
        root_device_name=root,
        devices=devices,
        more=more,
        tags=tags_for("image", params, ("image",)),
    )
    return {"ImageId": image.id}


def registered_ebs(call, given):
    device = {"DeleteOnTermination": True, "VolumeType": "gp2", **given}
    if "SnapshotId" not in given:
        return device
    if "Encrypted" in given or "KmsKeyId" in given:
        raise Refused(
            "InvalidBlockDeviceMapping", "the encrypted flag cannot be specified since device has a snapshot specified."
        )
    snapshot = call.here.snapshots.get(given["SnapshotId"])
    if snapshot is None or not may_read(call, snapshot):
        raise Refused("InvalidSnapshot.NotFound", f"The snapshot '{given['SnapshotId']}' does not exist.")
    if snapshot.state(call.world.now()) != "completed":
        raise Refused("InvalidSnapshot.NotCompleted", f"The snapshot '{snapshot.id}' is not completed.")
    if given.get("VolumeSize", snapshot.gib) < snapshot.gib:
        raise Refused(
            "InvalidBlockDeviceMapping",
            f"Volume of size {given['VolumeSize']}GB is smaller than snapshot '{snapshot.id}', expect size >= {snapshot.gib}GB",
        )
    return {"VolumeSize": snapshot.gib, **device}


@operation("ec2", "CopyImage")
def copy_image(call, params):
    return call.world.once(call, params, lambda: copied_image(call, params))


def copied_image(call, params):
    """A duplicate name is no error here: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/CopyingAMIs.html"""
    world = call.world
    check_letters(params["Name"])
    there = world.regions.get(params["SourceRegion"])
    if there is None:
        raise Refused(
            "InvalidParameterValue", f"Value ({params['SourceRegion']}) for parameter sourceRegion is invalid."
        )
    source = find_image(call.elsewhere(there), params["SourceImageId"])
    available(call, source)
    snapshots = [there.snapshots[one] for one in source.snapshot_ids()]
    if source.owner != call.account and not all(may_read(call, one) for one in snapshots):
        raise Refused("InvalidRequest", "You do not have permission to access the storage of this ami")
    if source.product_codes and source.owner != call.account:
        raise Refused("InvalidRequest", "Images with EC2 BillingProduct codes cannot be copied to another AWS account")
    copy_limit(call, len(snapshots))
    image_tags = tags_for("image", params, tagged)
    if params.get("CopyImageTags"):
        kept = source.tags if source.owner == call.account else {}
        image_tags = {**kept, **image_tags}
    image_id = new_id("ami")
    made, fails = {}, None
    for one in snapshots:
        encrypted, key, why = keys.outcome(world, call, one.key, params)
        text = f"Copied for DestinationAmi {image_id} from SourceAmi {source.id} for SourceSnapshot {one.id}."
        made[one.id] = copy_of(call, one, encrypted, key, why, text, tags_for("snapshot", params, tagged))
        made[one.id].minutes = params.get("SnapshotCopyCompletionDurationMinutes")
        fails = fails or why
    devices = []
    for one in source.devices:
        device = {**one, "Ebs": dict(one["Ebs"])} if "Ebs" in one else dict(one)
        if device.get("Ebs", {}).get("SnapshotId") in made:
            device["Ebs"]["SnapshotId"] = made[device["Ebs"]["SnapshotId"]].id
        devices.append(device)
    lost = ("ImageOwnerAlias", "PublicSsmParameterName", "Description", "SourceInstanceId")
    more = {key: value for key, value in source.more.items() if key not in lost}
    if params.get("Description"):
        more["Description"] = params["Description"]
    put_image(
        call,
        params,
        image_id,
        architecture=source.architecture,
        root_device_name=source.root_device_name,
        devices=devices,
        more=more,
        tags=image_tags,
        product_codes=list(source.product_codes),
        source=(source.id, there.name),
        fails=fails,
        watermarks=list(source.watermarks),
    )
    return {"ImageId": image_id}
