"""What is there before a test begins: accounts, images of others, public parameters, and what shall go wrong."""

import hashlib
import json
import os
from datetime import datetime, timedelta, timezone

from .faults import Fault
from .world import Image, Region, Snapshot


def moment(text):
    found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)


def stable_id(prefix, *parts):
    """The same image has the same id in every run: what a test prints can be compared."""
    return f"{prefix}-0{hashlib.sha256(' '.join(parts).encode()).hexdigest()[:16]}"


def access_key(account):
    return f"AKIA{account}TEST"


def add_image(world, disks, given, region):
    """An image of somebody else's, or of one of our accounts; its disk stays where it is."""
    name, owner = given["name"], given["owner"]
    disk, gib = disks.given(given["disk"]) if given.get("disk") else (None, given.get("gib", 8))
    gib = max(gib, given.get("gib", 0))
    created = moment(given.get("created", "2026-11-01T00:00:00Z"))
    public = given.get("public", True)
    everybody = {("Group", "all")} if public else set()
    snapshot = Snapshot(
        id=given.get("snapshotId") or stable_id("snap", owner, name, region.name),
        region=region.name,
        owner=owner,
        volume_id=stable_id("vol", owner, name, region.name),
        gib=gib,
        created=created,
        ready_at=created,
        visible_at=created,
        encrypted=given.get("kmsKey") is not None,
        key=given.get("kmsKey"),
        disk=disk,
        owner_alias=given.get("alias"),
        permissions=set(everybody) if given.get("copyable", True) else set(),
    )
    more = {
        "BootMode": given.get("bootMode", "uefi-preferred"),
        "EnaSupport": given.get("ena", True),
        "SriovNetSupport": "simple",
        "VirtualizationType": given.get("virtualization", "hvm"),
        "PlatformDetails": given.get("platformDetails", "Linux/UNIX"),
        "UsageOperation": given.get("usageOperation", "RunInstances"),
        "Description": given.get("description", ""),
    }
    if more["BootMode"] is None:
        del more["BootMode"]
    optional = {
        "alias": "ImageOwnerAlias",
        "imdsSupport": "ImdsSupport",
        "tpmSupport": "TpmSupport",
        "publicParameter": "PublicSsmParameterName",
        "platform": "Platform",
    }
    more |= {theirs: given[ours] for ours, theirs in optional.items() if given.get(ours)}
    if given.get("rootDeviceType"):
        more["RootDeviceType"] = given["rootDeviceType"]
    root = given.get("rootDeviceName", "/dev/xvda")
    ebs = {"DeleteOnTermination": True, "SnapshotId": snapshot.id, "VolumeSize": gib, "VolumeType": "gp3"}
    image = Image(
        id=given.get("id") or stable_id("ami", owner, name, region.name),
        region=region.name,
        owner=owner,
        name=name,
        created=created,
        ready_at=created,
        visible_at=created,
        architecture=given.get("architecture", "x86_64"),
        root_device_name=root,
        devices=[{"DeviceName": root, "Ebs": ebs}],
        more=more,
        tags=given.get("tags", {}),
        permissions=everybody,
        product_codes=[
            {"ProductCodeId": one["id"], "ProductCodeType": one.get("type", "marketplace")}
            for one in given.get("productCodes", [])
        ],
        source=(given["source"]["id"], given["source"]["region"]) if given.get("source") else None,
        deprecate_at=moment(given["deprecated"]) if given.get("deprecated") else None,
    )
    region.snapshots[snapshot.id] = snapshot
    region.images[image.id] = image
    return image.id


def add_crowd(world, disks, given, region):
    """Many images of others, a day apart, so that nobody can do without pages."""
    first = moment(given.get("created", "2000-01-01T00:00:00Z"))
    for number in range(given["count"]):
        created = (first + timedelta(hours=number)).isoformat()
        add_image(
            world,
            disks,
            {**given["image"], "name": f"{given['image']['name']}-{number:05d}", "created": created},
            region,
        )


def plant(world, disks, given):
    """@returns the ids of the images, in the order in which they and their regions were given"""
    for account in given.get("accounts", []):
        world.accounts[account] = access_key(account)
    world.members.update(given.get("members", {}))
    for name in given.get("regions", []):
        world.regions.setdefault(name, Region(name))
        world.by_default.add(name)
        world.opted_in.add(name)
    found = []
    for one in given.get("images", []):
        found += [add_image(world, disks, one, world.regions[region]) for region in one.get("regions", ["us-east-1"])]
    for one in given.get("crowds", []):
        for region in one.get("regions", ["us-east-1"]):
            add_crowd(world, disks, one, world.regions[region])
    for one in given.get("parameters", []):
        for region in one.get("regions", ["us-east-1"]):
            world.public_parameters[(region, one["name"])] = one
    return found


def change(world, given):
    """What may be changed while it runs. Lists take the place of the ones before."""
    if "settings" in given:
        world.settings.update(given["settings"])
    if "down" in given:
        world.down = set(given["down"])
    if "optedIn" in given:
        world.opted_in = world.by_default | set(given["optedIn"])
    if "denials" in given:
        world.denials = given["denials"]
    if "faults" in given:
        world.faults = [Fault(one) for one in given["faults"]]
    if "advanceSeconds" in given:
        world.ahead += timedelta(seconds=given["advanceSeconds"])


class Admin:
    """The tests' own door, beside the services: calls, seed, change."""

    def __init__(self, world, disks, branch):
        self.world, self.disks, self.branch = world, disks, branch

    def __call__(self, environ, body, start_response):
        asked = json.loads(body) if body else {}
        path = environ["PATH_INFO"].removeprefix("/stand-in/")
        status, answer = 200, {}
        try:
            with self.world.lock:
                if path == "calls":
                    answer = list(self.world.calls)
                elif path == "seed":
                    answer = {"imageIds": plant(self.world, self.disks, asked)}
                elif path == "change":
                    change(self.world, asked)
                elif path == "ready":
                    # Another stand-in may have taken the port meanwhile.
                    answer = {"folder": self.world.folder}
                elif path == "branch":
                    self.branch(asked["port"])
                elif path == "end":
                    os._exit(0)
                else:
                    status, answer = 404, {"error": f"nothing is at {path}"}
        except (KeyError, ValueError, RuntimeError) as cause:
            status, answer = 400, {"error": repr(cause)}
        text = json.dumps(answer).encode()
        start_response(f"{status} Answer", [("Content-Type", "application/json"), ("Content-Length", str(len(text)))])
        return [text]
