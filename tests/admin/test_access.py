"""Who may use the API, and from where."""

import os
import shutil
import stat
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from host.admin.api.routes import all_routes
from tests.admin.client import TOKENS, Api, admin_section, api_of, audit
from tests.running import to_json, until

ROUTES = {route.name: route for route in all_routes()}
CLOSED = [pytest.param(route, id=route.name) for route in ROUTES.values() if route.role]
OPEN = [pytest.param(route, id=route.name) for route in ROUTES.values() if not route.role]
WEAKER = {"viewer": None, "operator": "viewer", "admin": "operator"}
PARAMETERS = {
    "name": "counts",
    "stage": "inputs",
    "id": "1-0",
    "version": "1",
    "readout": "read",
    "module": "ip_address",
}


def path_of(route):
    path = route.path
    for name, value in PARAMETERS.items():
        path = path.replace(f"{{{name}}}", value)
    return path


@pytest.mark.parametrize("route", CLOSED)
def test_a_route_is_closed_without_token_with_garbage_and_with_too_weak_a_token(route, api):
    def ask(token, **headers):
        reply = api.with_token(token).ask(route.method, path_of(route), **headers)
        assert reply.headers["content-type"] == "application/problem+json"
        assert reply.json["status"] == reply.status
        return reply

    for garbage in ("", "nonsense", "x" * 9000, TOKENS["admin"][:-1], "\xff\xfe"):
        reply = ask(garbage)
        assert reply.status == 401
        assert reply.headers["www-authenticate"].startswith("Bearer")
    assert ask("", Authorization=f"Basic {TOKENS['admin']}").status == 401
    assert ask("", Authorization=TOKENS["admin"]).status == 401
    if WEAKER[route.role]:
        assert ask(TOKENS[WEAKER[route.role]]).status == 403
    if route.scope == "host" or "{name}" in route.path:
        assert ask(TOKENS["tenant"]).status == 403


@pytest.mark.parametrize("route", OPEN)
def test_an_open_route_needs_no_token_and_tells_no_secret(route, api):
    reply = api.with_token("").ask(route.method, path_of(route))

    assert reply.status == 200
    assert not any(token.encode() in reply.body for token in TOKENS.values())


def test_refused_changes_are_in_the_audit_log(api, shared):
    changing = next(route for route in ROUTES.values() if route.changes)
    api.with_token(TOKENS["viewer"]).ask(changing.method, path_of(changing))

    entries = audit(shared)
    entry = next(entry for entry in entries if (entry["who"], entry["what"]) == ("viewer", changing.name))

    assert entry["result"] == 403
    assert entry["address"] == "127.0.0.1"
    assert entry["time"].endswith("Z")
    assert stat.S_IMODE(Path(shared.path("state/audit.jsonl")).stat().st_mode) == 0o600


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:4352", "127.0.0.1.evil.example", "", "a b"])
def test_a_foreign_host_name_is_refused(host, api):
    assert api.ask("GET", "/health", Host=host).status in {400, 421}


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "[::1]:9", "10.1.2.3"])
def test_our_own_names_and_addresses_are_not(host, api):
    assert api.ask("GET", "/health", Host=host).status == 200


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"}],
    ids=str,
)
def test_a_page_from_elsewhere_is_refused_even_with_a_token(headers, api):
    for path in ("/health", "/metrics", "/"):
        reply = api.ask("GET", path, **headers)
        assert reply.status == 403
        assert "access-control-allow-origin" not in reply.headers


def test_our_own_page_is_not(api):
    reply = api.ask("GET", "/metrics", Origin=f"http://{api.where}", Sec_Fetch_Site="same-origin")

    assert reply.status == 200


def test_answers_carry_the_headers_that_keep_browsers_out_of_trouble(api):
    for path in ("/health", "/docs", "/nowhere", "/metrics"):
        headers = api.ask("GET", path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path", ["/../../etc/passwd", "/%2e%2e/secret", "/index.html/..", "/admin.py", "/./x", "//etc"]
)
def test_no_path_reaches_the_file_system(path, api):
    assert api.ask("GET", path).status == 404


def test_whoever_runs_the_host_comes_by_the_unix_socket_without_a_token(shared):
    by_socket = Api(shared.path("admin.sock"))

    assert by_socket.ask("GET", "/metrics").status == 200
    assert by_socket.with_token("wrong").ask("GET", "/metrics").status == 401


def test_the_first_token_is_made_once_for_one_user_and_never_logged(bench):
    config = {
        "admin": {"listen": "127.0.0.1:0"},
        "inputs": {"in": {"type": "generate", "lines": ["x"], "rate": 10}},
        "outputs": {"out": to_json(bench.path("out.jsonl"))},
    }
    host = bench.start(config).ready()
    path = Path(bench.path("state/admin-token"))
    token = path.read_text().strip()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(token) == 48
    assert token not in host.log
    assert str(path) in host.log
    assert Api(api_of(host).where, token).ask("GET", "/metrics").status == 200
    assert host.terminate() == 0

    again = bench.start(config).ready()

    assert path.read_text().strip() == token
    assert Api(api_of(again).where, token).ask("GET", "/metrics").status == 200


def test_limits_of_rate_and_body_and_a_new_token_by_reload(bench):
    config = {
        "admin": admin_section(limits={"requests_per_second": 1, "burst": 5, "body_bytes": 2048}),
        "inputs": {"in": {"type": "generate", "lines": ["x"], "rate": 10}},
        "outputs": {"out": to_json(bench.path("out.jsonl"))},
    }
    host = bench.start(config).ready()
    api = api_of(host)
    large = api.with_token(TOKENS["operator"]).ask("POST", "/api/v1/config/reload", b"x" * 5000)
    began_s, replies = time.monotonic(), []
    while not replies or replies[-1].status == 200:
        replies.append(api.with_token(TOKENS["viewer"]).ask("GET", "/metrics"))
    elapsed_s = time.monotonic() - began_s

    assert large.status == 413
    assert 5 < len(replies) <= 5 + elapsed_s + 1, "the burst, one more each second, and the one that was refused"
    assert replies[-1].status == 429
    assert int(replies[-1].headers["retry-after"]) >= 1
    assert api.ask("GET", "/metrics").status == 200, "another caller has a bucket of its own"

    config["admin"]["tokens"][2]["sha256"] = "0" * 64
    host.write_config(config)
    host.signal(1)
    host.saw("Reloaded.")
    until(lambda: api.ask("GET", "/metrics").status == 401, "the token is not known any more")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can ask as another user")
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed: scripts/install_tests")
def test_other_users_come_by_the_unix_socket_if_they_are_named(bench):
    nobody, somebody = 65534, 65533
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = f"{folder}/admin.sock"
        section = {"listen": None, "socket": path, "peers": [{"user": nobody, "role": "viewer"}]}
        source = {"in": {"type": "generate", "lines": ["x"], "rate": 10}}
        bench.start({"admin": section, "inputs": source, "outputs": {"out": to_json(bench.path("out"))}}).ready()

        def ask(user, *arguments):
            command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--unix-socket", path, *arguments]
            return subprocess.run(command, user=user, capture_output=True, text=True, timeout=20).stdout

        assert ask(nobody, "http://localhost/metrics") == "200"
        assert ask(nobody, "-X", "POST", "http://localhost/api/v1/inputs/in/pause") == "403"
        assert ask(somebody, "http://localhost/metrics") == "403"
        assert ask(0, "-X", "POST", "http://localhost/api/v1/inputs/in/pause") == "200"
        entry = audit(bench)[-1]
        assert (entry["who"], entry["address"]) == ("user:root", "unix")
