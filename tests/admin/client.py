"""Asks a running host over HTTP, as curl would."""

import hashlib
import http.client
import json
import re
import socket
from pathlib import Path
from typing import NamedTuple

TOKENS = {role: f"{role}-token-of-the-tests" for role in ("viewer", "operator", "admin")} | {"tenant": "tenant-token"}


class Reply(NamedTuple):
    """What came back."""

    status: int
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=20)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Api:
    """The API of one host.

    Args:
        where: `127.0.0.1:4352`, or the path of a unix socket.
        token: Sent with every request, if it is not empty.
    """

    def __init__(self, where, token=""):
        self.where = where
        self.token = token

    def with_token(self, token):
        return Api(self.where, token)

    def connect(self):
        is_unix = self.where.startswith("/")
        return _UnixConnection(self.where) if is_unix else http.client.HTTPConnection(self.where, timeout=20)

    def ask(self, method, path, body=None, **headers):
        """Send a request; a body that is no bytes or text goes as JSON."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        if body is not None and not isinstance(body, bytes | str):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        if isinstance(body, str):
            body = body.encode()
        connection = self.connect()
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def get(self, path, status=200, **headers):
        reply = self.ask("GET", path, **headers)
        assert reply.status == status, (path, reply)
        return reply.json

    def do(self, method, path, body=None, status=200, **headers):
        """Send a request that must have this outcome; answers the document."""
        reply = self.ask(method, path, body, **headers)
        assert reply.status == status, (method, path, reply)
        return reply.json if reply.body else None


def admin_section(**more):
    """A section `admin` with a token for each role, and one for a tenant."""
    tokens = []
    for role, token in TOKENS.items():
        entry = {"name": role, "sha256": hashlib.sha256(token.encode()).hexdigest(), "role": role}
        tokens.append(entry | {"role": "admin", "sandboxes": ["team_a_"]} if role == "tenant" else entry)
    limits = {"requests_per_second": 10_000, "burst": 10_000, **more.pop("limits", {})}
    return {"listen": "127.0.0.1:0", "tokens": tokens, "limits": limits, **more}


def api_of(host, role="admin"):
    """The API of a host that has been started."""
    host.saw("The admin API listens.")
    address = re.search(r"address=https?://(\S+)", host.log)[1]
    return Api(address, TOKENS[role])


def audit(bench):
    """The entries of the audit log."""
    return [json.loads(line) for line in Path(bench.path("state/audit.jsonl")).read_bytes().splitlines()]
