"""
The one door: every request is read by botocore's model, written down, and answered by us or, where we have nothing better, by moto.

A WSGI layer in front of moto, and not patches of its classes: moto's images, snapshots and instances are objects of one account
that know neither time, disks nor owners, so nearly every method of them would have to be replaced, and each release of moto would
move them. Here they are never asked. What is asked of moto (networks, key pairs, KMS, SSM, S3, organizations) it does well.
"""

import copy
import io
import json
import logging
import re
import threading
import time
import uuid
from dataclasses import dataclass, field

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from . import (
    blocks,
    identity,
    image_making,
    images,
    instances,
    keys,
    launching,
    lifecycle,
    parameters,
    sharing,
    snapshots,
)
from .errors import Refused
from .faults import refusal
from .models import operation_of, protocol, read_request, service_model, write_answer, write_error
from .refusals import denied, expired, not_valid
from .registry import handlers, to_moto, unlocked

# Each of them puts its operations into the table.
loaded = (blocks, identity, image_making, images, instances, launching, lifecycle, parameters, sharing, snapshots)
scope = re.compile(r"Credential=([^/,\s]+)/\d{8}/(?:([a-z0-9-]+)/)?([a-z0-9-]+)/aws4_request")
unsigned = {"AssumeRoleWithWebIdentity": "sts", "AssumeRoleWithSAML": "sts"}
error_code = re.compile(rb'<Code>([\w.]+)</Code>|"__type":\s*"(?:[\w.]+#)?(\w+)"')
# They answer for all regions, or at least in more than one.
everywhere = {"sts", "iam", "organizations", "s3"}
logger = logging.getLogger("stand-in")


class Call:
    """Who asks for what, and all that an operation needs to answer."""

    def __init__(self, front, request):
        self.world, self.disks, self.machines = front.world, front.disks, front.machines
        self.account, self.principal, self.access_key = request.account, request.principal, request.key
        self.region, self.service, self.operation = request.region, request.service, request.operation
        self.here = front.world.regions.get(request.region)

    def elsewhere(self, region):
        """The same call in another region: a copy reads its source there."""
        other = copy.copy(self)
        other.here, other.region = region, region.name
        return other


@dataclass
class Request:
    environ: dict
    body: bytes
    key: str | None
    region: str
    service: str
    id: str
    # What the log of calls has of it.
    record: dict
    operation: str | None = None
    in_path: dict = field(default_factory=dict)
    params: dict = field(default_factory=dict)
    account: str = ""
    principal: str = ""
    striking: list = field(default_factory=list)

    def struck_by(self, kind):
        return any(one.given["kind"] == kind for one in self.striking)


def read_body(environ):
    if environ.get("wsgi.input_terminated"):
        return environ["wsgi.input"].read()
    length = int(environ.get("CONTENT_LENGTH") or 0)
    return environ["wsgi.input"].read(length) if length else b""


