"""Who asks, and what an account and its regions are set to."""

import re
import secrets
from datetime import timedelta

from moto.ec2.models import ec2_backends
from moto.ssm.models import ssm_backends

from . import keys
from .answers import filtered, page
from .errors import Refused
from .images import find_image
from .registry import operation, to_moto
from .world import checked_tags

role_arn = re.compile(r"arn:aws:iam::(\d{12}):role/(?:.*/)?([\w+=,.@-]+)\Z")


@operation("sts", "GetCallerIdentity")
def get_caller_identity(call, params):
    return {"Account": call.account, "Arn": call.principal, "UserId": call.access_key}


def session(call, params, user_id):
    """Credentials of a role for a while. https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html"""
    match = role_arn.match(params["RoleArn"])
    if match is None or match[1] not in call.world.accounts:
        raise Refused(
            "AccessDenied",
            f"User: {call.principal} is not authorized to perform: sts:AssumeRole on resource: {params['RoleArn']}",
            403,
        )
    account, role = match[1], match[2]
    name = params["RoleSessionName"]
    principal = f"arn:aws:sts::{account}:assumed-role/{role}/{name}"
    key, token = f"ASIA{secrets.token_hex(8).upper()}", secrets.token_urlsafe(60)
    expires = call.world.now() + timedelta(seconds=params.get("DurationSeconds", 3600))
    call.world.sessions[key] = {"account": account, "principal": principal, "token": token, "expires": expires}
    return {
        "Credentials": {
            "AccessKeyId": key,
            "SecretAccessKey": secrets.token_urlsafe(30),
            "SessionToken": token,
            "Expiration": expires,
        },
        "AssumedRoleUser": {"AssumedRoleId": f"{user_id}:{name}", "Arn": principal},
    }


@operation("sts", "AssumeRole")
def assume_role(call, params):
    return session(call, params, "AROA" + secrets.token_hex(8).upper())


@operation("sts", "AssumeRoleWithWebIdentity")
def assume_role_with_web_identity(call, params):
    """Any token that is not empty is believed."""
    found = session(call, params, "AROA" + secrets.token_hex(8).upper())
    return {
        **found,
        "Provider": "arn:aws:iam::oidc-provider",
        "Audience": "sts.amazonaws.com",
        "SubjectFromWebIdentityToken": "stand-in",
    }


@operation("ec2", "DescribeRegions")
def describe_regions(call, params):
    world = call.world
    told = []
    for name in world.regions:
        opted = name in world.opted_in
        if params.get("RegionNames") and name not in params["RegionNames"]:
            continue
        if not opted and not params.get("AllRegions") and not params.get("RegionNames"):
            continue
        status = "opt-in-not-required" if name in world.by_default else ("opted-in" if opted else "not-opted-in")
        told.append({"RegionName": name, "Endpoint": f"ec2.{name}.amazonaws.com", "OptInStatus": status})
    unknown = set(params.get("RegionNames", [])) - {one["RegionName"] for one in told}
    if unknown:
        raise Refused("InvalidParameterValue", f"Invalid region provided: {sorted(unknown)[0]}")
    by = {
        "region-name": lambda one: one["RegionName"],
        "endpoint": lambda one: one["Endpoint"],
        "opt-in-status": lambda one: one["OptInStatus"],
    }
    return {"Regions": filtered(call, told, params, by, lambda one: {})}


@operation("ec2", "GetEbsEncryptionByDefault")
def get_encryption_by_default(call, params):
    return {"EbsEncryptionByDefault": call.world.encryption_by_default.get((call.account, call.region), False)}


@operation("ec2", "EnableEbsEncryptionByDefault")
def enable_encryption_by_default(call, params):
    call.world.encryption_by_default[(call.account, call.region)] = True
    return {"EbsEncryptionByDefault": True}


@operation("ec2", "DisableEbsEncryptionByDefault")
def disable_encryption_by_default(call, params):
    call.world.encryption_by_default[(call.account, call.region)] = False
    return {"EbsEncryptionByDefault": False}


@operation("ec2", "GetEbsDefaultKmsKeyId", "ResetEbsDefaultKmsKeyId")
def get_default_key(call, params):
    if call.operation.startswith("Reset"):
        call.world.default_keys.pop((call.account, call.region), None)
    return {"KmsKeyId": call.world.default_keys.get((call.account, call.region), keys.managed_alias)}


@operation("ec2", "ModifyEbsDefaultKmsKeyId")
def modify_default_key(call, params):
    key = keys.find(call.account, call.region, params["KmsKeyId"])
    call.world.default_keys[(call.account, call.region)] = (
        key.arn if key else keys.arn_of(call.account, call.region, params["KmsKeyId"])
    )
    return {"KmsKeyId": call.world.default_keys[(call.account, call.region)]}


