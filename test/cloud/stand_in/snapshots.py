"""Snapshots and volumes. A snapshot's disk is a file that nothing writes to any more."""

import re
from copy import copy

from . import keys
from .answers import filtered, page
from .errors import Refused, not_found
from .registry import operation
from .world import Snapshot, Volume, new_id, tag_list, tags_for


def may_read(call, snapshot):
    """Whether the account may make volumes of it and read its blocks."""
    if snapshot.owner == call.account or ("UserId", call.account) in snapshot.permissions:
        return True
    hidden = call.world.snapshot_sharing_blocked.get((snapshot.owner, snapshot.region)) == "block-all-sharing"
    return ("Group", "all") in snapshot.permissions and not hidden


def known_snapshot(call, snapshot_id):
    """A snapshot of the region, whosever it is."""
    if not re.fullmatch(r"snap-[0-9a-f]{8}([0-9a-f]{9})?", snapshot_id):
        raise Refused("InvalidSnapshotID.Malformed", f'Invalid id: "{snapshot_id}" (expecting "snap-...")')
    snapshot = call.here.snapshots.get(snapshot_id)
    if snapshot is None or call.world.now() < snapshot.visible_at:
        raise not_found("Snapshot", snapshot_id)
    return snapshot


def find_snapshot(call, snapshot_id):
    snapshot = known_snapshot(call, snapshot_id)
    if not may_read(call, snapshot):
        raise not_found("Snapshot", snapshot_id)
    return snapshot


def own_snapshot(call, snapshot_id):
    snapshot = find_snapshot(call, snapshot_id)
    if snapshot.owner != call.account:
        raise Refused("AuthFailure", f"Not authorized for snapshot: {snapshot_id}", 403)
    return snapshot


def told_snapshot(call, snapshot):
    now = call.world.now()
    state = snapshot.state(now)
    told = {
        "SnapshotId": snapshot.id,
        "OwnerId": snapshot.owner,
        "VolumeId": snapshot.volume_id,
        "VolumeSize": snapshot.gib,
        "State": state,
        "Progress": "100%" if state == "completed" else "0%",
        "StartTime": snapshot.created,
        "Description": snapshot.description,
        "Encrypted": snapshot.encrypted,
        "StorageTier": "standard",
        "Tags": tag_list(snapshot.tags) if snapshot.owner == call.account else [],
    }
    if snapshot.key:
        told["KmsKeyId"] = snapshot.key
    if snapshot.owner_alias:
        told["OwnerAlias"] = snapshot.owner_alias
    if state == "completed":
        told["CompletionTime"] = snapshot.ready_at
    if state == "error":
        told["StateMessage"] = snapshot.fails
    if snapshot.is_copy:
        told["TransferType"] = "time-based" if snapshot.minutes else "standard"
        if snapshot.minutes:
            told["CompletionDurationMinutes"] = snapshot.minutes
    return told


fields = {
    "description": lambda one: one.description,
    "encrypted": lambda one: one.encrypted,
    "owner-alias": lambda one: one.owner_alias,
    "owner-id": lambda one: one.owner,
    "snapshot-id": lambda one: one.id,
    "storage-tier": lambda one: "standard",
    "volume-id": lambda one: one.volume_id,
    "volume-size": lambda one: one.gib,
    "start-time": lambda one: one.created.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
}


