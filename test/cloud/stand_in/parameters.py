"""
SSM parameters: the public ones are what a test seeds; a team's own are moto's, but for one of the type aws:ec2:image, which is accepted
first and validated later: https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-ec2-aliases.html
"""

from datetime import datetime, timedelta

from moto.ssm.models import ssm_backends

from .errors import Refused
from .registry import operation, to_moto

reserved = "/aws/service/"


def public(call, name):
    """@throws Refused where there is no such parameter"""
    found = call.world.public_parameters.get((call.region, name))
    if found is None:
        raise Refused("ParameterNotFound", f"Parameter {name} not found.")
    return {
        "Name": name,
        "Type": "String",
        "Value": found["value"],
        "Version": found.get("version", 1),
        "LastModifiedDate": call.world.now()
        if found.get("modified") is None
        else datetime.fromisoformat(found["modified"]),
        "ARN": f"arn:aws:ssm:{call.region}::parameter{name}",
        "DataType": found.get("dataType", "text"),
    }


@operation("ssm", "GetParameter")
def get_parameter(call, params):
    settle(call.world)
    return {"Parameter": public(call, params["Name"])} if params["Name"].startswith(reserved) else to_moto


@operation("ssm", "GetParameters")
def get_parameters(call, params):
    settle(call.world)
    names = params["Names"]
    if not any(one.startswith(reserved) for one in names):
        return to_moto
    found, invalid = [], []
    for name in names:
        if (call.region, name) in call.world.public_parameters:
            found.append(public(call, name))
        elif name.startswith(reserved):
            invalid.append(name)
        else:
            raise Refused(
                "ValidationException", "The stand-in does not answer for public and own parameters in one request."
            )
    return {"Parameters": found, "InvalidParameters": invalid}


@operation("ssm", "GetParametersByPath")
def get_parameters_by_path(call, params):
    settle(call.world)
    path = params["Path"].rstrip("/") + "/"
    if not path.startswith("/aws/"):
        return to_moto
    deep = params.get("Recursive", False)
    names = sorted(
        name
        for region, name in call.world.public_parameters
        if region == call.region and name.startswith(path) and (deep or "/" not in name[len(path) :])
    )
    size, start = params.get("MaxResults", 10), int(params.get("NextToken") or 0)
    more = str(start + size) if start + size < len(names) else None
    return {"Parameters": [public(call, one) for one in names[start : start + size]], "NextToken": more}


@operation("ssm", "PutParameter")
def put_parameter(call, params):
    """An answer is no proof: an image that this account can't see is dropped after it, without a word."""
    settle(call.world)
    if params.get("DataType") != "aws:ec2:image":
        return to_moto
    name = params["Name"]
    if params.get("Type", "String") != "String":
        raise Refused("ValidationException", "The data type aws:ec2:image is for parameters of the type String.")
    store = ssm_backends[call.account][call.region]
    versions = store._parameters.get(name) or []
    if versions and not params.get("Overwrite"):
        raise Refused(
            "ParameterAlreadyExists",
            "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
        )
    due = call.world.now() + timedelta(seconds=call.world.settings["pendingSeconds"])
    call.world.pending_parameters.append((due, call.account, call.region, params))
    waiting = sum(
        1
        for _, account, region, one in call.world.pending_parameters
        if (account, region, one["Name"]) == (call.account, call.region, name)
    )
    return {"Version": (versions[-1].version if versions else 0) + waiting, "Tier": params.get("Tier", "Standard")}


@operation(
    "ssm", "GetParameterHistory", "DescribeParameters", "LabelParameterVersion", "DeleteParameter", "DeleteParameters"
)
def after_settling(call, _params):
    settle(call.world)
    return to_moto


def settle(world):
    """Validates the images of parameters whose time has come, as EC2 does after SSM has answered."""
    waiting, world.pending_parameters = world.pending_parameters, []
    for due, account, region, params in waiting:
        if world.now() < due:
            world.pending_parameters.append((due, account, region, params))
            continue
        if not world.can_launch(account, region, params["Value"]):
            continue
        ssm_backends[account][region].put_parameter(
            name=params["Name"],
            description=params.get("Description"),
            value=params["Value"],
            parameter_type="String",
            allowed_pattern=params.get("AllowedPattern"),
            keyid=None,
            overwrite=params.get("Overwrite", False),
            tags=params.get("Tags", []),
            data_type="aws:ec2:image",
            tier=params.get("Tier"),
            policies=params.get("Policies"),
        )


def resolve_image(call, text):
    """The image that `resolve:ssm:NAME` names; any other text is the image's id."""
    if not text.startswith("resolve:ssm:"):
        return text
    settle(call.world)
    name = text.removeprefix("resolve:ssm:")
    if name.startswith(reserved):
        return public(call, name)["Value"]
    found = ssm_backends[call.account][call.region].get_parameter(name)
    if found is None:
        raise Refused("InvalidParameterValue", f"The SSM parameter '{name}' does not exist")
    return found.value
