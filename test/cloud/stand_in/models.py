"""Requests and answers by botocore's own service models: nothing is accepted or told that they do not have."""

import base64
import json
import re
from functools import lru_cache
from urllib.parse import parse_qsl, unquote

from botocore.utils import parse_timestamp
from botocore.validate import ParamValidator
from moto.core.loaders import create_loader
from moto.core.model import ServiceModel
from moto.core.serialize import SerializationContext, get_serializer_class

from .errors import Refused

loader = create_loader()
# Names of services where the signature's scope says another.
renamed = {"monitoring": "cloudwatch"}
# What the query protocols have beside the operation's own parameters.
around = {"Action", "Version", "AWSAccessKeyId", "Signature", "SignatureMethod", "SignatureVersion", "Timestamp"}


@lru_cache(maxsize=None)
def service_model(service):
    """None where botocore has no such service."""
    try:
        return ServiceModel(loader.load_service_model(renamed.get(service, service), "service-2"), service)
    except Exception:
        return None


def protocol(service):
    """ec2, query, json, rest-json or rest-xml: the first that we speak of those that the service does."""
    metadata = service_model(service).metadata
    spoken = ("ec2", "query", "json", "rest-json", "rest-xml")
    return next(
        (one for one in metadata.get("protocols", [metadata["protocol"]]) if one in spoken), metadata["protocol"]
    )


@lru_cache(maxsize=None)
def routes(service):
    """[(method, pattern of the path, operation)] of a REST service, the longest path first."""
    model = service_model(service)
    found = []
    for name in model.operation_names:
        http = model.operation_model(name).http
        path = http["requestUri"].split("?")[0]
        pattern = re.sub(r"\{(\w+)(\+?)\}", lambda m: f"(?P<{m[1]}>{'.+' if m[2] else '[^/]+'})", path)
        found.append((http["method"], re.compile(f"^{pattern}/?$"), name))
    return sorted(found, key=lambda one: -len(one[1].pattern))


def operation_of(service, environ, body):
    """(name of the operation, values in the path); the name is None for what can't be told."""
    spoken = protocol(service)
    if spoken in ("ec2", "query"):
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True)) or dict(
            parse_qsl(environ.get("QUERY_STRING", ""))
        )
        return fields.get("Action"), {}
    if spoken == "json":
        return environ.get("HTTP_X_AMZ_TARGET", "").rsplit(".", 1)[-1] or None, {}
    for method, pattern, name in routes(service):
        match = pattern.match(environ.get("PATH_INFO", ""))
        if match and method == environ["REQUEST_METHOD"]:
            return name, {key: unquote(value) for key, value in match.groupdict().items()}
    return None, {}


def scalar(shape, text, name):
    kind = shape.type_name
    try:
        if kind in ("integer", "long"):
            return int(text)
        if kind in ("float", "double"):
            return float(text)
        if kind == "boolean":
            return {"true": True, "false": False, "1": True, "0": False}[text.lower()]
        if kind == "timestamp":
            return parse_timestamp(text)
        if kind == "blob":
            return base64.b64decode(text, validate=True)
    except (ValueError, KeyError):
        raise Refused("InvalidParameterValue", f"Value ({text}) for parameter {name} is invalid.") from None
    return text


class Query:
    """The flat fields of the query protocols, read by shape; what is left over was never a parameter."""

    def __init__(self, fields, flat):
        self.fields = fields
        self.flat = flat
        self.left = {name for name in fields if name not in around and not name.startswith("X-Amz-")}

    def name_of(self, member, shape):
        serialization = shape.serialization
        if not self.flat:
            return serialization.get("name", member)
        if "queryName" in serialization:
            return serialization["queryName"]
        name = serialization.get("name", member)
        return name[0].upper() + name[1:]

    def below(self, prefix):
        return any(name == prefix or name.startswith(f"{prefix}.") for name in self.left)

    def structure(self, shape, prefix=""):
        found = {}
        for member, inner in shape.members.items():
            name = prefix + self.name_of(member, inner)
            if self.below(name):
                found[member] = self.value(inner, name)
        return found

    def value(self, shape, name):
        if shape.type_name == "structure":
            self.left.discard(name)
            return self.structure(shape, f"{name}.")
        if shape.type_name == "list":
            self.left.discard(name)  # an empty list is sent as an empty field
            flat = self.flat or shape.serialization.get("flattened")
            base = name if flat else f"{name}.{shape.member.serialization.get('name', 'member')}"
            numbers = {one[len(base) + 1 :].split(".")[0] for one in self.left if one.startswith(f"{base}.")}
            return [
                self.value(shape.member, f"{base}.{n}") for n in sorted((n for n in numbers if n.isdigit()), key=int)
            ]
        self.left.discard(name)
        return scalar(shape, self.fields.get(name, ""), name)