@operation("ec2", "DescribeSnapshots")
def describe_snapshots(call, params):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSnapshots.html"""
    if params.get("SnapshotIds"):
        # One that is not shared is left out; only an id that nobody has is an error.
        found = [one for one in (known_snapshot(call, one) for one in params["SnapshotIds"]) if may_read(call, one)]
    else:
        now = call.world.now()
        found = [one for one in call.here.snapshots.values() if may_read(call, one) and now >= one.visible_at]
    if params.get("OwnerIds"):
        wanted = [call.account if one == "self" else one for one in params["OwnerIds"]]
        found = [one for one in found if one.owner in wanted or one.owner_alias in wanted]
    users = params.get("RestorableByUserIds")
    if users:
        names = {
            ("Group", "all") if one == "all" else ("UserId", call.account if one == "self" else one) for one in users
        }
        own = ("UserId", call.account) in names
        found = [one for one in found if one.permissions & names or (own and one.owner == call.account)]
    with_state = {
        **fields,
        "status": lambda one: one.state(call.world.now()),
        "progress": lambda one: told_snapshot(call, one)["Progress"],
        "transfer-type": lambda one: told_snapshot(call, one).get("TransferType"),
    }
    found = filtered(call, found, params, with_state, lambda one: one.tags if one.owner == call.account else {})
    shown, token = page(call, found, params, most=1000, least=5, by_id="SnapshotIds")
    return {"Snapshots": [told_snapshot(call, one) for one in shown], "NextToken": token}


def copy_limit(call, more):
    """
    20 copies in progress to a region, not adjustable.
    https://docs.aws.amazon.com/ebs/latest/userguide/ebs-resource-quotas.html
    """
    now, most = call.world.now(), call.world.settings["copiesAtOnce"]
    pending = sum(
        1
        for one in call.here.snapshots.values()
        if one.owner == call.account and one.is_copy and one.state(now) == "pending"
    )
    if pending + more > most:
        raise Refused(
            "ResourceLimitExceeded",
            f"Too many snapshot copies in progress. The limit is {most} for this destination region.",
        )


def copy_of(call, source, encrypted, key, fails, description, tags):
    """A copy of a snapshot in the call's region and account: the same disk, for nothing writes to it."""
    made = copy(source)
    made.id, made.region, made.owner, made.owner_alias = new_id("snap"), call.region, call.account, None
    made.volume_id = "vol-ffffffff"
    made.created, made.ready_at, made.visible_at = call.world.now(), call.world.pending_until(), call.world.seen_from()
    made.encrypted, made.key, made.fails = encrypted, key, fails
    made.description, made.tags, made.permissions, made.is_copy, made.minutes = description, tags, set(), True, None
    call.here.snapshots[made.id] = made
    return made


@operation("ec2", "CopySnapshot")
def copy_snapshot(call, params):
    """It has no client token: each call makes a copy."""
    there = call.world.regions.get(params["SourceRegion"])
    if there is None:
        raise Refused(
            "InvalidParameterValue", f"Value ({params['SourceRegion']}) for parameter sourceRegion is invalid."
        )
    source = find_snapshot(call.elsewhere(there), params["SourceSnapshotId"])
    if source.state(call.world.now()) != "completed":
        raise Refused("IncorrectState", f"snapshot {source.id} is not completed")
    copy_limit(call, 1)
    encrypted, key, fails = keys.outcome(call.world, call, source.key, params)
    tags = tags_for("snapshot", params, ("snapshot",))
    made = copy_of(call, source, encrypted, key, fails, params.get("Description", ""), tags)
    made.minutes = params.get("CompletionDurationMinutes")
    return {"SnapshotId": made.id, "Tags": tag_list(tags)}


