"""Who may use an image or a snapshot, and what an owner says about one."""

from datetime import timedelta, timezone

from . import keys
from .errors import Refused
from .images import available, find_image, is_public, own_image, years
from .registry import operation
from .snapshots import own_snapshot
from .world import stamp

kinds = ("UserId", "Group", "OrganizationArn", "OrganizationalUnitArn")
flat_names = {
    "UserIds": "UserId",
    "UserGroups": "Group",
    "GroupNames": "Group",
    "OrganizationArns": "OrganizationArn",
    "OrganizationalUnitArns": "OrganizationalUnitArn",
}
blocked_text = (
    "You can't publicly share this image because block public access for AMIs is enabled for this account. "
    "To publicly share the image, you must call the DisableImageBlockPublicAccess API."
)


def pairs(items):
    return {(kind, one[kind]) for one in items for kind in kinds if one.get(kind)}


def change(params, structure):
    """({added}, {removed}) of either way to ask: as a structure, or flat with an operation type."""
    given = params.get(structure, {})
    added, removed = pairs(given.get("Add", [])), pairs(given.get("Remove", []))
    flat = {(kind, value) for name, kind in flat_names.items() for value in params.get(name, [])}
    way = params.get("OperationType")
    # Packer's amazon plugin names the same users in both ways, without a type of operation: EC2 takes the structure then.
    if flat and not (way is None and (added or removed)):
        if way is None:
            raise Refused("MissingParameter", "The request must contain the parameter operationType")
        (added if way == "add" else removed).update(flat)
    return added, removed


def check_accounts(grants):
    for kind, value in grants:
        if kind == "UserId" and not (value.isdigit() and len(value) == 12):
            raise Refused(
                "InvalidAMIAttributeItemValue", f'Invalid attribute item value "{value}" for userId item type.'
            )


def told(permissions):
    return [{kind: value} for kind, value in sorted(permissions)]


def change_permissions(call, image, params):
    """
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/sharingamis-explicit.html, .../sharingamis-intro.html
    .../share-amis-with-organizations-and-OUs.html
    """
    available(call, image)
    added, removed = change(params, "LaunchPermission")
    check_accounts(added)
    snapshots = [call.here.snapshots[one] for one in image.snapshot_ids() if one in call.here.snapshots]
    if added and any(keys.is_managed(one.key) for one in snapshots):
        raise Refused(
            "InvalidParameter",
            "Snapshots encrypted with the AWS Managed CMK can't be shared. Specify another snapshot.",
        )
    if ("Group", "all") in added:
        if call.world.image_sharing_blocked.get((call.account, call.region), "block-new-sharing") != "unblocked":
            raise Refused("OperationNotPermitted", blocked_text)
        if any(one.encrypted for one in snapshots):
            raise Refused(
                "UnsupportedOperation", "Encrypted snapshots can't be shared publicly. Specify another snapshot."
            )
        if image.product_codes or image.watermarks:
            raise Refused("OperationNotPermitted", f"The image {image.id} can't be made public.")
        # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ami-deprecate.html (public AMIs)
        image.deprecate_at = image.deprecate_at or image.created + years(2)
    image.permissions = (image.permissions - removed) | added


@operation("ec2", "ModifyImageAttribute")
def modify_image_attribute(call, params):
    image = own_image(call, params["ImageId"])
    attribute = params.get("Attribute")
    value = params.get("Value")
    text = (
        params.get("Description", {}).get("Value")
        if attribute is None
        else value
        if attribute == "description"
        else None
    )
    imds = (
        params.get("ImdsSupport", {}).get("Value")
        if attribute is None
        else value
        if attribute == "imdsSupport"
        else None
    )
    asked = [
        one
        for one in (text, imds, params.get("LaunchPermission") or (attribute == "launchPermission") or None)
        if one is not None
    ]
    if not asked and any(params.get(name) for name in flat_names):
        asked = ["launchPermission"]
    if len(asked) != 1:
        raise Refused(
            "InvalidParameterCombination",
            "No attributes specified." if not asked else "Fields for multiple attribute types specified.",
        )
    if text is not None:
        image.more["Description"] = text
    elif imds is not None:
        if imds != "v2.0":
            raise Refused(
                "InvalidParameterValue",
                f"Value ({imds}) for parameter imdsSupport is invalid. It can't be undone once it is v2.0",
            )
        image.more["ImdsSupport"] = imds
    else:
        change_permissions(call, image, params)
    return {}


