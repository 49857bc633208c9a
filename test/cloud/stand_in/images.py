"""Images: what is seen by whom, and how they come and go."""

import re
from datetime import timedelta

from .answers import filtered, page
from .errors import Refused, not_found
from .registry import operation
from .world import stamp, tag_list


def is_seen(world, image, account):
    """
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/sharing-amis.html; a new one only after a while:
    https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
    """
    now = world.now()
    if now < image.visible_at or not world.may_launch(image, account):
        return False
    return image.owner == account or image.state(now) == "available"


def is_public(image):
    return ("Group", "all") in image.permissions


def is_deprecated(world, image):
    return image.deprecate_at is not None and image.deprecate_at <= world.now()


def find_image(call, image_id):
    """@throws Refused: malformed, unknown, or somebody else's and not shared"""
    if not re.fullmatch(r"ami-[0-9a-f]{8}([0-9a-f]{9})?", image_id):
        raise Refused("InvalidAMIID.Malformed", f'Invalid id: "{image_id}" (expecting "ami-...")')
    image = call.here.images.get(image_id)
    if image is None or not is_seen(call.world, image, call.account):
        raise not_found("AMI", image_id)
    return image


def own_image(call, image_id):
    image = find_image(call, image_id)
    if image.owner != call.account:
        raise Refused("AuthFailure", f"Not authorized for image:{image_id}", 403)
    return image


def available(call, image):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html (InvalidAMIID.Unavailable)"""
    state = image.state(call.world.now())
    if state != "available":
        raise Refused(
            "InvalidAMIID.Unavailable", f"The image ID '{image.id}' is not available: it is currently {state}."
        )
    return image


def told_devices(call, image):
    told = []
    for one in image.devices:
        device = {key: value for key, value in one.items() if key != "Ebs"}
        ebs = one.get("Ebs")
        if ebs is not None:
            snapshot = call.here.snapshots.get(ebs.get("SnapshotId"))
            device["Ebs"] = {**ebs, "Encrypted": bool(snapshot and snapshot.encrypted)}
        told.append(device)
    return told


def told_image(call, image):
    now = call.world.now()
    protection = {None: "disabled", "with": "enabled-with-cooldown", "without": "enabled-without-cooldown"}[
        image.protection
    ]
    told = {
        "ImageId": image.id,
        "Name": image.name,
        "OwnerId": image.owner,
        "ImageLocation": f"{image.more.get('ImageOwnerAlias') or image.owner}/{image.name}",
        "State": image.state(now),
        "CreationDate": stamp(image.created),
        "Public": is_public(image),
        "Architecture": image.architecture,
        "ImageType": "machine",
        "Hypervisor": "xen",
        "RootDeviceType": "ebs",
        "RootDeviceName": image.root_device_name,
        "VirtualizationType": "hvm",
        "PlatformDetails": "Linux/UNIX",
        "UsageOperation": "RunInstances",
        "BlockDeviceMappings": told_devices(call, image)
        if image.state(now) != "pending" or image.owner == call.account
        else [],
        "DeregistrationProtection": protection,
        "ImageAllowed": True,
        **{key: value for key, value in image.more.items() if key != "UefiData"},
    }
    if image.product_codes:
        told["ProductCodes"] = image.product_codes
    if image.source:
        told["SourceImageId"], told["SourceImageRegion"] = image.source
    if image.deprecate_at:
        told["DeprecationTime"] = stamp(image.deprecate_at)
    if image.launched and image.owner == call.account:
        told["LastLaunchedTime"] = stamp(image.launched)
    if image.fails and image.state(now) == "failed":
        told["StateReason"] = {"Code": "Client.InvalidParameterValue", "Message": image.fails}
    if image.watermarks:
        told["ImageWatermarks"] = image.watermarks
    # Tags are their owner's alone:
    # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/share-amis-with-organizations-and-OUs.html
    if image.owner == call.account and image.tags:
        told["Tags"] = tag_list(image.tags)
    return told


def ebs(name):
    return lambda image: [one["Ebs"].get(name) for one in image.devices if "Ebs" in one]


def fields(call):
    """How DescribeImages' filters read an image."""
    more = lambda name, default=None: lambda image: image.more.get(name, default)  # noqa: E731
    return {
        "architecture": lambda image: image.architecture,
        "block-device-mapping.delete-on-termination": ebs("DeleteOnTermination"),
        "block-device-mapping.device-name": lambda image: [one["DeviceName"] for one in image.devices],
        "block-device-mapping.encrypted": lambda image: [
            one["Ebs"]["Encrypted"] for one in told_devices(call, image) if "Ebs" in one
        ],
        "block-device-mapping.snapshot-id": ebs("SnapshotId"),
        "block-device-mapping.volume-size": ebs("VolumeSize"),
        "block-device-mapping.volume-type": ebs("VolumeType"),
        "boot-mode": more("BootMode"),
        "creation-date": lambda image: stamp(image.created),
        "description": more("Description"),
        "ena-support": more("EnaSupport", False),
        "hypervisor": lambda image: "xen",
        "image-id": lambda image: image.id,
        "image-type": lambda image: "machine",
        "is-public": is_public,
        "manifest-location": lambda image: told_image(call, image)["ImageLocation"],
        "name": lambda image: image.name,
        "owner-alias": more("ImageOwnerAlias"),
        "owner-id": lambda image: image.owner,
        "platform": more("Platform", ""),
        "product-code": lambda image: [one["ProductCodeId"] for one in image.product_codes],
        "product-code.type": lambda image: [one["ProductCodeType"] for one in image.product_codes],
        "public-ssm-parameter-name": more("PublicSsmParameterName"),
        "root-device-name": lambda image: image.root_device_name,
        "root-device-type": lambda image: "ebs",
        "source-image-id": lambda image: image.source and image.source[0],
        "source-image-region": lambda image: image.source and image.source[1],
        "source-instance-id": more("SourceInstanceId"),
        "sriov-net-support": more("SriovNetSupport"),
        "state": lambda image: image.state(call.world.now()),
        "state-reason-message": lambda image: told_image(call, image).get("StateReason", {}).get("Message"),
        "virtualization-type": lambda image: image.more.get("VirtualizationType", "hvm"),
    }


