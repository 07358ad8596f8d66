"""Messages about sandboxes that ended, scripts of one chain, and machines without a jail."""

import os
import sys

import pytest

from tests.running import to_json, to_text

TERMINATED = "Type == 'hekate.sandbox-terminated'"
FATAL = "function process_message() return 1, 'I cannot go on' end"


@pytest.mark.slow
def test_filters_that_die_of_the_news_of_a_death_raise_no_storm(bench):
    for name in ("first", "mourner", "mourner_too"):
        bench.plugin("filter", name, FATAL)
    path = bench.write("in.log", [b"line %d" % number for number in range(20)])

    host = bench.once(
        {
            "inputs": {"in": {"type": "file", "path": path}},
            "filters": {
                "first": {"message_matcher": "Payload == 'line 7'"},
                "mourner": {"message_matcher": TERMINATED},
                "mourner_too": {"message_matcher": TERMINATED},
            },
            "outputs": {
                "news": to_json(bench.path("news.jsonl"), TERMINATED),
                "all": to_text(bench.path("all.txt"), "Logger == 'in'"),
            },
        },
        status=65,
    )

    news = bench.jsons("news.jsonl")
    about = [message["name"] for message in news]
    assert about.count("first") == 2
    assert about.count("mourner") <= 6
    assert about.count("mourner_too") <= 6
    assert about.count("mourner") >= 2
    assert news[0] | {"Timestamp": "", "Hostname": ""} == {
        "Timestamp": "", "Type": "hekate.sandbox-terminated", "Logger": "hekate", "Hostname": "", "Severity": 3,
        "Payload": "I cannot go on", "name": "first", "plugin": "first", "kind": "filter", "limit": "fatal",
        "value": 0, "usage": 0,
        "record": 7, "state": "backing_off", "suppressed": 0,
    }  # fmt: skip
    assert len(bench.lines("all.txt")) == 20
    assert "Traceback" not in host.log


EVIL = """
for _, library in pairs {string, table, math, os, require "lpeg", require "re", require "cjson", require "string"} do
  for name in pairs(library) do library[name] = function() error "a lie" end end
end
_G.shared = true
_G.error = nil
function process_message() return 0 end
"""

HONEST = """
local lpeg = require "lpeg"
function process_message()
  assert(shared == nil and error)
  assert(("x"):rep(2) == "xx" and string.rep("x", 2) == "xx" and table.concat {1, 2} == "12")
  assert(lpeg.match(lpeg.C(lpeg.R "az" ^ 1), "abc!") == "abc" and math.floor(1.5) == 1)
  assert(require("cjson").encode {1} == "[1]" and require("re").match("x", "'x'") == 2)
  write_message("Fields[ok]", true)
  return 0
end
"""


def test_scripts_of_a_chain_share_nothing(bench):
    bench.plugin("decoder", "evil", EVIL)
    bench.plugin("decoder", "honest", HONEST)
    path = bench.write("in.log", [b"one", b"two"])

    bench.once(
        {
            "inputs": {
                "in": {"type": "file", "path": path, "decoder": ["evil", "honest"], "decoder_strategy": "all"},
            },
            "outputs": {"o": to_json(bench.path("o"))},
        }
    )

    assert [message["ok"] for message in bench.jsons("o")] == [True, True]


@pytest.mark.parametrize("allowed", [False, True])
def test_without_seccomp_nothing_runs_unless_that_is_allowed(bench, allowed):
    fake = bench.folder / "fake"
    fake.mkdir()
    (fake / "pyseccomp.py").write_text("raise ImportError('no seccomp on this machine')\n")
    path = bench.write("in.log", [b"one"])
    config = {
        "hekate": {"allow_unjailed": allowed},
        "inputs": {"in": {"type": "file", "path": path}},
        "outputs": {"o": to_text(bench.path("o"))},
    }
    root = os.fspath(bench.folder.__class__(__file__).resolve().parents[2])

    host = bench.once(
        config, status=0 if allowed else os.EX_SOFTWARE, env={"PYTHONPATH": os.pathsep.join([str(fake), root])}
    )

    assert "no seccomp on this machine" in host.log
    assert ("RUNS WITHOUT A JAIL" in host.log) == allowed
    assert ("allow_unjailed is set" in host.log) != allowed
    assert bench.lines("o") == ([b"one"] if allowed else [])
    assert sys.platform == "linux"


TAGS = """
function process_message()
  write_message("Fields[n]", tonumber((read_message "Payload":match "^%d+")))
  return 0
end
"""
DIES = 'function process_message() if read_message "Fields[n]" == 300 then return 1, "of this one" end return 0 end'


def test_only_the_record_at_which_a_later_decoder_of_a_chain_dies_is_given_up(bench):
    bench.plugin("decoder", "tags", TAGS)
    bench.plugin("decoder", "dies", DIES)
    path = bench.write("in.log", [b"%d %s" % (number, b"." * 200) for number in range(700)])
    chain = {"type": "file", "path": path, "decoder": ["tags", "dies"], "decoder_strategy": "all"}

    bench.once({"inputs": {"in": chain}, "outputs": {"o": to_json(bench.path("o"), 'Logger == "in"')}}, status=65)

    assert [message["n"] for message in bench.jsons("o")] == [number for number in range(700) if number != 300]
    assert [letter["record"].split()[0] for letter in bench.dead_letters()] == ["300"]
