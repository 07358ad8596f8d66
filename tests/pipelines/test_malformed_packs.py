"""A decoder whose packs point outside of their bytes, beside a healthy input.

No script can make such packs. So the host runs with a kernel from which the checks of declared grammars were taken
out, as if a process had been taken over.
"""

import json
import re
import shutil
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.running import until

ROOT = Path(__file__).resolve().parents[2]
HEALTHY_LINES = 20_000
CAPTURES = """
local lpeg = require "lpeg"
declare_grammar { type = "t", alternatives = { {
  "id=", { name = "id", grammar = lpeg.C(lpeg.R "09" ^ 1) }, " ", { name = "rest", grammar = (1 - lpeg.P "\\n") ^ 0 },
} } }
"""
CHECKS = {
    "core/declarations.lua": "  if captures(twins.of(pattern)) then",
    "decode/declared.lua": '  emit("if not (%s) then reason = %q break end", positions_test(plan_, r), OUT_OF_RECORD)',
}


@pytest.fixture(scope="module")
def unchecked(tmp_path_factory):
    """The environment of a host whose kernel does not check grammars."""
    folder = tmp_path_factory.mktemp("unchecked")
    for name in ("host", "sandboxes", "sandbox_stdlib"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "page"))
    for name, check in CHECKS.items():
        path = folder / "host" / "sandbox" / "kernel" / name
        text = path.read_text()
        assert text.count(check) == 1
        path.write_text(text.replace(check, "  if false then" if "captures" in check else ""))
    return {"PYTHONPATH": str(folder)}


def config_of(bench, records):
    bench.plugin("decoder", "capturing", CAPTURES)
    bad = bench.write("bad.log", [b"id=%d abc" % number for number in range(records)])
    good = bench.write("good.log", [b"line %d" % number for number in range(HEALTHY_LINES)])
    return {
        "inputs": {
            "bad": {"type": "file", "path": bad, "decoder": "capturing"},
            "good": {"type": "file", "path": good},
        },
        "outputs": {
            "all": {"type": "file", "path": bench.path("all.jsonl"), "message_matcher": "TRUE", "encoder": "json"}
        },
    }


def healthy(bench):
    return sum(message.get("Logger") == "good" for message in bench.jsons_so_far("all.jsonl"))


def test_the_decoder_is_ended_and_blamed_and_a_healthy_input_delivers_everything(bench, unchecked):
    records = 3000
    host = bench.once(config_of(bench, records), env=unchecked, status=65)

    letters = bench.dead_letters()
    reports = [message for message in bench.jsons("all.jsonl") if message.get("Type") == "hekate.sandbox-terminated"]
    assert healthy(bench) == HEALTHY_LINES
    assert [letter["record"] for letter in letters] == [f"id={number} abc" for number in range(records)]
    assert {(letter["component"], letter["kind"]) for letter in letters} == {("bad", "decoder")}
    assert all("A value lies outside of the pack." in letter["reason"] for letter in letters)
    blamed = [report for report in reports if report["name"] == "bad"]
    assert [(report["plugin"], report["limit"], report["kind"]) for report in blamed] == [
        ("capturing", "protocol", "decoder")
    ]
    assert host.log.count("An encoder was terminated.") == 2


def test_a_decoder_that_goes_on_like_this_is_stopped_and_the_host_is_not_ready(bench, unchecked):
    config = config_of(bench, 200_000)
    config["admin"] = {"listen": "127.0.0.1:0"}
    host = bench.start(config, env=unchecked).ready()
    address = re.search(r"The admin API listens\. address=(\S+)", host.log)[1]

    host.saw("A sandbox keeps dying and is not started again. sandbox=bad")

    def faults():
        try:
            urllib.request.urlopen(f"{address}/ready", timeout=5)
        except urllib.error.HTTPError as error:
            found = json.load(error)["components"]
            return {each["component"]: each["reason"] for each in found if not each["ready"]}
        return {}

    until(lambda: list(faults()) == ["decoders.bad"], "only the decoder is not ready")
    assert faults()["decoders.bad"].startswith("quarantined: Its packs ended 2 processes that read them")
    until(lambda: healthy(bench) == HEALTHY_LINES, "the healthy input delivers everything")
