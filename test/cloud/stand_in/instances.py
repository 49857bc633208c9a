"""Instances: asked for, told of, and ended."""

import base64
import os
import re
from dataclasses import dataclass, field
from datetime import datetime

from .answers import filtered, page
from .errors import Refused, not_found
from .registry import operation
from .world import tag_list

codes = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}


@dataclass
class Instance:
    id: str
    region: str
    owner: str
    image_id: str
    type: str
    zone: str
    subnet_id: str
    vpc_id: str
    reservation: str
    index: int
    mac: str
    launched: datetime
    architecture: str
    root_device: str
    groups: list
    more: dict
    product_codes: list = field(default_factory=list)
    watermarks: list = field(default_factory=list)
    key_name: str | None = None
    public_key: str | None = None
    token: str = ""
    user_data: bytes | None = None
    metadata: dict = field(default_factory=dict)
    on_shutdown: str = "stop"
    protected: bool = False
    tags: dict = field(default_factory=dict)
    profile: str | None = None
    address: str | None = None
    # device -> volume id
    volumes: dict = field(default_factory=dict)
    reason: tuple | None = None
    console: str | None = None
    before: str = "pending"
    next: str = "pending"
    since: datetime | None = None
    clock: object = None

    def become(self, state, at):
        """The state from that moment on; until then it is as it was."""
        self.before, self.next, self.since = self.state, state, at

    @property
    def state(self):
        return self.next if self.since is None or self.clock() >= self.since else self.before

    @property
    def firmware(self):
        # Images that prefer UEFI also boot by BIOS, which is faster and sturdier where it is emulated.
        return "uefi" if self.more.get("BootMode") == "uefi" else "bios"


def find_instance(call, instance_id):
    if not re.fullmatch(r"i-[0-9a-f]{8}([0-9a-f]{9})?", instance_id):
        raise Refused("InvalidInstanceID.Malformed", f'Invalid id: "{instance_id}"')
    instance = call.here.instances.get(instance_id)
    if instance is None or instance.owner != call.account:
        raise not_found("Instance", instance_id)
    return instance


def told_state(state):
    return {"Code": codes[state], "Name": state}


def told_instance(call, instance):
    attached = []
    for device, volume_id in sorted(instance.volumes.items()):
        volume = call.here.volumes[volume_id]
        ebs = {
            "AttachTime": volume.created,
            "DeleteOnTermination": volume.delete_on_termination,
            "Status": "attached",
            "VolumeId": volume_id,
        }
        attached.append({"DeviceName": device, "Ebs": ebs})
    told = {
        "InstanceId": instance.id,
        "ImageId": instance.image_id,
        "InstanceType": instance.type,
        "State": told_state(instance.state),
        "AmiLaunchIndex": instance.index,
        "Architecture": instance.architecture,
        "BlockDeviceMappings": attached,
        "ClientToken": instance.token,
        "CurrentInstanceBootMode": "uefi" if instance.firmware == "uefi" else "legacy-bios",
        "EbsOptimized": False,
        "EnaSupport": instance.more.get("EnaSupport", False),
        "Hypervisor": "xen",
        "LaunchTime": instance.launched,
        "MetadataOptions": instance.metadata,
        "Monitoring": {"State": "disabled"},
        "Placement": {"AvailabilityZone": instance.zone, "GroupName": "", "Tenancy": "default"},
        "PlatformDetails": instance.more.get("PlatformDetails", "Linux/UNIX"),
        "ProductCodes": instance.product_codes,
        "PublicDnsName": "",
        "PrivateDnsName": "",
        "RootDeviceName": instance.root_device,
        "RootDeviceType": "ebs",
        "SecurityGroups": [{"GroupId": one, "GroupName": name} for one, name in instance.groups],
        "SourceDestCheck": True,
        "StateTransitionReason": "",
        "Tags": tag_list(instance.tags),
        "UsageOperation": instance.more.get("UsageOperation", "RunInstances"),
        "VirtualizationType": "hvm",
    }
    if instance.state != "terminated":
        told |= {"SubnetId": instance.subnet_id, "VpcId": instance.vpc_id}
    if instance.address:
        told |= {"PublicIpAddress": instance.address, "PrivateIpAddress": instance.address}
    if instance.more.get("BootMode"):
        told["BootMode"] = instance.more["BootMode"]
    if instance.key_name:
        told["KeyName"] = instance.key_name
    if instance.profile:
        told["IamInstanceProfile"] = {"Arn": instance.profile, "Id": "AIPA" + instance.id[2:].upper()}
    if instance.reason and instance.state not in ("pending", "running"):
        told["StateReason"] = {"Code": instance.reason[0], "Message": instance.reason[1]}
        told["StateTransitionReason"] = "User initiated" if instance.reason[0].startswith("Client.User") else ""
    return told


