"""Whatever is sent to a route, sound or not: no 5xx, and no answer that /openapi.json does not have."""

import os
import socket

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from host.admin.api import openapi
from host.admin.api.routes import PARTS
from tests.admin.client import TOKENS
from tests.effort import examples

pytestmark = pytest.mark.slow
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
STREAMS = "/api/v1/(tap|graph/stream)$"
SLOW = "/api/v1/(config/(validate|reload)|sandboxes/dry-run|(matchers|grammars)/test)$"
LEAN = settings(max_examples=examples(3), suppress_health_check=list(HealthCheck), derandomize=True)
LONG = settings(max_examples=examples(60), suppress_health_check=list(HealthCheck))
TOKEN = {"Authorization": f"Bearer {TOKENS['admin']}"}

schema = schemathesis.openapi.from_dict(openapi.document(PARTS)).exclude(path_regex=STREAMS)


def ask(case, api):
    headers = {**TOKEN, **{name: value for name, value in (case.headers or {}).items() if name != "Authorization"}}
    response = case.call(base_url=f"http://{api.where}", headers=headers)
    if response.status_code == 400 and not response.headers:
        return  # no HTTP: such bytes never come to a route
    case.validate_response(response, checks=CHECKS)


@schema.exclude(path_regex=SLOW).parametrize()
@LEAN
def test_nothing_breaks_a_route(case, api):
    ask(case, api)


@pytest.mark.slow
@schema.parametrize()
@LONG
def test_nothing_breaks_a_route_in_many_tries(case, api):
    ask(case, api)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/api/v1/matchers/test", b"{", 400),
        ("/api/v1/matchers/test", b"[]", 400),
        ("/api/v1/matchers/test", b'{"match": 1}', 400),
        ("/api/v1/matchers/test", b'{"match": "TRUE", "colour": 1}', 400),
        ("/api/v1/matchers/test", b"\xff\xfe", 400),
        ("/api/v1/matchers/test", b"", 400),
        ("/api/v1/matchers/test", b"[" * 100_000, 400),
        ("/api/v1/matchers/test", b"x" * (2 << 20), 413),
        ("/api/v1/sandboxes/counts/stop", b"{}", 400),
    ],
)
def test_bodies_that_are_none_are_refused(path, body, status, api):
    reply = api.ask("POST", path, body, Content_Type="application/json")

    assert reply.status == status
    assert reply.json["detail"]


def test_random_bytes_on_the_port_do_no_harm(api):
    host, _, port = api.where.rpartition(":")
    for _ in range(20):
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            connection.sendall(os.urandom(500) + b"\r\n\r\n")
    assert api.get("/health")["status"] == "alive"