@operation("kms", "DescribeKey")
def describe_key(call, params):
    """moto takes the key of the service for the customer's."""
    if params["KeyId"] == keys.managed_alias:
        keys.aws_managed_key(call.account, call.region)
    return to_moto


stores = {"ami": "images", "snap": "snapshots", "vol": "volumes", "i": "instances"}
kinds = {"ami": "image", "snap": "snapshot", "vol": "volume", "i": "instance"}


def ours(call, resource_id):
    return getattr(call.here, stores.get(resource_id.split("-")[0], ""), {}).get(resource_id)


def tagged_here(call, params):
    """The resources that are ours; None where all are moto's. @throws Refused for one that nobody has"""
    ids = params["Resources"]
    if not any(one.split("-")[0] in stores for one in ids):
        return None
    found = [ours(call, one) for one in ids if one.split("-")[0] in stores]
    for one, resource in zip([one for one in ids if one.split("-")[0] in stores], found, strict=True):
        if resource is None:
            code = {"ami": "InvalidAMIID", "snap": "InvalidSnapshot", "vol": "InvalidVolume", "i": "InvalidInstanceID"}[
                one.split("-")[0]
            ]
            raise Refused(f"{code}.NotFound", f"The {kinds[one.split('-')[0]]} ID '{one}' does not exist")
        if resource.owner != call.account:
            raise Refused("AuthFailure", f"Not authorized for {kinds[one.split('-')[0]]}:{one}", 403)
    return found


@operation("ec2", "CreateTags")
def create_tags(call, params):
    found = tagged_here(call, params)
    if found is None:
        return to_moto
    tags = checked_tags(params["Tags"])
    for resource in found:
        if len({**resource.tags, **tags}) > 50:
            raise Refused("TagLimitExceeded", "The maximum number of tags for a resource has been reached.")
    for resource in found:
        resource.tags.update(tags)
    theirs = [one for one in params["Resources"] if one.split("-")[0] not in stores]
    if theirs:
        ec2_backends[call.account][call.region].create_tags(theirs, tags)
    return {}


@operation("ec2", "DeleteTags")
def delete_tags(call, params):
    found = tagged_here(call, params)
    if found is None:
        return to_moto
    for resource in found:
        if "Tags" not in params:
            resource.tags.clear()
        for one in params.get("Tags", []):
            if one.get("Value") in (None, resource.tags.get(one["Key"])):
                resource.tags.pop(one["Key"], None)
    return {}


@operation("ec2", "DescribeTags")
def describe_tags(call, params):
    told = [
        {"Key": key, "Value": value, "ResourceId": one.id, "ResourceType": kinds[kind]}
        for kind, store in stores.items()
        for one in getattr(call.here, store).values()
        if one.owner == call.account
        for key, value in sorted(one.tags.items())
    ]
    by = {
        "key": lambda one: one["Key"],
        "value": lambda one: one["Value"],
        "resource-id": lambda one: one["ResourceId"],
        "resource-type": lambda one: one["ResourceType"],
    }
    found = filtered(call, told, params, by, lambda one: {one["Key"]: one["Value"]})
    shown, token = page(call, found, params, most=1000, least=5)
    return {"Tags": shown, "NextToken": token}


@operation("ec2", "DescribeImageReferences")
def describe_image_references(call, params):
    """Of the account's own: instances, launch templates and parameters. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-ami-references.html"""
    asked = params["ImageIds"]
    for one in asked:
        find_image(call, one)
    chosen = [one["ResourceType"] for one in params.get("ResourceTypes", [])]
    if not chosen and not params.get("IncludeAllResourceTypes"):
        raise Refused("MissingParameter", "Either IncludeAllResourceTypes or ResourceTypes must be specified.")
    found = []
    for one in call.here.instances.values():
        if one.owner == call.account and one.image_id in asked and one.state != "terminated":
            found.append((one.image_id, "ec2:Instance", f"arn:aws:ec2:{call.region}:{call.account}:instance/{one.id}"))
    for template in ec2_backends[call.account][call.region].launch_templates.values():
        for image_id in {one.data.get("ImageId") for one in template.versions} & set(asked):
            found.append(
                (
                    image_id,
                    "ec2:LaunchTemplate",
                    f"arn:aws:ec2:{call.region}:{call.account}:launch-template/{template.id}",
                )
            )
    for name, versions in ssm_backends[call.account][call.region]._parameters.items():
        if not name.startswith("/aws/") and versions and versions[-1].value in asked:
            found.append(
                (
                    versions[-1].value,
                    "ssm:Parameter",
                    f"arn:aws:ssm:{call.region}:{call.account}:parameter/{name.lstrip('/')}",
                )
            )
    told = [
        {"ImageId": one, "ResourceType": kind, "Arn": arn} for one, kind, arn in found if not chosen or kind in chosen
    ]
    shown, token = page(call, told, params, most=1000, least=5)
    return {"ImageReferences": shown, "NextToken": token}