def plain(value):
    """Parameters as JSON can have them."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, bytes):
        return {"bytes": len(value)}
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def scope_of(environ, body):
    """(access key or None, region, service) of the signature."""
    query = environ.get("QUERY_STRING", "").replace("%2F", "/").replace("X-Amz-Credential", "Credential")
    match = scope.search(environ.get("HTTP_AUTHORIZATION") or query)
    if match:
        return match[1], match[2] or "us-east-1", match[3]
    named = (service for action, service in unsigned.items() if f"Action={action}".encode() in body)
    return None, "us-east-1", next(named, "s3")


def cut(request, when):
    """The connection ends in the middle, as it does when a network does."""
    request.record["result"] = when
    link = request.environ.get("werkzeug.socket")
    if link is not None:
        try:
            link.shutdown(2)
        except OSError:
            pass  # it had ended already
    raise ConnectionResetError


def hold(request, when):
    """Whoever asked is to be killed meanwhile: nothing comes back, ever."""
    request.record["result"] = f"held {when}"
    threading.Event().wait()


def half(request, answer):
    yield answer[: len(answer) // 2]
    cut(request, "cut in the answer")


class Front:
    def __init__(self, world, disks, machines, admin):
        self.world, self.disks, self.machines, self.admin = world, disks, machines, admin
        self.moto = DomainDispatcherApplication(create_backend_app)
        self.number = 0

    def __call__(self, environ, start_response):
        body = read_body(environ)
        if environ["PATH_INFO"].startswith("/stand-in/") and "HTTP_AUTHORIZATION" not in environ:
            return self.admin(environ, body, start_response)
        key, region, service = scope_of(environ, body)
        record = self.note(service, region)
        request = Request(environ, body, key, region, service, str(uuid.uuid4()), record)
        began = time.monotonic()
        try:
            status, headers, answer = self.answer(request)
            if status >= 400:
                match = error_code.search(answer)
                record["result"] = (match[1] or match[2]).decode() if match else str(status)
            else:
                record["result"] = "ok"
        except Refused as refused:
            record["result"] = refused.code
            status, headers, answer = write_error(service, refused, request.id)
        except NotImplementedError as cause:
            record["result"] = "NotImplemented"
            refused = Refused("NotImplemented", f"moto: {cause or record['action']}", 501)
            status, headers, answer = write_error(service, refused, request.id)
        except ConnectionResetError:
            raise
        except Exception as cause:
            # 501, for a client tries again after 500 and would hide it.
            logger.exception("%s:%s", service, record["action"])
            record["result"] = "InternalError"
            refused = Refused("InternalError", f"the stand-in failed: {cause!r}", 501)
            status, headers, answer = write_error(service, refused, request.id)
        record["ms"] = round((time.monotonic() - began) * 1000)
        headers.setdefault("Content-Length", str(len(answer)))
        start_response(f"{status} Answer", list(headers.items()))
        return half(request, answer) if request.struck_by("cut-half") else [answer]

    def note(self, service, region):
        with self.world.lock:
            self.number += 1
            record = {
                "number": self.number,
                "service": service,
                "action": "",
                "region": region,
                "account": None,
                "principal": None,
                "parameters": {},
                "result": "",
                "ms": 0,
            }
            self.world.calls.append(record)
        return record

    def answer(self, request):
        """(status, headers, body). @throws Refused, NotImplementedError, and ConnectionResetError once it is cut"""
        service, record = request.service, request.record
        known = service_model(service) is not None
        if known:
            request.operation, request.in_path = operation_of(service, request.environ, request.body)
        record["action"] = request.operation or f"{request.environ['REQUEST_METHOD']} {request.environ['PATH_INFO']}"
        with self.world.lock:
            request.striking = [one for one in self.world.faults if one.strikes(record)]
        self.wait(request)
        request.account, request.principal = self.who(request)
        record["account"], record["principal"] = request.account, request.principal
        if request.operation is not None and protocol(service) != "rest-xml":
            if request.operation not in service_model(service).operation_names:
                raise Refused("InvalidAction", f"The action {request.operation} is not valid for this web service.")
            request.params = read_request(service, request.operation, request.environ, request.body, request.in_path)
            record["parameters"] = plain(request.params)
        self.check(request)
        for fault in request.striking:
            refused = refusal(fault, service)
            if refused is not None:
                raise refused
        answered = self.work(request)
        if request.struck_by("hold-after"):
            hold(request, "after the work")
        if request.struck_by("cut-after"):
            cut(request, "cut after the work")
        if request.struck_by("garble"):
            status, headers, answer = answered
            return status, headers, bytes([answer[0] ^ 1]) + answer[1:]
        return answered

    def wait(self, request):
        pause = self.world.settings["latencyMs"]
        pause += sum(one.given.get("ms", 1000) for one in request.striking if one.given["kind"] == "delay")
        if pause:
            time.sleep(pause / 1000)
        if request.struck_by("hold-before"):
            hold(request, "before the work")
        down = request.region in self.world.down and request.service not in everywhere
        if down or request.struck_by("cut-before"):
            cut(request, "cut before the work")

    def who(self, request):
        """(account, principal). Secrets are not compared: a signature is never checked."""
        world, service, key = self.world, request.service, request.key
        session = world.sessions.get(key)
        if session is not None:
            presigned = "X-Amz-Security-Token" in request.environ.get("QUERY_STRING", "")
            if not presigned and session["token"] != request.environ.get("HTTP_X_AMZ_SECURITY_TOKEN"):
                raise not_valid(service)
            if session["expires"] <= world.now():
                raise expired(service)
            return session["account"], session["principal"]
        if key is None:
            return next(iter(world.accounts)), "anonymous"
        account = next((account for account, access_key in world.accounts.items() if access_key == key), None)
        if account is None:
            raise not_valid(service)
        return account, f"arn:aws:iam::{account}:user/mintmark"

    def check(self, request):
        """The region, denials that a test planted, and dry runs: in that order, as EC2 has it."""
        world, service = self.world, request.service
        if service not in everywhere and request.region in world.regions and request.region not in world.opted_in:
            raise not_valid(service)
        if service in ("ec2", "ebs", "ssm") and request.region not in world.regions:
            raise not_valid(service)
        for one in world.denials:
            if one["action"] not in (f"{service}:{request.operation}", f"{service}:*"):
                continue
            if one.get("account", request.account) != request.account:
                continue
            if one.get("region", request.region) != request.region:
                continue
            if one.get("parameter", "") in json.dumps(plain(request.params)):
                raise denied(service, request.operation, request.principal, one.get("resource", "*"))
        if service == "ec2" and request.params.get("DryRun"):
            if request.operation == "RunInstances":
                launching.check_dry_run(Call(self, request), request.params)
            raise Refused("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)

    def work(self, request):
        about = (request.service, request.operation)
        handler, result = handlers.get(about), to_moto
        if handler is not None:
            call = Call(self, request)
            asked = {name: value for name, value in request.params.items() if name != "DryRun"}
            if about in unlocked:
                result = handler(call, asked)
            else:
                with self.world.lock:
                    result = handler(call, asked)
        if result is to_moto:
            account = self.account_for(request)
            if request.service == "kms" and request.params.get("DryRun"):
                # https://docs.aws.amazon.com/kms/latest/developerguide/testing-permissions.html
                text = "The request would have succeeded, but the DryRun option is set."
                raise Refused("DryRunOperationException", text)
            return self.ask_moto(request, account)
        return write_answer(request.service, request.operation, result, request.id)

    def account_for(self, request):
        """A KMS key of another account is used there, if its policy or a grant lets this one."""
        name = request.params.get("KeyId", "")
        own = request.account
        if request.service != "kms" or not isinstance(name, str) or not name.startswith("arn:"):
            return own
        if name.split(":")[4] == own:
            return own
        key = keys.find(own, request.region, name)
        if key is None:
            raise Refused("NotFoundException", f"Key '{name}' does not exist")
        if not keys.allows(self.world, key, own, f"kms:{request.operation}"):
            raise denied("kms", request.operation, request.principal, name, "resource")
        return key.account_id

    def ask_moto(self, request, account):
        """moto's own answer, as the account that we take the caller for."""
        body = request.body
        sent = {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body)), "HTTP_X_MOTO_ACCOUNT_ID": account}
        asked = {**request.environ, **sent}
        asked.pop("HTTP_TRANSFER_ENCODING", None)
        asked.pop("wsgi.input_terminated", None)
        got = {}

        def start(status, headers, _info=None):
            got["status"], got["headers"] = int(status.split()[0]), headers

        try:
            application = self.moto.get_application(asked)
        except AttributeError as cause:
            raise NotImplementedError("it has no such service") from cause
        chunks = application(asked, start)
        try:
            answer = b"".join(chunks)
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()
        return got["status"], dict(got["headers"]), answer