@operation("ec2", "DescribeImageAttribute")
def describe_image_attribute(call, params):
    attribute = params["Attribute"]
    image = find_image(call, params["ImageId"])
    if image.owner != call.account:
        raise Refused("AuthFailure", f"Not authorized for image:{image.id}", 403)
    names = {
        "description": "Description",
        "bootMode": "BootMode",
        "imdsSupport": "ImdsSupport",
        "tpmSupport": "TpmSupport",
        "uefiData": "UefiData",
        "sriovNetSupport": "SriovNetSupport",
    }
    answer = {"ImageId": image.id}
    if attribute == "launchPermission":
        answer["LaunchPermissions"] = told(image.permissions)
    elif attribute == "productCodes":
        answer["ProductCodes"] = image.product_codes
    elif attribute == "lastLaunchedTime":
        answer["LastLaunchedTime"] = {"Value": stamp(image.launched)} if image.launched else {}
    elif attribute == "deregistrationProtection":
        words = {None: "disabled", "with": "enabled-with-cooldown", "without": "enabled-without-cooldown"}
        answer["DeregistrationProtection"] = {"Value": words[image.protection]}
    elif attribute in names:
        value = image.more.get(names[attribute])
        answer[names[attribute]] = {"Value": value} if value else {}
    else:
        # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeImageAttribute.html (blockDeviceMapping)
        raise Refused("AuthFailure", "Unauthorized attempt to access restricted resource", 403)
    return answer


@operation("ec2", "ResetImageAttribute")
def reset_image_attribute(call, params):
    own_image(call, params["ImageId"]).permissions = set()
    return {}


@operation("ec2", "CancelImageLaunchPermission")
def cancel_image_launch_permission(call, params):
    image = find_image(call, params["ImageId"])
    image.permissions.discard(("UserId", call.account))
    return {"Return": True}


@operation("ec2", "DisableImage")
def disable_image(call, params):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisableImage.html"""
    image = available(call, own_image(call, params["ImageId"]))
    image.disabled, image.permissions = True, set()
    return {"Return": True}


@operation("ec2", "EnableImage")
def enable_image(call, params):
    """Whom it was shared with is not known any more."""
    image = own_image(call, params["ImageId"])
    image.disabled = False
    return {"Return": True}


@operation("ec2", "EnableImageDeprecation")
def enable_image_deprecation(call, params):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EnableImageDeprecation.html"""
    image, now = own_image(call, params["ImageId"]), call.world.now()
    moment = params["DeprecateAt"]
    moment = moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment
    latest = image.created + years(2) if is_public(image) else now + years(10)
    # Half a minute and more counts as the next minute.
    moment = (moment + timedelta(seconds=30)).replace(second=0, microsecond=0)
    if moment < now - timedelta(minutes=1) or moment > latest + timedelta(days=3):
        raise Refused(
            "InvalidParameterValue",
            f"Value ({stamp(moment)}) for parameter DeprecateAt is invalid. It is in the past or too far ahead.",
        )
    image.deprecate_at = moment
    return {"Return": True}


@operation("ec2", "DisableImageDeprecation")
def disable_image_deprecation(call, params):
    own_image(call, params["ImageId"]).deprecate_at = None
    return {"Return": True}


@operation("ec2", "EnableImageDeregistrationProtection")
def enable_protection(call, params):
    """https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ami-deregistration-protection.html"""
    image = own_image(call, params["ImageId"])
    image.protection = "with" if params.get("WithCooldown") else "without"
    return {"Return": "enabled-with-cooldown" if image.protection == "with" else "enabled-without-cooldown"}


@operation("ec2", "DisableImageDeregistrationProtection")
def disable_protection(call, params):
    image = own_image(call, params["ImageId"])
    if image.protection == "with":
        image.protected_until = call.world.now() + timedelta(hours=24)
    image.protection = None
    return {"Return": "disabled"}


