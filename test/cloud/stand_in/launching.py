"""RunInstances: what is asked for, what it becomes, and when it is refused or fails later."""

import base64
import re
import secrets

from moto.ec2.models import ec2_backends

from . import keys
from .errors import Refused
from .images import available, find_image
from .instances import Instance, told_reservation
from .parameters import resolve_image
from .registry import operation, to_moto
from .snapshots import make_volume
from .world import new_id, tags_for

arm = re.compile(r"^(a1|[a-z]+\d+g[a-z]*)\.")
# What a launch may ask for here; the rest is refused, for to pass over it would be to lie.
answered = {
    "BlockDeviceMappings", "ImageId", "InstanceType", "KeyName", "MaxCount", "MinCount", "Monitoring", "Placement", "SecurityGroupIds",
    "SecurityGroups", "SubnetId", "UserData", "TagSpecifications", "MetadataOptions", "DisableApiTermination", "DryRun", "ClientToken",
    "InstanceInitiatedShutdownBehavior", "NetworkInterfaces", "IamInstanceProfile", "EbsOptimized", "CreditSpecification", "EnclaveOptions",
    "CapacityReservationSpecification",
}  # fmt: skip


def placed(call, params):
    """(availability zone, subnet, VPC, [(id, name)] of the security groups): moto's networks, of which there is a default one."""
    backend = ec2_backends[call.account][call.region]
    card = (params.get("NetworkInterfaces") or [{}])[0]
    subnet_id = card.get("SubnetId") or params.get("SubnetId")
    zone = params.get("Placement", {}).get("AvailabilityZone") or f"{call.region}a"
    if subnet_id:
        subnet = next((zones[subnet_id] for zones in backend.subnets.values() if subnet_id in zones), None)
        if subnet is None:
            raise Refused("InvalidSubnetID.NotFound", f"The subnet ID '{subnet_id}' does not exist")
    else:
        subnet = backend.get_default_subnets().get(zone)
        if subnet is None:
            raise Refused("MissingInput", "No subnets found for the default VPC. Please specify a subnet.")
    wanted = card.get("Groups") or params.get("SecurityGroupIds") or params.get("SecurityGroups") or ["default"]
    groups = []
    for one in wanted:
        known = [group for group in backend.groups[subnet.vpc_id].values() if one in (group.id, group.name)]
        if not known:
            raise Refused("InvalidGroup.NotFound", f"The security group '{one}' does not exist")
        groups.append((known[0].id, known[0].name))
    return subnet.availability_zone, subnet.id, subnet.vpc_id, groups


def public_key(call, name):
    if name is None:
        return None
    pair = ec2_backends[call.account][call.region].key_pairs.get(name)
    if pair is None:
        raise Refused("InvalidKeyPair.NotFound", f"The key pair '{name}' does not exist")
    return pair.public_key


def merged_devices(image, params):
    """The image's devices, each as the request changes it."""
    merged = {one["DeviceName"]: {"Ebs": dict(one["Ebs"])} if "Ebs" in one else dict(one) for one in image.devices}
    for one in params.get("BlockDeviceMappings", []):
        name = one["DeviceName"]
        if "NoDevice" in one:
            merged.pop(name, None)
        elif "Ebs" in one:
            merged[name] = {"Ebs": {**merged.get(name, {}).get("Ebs", {}), **one["Ebs"]}}
    return {name: one["Ebs"] for name, one in merged.items() if "Ebs" in one}


def metadata_options(image, params):
    """https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-IMDS-new-instances.html"""
    strict = image.more.get("ImdsSupport") == "v2.0"
    defaults = {
        "HttpTokens": "required" if strict else "optional",
        "HttpPutResponseHopLimit": 2 if strict else 1,
        "HttpEndpoint": "enabled",
        "HttpProtocolIpv6": "disabled",
        "InstanceMetadataTags": "disabled",
    }
    return {**defaults, **params.get("MetadataOptions", {}), "State": "applied"}


def cannot_decrypt(call, image):
    """
    Shared is not launchable: the key has to be shared too. EC2 tells it only in the instance's state.
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/troubleshooting-launch.html (instance terminates immediately)
    """
    for snapshot_id in image.snapshot_ids():
        snapshot = call.here.snapshots.get(snapshot_id)
        if snapshot is not None and snapshot.key and keys.problem(call.world, call.account, call.region, snapshot.key):
            return True
    return False


def check_dry_run(call, params):
    """A dry run is refused for an image that the caller does not see, and for one that does not fit the type: what a launch says first."""
    image = available(call, find_image(call, resolve_image(call, params.get("ImageId", ""))))
    check_type(image, params.get("InstanceType", "m1.small"))
    placed(call, params)


