"""All that there is: accounts, regions and what lives in them. Nothing outlives the process but disks in its folder."""

import hashlib
import json
import secrets
import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from .errors import Refused

default_regions = ("us-east-1", "us-east-2", "us-west-2", "eu-west-1", "eu-central-1", "ap-southeast-1")
opt_in_regions = ("af-south-1", "ap-east-1")


def new_id(prefix):
    return f"{prefix}-{secrets.token_hex(9)[:17]}"


def stamp(moment):
    """2026-11-22T18:00:00.000Z, as EC2 writes times that are strings."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


@dataclass
class Snapshot:
    id: str
    region: str
    owner: str
    volume_id: str
    gib: int
    created: datetime
    ready_at: datetime
    visible_at: datetime
    description: str = ""
    encrypted: bool = False
    key: str | None = None
    disk: object = None
    tags: dict = field(default_factory=dict)
    # {("UserId", account), ("Group", "all")}
    permissions: set = field(default_factory=set)
    owner_alias: str | None = None
    is_copy: bool = False
    minutes: int | None = None
    # Why it will fail at ready_at.
    fails: str | None = None
    # EBS direct: blocks may be written until it is completed.
    open: object = None

    def state(self, now):
        if self.open is not None or now < self.ready_at:
            return "pending"
        return "error" if self.fails else "completed"


@dataclass
class Image:
    id: str
    region: str
    owner: str
    name: str
    created: datetime
    ready_at: datetime
    visible_at: datetime
    architecture: str = "x86_64"
    root_device_name: str = "/dev/xvda"
    # Block device mappings in EC2's own words; Ebs.Encrypted and KmsKeyId are the snapshot's.
    devices: list = field(default_factory=list)
    # DescribeImages' members that are kept as they were given.
    more: dict = field(default_factory=dict)
    tags: dict = field(default_factory=dict)
    # {("UserId" | "Group" | "OrganizationArn" | "OrganizationalUnitArn", value)}
    permissions: set = field(default_factory=set)
    product_codes: list = field(default_factory=list)
    source: tuple | None = None
    deprecate_at: datetime | None = None
    disabled: bool = False
    # None, "with" or "without" a cool-down.
    protection: str | None = None
    protected_until: datetime | None = None
    launched: datetime | None = None
    fails: str | None = None
    watermarks: list = field(default_factory=list)

    def state(self, now):
        if now < self.ready_at:
            return "pending"
        if self.fails:
            return "failed"
        return "disabled" if self.disabled else "available"

    def snapshot_ids(self):
        return [one["Ebs"]["SnapshotId"] for one in self.devices if "SnapshotId" in one.get("Ebs", {})]


@dataclass
class Volume:
    id: str
    owner: str
    zone: str
    gib: int
    created: datetime
    type: str = "gp3"
    snapshot_id: str = ""
    encrypted: bool = False
    key: str | None = None
    # The overlay that its machine writes to.
    disk: object = None
    tags: dict = field(default_factory=dict)
    instance_id: str | None = None
    device: str | None = None
    delete_on_termination: bool = True
    iops: int | None = None
    throughput: int | None = None


@dataclass
class Region:
    name: str
    images: dict = field(default_factory=dict)
    snapshots: dict = field(default_factory=dict)
    volumes: dict = field(default_factory=dict)
    instances: dict = field(default_factory=dict)


class World:
    """Everything is read and changed under `lock`; starting and ending a machine is done without it, making a disk is not."""

    def __init__(self, folder, address_prefix):
        self.folder = folder
        self.address_prefix = address_prefix
        self.lock = threading.RLock()
        self.regions = {name: Region(name) for name in (*default_regions, *opt_in_regions)}
        self.down = set()
        self.by_default = set(default_regions)
        self.opted_in = set(default_regions)
        self.members = {}
        self.denials = []
        self.faults = []
        self.tokens = {}
        self.accounts = {}
        self.sessions = {}
        self.public_parameters = {}
        self.pending_parameters = []
        self.image_sharing_blocked = {}
        self.snapshot_sharing_blocked = {}
        self.encryption_by_default = {}
        self.default_keys = {}
        self.calls = deque(maxlen=100_000)
        self.ahead = timedelta()
        self.settings = {
            "pendingSeconds": 0.0,
            "consistencySeconds": 0.0,
            "latencyMs": 0,
            "copiesAtOnce": 20,
            "sshPort": 22,
            "pageSecret": secrets.token_hex(8),
        }

    def branch(self, folder):
        """The same world in another process: it writes down its own calls, and waits for no thread of the first."""
        self.folder = folder
        self.lock = threading.RLock()
        self.calls.clear()
        self.faults = []

    def now(self):
        return datetime.now(timezone.utc) + self.ahead

    def pending_until(self):
        return self.now() + timedelta(seconds=self.settings["pendingSeconds"])

    def seen_from(self):
        return self.now() + timedelta(seconds=self.settings["consistencySeconds"])

    def groups_of(self, account):
        """The organization and the units that an account is in, as launch permissions name them."""
        member = self.members.get(account, {})
        found = {("OrganizationalUnitArn", arn) for arn in member.get("units", [])}
        if member.get("organization"):
            found.add(("OrganizationArn", member["organization"]))
        return found

    def may_launch(self, image, account):
        if image.owner == account or ("Group", "all") in image.permissions or ("UserId", account) in image.permissions:
            return True
        return bool(image.permissions & self.groups_of(account))

    def can_launch(self, account, region, image_id):
        image = self.regions[region].images.get(image_id)
        return image is not None and self.may_launch(image, account) and image.state(self.now()) == "available"

    def once(self, call, params, make):
        """
        The answer of the first request with this client token; later ones get the same, if they ask the same.
        https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
        """
        token = params.get("ClientToken")
        key = (call.account, call.region, call.operation, token)
        asked = {name: value for name, value in params.items() if name not in ("ClientToken", "DryRun")}
        digest = hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()
        before, answer = self.tokens.get(key, (digest, None))
        if before != digest:
            raise Refused(
                "IdempotentParameterMismatch",
                f"The client token you have provided has already been used with different parameters: {token}",
            )
        if answer is None:
            answer = make()
            if token:
                self.tokens[key] = (digest, answer)
        # An instance is told as it is now, not as it was when it was asked for.
        return answer() if callable(answer) else answer


def tag_list(tags):
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def tags_for(kind, params, allowed):
    """The tags that a request's TagSpecifications have for one kind of resource."""
    found = {}
    for one in params.get("TagSpecifications", []):
        resource = one.get("ResourceType")
        if resource not in allowed:
            raise Refused(
                "InvalidParameterValue", f"'{resource}' is not a valid taggable resource type for this operation."
            )
        if resource == kind:
            found.update(checked_tags(one.get("Tags", [])))
    return found


def checked_tags(tags):
    found = {one["Key"]: one.get("Value", "") for one in tags}
    for key, value in found.items():
        if key.lower().startswith("aws:"):
            raise Refused(
                "InvalidParameterValue",
                f"Value ( {key} ) for parameter key is invalid. Tag keys starting with 'aws:' are reserved for internal use",
            )
        if not 1 <= len(key) <= 128 or len(value) > 256:
            raise Refused("InvalidParameterValue", f"Tag {key[:128]} is longer than a tag may be.")
    if len(found) > 50:
        raise Refused("TagLimitExceeded", "The maximum number of tags for a resource has been reached.")
    return found