def is_owned(call, image, owners):
    alias = image.more.get("ImageOwnerAlias")
    return any(one in (image.owner, alias) or (one == "self" and image.owner == call.account) for one in owners)


def is_executable(call, image, users):
    """
    Explicit launch permissions alone; those by organization count for the account that asks, not for another that it names.
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeImages.html (ExecutableUsers)
    """
    for user in users:
        if user == "all" and is_public(image):
            return True
        own = user in ("self", call.account)
        if ("UserId", call.account if own else user) in image.permissions:
            return True
        if own and image.permissions & call.world.groups_of(call.account):
            return True
    return False


@operation("ec2", "DescribeImages")
def describe_images(call, params):
    """
    What is deprecated or disabled is left out unless it is asked for.
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ami-deprecate.html, .../disable-an-ami.html
    """
    world, asked = call.world, params.get("ImageIds")
    if asked:
        found = [find_image(call, one) for one in dict.fromkeys(asked)]
    else:
        found = [one for one in call.here.images.values() if is_seen(world, one, call.account)]
        if not params.get("IncludeDeprecated"):
            found = [one for one in found if one.owner == call.account or not is_deprecated(world, one)]
    if not params.get("IncludeDisabled"):
        found = [one for one in found if not one.disabled]
    if params.get("Owners"):
        found = [one for one in found if is_owned(call, one, params["Owners"])]
    if params.get("ExecutableUsers"):
        found = [one for one in found if is_executable(call, one, params["ExecutableUsers"])]
    found = filtered(call, found, params, fields(call), lambda image: image.tags if image.owner == call.account else {})
    shown, token = page(call, found, params)
    return {"Images": [told_image(call, one) for one in shown], "NextToken": token}


@operation("ec2", "DeregisterImage")
def deregister_image(call, params):
    """
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeregisterImage.html and https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ami-deregistration-protection.html
    """
    image = own_image(call, params["ImageId"])
    now = call.world.now()
    if image.protection or (image.protected_until and now < image.protected_until):
        raise Refused(
            "OperationNotPermitted",
            f"The image {image.id} is protected from deregistration. Disable deregistration protection and, where it has "
            "a cooldown, wait 24 hours.",
        )
    del call.here.images[image.id]
    results = []
    if params.get("DeleteAssociatedSnapshots"):
        for snapshot_id in image.snapshot_ids():
            if any(snapshot_id in one.snapshot_ids() for one in call.here.images.values()):
                results.append({"SnapshotId": snapshot_id, "ReturnCode": "skipped"})
            else:
                call.here.snapshots.pop(snapshot_id, None)
                results.append({"SnapshotId": snapshot_id, "ReturnCode": "success"})
    return {"Return": True, "DeleteSnapshotResults": results}


def is_verified(image):
    return image.more.get("ImageOwnerAlias") in ("amazon", "aws-marketplace") and is_public(image)


@operation("ec2", "GetImageAncestry")
def get_image_ancestry(call, params):
    """From the image back to a public one of a verified provider, or the first that can still be told of: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ami-ancestry.html"""
    image, entries = find_image(call, params["ImageId"]), []
    while image is not None:
        entry = {
            "CreationDate": image.created,
            "ImageId": image.id,
            "ImageOwnerAlias": image.more.get("ImageOwnerAlias"),
        }
        source = None
        if image.source:
            entry["SourceImageId"], entry["SourceImageRegion"] = image.source
            source = call.world.regions[image.source[1]].images.get(image.source[0])
        entries.append(entry)
        if len(entries) == 50 or is_verified(image):
            break
        image = source
    return {"ImageAncestryEntries": entries}


def years(count):
    return timedelta(days=365 * count)