@operation("ec2", "AttachImageWatermark")
def attach_watermark(call, params):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AttachImageWatermark.html"""
    image = own_image(call, params["ImageId"])
    if is_public(image):
        raise Refused("OperationNotPermitted", "Watermarks cannot be added to public AMIs.")
    key = f"{call.account}:{params['WatermarkName']}"
    if any(one["WatermarkKey"] == key for one in image.watermarks):
        return {"WatermarkKey": key}
    if len(image.watermarks) == 5:
        raise Refused("ResourceLimitExceeded", f"The image {image.id} has five watermarks, which is the most.")
    image.watermarks.append(
        {
            "WatermarkKey": key,
            "SourceImageId": image.id,
            "SourceImageRegion": image.region,
            "SourceImageCreationTime": image.created,
            "WatermarkCreationTime": call.world.now(),
        }
    )
    return {"WatermarkKey": key}


@operation("ec2", "DetachImageWatermark")
def detach_watermark(call, params):
    image = own_image(call, params["ImageId"])
    image.watermarks = [one for one in image.watermarks if one["WatermarkKey"] != params["WatermarkKey"]]
    return {"Return": True}


@operation("ec2", "ModifySnapshotAttribute")
def modify_snapshot_attribute(call, params):
    """https://docs.aws.amazon.com/ebs/latest/userguide/ebs-modifying-snapshot-permissions.html"""
    snapshot = own_snapshot(call, params["SnapshotId"])
    added, removed = change(params, "CreateVolumePermission")
    if added and removed:
        raise Refused("InvalidParameterCombination", "You cannot add and remove permissions in one operation.")
    if not added and not removed:
        raise Refused("InvalidParameterCombination", "No attributes specified.")
    for kind, value in added:
        if kind == "UserId" and not (value.isdigit() and len(value) == 12):
            raise Refused("InvalidParameterValue", f"Value ({value}) for parameter userId is invalid.")
    if added and keys.is_managed(snapshot.key):
        raise Refused("OperationNotPermitted", "Encrypted snapshots with EBS default key cannot be shared")
    if ("Group", "all") in added:
        if snapshot.encrypted:
            raise Refused("OperationNotPermitted", "Encrypted snapshots cannot be made public")
        if call.world.snapshot_sharing_blocked.get((call.account, call.region), "unblocked") != "unblocked":
            raise Refused(
                "OperationNotPermitted",
                "You can't publicly share this snapshot because block public access for snapshots is enabled for this account.",
            )
    snapshot.permissions = (snapshot.permissions - removed) | added
    return {}


@operation("ec2", "DescribeSnapshotAttribute")
def describe_snapshot_attribute(call, params):
    snapshot = own_snapshot(call, params["SnapshotId"])
    if params["Attribute"] == "productCodes":
        return {"SnapshotId": snapshot.id, "ProductCodes": []}
    return {"SnapshotId": snapshot.id, "CreateVolumePermissions": told(snapshot.permissions)}


@operation("ec2", "ResetSnapshotAttribute")
def reset_snapshot_attribute(call, params):
    own_snapshot(call, params["SnapshotId"]).permissions = set()
    return {}


# Accounts made since 2023 have it on from the start: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/block-public-access-to-amis.html
@operation("ec2", "GetImageBlockPublicAccessState")
def image_sharing_state(call, params):
    state = call.world.image_sharing_blocked.get((call.account, call.region), "block-new-sharing")
    return {"ImageBlockPublicAccessState": state, "ManagedBy": "account"}


@operation("ec2", "EnableImageBlockPublicAccess")
def block_image_sharing(call, params):
    state = params["ImageBlockPublicAccessState"]
    call.world.image_sharing_blocked[(call.account, call.region)] = state
    return {"ImageBlockPublicAccessState": state}


@operation("ec2", "DisableImageBlockPublicAccess")
def unblock_image_sharing(call, params):
    call.world.image_sharing_blocked[(call.account, call.region)] = "unblocked"
    return {"ImageBlockPublicAccessState": "unblocked"}


@operation("ec2", "GetSnapshotBlockPublicAccessState")
def snapshot_sharing_state(call, params):
    """https://docs.aws.amazon.com/ebs/latest/userguide/block-public-access-snapshots.html"""
    return {
        "State": call.world.snapshot_sharing_blocked.get((call.account, call.region), "unblocked"),
        "ManagedBy": "account",
    }


@operation("ec2", "EnableSnapshotBlockPublicAccess")
def block_snapshot_sharing(call, params):
    if params["State"] == "unblocked":
        raise Refused("InvalidParameterValue", "Value (unblocked) for parameter State is invalid.")
    call.world.snapshot_sharing_blocked[(call.account, call.region)] = params["State"]
    return {"State": params["State"]}


@operation("ec2", "DisableSnapshotBlockPublicAccess")
def unblock_snapshot_sharing(call, params):
    call.world.snapshot_sharing_blocked[(call.account, call.region)] = "unblocked"
    return {"State": "unblocked"}
