"""TLS, client certificates, pages from configured origins, and what must not be configured."""

import http.client
import shutil
import ssl
import subprocess

import pytest
import yaml

from host.config.load import load
from host.core.errors import ConfigErrors
from tests.admin.client import TOKENS, Api, admin_section, api_of

INPUT = {"in": {"type": "generate", "lines": ["x"], "rate": 10}}
OUTPUT = {"out": {"type": "null", "message_matcher": "TRUE"}}


class TlsApi(Api):
    def __init__(self, where, token="", context=None):
        super().__init__(where, token)
        self.context = context

    def connect(self):
        return http.client.HTTPSConnection(self.where, timeout=20, context=self.context)


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=30)


def certificates(folder):
    """An authority, a certificate of the host, and one of a client."""
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl(folder, "req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=authority", "-days", "2")
    for name in ("127.0.0.1", "bob", "mallory"):
        openssl(folder, "req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        (folder / "ext").write_text("subjectAltName=IP:127.0.0.1\n")
        openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-out", f"{name}.pem", "-days", "2", "-extfile", "ext")  # fmt: skip


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed: scripts/install_tests")
def test_clients_come_by_certificates_and_browsers_cannot_be_made_to(bench):
    certificates(bench.folder)
    tls = {"cert": bench.path("127.0.0.1.pem"), "key": bench.path("127.0.0.1.key"), "client_ca": bench.path("ca.pem")}
    clients = [{"common_name": "bob", "role": "operator"}]
    section = admin_section(tls=tls, clients=clients, cors_origins=["https://panel.example"])
    host = bench.start({"admin": section, "inputs": INPUT, "outputs": OUTPUT}).ready()
    where = api_of(host).where

    def context(name=""):
        made = ssl.create_default_context(cafile=bench.path("ca.pem"))
        if name:
            made.load_cert_chain(bench.path(f"{name}.pem"), bench.path(f"{name}.key"))
        return made

    nobody, bob = TlsApi(where, "", context()), TlsApi(where, "", context("bob"))
    assert nobody.ask("GET", "/metrics").status == 401
    viewed = TlsApi(where, TOKENS["viewer"], context()).ask("GET", "/metrics")
    assert viewed.status == 200
    assert viewed.headers["strict-transport-security"].startswith("max-age=31536000")
    assert "strict-transport-security" in nobody.ask("GET", "/no/such/path").headers
    assert bob.ask("GET", "/metrics").status == 200
    assert bob.ask("POST", "/api/v1/inputs/in/pause").status == 200
    assert bob.ask("DELETE", "/api/v1/sandboxes/x").status == 403, "an operator is no admin"
    assert TlsApi(where, "", context("mallory")).ask("GET", "/metrics").status == 401, "the authority is not enough"

    # A browser sends the certificate by itself, whoever has written the page.
    assert bob.ask("POST", "/api/v1/inputs/in/resume", Origin="https://evil.example").status == 403
    assert bob.ask("POST", "/api/v1/inputs/in/resume", Sec_Fetch_Site="cross-site").status == 403
    allowed = bob.ask("POST", "/api/v1/inputs/in/resume", Origin="https://panel.example")
    assert allowed.status == 200
    assert allowed.headers["access-control-allow-origin"] == "https://panel.example"
    preflight = bob.ask("OPTIONS", "/api/v1/inputs/in/resume", Origin="https://panel.example")
    assert preflight.status == 204
    assert "Authorization" in preflight.headers["access-control-allow-headers"]
    assert bob.ask("OPTIONS", "/api/v1/inputs/in/resume").status == 405
    assert "access-control-allow-origin" not in bob.ask("GET", "/health").headers


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ({"listen": "0.0.0.0:4352"}, "tokens could be intercepted"),
        ({"listen": "nonsense"}, "admin.listen"),
        ({"listen": None}, "neither"),
        ({"colour": 1}, "colour"),
        ({"tokens": [{"name": "a", "sha256": "00", "role": "admin"}]}, "sha256"),
        ({"tokens": [{"name": "a", "sha256": "0" * 64, "role": "king"}]}, "role"),
        ({"tokens": 2 * [{"name": "a", "sha256": "0" * 64, "role": "admin"}]}, "Two tokens"),
        ({"clients": [{"common_name": "bob", "role": "viewer"}]}, "client_ca"),
        ({"tls": {"cert": "nothing.pem", "key": "nothing.key"}}, "nothing.pem"),
        ({"cors_origins": ["*"]}, "origin"),
        ({"peers": [{"user": "bob", "role": "viewer"}]}, "socket"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_starts(section, expected, tmp_path):
    path = tmp_path / "hekate.yaml"
    path.write_text(yaml.safe_dump({"admin": section, "inputs": INPUT, "outputs": OUTPUT}))
    with pytest.raises(ConfigErrors) as found:
        load([path])

    assert expected in str(found.value)
    assert "hekate.yaml" in str(found.value)


def test_a_port_in_use_is_told_before_anything_starts(bench, shared, api):
    host = bench.start({"admin": {"listen": api.where}, "inputs": INPUT, "outputs": OUTPUT})

    assert host.wait() == 69
    assert "is in use" in host.log


def test_nothing_listens_without_the_section(bench):
    host = bench.start({"inputs": INPUT, "outputs": OUTPUT}).ready()

    assert "admin" not in host.log
    assert not (bench.folder / "state" / "admin-token").exists()
    assert not (bench.folder / "state" / "audit.jsonl").exists()