def check_type(image, kind):
    fits = "arm64" if arm.match(kind) else "x86_64"
    if image.architecture != fits:
        raise Refused(
            "InvalidParameterValue",
            f"The architecture '{fits}' of the specified instance type does not match the architecture "
            f"'{image.architecture}' of the specified AMI. Specify an instance type and an AMI that have matching "
            "architectures, and try again.",
        )


@operation("ec2", "RunInstances")
def run_instances(call, params):
    return call.world.once(call, params, lambda: launch(call, params))


def launch(call, params):
    # Clients send empty options along: only what asks for something is refused.
    strange = sorted(set(params) - answered)
    strange += ["EnclaveOptions"] if params.get("EnclaveOptions", {}).get("Enabled") else []
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CapacityReservationSpecification.html: "none" asks for none.
    capacity = params.get("CapacityReservationSpecification", {})
    if set(capacity) - {"CapacityReservationPreference"} or "only" in capacity.get("CapacityReservationPreference", ""):
        strange.append("CapacityReservationSpecification")
    if strange:
        raise Refused("InvalidParameterValue", f"The parameter {strange[0]} is not answered by this stand-in")
    if not params.get("ImageId"):
        raise Refused("MissingParameter", "The request must contain the parameter ImageId")
    if not 1 <= params["MinCount"] <= params["MaxCount"]:
        raise Refused("InvalidParameterValue", f"Value ({params['MinCount']}) for parameter minCount is invalid.")
    image = available(call, find_image(call, resolve_image(call, params["ImageId"])))
    kind = params.get("InstanceType", "m1.small")
    check_type(image, kind)
    zone, subnet, vpc, groups = placed(call, params)
    key = public_key(call, params.get("KeyName") or None)
    given = params.get("UserData")
    try:
        data = base64.b64decode(given, validate=True) if given else None
    except ValueError:
        raise Refused("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.") from None
    tags = {
        one: tags_for(one, params, ("instance", "volume", "network-interface", "spot-instances-request"))
        for one in ("instance", "volume")
    }
    devices = merged_devices(image, params)
    reservation = new_id("r")
    doomed = cannot_decrypt(call, image)
    made = []
    for index in range(params["MaxCount"]):
        instance = Instance(
            id=new_id("i"),
            region=call.region,
            owner=call.account,
            image_id=image.id,
            type=kind,
            zone=zone,
            subnet_id=subnet,
            vpc_id=vpc,
            reservation=reservation,
            index=index,
            mac="02:" + ":".join(secrets.token_hex(1) for _ in range(5)),
            launched=call.world.now(),
            architecture=image.architecture,
            root_device=image.root_device_name,
            groups=groups,
            more={
                name: value
                for name, value in image.more.items()
                if name not in ("Description", "ImageOwnerAlias", "PublicSsmParameterName")
            },
            product_codes=list(image.product_codes),
            watermarks=list(image.watermarks),
            key_name=params.get("KeyName"),
            public_key=key,
            token=params.get("ClientToken", ""),
            user_data=data,
            metadata=metadata_options(image, params),
            on_shutdown=params.get("InstanceInitiatedShutdownBehavior", "stop"),
            protected=params.get("DisableApiTermination", False),
            tags=dict(tags["instance"]),
            profile=profile_arn(call, params.get("IamInstanceProfile")),
            clock=call.world.now,
        )
        fails = None
        for device, ebs in devices.items():
            volume, why = make_volume(call, zone, ebs, dict(tags["volume"]), call.disks, image.snapshot_ids())
            volume.instance_id, volume.device = instance.id, device
            instance.volumes[device] = volume.id
            fails = fails or why
        call.here.instances[instance.id] = instance
        if doomed or fails:
            instance.reason = ("Client.InternalError", "Client.InternalError: Client error on launch")
            call.machines.give_up(instance)
        else:
            call.machines.start(instance)
        made.append(instance)
    image.launched = call.world.now()
    answers = iter(["pending"])
    # The first answer always says pending; a repeated request is told how things are by then.
    return lambda: told_reservation(call, made, next(answers, None))


def profile_arn(call, given):
    if not given or not (given.get("Arn") or given.get("Name")):
        return None
    return given.get("Arn") or f"arn:aws:iam::{call.account}:instance-profile/{given['Name']}"


@operation("ec2", "DeleteSecurityGroup")
def delete_security_group(call, params):
    """moto does not know our instances. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSecurityGroup.html"""
    for one in call.here.instances.values():
        if one.owner == call.account and one.state != "terminated" and params.get("GroupId") in dict(one.groups):
            raise Refused("DependencyViolation", f"resource {params['GroupId']} has a dependent object")
    return to_moto
