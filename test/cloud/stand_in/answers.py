"""Filters and pages, the same for all that EC2 lists."""

import base64
import hashlib
import json
import re

from .errors import Refused
from .models import filter_names


def pattern(text):
    """EC2's wildcards: * and ?, each literal after a backslash; upper and lower case differ."""
    parts = re.split(r"(\\.|\*|\?)", text)
    as_regex = {"*": ".*", "?": "."}
    return re.compile(
        "".join(as_regex.get(one) or re.escape(one[1] if len(one) == 2 and one[0] == "\\" else one) for one in parts)
        + r"\Z",
        re.DOTALL,
    )


def told(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def values_of(item, name, fields, tags):
    if name.startswith("tag:"):
        return [tags(item)[name[4:]]] if name[4:] in tags(item) else []
    if name == "tag-key":
        return list(tags(item))
    found = fields[name](item)
    return found if isinstance(found, (list, set, tuple)) else [found]


def filtered(call, items, params, fields, tags):
    """
    Those of `items` that every filter matches by one of its values. `fields` says how a filter reads an item; a filter that
    the operation's documentation lists and `fields` lacks is refused too, for a wrong answer would be worse.
    """
    wanted = []
    for one in params.get("Filters", []):
        name = one.get("Name", "")
        known = filter_names(call.operation) or ()
        if not name.startswith("tag:") and name != "tag-key" and name not in fields:
            why = "is not answered by this stand-in" if name in known else "is invalid"
            raise Refused("InvalidParameterValue", f"The filter '{name}' {why}")
        if not one.get("Values"):
            raise Refused("InvalidParameterValue", f"The filter '{name}' needs a value")
        if len(one["Values"]) > 200:
            raise Refused(
                "FilterLimitExceeded", "The maximum number of filter values specified on a single call is 200"
            )
        wanted.append((name, [pattern(value) for value in one["Values"]]))
    return [
        item
        for item in items
        if all(
            any(one.match(told(value)) for value in values_of(item, name, fields, tags) for one in patterns)
            for name, patterns in wanted
        )
    ]


def page(call, items, params, most=1000, least=1, by_id=None):
    """
    (the items of this page, the next token or None). A token is good for the same request alone.
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html (pagination)
    """
    size = params.get("MaxResults")
    if size is not None and by_id and params.get(by_id):
        raise Refused(
            "InvalidParameterCombination", f"The parameter {by_id} cannot be used with the parameter MaxResults"
        )
    if size is not None and not least <= size <= most:
        raise Refused(
            "InvalidParameterValue",
            f"Value ( {size} ) for parameter maxResults is invalid. Expecting a value between {least} and {most}.",
        )
    asked = {name: value for name, value in params.items() if name not in ("NextToken", "MaxResults", "DryRun")}
    of = hashlib.sha256(
        json.dumps([call.account, call.region, call.operation, asked], sort_keys=True, default=str).encode()
    ).hexdigest()[:16]
    start = 0
    if params.get("NextToken"):
        try:
            start_text, whose = base64.urlsafe_b64decode(params["NextToken"].encode()).decode().split(".")
            start = int(start_text)
        except ValueError:
            whose = ""
        if whose != of:
            raise Refused("InvalidNextToken", "The specified nextToken is invalid")
    if size is None:
        return items[start:], None
    end = start + size
    token = base64.urlsafe_b64encode(f"{end}.{of}".encode()).decode() if end < len(items) else None
    return items[start:end], token
