"""
EBS direct: the blocks of a snapshot's own disk, read and written. None of it holds the lock while it reads.
https://docs.aws.amazon.com/ebs/latest/userguide/ebs-accessing-snapshot.html
"""

import base64
import errno
import hashlib
import hmac
import os
import threading
from datetime import timedelta

from . import keys
from .errors import Refused
from .registry import operation
from .snapshots import may_read
from .world import Snapshot, checked_tags, new_id, tag_list

size = 512 * 1024
raws = {}
raws_lock = threading.Lock()


def invalid(reason, text):
    return Refused("ValidationException", text, 400, Reason=reason)


def readable(call, snapshot_id):
    """A snapshot whose blocks this account may read now."""
    with call.world.lock:
        snapshot = call.here.snapshots.get(snapshot_id)
        if snapshot is None:
            raise Refused(
                "ResourceNotFoundException",
                f"The snapshot '{snapshot_id}' does not exist.",
                404,
                Reason="SNAPSHOT_NOT_FOUND",
            )
        if not may_read(call, snapshot):
            raise Refused(
                "AccessDeniedException",
                f"You do not have permission to access snapshot '{snapshot_id}'.",
                403,
                Reason="UNAUTHORIZED_ACCOUNT",
            )
        if snapshot.state(call.world.now()) != "completed":
            raise invalid("INVALID_SNAPSHOT_ID", f"The snapshot '{snapshot_id}' is not in the completed state.")
        if snapshot.key and keys.problem(call.world, call.account, call.region, snapshot.key, ["kms:Decrypt"]):
            raise Refused(
                "AccessDeniedException",
                f"The KMS key {snapshot.key} is not accessible.",
                403,
                Reason="DEPENDENCY_ACCESS_DENIED",
            )
        return snapshot


def raw_path(call, snapshot):
    """The disk as a raw file, made when it is first asked for; None for a snapshot without one."""
    if snapshot.disk is None:
        return None
    with raws_lock:
        if snapshot.disk.path not in raws:
            raws[snapshot.disk.path] = call.disks.raw(snapshot.disk, snapshot.id).path
        return raws[snapshot.disk.path]


