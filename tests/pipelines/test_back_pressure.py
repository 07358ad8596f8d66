"""An input that waits shows which component it waits for, and since when."""

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys

import pytest

from tests.running import ROOT, nobodys_address, to_text, until


class Admin(http.client.HTTPConnection):
    """The admin API by its unix socket."""

    def __init__(self, path):
        super().__init__("localhost")
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)

    def text(self, path):
        self.request("GET", path)
        return self.getresponse().read().decode()

    def json(self, path):
        return json.loads(self.text(path))


@pytest.fixture
def admin(bench):
    with contextlib.closing(Admin(bench.path("admin.sock"))) as client:
        yield client


def admin_section(bench):
    plenty = {"requests_per_second": 100_000, "burst": 100_000}
    return {"listen": None, "socket": bench.path("admin.sock"), "limits": plenty}


def waits(bench, admin, more, holder):
    """Run until the input waits; compare what each place says of it."""
    config = {
        "hekate": {"shutdown_timeout_ms": 200},
        "admin": admin_section(bench),
        "inputs": {"in": {"type": "generate", "lines": ["x"], "rate": 500}},
        **more,
    }
    bench.start(config).ready()

    waiting = until(lambda: admin.json("/api/v1/inputs/in")["waiting"], "an input that waits")
    assert waiting["held_by"] == holder
    assert waiting["for_ms"] >= 1_000
    assert f"waiting for {holder} for" in admin.json("/api/v1/inputs/in")["reason"]
    node = next(node for node in admin.json("/api/v1/graph")["nodes"] if node["id"] == "inputs.in")
    assert (node["held_by"], node["health"]) == (holder, "stuck")
    sample = next(line for line in admin.text("/metrics").splitlines() if line.startswith("hekate_input_waiting_s"))
    assert f'holder="{holder}"' in sample
    assert float(sample.split()[-1]) >= 1
    top = subprocess.run(
        [sys.executable, "-m", "host", "top", "--once", "--api", bench.path("admin.sock")],
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert f"s for {holder})" in top
    return waiting


def test_a_dead_output_holds_an_input(bench, admin):
    with nobodys_address() as address:
        dead = {
            "type": "tcp", "address": address, "message_matcher": "TRUE", "encoder": "payload",
            "retries": {"max_attempts": 0},
        }  # fmt: skip
        outputs = {"copy": to_text(bench.path("copy")), "dead": dead}
        waiting = waits(bench, admin, {"outputs": outputs}, "outputs.dead")

        assert "Connection refused" in waiting["reason"]
        assert 'hekate_output_failing{kind="outputs",name="dead",type="tcp"} 1.0' in admin.text("/metrics")
        queue = admin.json("/api/v1/outputs/dead")["queue"]
        assert queue["packs"] == 8  # all that the input may have in flight


@pytest.mark.parametrize("at", ["filter", "decoder"])
def test_a_slow_sandbox_holds_an_input(bench, admin, at):
    slow = "function process_message() local n = 0 for i = 1, 2e9 do n = (n + i) % 7 end return 0 end"
    limits = "limits: {cpu_limit: 10000}\n"
    bench.plugin(at, "slow", slow, limits + ("message_matcher: 'TRUE'\n" if at == "filter" else ""))
    generate = {"type": "generate", "lines": ["x"], "rate": 500, **({"decoder": "slow"} if at == "decoder" else {})}
    more = {"inputs": {"in": generate}, "outputs": {"copy": to_text(bench.path("copy"))}}
    if at == "filter":
        more["filters"] = {"slow": {}}
    waits(bench, admin, more, "filters.slow" if at == "filter" else "decoders.in")


def test_an_input_that_flows_does_not_wait(bench, admin):
    config = {
        "admin": admin_section(bench),
        "inputs": {"in": {"type": "generate", "lines": ["x"], "rate": 500}},
        "outputs": {"copy": to_text(bench.path("copy"))},
    }
    bench.start(config).ready()
    until(lambda: bench.read("copy").count(b"\n") >= 1_000, "two seconds of records")
    assert admin.json("/api/v1/inputs/in")["waiting"] is None
    assert "hekate_input_waiting_seconds{" not in admin.text("/metrics")
