"""inject and flood, against a host that listens."""

import json
import re

import pytest

from tests.cli.json_shapes import check_shape
from tests.cli.test_cli import hekate
from tests.running import Bench, to_json, until


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.close()


def test_messages_and_load_arrive(bench):
    tcp = {"type": "tcp", "address": "127.0.0.1:0"}
    config = {
        "inputs": {
            "heka": {**tcp, "splitter": "heka", "decoder": "protobuf"},
            "lines": {**tcp, "decoder": "json", "max_record_bytes": 4096, "oversize": "drop"},
            "socket": {"type": "unix", "path": bench.path("in.sock"), "decoder": "payload"},
        },
        "outputs": {
            "heka": to_json("heka.jsonl", "Type == 'deploy'"),
            "lines": to_json("lines.jsonl", "Logger == 'lines'"),
            "socket": to_json("socket.jsonl", "Logger == 'socket'"),
        },
    }
    host = bench.start(config).ready()
    heka, lines = (
        until(lambda name=name: re.search(rf"{name}.*address=(127\S+)|address=(127\S+).*{name}", host.log), name)
        for name in ("heka", "lines")
    )
    heka, lines = (f"tcp://{found[1] or found[2]}" for found in (heka, lines))

    options = [
        "--type",
        "deploy",
        "--payload",
        "out",
        "--field",
        "version=7",
        "--field",
        "share=0.5",
        "--field",
        "by=bob",
    ]
    assert hekate("inject", heka, *options).returncode == 0
    until(lambda: bench.read("heka.jsonl").endswith(b"\n"), "the message")
    (message,) = bench.jsons("heka.jsonl")
    assert (message["Payload"], message["version"], message["share"], message["by"]) == ("out", 7, 0.5, "bob")

    raw = ["inject", f"unix://{bench.path('in.sock')}", "--raw"]
    sent = json.loads(hekate(*raw, "--format", "json", input="one\ntwo\n").stdout)
    check_shape("inject", sent)
    assert sent == {"sent": 2, "bytes": 8}
    until(lambda: len(bench.read("socket.jsonl").splitlines()) == 2, "the lines of the socket")

    result = hekate(
        "flood", lines, "--count", "2000", "--rate", "4000", "--corrupt", "0.1", "--oversize", "0.05",
        "--oversize-bytes", "5000", "--format", "json",
    )  # fmt: skip
    assert json.loads(result.stdout)["lines"] == 2000, result.stderr
    check_shape("flood", json.loads(result.stdout))
    until(lambda: len(bench.read("lines.jsonl").splitlines()) + len(bench.dead_letters()) == 2000, "all lines")
    whole = {line["n"] for line in bench.jsons("lines.jsonl")}
    reasons = [letter["reason"] for letter in bench.dead_letters()]
    assert 1600 < len(whole) < 1800
    assert 50 < sum(reason == "oversize" for reason in reasons) < 150
    assert 150 < sum("JSON" in reason for reason in reasons) < 250


def test_nobody_who_listens_is_said_so(tmp_path):
    result = hekate("inject", f"unix://{tmp_path}/nothing.sock")
    assert result.returncode == 69
    assert "Nobody listens" in result.stderr
    assert hekate("flood", "127.0.0.1:1").returncode == 64
