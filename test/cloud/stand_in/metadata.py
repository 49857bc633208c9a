"""
The instance metadata service, one server per instance: who asks is told by the socket, so nobody sees another's.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-categories.html and .../configuring-instance-metadata-service.html
"""

import json
import os
import re
import secrets
import socket
import threading
import time

versions = (
    "2009-04-04",
    "2016-09-02",
    "2018-09-24",
    "2019-10-01",
    "2020-10-27",
    "2021-01-03",
    "2021-03-23",
    "2022-09-24",
    "latest",
)
reasons = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
}


def listing(tree):
    return "\n".join(name if label is None else label for name, label in ((n, label_of(n, v)) for n, v in tree.items()))


def label_of(name, value):
    if isinstance(value, tuple):
        return value[0]
    return f"{name}/" if isinstance(value, dict) else name


def looked_up(tree, path):
    """What stands at the path: a text, a listing, or None."""
    here = tree
    for part in [one for one in path.split("/") if one]:
        if isinstance(here, tuple):
            here = here[1]
        if not isinstance(here, dict) or part not in here:
            return None
        here = here[part]
    if isinstance(here, tuple):
        here = here[1]
    return listing(here) if isinstance(here, dict) else here


class MetadataServer:
    """Answers for one instance: `describe()` gives (meta-data tree, identity document, user data or None, metadata options)."""

    def __init__(self, path, describe):
        self.path = path
        self.describe = describe
        self.tokens = {}
        self.listener = socket.socket(socket.AF_UNIX)
        if os.path.exists(path):
            os.unlink(path)
        self.listener.bind(path)
        os.chmod(path, 0o600)
        self.listener.listen(32)
        threading.Thread(target=self.serve, daemon=True).start()

    def close(self):
        self.listener.close()

    def serve(self):
        while True:
            try:
                courier, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.take, args=(courier,), daemon=True).start()

    def take(self, courier):
        with courier:
            _, handles, _, _ = socket.recv_fds(courier, 1, 1)
        for handle in handles:
            with socket.socket(fileno=handle) as guest:
                guest.settimeout(10)
                try:
                    self.talk(guest)
                except OSError:
                    pass  # the guest went away

    def talk(self, guest):
        """One request, one answer: a connection is never kept."""
        head = b""
        while b"\r\n\r\n" not in head and len(head) < 65536:
            more = guest.recv(4096)
            if not more:
                return
            head += more
        lines = head.split(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
        parts = lines[0].split(" ")
        headers = {name.strip().lower(): value.strip() for name, _, value in (one.partition(":") for one in lines[1:])}
        if len(parts) != 3:
            status, body, extra = 400, b"", {}
        else:
            status, body, extra = self.answer(parts[0], parts[1].split("?")[0], headers)
        told = {
            "Content-Type": "text/plain",
            "Content-Length": str(len(body)),
            "Server": "EC2ws",
            "Connection": "close",
            **extra,
        }
        start = f"HTTP/1.1 {status} {reasons[status]}\r\n" + "".join(f"{k}: {v}\r\n" for k, v in told.items())
        guest.sendall(start.encode() + b"\r\n" + (b"" if parts[0] == "HEAD" else body))
        guest.shutdown(socket.SHUT_WR)

    def answer(self, method, path, headers):
        tree, document, user_data, options = self.describe()
        if options.get("HttpEndpoint") == "disabled":
            return 403, b"", {}
        if path == "/latest/api/token":
            return self.new_token(method, headers)
        if method not in ("GET", "HEAD"):
            return 405, b"", {}
        token = headers.get("x-aws-ec2-metadata-token")
        known = token in self.tokens and time.monotonic() < self.tokens[token]
        if (token is not None and not known) or (token is None and options.get("HttpTokens") == "required"):
            return 401, b"", {}
        match = re.fullmatch(r"/(latest|\d{4}-\d\d-\d\d)(/.*)?", path)
        if path == "/":
            return 200, "\n".join(versions).encode(), {}
        if match is None:
            return 404, b"", {}
        return self.below(match[2] or "/", tree, document, user_data)

    def new_token(self, method, headers):
        seconds = headers.get("x-aws-ec2-metadata-token-ttl-seconds", "")
        if method != "PUT":
            return 405, b"", {}
        if "x-forwarded-for" in headers:
            return 403, b"", {}
        if not seconds.isdigit() or not 1 <= int(seconds) <= 21600:
            return 400, b"", {}
        token = secrets.token_urlsafe(40)
        self.tokens[token] = time.monotonic() + int(seconds)
        return 200, token.encode(), {"X-aws-ec2-metadata-token-ttl-seconds": seconds}

    def below(self, path, tree, document, user_data):
        if path.rstrip("/") == "":
            return 200, b"dynamic\nmeta-data" + (b"\nuser-data" if user_data else b""), {}
        if path.rstrip("/") == "/user-data":
            return (200, user_data, {"Content-Type": "application/octet-stream"}) if user_data else (404, b"", {})
        dynamic = {"instance-identity": {"document": json.dumps(document, indent=2)}}
        for start, what in (("/meta-data", tree), ("/dynamic", dynamic)):
            if path == start or path.startswith(f"{start}/"):
                found = looked_up(what, path[len(start) :])
                return (404, b"", {}) if found is None else (200, found.encode(), {})
        return 404, b"", {}