def present(path):
    """The indices of the blocks that hold data: holes of the file are left out, as EBS leaves out what was never written."""
    found = set()
    if path is None:
        return found
    with open(path, "rb") as file:
        at, end = 0, os.fstat(file.fileno()).st_size
        while at < end:
            try:
                start = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError as cause:
                if cause.errno == errno.ENXIO:
                    break
                raise
            at = os.lseek(file.fileno(), start, os.SEEK_HOLE)
            found.update(range(start // size, -(-at // size)))
    return found


def block(path, index):
    with open(path, "rb") as file:
        file.seek(index * size)
        return file.read(size).ljust(size, b"\0")


def token_of(call, snapshot_id, index):
    secret = call.world.settings["pageSecret"].encode()
    mark = hmac.new(secret, f"{snapshot_id} {index} {call.account}".encode(), hashlib.sha256).digest()
    return base64.b64encode(b"\0\1" + mark).decode()


def shown(call, params, indices, marks):
    """(the indices of one page, the token of the next or None); `marks` is what the token is good for."""
    start = params.get("StartingBlockIndex", 0)
    if params.get("NextToken"):
        try:
            start_text, whose = base64.b64decode(params["NextToken"]).decode().split(" ", 1)
            start = int(start_text)
        except ValueError:
            whose = ""
        if whose != marks:
            raise invalid("INVALID_PAGE_TOKEN", "The page token is invalid.")
    most = min(max(params.get("MaxResults", 10000), 100), 10000)
    left = [one for one in sorted(indices) if one >= start]
    more = base64.b64encode(f"{left[most]} {marks}".encode()).decode() if len(left) > most else None
    return left[:most], more


def around(call, snapshot, token):
    return {
        "ExpiryTime": call.world.now() + timedelta(days=7),
        "VolumeSize": snapshot.gib,
        "BlockSize": size,
        "NextToken": token,
    }


@operation("ebs", "ListSnapshotBlocks", locked=False)
def list_snapshot_blocks(call, params):
    snapshot = readable(call, params["SnapshotId"])
    indices, token = shown(call, params, present(raw_path(call, snapshot)), snapshot.id)
    told = [{"BlockIndex": one, "BlockToken": token_of(call, snapshot.id, one)} for one in indices]
    return {"Blocks": told, **around(call, snapshot, token)}


@operation("ebs", "ListChangedBlocks", locked=False)
def list_changed_blocks(call, params):
    second = readable(call, params["SecondSnapshotId"])
    if "FirstSnapshotId" not in params:
        raise invalid(
            "INVALID_SNAPSHOT_ID", "The FirstSnapshotId parameter must be specified with a SecondSnapshotId parameter."
        )
    first = readable(call, params["FirstSnapshotId"])
    old, new = raw_path(call, first), raw_path(call, second)
    before, after = present(old), present(new)
    zero = bytes(size)
    changed = {
        one
        for one in before | after
        if (block(old, one) if one in before else zero) != (block(new, one) if one in after else zero)
    }
    indices, token = shown(call, params, changed, f"{first.id} {second.id}")
    told = []
    for one in indices:
        entry = {"BlockIndex": one}
        if one in before:
            entry["FirstBlockToken"] = token_of(call, first.id, one)
        if one in after:
            entry["SecondBlockToken"] = token_of(call, second.id, one)
        told.append(entry)
    return {"ChangedBlocks": told, **around(call, second, token)}


@operation("ebs", "GetSnapshotBlock", locked=False)
def get_snapshot_block(call, params):
    snapshot, index = readable(call, params["SnapshotId"]), params["BlockIndex"]
    if params["BlockToken"] != token_of(call, snapshot.id, index):
        raise invalid("INVALID_BLOCK_TOKEN", "The block token is invalid.")
    path = raw_path(call, snapshot)
    if path is None or index * size >= snapshot.gib * 2**30:
        raise invalid("INVALID_BLOCK", f"The block {index} is not in the snapshot.")
    data = block(path, index)
    checksum = base64.b64encode(hashlib.sha256(data).digest()).decode()
    return {"DataLength": size, "BlockData": data, "Checksum": checksum, "ChecksumAlgorithm": "SHA256"}


@operation("ebs", "StartSnapshot", locked=False)
def start_snapshot(call, params):
    with call.world.lock:
        return call.world.once(call, params, lambda: started(call, params))


def started(call, params):
    parent = readable(call, params["ParentSnapshotId"]) if params.get("ParentSnapshotId") else None
    if parent and "Encrypted" in params:
        raise invalid("INVALID_PARAMETER_VALUE", "Encrypted can't be given with ParentSnapshotId.")
    asked = {"Encrypted": params["Encrypted"]} if "Encrypted" in params else {}
    asked |= {"KmsKeyId": params["KmsKeyArn"]} if "KmsKeyArn" in params else {}
    encrypted, key, fails = keys.outcome(call.world, call, parent.key if parent else None, asked)
    if fails:
        raise Refused("ValidationException", fails, 400, Reason="INVALID_CUSTOMER_KEY")
    gib = params["VolumeSize"]
    if parent and gib < parent.gib:
        raise invalid("INVALID_VOLUME_SIZE", f"The volume size {gib} is smaller than that of the parent.")
    now = call.world.now()
    snapshot = Snapshot(
        id=new_id("snap"),
        region=call.region,
        owner=call.account,
        volume_id="vol-ffffffff",
        gib=gib,
        created=now,
        ready_at=now,
        visible_at=call.world.seen_from(),
        description=params.get("Description", ""),
        encrypted=encrypted,
        key=parent.key if parent and parent.key else key,
        tags=checked_tags(params.get("Tags", [])),
        open={},
    )
    snapshot.disk = call.disks.empty(snapshot.id, gib)
    if parent is not None:
        source = raw_path(call, parent)
        for index in present(source):
            put(snapshot.disk.path, index, block(source, index))
    call.here.snapshots[snapshot.id] = snapshot
    answer = {
        "SnapshotId": snapshot.id,
        "OwnerId": snapshot.owner,
        "Status": "pending",
        "StartTime": snapshot.created,
        "VolumeSize": gib,
        "BlockSize": size,
        "Description": snapshot.description,
        "Tags": tag_list(snapshot.tags),
    }
    return {
        **answer,
        **({"KmsKeyArn": snapshot.key} if snapshot.key else {}),
        **({"ParentSnapshotId": parent.id} if parent else {}),
    }


def put(path, index, data):
    with open(path, "r+b") as file:
        file.seek(index * size)
        file.write(data)


def open_snapshot(call, snapshot_id):
    with call.world.lock:
        snapshot = call.here.snapshots.get(snapshot_id)
        if snapshot is None or snapshot.owner != call.account:
            raise Refused(
                "ResourceNotFoundException",
                f"The snapshot '{snapshot_id}' does not exist.",
                404,
                Reason="SNAPSHOT_NOT_FOUND",
            )
        if snapshot.open is None:
            raise invalid("INVALID_SNAPSHOT_ID", f"The snapshot '{snapshot_id}' is not in the pending state.")
        return snapshot


@operation("ebs", "PutSnapshotBlock", locked=False)
def put_snapshot_block(call, params):
    snapshot = open_snapshot(call, params["SnapshotId"])
    data, index = params["BlockData"], params["BlockIndex"]
    if params["DataLength"] != size or len(data) != size:
        raise invalid("INVALID_PARAMETER_VALUE", f"The data length must be {size}.")
    checksum = base64.b64encode(hashlib.sha256(data).digest()).decode()
    if params["Checksum"] != checksum:
        raise invalid("INVALID_BLOCK", "The checksum is not that of the data.")
    if index * size >= snapshot.gib * 2**30:
        raise invalid("INVALID_BLOCK", f"The block {index} is beyond the end of the volume.")
    put(snapshot.disk.path, index, data)
    snapshot.open[index] = hashlib.sha256(data).digest()
    return {"Checksum": checksum, "ChecksumAlgorithm": "SHA256"}


@operation("ebs", "CompleteSnapshot", locked=False)
def complete_snapshot(call, params):
    snapshot = open_snapshot(call, params["SnapshotId"])
    if params["ChangedBlocksCount"] != len(snapshot.open):
        raise invalid(
            "INVALID_PARAMETER_VALUE", f"{len(snapshot.open)} blocks were written, not {params['ChangedBlocksCount']}."
        )
    if "Checksum" in params:
        # LINEAR: the digest of the blocks' digests in the order of their indices.
        whole = hashlib.sha256(b"".join(digest for _, digest in sorted(snapshot.open.items()))).digest()
        if params["Checksum"] != base64.b64encode(whole).decode():
            raise invalid("INVALID_PARAMETER_VALUE", "The aggregated checksum is not that of the blocks.")
    with call.world.lock:
        snapshot.open = None
        snapshot.ready_at = call.world.pending_until()
    return {"Status": "pending" if snapshot.state(call.world.now()) == "pending" else "completed"}
