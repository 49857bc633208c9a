"""KMS as EBS uses it. The keys are moto's; who may use one, and when that is found out, is told here."""

import fnmatch
import json
import re

from moto.kms.models import kms_backends

from .errors import Refused
from .registry import operation, to_moto

managed_alias = "alias/aws/ebs"


def backend(account, region):
    return kms_backends[account][region]


def aws_managed_key(account, region):
    """The ARN of the account's own aws/ebs key, which is made when it is first used and can't be shared."""
    key = backend(account, region).describe_key(managed_alias)
    key.key_manager = "AWS"
    return key.arn


def default_key(world, account, region):
    return world.default_keys.get((account, region)) or aws_managed_key(account, region)


def arn_of(account, region, name):
    """As full an ARN as can be told of a key's id, alias or ARN, whether or not there is such a key."""
    if name.startswith("arn:"):
        return name
    kind = name if name.startswith("alias/") else f"key/{name}"
    return f"arn:aws:kms:{region}:{account}:{kind}"


def find(account, region, name):
    """The key that an id, alias or ARN names, or None."""
    if name == managed_alias:
        name = aws_managed_key(account, region)
    if name.startswith("arn:"):
        parts = name.split(":")
        if len(parts) < 6 or parts[3] != region:
            return None
        account, name = parts[4], ":".join(parts[5:]).removeprefix("key/")
    store = backend(account, region)
    if name.startswith("alias/"):
        name = store.get_key_id_from_alias(name) or ""
    return store.keys.get(name)


def is_managed(arn):
    """Whether a snapshot's key is an AWS-managed one: what it encrypts can't be shared."""
    parts = (arn or "").split(":")
    if len(parts) < 6:
        return False
    key = find(parts[4], parts[3], arn)
    return key is not None and key.key_manager == "AWS"


def principals(statement):
    found = statement.get("Principal", {})
    found = found.get("AWS", []) if isinstance(found, dict) else found
    return [found] if isinstance(found, str) else found


def listed(value):
    return [value] if isinstance(value, str) else value


def paths_of(world, account):
    """aws:PrincipalOrgPaths of an account, whose root has no name here. .../IAM/latest/UserGuide/reference_policies_condition-keys.html"""
    member = world.members.get(account, {})
    organization = (member.get("organization") or "").split("/")[-1]
    units = [one.split("/")[-1] for one in member.get("units", [])]
    return [f"{organization}/r-root/{one}/" for one in units] or ([f"{organization}/r-root/"] if organization else [])


def holds(world, operator, key, values, account, action, by_aws):
    """
    One condition of a statement; one that is not known here does not hold.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
    https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html (kms:GrantIsForAWSResource: calls about grants alone have it)
    """
    name, plain = key.lower(), operator.removeprefix("ForAnyValue:").removesuffix("IfExists")
    if name == "kms:grantisforawsresource":
        if not fnmatch.fnmatch(action, "kms:*Grant*"):
            return operator.endswith("IfExists")
        return plain == "Bool" and listed(values) == [str(by_aws).lower()]
    if plain not in ("StringEquals", "StringLike"):
        return False
    fits = fnmatch.fnmatchcase if plain == "StringLike" else str.__eq__
    organization = (world.members.get(account, {}).get("organization") or "").split("/")[-1]
    found = {
        "aws:principalorgid": [organization] if organization else [],
        "aws:principalorgpaths": paths_of(world, account),
        "aws:principalaccount": [account],
        "kms:calleraccount": [account],
    }.get(name, [])
    return any(fits(one, pattern) for one in found for pattern in listed(values))


def speaks_of(world, statement, account, action, by_aws):
    """Whether a statement is about this account and action. A principal "*" is everybody, as far as the conditions let them."""
    conditions = statement.get("Condition", {})
    return (
        any(one in (account, "*") or f"::{account}:" in one for one in principals(statement))
        and any(fnmatch.fnmatch(action, one) for one in listed(statement.get("Action", [])))
        and all(
            holds(world, operator, key, values, account, action, by_aws)
            for operator, keys in conditions.items()
            for key, values in keys.items()
        )
    )


def allows(world, key, account, action, by_aws=False):
    """
    Whether the key's policy or a grant lets principals of another account do it, by themselves or through a service; of denials
    only those without a condition that is unknown here.
    https://docs.aws.amazon.com/kms/latest/developerguide/policy-evaluation.html, .../conditions-kms.html
    """
    if key.account_id == account:
        return True
    if key.key_manager == "AWS":
        return False
    policy = json.loads(key.policy) if isinstance(key.policy, str) else key.policy
    given = policy.get("Statement", [])
    about = [
        one
        for one in ([given] if isinstance(given, dict) else given)
        if speaks_of(world, one, account, action, by_aws)
    ]
    if any(one.get("Effect") == "Deny" for one in about):
        return False
    for grant in key.grants.values():
        if f"::{account}:" in grant.grantee_principal and action.removeprefix("kms:") in grant.operations:
            return True
    return any(one.get("Effect") == "Allow" for one in about)


def problem(world, account, region, name, actions=("kms:CreateGrant", "kms:Decrypt")):
    """
    Why EBS can't use the key, or None. EC2 asks only after it has answered.
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CopyImage.html (KmsKeyId)
    """
    key = find(account, region, name)
    if key is None or not all(allows(world, key, account, one, by_aws=True) for one in actions):
        return "Given key ID is not accessible"
    if key.key_state != "Enabled":
        return f"The KMS key {key.arn} is {key.key_state}"
    if key.key_spec != "SYMMETRIC_DEFAULT":
        return "Amazon EBS does not support asymmetric KMS keys"
    return None


def outcome(world, call, source_key, params):
    """
    (encrypted, key's ARN or None, why it will fail or None) of a copy, by what it is a copy of and what is asked for.
    https://docs.aws.amazon.com/ebs/latest/userguide/encryption-snapshots.html (encryption outcomes)
    """
    asked, name = params.get("Encrypted"), params.get("KmsKeyId")
    if name and not asked:
        raise Refused(
            "InvalidParameterDependency", "The parameter [KmsKeyId] requires the parameter Encrypted to be set."
        )
    if source_key and asked is False:
        raise Refused("InvalidRequest", "You cannot create an unencrypted copy of an encrypted snapshot.")
    by_default = world.encryption_by_default.get((call.account, call.region), False)
    if not (asked or source_key or by_default):
        return False, None, None
    fails = None
    if source_key and find_problem_of_source(call, source_key):
        fails = "Given key ID is not accessible"
    chosen = name or default_key(world, call.account, call.region)
    fails = fails or problem(world, call.account, call.region, chosen)
    key = find(call.account, call.region, chosen)
    return True, key.arn if key else arn_of(call.account, call.region, chosen), fails


def find_problem_of_source(call, arn):
    region = arn.split(":")[3]
    return problem(call.world, call.account, region, arn, ["kms:Decrypt"])


@operation("kms", "PutKeyPolicy")
def put_key_policy(call, params):
    """
    Accounts that are named as principals have to be there: one that was closed spoils all of the policy.
    https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html (Policy)
    """
    policy = json.loads(params["Policy"])
    for statement in policy.get("Statement", []):
        for one in principals(statement):
            account = re.search(r"\d{12}", one)
            if account and account[0] not in call.world.accounts:
                text = "Policy contains a statement with one or more invalid principals."
                raise Refused("MalformedPolicyDocumentException", text)
    return to_moto