def told_reservation(call, instances, state=None):
    first = instances[0]
    told = [told_instance(call, one) for one in instances]
    for one in told:
        one["State"] = told_state(state) if state else one["State"]
    return {
        "ReservationId": first.reservation,
        "OwnerId": first.owner,
        "Groups": [],
        "Instances": told,
    }


fields = {
    "architecture": lambda one: one.architecture,
    "availability-zone": lambda one: one.zone,
    "block-device-mapping.volume-id": lambda one: list(one.volumes.values()),
    "client-token": lambda one: one.token,
    "image-id": lambda one: one.image_id,
    "instance-id": lambda one: one.id,
    "instance-state-code": lambda one: codes[one.state],
    "instance-state-name": lambda one: one.state,
    "instance-type": lambda one: one.type,
    "instance.group-id": lambda one: [group for group, _ in one.groups],
    "ip-address": lambda one: one.address,
    "key-name": lambda one: one.key_name,
    "owner-id": lambda one: one.owner,
    "private-ip-address": lambda one: one.address,
    "reservation-id": lambda one: one.reservation,
    "root-device-type": lambda one: "ebs",
    "subnet-id": lambda one: one.subnet_id,
    "virtualization-type": lambda one: "hvm",
    "vpc-id": lambda one: one.vpc_id,
}


@operation("ec2", "DescribeInstances")
def describe_instances(call, params):
    if params.get("InstanceIds"):
        found = [find_instance(call, one) for one in params["InstanceIds"]]
    else:
        found = [one for one in call.here.instances.values() if one.owner == call.account]
    found = filtered(call, found, params, fields, lambda one: one.tags)
    shown, token = page(call, found, params, most=1000, least=5, by_id="InstanceIds")
    by_reservation = {}
    for one in shown:
        by_reservation.setdefault(one.reservation, []).append(one)
    return {"Reservations": [told_reservation(call, ones) for ones in by_reservation.values()], "NextToken": token}


@operation("ec2", "DescribeInstanceStatus")
def describe_instance_status(call, params):
    asked = params.get("InstanceIds")
    found = (
        [find_instance(call, one) for one in asked]
        if asked
        else [one for one in call.here.instances.values() if one.owner == call.account]
    )
    if not params.get("IncludeAllInstances"):
        found = [one for one in found if one.state == "running"]
    found = filtered(
        call,
        found,
        params,
        {name: fields[name] for name in ("instance-state-name", "instance-state-code", "availability-zone")},
        lambda one: one.tags,
    )
    shown, token = page(call, found, params, most=1000, least=5, by_id="InstanceIds")
    told = []
    for one in shown:
        # A machine is well once something answers; here it is as soon as it runs.
        word = "ok" if one.state == "running" else "not-applicable"
        status = {"Status": word, "Details": [{"Name": "reachability", "Status": "passed"}] if word == "ok" else []}
        told.append(
            {
                "InstanceId": one.id,
                "AvailabilityZone": one.zone,
                "InstanceState": told_state(one.state),
                "InstanceStatus": status,
                "SystemStatus": status,
            }
        )
    return {"InstanceStatuses": told, "NextToken": token}


@operation("ec2", "GetConsoleOutput")
def get_console_output(call, params):
    instance = find_instance(call, params["InstanceId"])
    text = b""
    if instance.console and os.path.exists(instance.console):
        with open(instance.console, "rb") as file:
            file.seek(max(0, os.path.getsize(instance.console) - 65536))
            text = file.read()
    # Base64 in the answer although the model says string; clients decode it.
    return {"InstanceId": instance.id, "Timestamp": call.world.now(), "Output": base64.b64encode(text).decode()}