def read_query(shape, environ, body, flat):
    pairs = parse_qsl(body.decode(), keep_blank_values=True) or parse_qsl(
        environ.get("QUERY_STRING", ""), keep_blank_values=True
    )
    query = Query(dict(pairs), flat)
    found = query.structure(shape) if shape is not None else {}
    if query.left:
        raise Refused("UnknownParameter", f"The parameter {sorted(query.left)[0]} is not recognized")
    return found


def typed(shape, value):
    """JSON values as botocore's validator wants them: times and bytes are not strings there."""
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict):
        return {
            key: typed(shape.members[key], one) if key in shape.members else one
            for key, one in value.items()
            if one is not None
        }
    if kind == "list" and isinstance(value, list):
        return [typed(shape.member, one) for one in value]
    if kind == "map" and isinstance(value, dict):
        return {key: typed(shape.value, one) for key, one in value.items()}
    if kind == "blob" and isinstance(value, str):
        return base64.b64decode(value)
    if kind == "timestamp" and isinstance(value, (int, float, str)):
        return parse_timestamp(value)
    return value


def read_rest(shape, environ, body, in_path):
    query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    found = {}
    sent = {} if shape is None or "payload" in shape.serialization or not body else json.loads(body)
    for member, inner in (shape.members if shape is not None else {}).items():
        where, name = inner.serialization.get("location"), inner.serialization.get("name", member)
        if where == "uri" and name in in_path:
            found[member] = scalar(inner, in_path[name], member)
        elif where == "querystring" and name in query:
            found[member] = scalar(inner, query[name], member)
        elif where == "header":
            value = environ.get("HTTP_" + name.upper().replace("-", "_"))
            if value is not None:
                found[member] = scalar(inner, value, member)
        elif shape.serialization.get("payload") == member:
            found[member] = body
        elif where is None and name in sent:
            found[member] = typed(inner, sent.pop(name))
    if sent:
        raise Refused("ValidationException", f"{sorted(sent)[0]} is not a parameter", Reason="INVALID_PARAMETER_VALUE")
    return found


def check_enums(shape, value, name, query):
    """botocore's validator lets any word pass where the service has a list of them."""
    kind = shape.type_name
    if kind == "structure":
        for member, one in value.items():
            if member in shape.members:
                check_enums(shape.members[member], one, member, query)
    elif kind == "list":
        for one in value:
            check_enums(shape.member, one, name, query)
    elif kind == "string" and getattr(shape, "enum", None) and value not in shape.enum:
        if query:
            raise Refused("InvalidParameterValue", f"Value ({value}) for parameter {name} is invalid.")
        raise Refused(
            "ValidationException",
            f"Value '{value}' at '{name}' failed to satisfy constraint: Member must satisfy enum value set",
        )


def refuse_by_report(report, query):
    """The first complaint of botocore's validator, told as the service tells it."""
    errors = sorted(report._errors, key=lambda one: one[0] != "missing required field")
    kind, at, values = errors[0]
    if kind == "missing required field":
        name = (f"{at}." if at else "") + values["required_name"]
        if query:
            raise Refused("MissingParameter", f"The request must contain the parameter {name}")
        raise Refused(
            "ValidationException",
            f"1 validation error detected: Value null at '{name}' failed to satisfy constraint: Member must not be null",
        )
    text = report.generate_report().split("\n")[0]
    raise Refused("InvalidParameterValue" if query else "ValidationException", text)