@operation("ec2", "DeleteSnapshot")
def delete_snapshot(call, params):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSnapshot.html"""
    snapshot = own_snapshot(call, params["SnapshotId"])
    for image in call.here.images.values():
        if snapshot.id in image.snapshot_ids():
            raise Refused("InvalidSnapshot.InUse", f"The snapshot {snapshot.id} is currently in use by {image.id}")
    del call.here.snapshots[snapshot.id]
    return {}


def snapshot_of(call, volume, description, tags):
    """A new snapshot of what the volume holds now; its disk is for the caller to set once it is frozen."""
    made = Snapshot(
        id=new_id("snap"),
        region=call.region,
        owner=call.account,
        volume_id=volume.id,
        gib=volume.gib,
        created=call.world.now(),
        ready_at=call.world.pending_until(),
        visible_at=call.world.seen_from(),
        description=description,
        encrypted=volume.encrypted,
        key=volume.key,
        tags=tags,
    )
    call.here.snapshots[made.id] = made
    return made


def own_volume(call, volume_id):
    volume = call.here.volumes.get(volume_id)
    if volume is None or volume.owner != call.account:
        raise not_found("Volume", volume_id)
    return volume


def make_volume(call, zone, ebs, tags, disks, of_image):
    """
    A volume as a block device mapping asks for it: of a snapshot, or empty. Who may launch an image needs no permission for its
    own snapshots, `of_image`.
    """
    snapshot = None
    if ebs.get("SnapshotId"):
        given = ebs["SnapshotId"]
        snapshot = call.here.snapshots[given] if given in of_image else find_snapshot(call, given)
    gib = ebs.get("VolumeSize") or (snapshot.gib if snapshot else 0)
    if snapshot is None and gib < 1:
        raise Refused("InvalidBlockDeviceMapping", "An empty volume needs a size.")
    if snapshot is not None and gib < snapshot.gib:
        raise Refused(
            "InvalidBlockDeviceMapping",
            f"Volume of size {gib}GB is smaller than snapshot '{snapshot.id}', expect size >= {snapshot.gib}GB",
        )
    asked = {name: ebs[name] for name in ("Encrypted", "KmsKeyId") if name in ebs}
    encrypted, key, fails = keys.outcome(call.world, call, snapshot.key if snapshot else None, asked)
    volume = Volume(
        id=new_id("vol"),
        owner=call.account,
        zone=zone,
        gib=gib,
        created=call.world.now(),
        type=ebs.get("VolumeType", "gp3"),
        snapshot_id=snapshot.id if snapshot else "",
        encrypted=encrypted,
        # A volume of an encrypted snapshot keeps its key, unless another is asked for.
        key=(snapshot.key if snapshot and snapshot.key and not asked.get("KmsKeyId") else key),
        tags=tags,
        delete_on_termination=ebs.get("DeleteOnTermination", True),
        iops=ebs.get("Iops"),
        throughput=ebs.get("Throughput"),
    )
    if snapshot is not None and snapshot.disk is not None:
        volume.disk = disks.overlay(snapshot.disk, volume.id, gib)
    call.here.volumes[volume.id] = volume
    return volume, fails


def told_volume(volume):
    told = {
        "VolumeId": volume.id,
        "AvailabilityZone": volume.zone,
        "CreateTime": volume.created,
        "Encrypted": volume.encrypted,
        "Size": volume.gib,
        "SnapshotId": volume.snapshot_id,
        "State": "in-use" if volume.instance_id else "available",
        "VolumeType": volume.type,
        "MultiAttachEnabled": False,
        "Tags": tag_list(volume.tags),
        "Attachments": [],
    }
    for name, value in (("KmsKeyId", volume.key), ("Iops", volume.iops), ("Throughput", volume.throughput)):
        if value is not None:
            told[name] = value
    if volume.instance_id:
        told["Attachments"] = [
            {
                "AttachTime": volume.created,
                "DeleteOnTermination": volume.delete_on_termination,
                "Device": volume.device,
                "InstanceId": volume.instance_id,
                "State": "attached",
                "VolumeId": volume.id,
            }
        ]
    return told


volume_fields = {
    "attachment.instance-id": lambda one: one.instance_id,
    "attachment.device": lambda one: one.device,
    "availability-zone": lambda one: one.zone,
    "encrypted": lambda one: one.encrypted,
    "size": lambda one: one.gib,
    "snapshot-id": lambda one: one.snapshot_id,
    "status": lambda one: "in-use" if one.instance_id else "available",
    "volume-id": lambda one: one.id,
    "volume-type": lambda one: one.type,
}


@operation("ec2", "DescribeVolumes")
def describe_volumes(call, params):
    if params.get("VolumeIds"):
        found = [own_volume(call, one) for one in params["VolumeIds"]]
    else:
        found = [one for one in call.here.volumes.values() if one.owner == call.account]
    found = filtered(call, found, params, volume_fields, lambda one: one.tags)
    shown, token = page(call, found, params, most=1000, least=5, by_id="VolumeIds")
    return {"Volumes": [told_volume(one) for one in shown], "NextToken": token}


@operation("ec2", "DeleteVolume")
def delete_volume(call, params):
    volume = own_volume(call, params["VolumeId"])
    if volume.instance_id:
        raise Refused("VolumeInUse", f"Volume {volume.id} is currently attached to {volume.instance_id}")
    del call.here.volumes[volume.id]
    call.disks.remove(volume.disk)
    return {}


@operation("ec2", "CreateSnapshot")
def create_snapshot(call, params):
    volume = own_volume(call, params["VolumeId"])
    tags = tags_for("snapshot", params, ("snapshot",))
    made = snapshot_of(call, volume, params.get("Description", ""), tags)
    made.disk = call.machines.freeze(volume)
    return told_snapshot(call, made)
