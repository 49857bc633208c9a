"""What a test wants to go wrong, and when."""

import random

from .errors import Refused
from .models import protocol, service_model


def throttled(service):
    """Each family of services has a word of its own for it."""
    if service == "ec2":
        return Refused("RequestLimitExceeded", "Request limit exceeded.", 503)
    if service == "ebs":
        return Refused("RequestThrottledException", "The request was throttled.", 400, Reason="ACCOUNT_THROTTLED")
    if service == "s3":
        return Refused("SlowDown", "Please reduce your request rate.", 503)
    return Refused("ThrottlingException" if spoken(service) == "json" else "Throttling", "Rate exceeded", 400)


def spoken(service):
    return protocol(service) if service_model(service) is not None else "query"


def internal(service):
    code = "InternalFailure" if spoken(service) == "json" else "InternalError"
    return Refused(code, "An internal error has occurred", 500)


class Fault:
    """
    One thing to go wrong: `kind` is throttle, error, refuse (with `code`), cut-before, cut-after, cut-half, hold-before, hold-after, garble or delay.
    It strikes the calls of `action` (service:Operation, any where it is left out) from the `at`th on, `times` times; or the one call of that `number`;
    or, with a `chance`, each of them that the dice say, the same in every run.
    """

    def __init__(self, given):
        self.given = {"at": 1, "times": 1, **given}
        self.seen = 0
        self.dice = random.Random(1)

    def strikes(self, record):
        given = self.given
        if "number" in given:
            return record["number"] == given["number"]
        if given.get("action") not in (None, f"{record['service']}:{record['action']}"):
            return False
        if given.get("region") not in (None, record["region"]):
            return False
        if "chance" in given:
            return self.dice.random() < given["chance"]
        self.seen += 1
        return given["at"] <= self.seen < given["at"] + given["times"]


def refusal(fault, service):
    """The error to answer with instead of doing the work, or None for kinds that let it be done."""
    kind, given = fault.given["kind"], fault.given
    if kind == "throttle":
        return throttled(service)
    if kind == "error":
        return internal(service)
    if kind == "refuse":
        return Refused(given["code"], given.get("message", given["code"]), given.get("status", 400))
    return None