def read_request(service, name, environ, body, in_path):
    """The operation's parameters, typed. @throws Refused for what the service's model does not allow"""
    model = service_model(service)
    operation = model.operation_model(name)
    shape = operation.input_shape
    spoken = protocol(service)
    query = spoken in ("ec2", "query")
    if query:
        found = read_query(shape, environ, body, spoken == "ec2")
    elif spoken == "json":
        try:
            found = typed(shape, json.loads(body or b"{}")) if shape is not None else {}
        except ValueError as cause:
            raise Refused("SerializationException", str(cause)) from cause
    else:
        found = read_rest(shape, environ, body, in_path)
    if shape is None:
        return found
    report = ParamValidator().validate(found, shape)
    if report.has_errors():
        refuse_by_report(report, query)
    check_enums(shape, found, "", query)
    return found


def check_members(shape, value, path):
    """The serializer would leave out what the model does not have: a slip of ours. @throws KeyError"""
    if shape.type_name == "structure":
        for member, one in value.items():
            if member not in shape.members:
                raise KeyError(f"{path} has no {member}")
            if one is not None:
                check_members(shape.members[member], one, f"{path}.{member}")
    elif shape.type_name == "list":
        for one in value:
            check_members(shape.member, one, path)


def write_answer(service, name, result, request_id):
    """(status, headers, body) of a result that has the members of the operation's output."""
    spoken = protocol(service)
    operation = service_model(service).operation_model(name)
    if operation.output_shape is not None:
        check_members(operation.output_shape, result, name)
    serializer = get_serializer_class(service, spoken)(
        operation_model=operation, context=SerializationContext(request_id)
    )
    answer = serializer.serialize(result)
    body = answer["body"]
    body = body.encode() if isinstance(body, str) else (body.read() if hasattr(body, "read") else body)
    headers = dict(answer["headers"])
    headers.setdefault(
        "Content-Type",
        "text/xml"
        if query_like(spoken)
        else f"application/x-amz-json-{service_model(service).metadata.get('jsonVersion', '1.1')}",
    )
    headers["x-amzn-RequestId"] = request_id
    return answer["status_code"], headers, body


def query_like(spoken):
    return spoken in ("ec2", "query", "rest-xml")


def escaped(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def write_error(service, refused, request_id):
    """(status, headers, body) of an error, in the service's own shape."""
    spoken = protocol(service) if service_model(service) is not None else "ec2"
    headers = {"x-amzn-RequestId": request_id}
    if spoken == "ec2":
        inner = (
            f"<Errors><Error><Code>{refused.code}</Code><Message>{escaped(refused.message)}</Message></Error></Errors>"
        )
        body = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<Response>{inner}<RequestID>{request_id}</RequestID></Response>'
        )
    elif spoken in ("query", "rest-xml"):
        kind = "Sender" if refused.status < 500 else "Receiver"
        inner = f"<Error><Type>{kind}</Type><Code>{refused.code}</Code><Message>{escaped(refused.message)}</Message></Error>"
        body = f"<ErrorResponse>{inner}<RequestId>{request_id}</RequestId></ErrorResponse>"
    else:
        headers["x-amzn-ErrorType"] = refused.code
        body = json.dumps(
            {"__type": refused.code, "message": refused.message, "Message": refused.message, **refused.members}
        )
    headers["Content-Type"] = "text/xml" if query_like(spoken) else "application/x-amz-json-1.1"
    return refused.status, headers, body.encode()


@lru_cache(maxsize=None)
def filter_names(name):
    """The filters of an EC2 operation, as its own documentation lists them; None where it has none."""
    shape = service_model("ec2").operation_model(name).input_shape
    if "Filters" not in shape.members:
        return None
    # Keys of tags stand in the list as tag:<key>.
    text = shape.members["Filters"].documentation
    return frozenset(re.findall(r"<li>\s*<p>\s*<code>([a-z0-9.\-]+)(?::|</code>)", text))
