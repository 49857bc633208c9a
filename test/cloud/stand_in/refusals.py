"""Whom the services do not let in, each family of them in its own words."""

import secrets

from .errors import Refused

not_enough = {"ec2": "UnauthorizedOperation", "sts": "AccessDenied", "s3": "AccessDenied", "iam": "AccessDenied"}


def not_valid(service):
    """An access key that nobody knows, or a region that the account is not in."""
    if service == "ec2":
        return Refused("AuthFailure", "AWS was not able to validate the provided access credentials", 401)
    if service == "sts":
        return Refused("InvalidClientTokenId", "The security token included in the request is invalid.", 403)
    if service == "s3":
        return Refused("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", 403)
    return Refused("UnrecognizedClientException", "The security token included in the request is invalid.")


def expired(service):
    if service == "ec2":
        return Refused("RequestExpired", "Request has expired.")
    if service in ("sts", "s3"):
        return Refused("ExpiredToken", "The security token included in the request is expired", 403)
    return Refused("ExpiredTokenException", "The security token included in the request is expired")


def denied(service, operation, principal, resource, by="identity"):
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html"""
    action = f"{service}:{operation}"
    why = (
        f"User: {principal} is not authorized to perform: {action} on resource: {resource} "
        f"because no {by}-based policy allows the {action} action"
    )
    if service == "ec2":
        message = f"Encoded authorization failure message: {secrets.token_urlsafe(24)}"
        why = f"You are not authorized to perform this operation. {why}. {message}"
    status = 400 if service in ("ssm", "kms") else 403
    return Refused(not_enough.get(service, "AccessDeniedException"), why, status)
