"""The REPL in a pipe: input from a script, and the results."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.repl.session import answers, repl
from tests.running import ROOT

QUARRY = ROOT / "tests" / "data" / "quarry.log"


def test_lua_runs_in_a_jail_and_continues_after_a_limit(tmp_path):
    script = """local lpeg = require "lpeg"
local digits = lpeg.R"09"^1
function twice(n)
  return 2 * n
end
twice(21), "x", {1, a = {true}}, nil
print("said", 1)
io.open("/etc/passwd")
while true do end
twice(2)
("x"):rep(1e9)
twice(3)
inject_message {}
:explain all
:nothing
"""
    found = answers(tmp_path, script=script, status=1)

    assert [each["kind"] for each in found] == ["ran"] * 11 + ["error"] * 2
    values = [[value["text"] for value in each.get("values", [])] for each in found]
    assert values[3] == ["42", '"x"', "{1, a = {true}}", "nil"]
    assert found[4]["prints"] == ["said\t1"]
    assert "io" in found[5]["error"]
    assert "cpu_limit (2000)" in found[6]["error"], "the limit for loading a script"
    assert values[7] == ["4"], "definitions are restored in the new sandbox"
    assert "memory" in found[8]["error"]
    assert values[9] == ["6"]
    assert ":save" in found[10]["error"]
    assert "`:explain` takes no argument" in found[11]["error"]
    assert "There is no command `:nothing`" in found[12]["error"]


GRAMMAR = """
dt = require "date_time"
:sample 12 abc 2024-01-31T00:00:00Z
:sample 12 abc 2024-13-01T00:00:00Z
d = lpeg.R"09"
lpeg.Ct(lpeg.Cg(d^1 / tonumber, "n") * " " * lpeg.Cg((1 - lpeg.S" ")^1, "w") * " " * lpeg.Cg(dt.rfc3339 / 0, "t"))
:match 7 x 2024-01-31T00:00:00Z and more
:trace 2
:explain
:bench
:matcher Fields[n] > 5
"""


def test_a_grammar_shows_its_captures_and_failures(tmp_path):
    found = answers(tmp_path, script=GRAMMAR)
    by_kind = {each["kind"]: each for each in found}

    good, bad = next(each["results"] for each in found if each.get("results") and each["kind"] == "ran")
    named = [(each["name"], each["type"], each["start"], each["end"], each["text"]) for each in good["captures"]]
    assert ("n", "number", 0, 2, "12") in named
    assert ("w", "string", 3, 6, "abc") in named
    assert good["matched"]
    assert good["end"] == 27
    assert not bad["matched"]
    assert bad["furthest"] == 13
    assert bad["path"] == ["t", "date_time.rfc3339", "date_time.date_month", "month"]
    assert bad["expected"] == ["one of [0-2]"]

    assert by_kind["matches"]["results"][0]["end"] == 24, "the match may end before the text"
    assert [event["what"] for event in by_kind["trace"]["events"]][-3:] == ["fail", "fail", "fail"]
    assert {"depth": 2, "text": "field n"} in by_kind["tree"]["lines"]
    bench = by_kind["bench"]
    assert bench["match"]["table"]["ns_per_record"] > 0
    assert bench["match"]["declared"]["mb_per_s"] > 0
    assert bench["decoder"]["ns_per_record"] > 0
    assert bench["costs"][0]["what"] in {"capture", "alternation"}
    matched = [(each["matched"], bool(each["failure"])) for each in by_kind["matcher"]["results"]]
    assert matched == [(True, False), (False, True)]


def test_text_in_a_pipe_has_no_colours_and_marks_the_position(tmp_path):
    result = repl(tmp_path, "-e", 'lpeg.C(lpeg.R"09"^1) * ";"', "-e", ":sample 12x", env={"FORCE_COLOR": ""})

    assert result.returncode == 0
    assert result.stdout.splitlines() == [
        "pattern",
        "  1 12x",
        "      ^",
        "      fails at byte 2",
        '      expected ";", or one of [0-9]',
        "      rest of the line: x",
    ]


def test_from_an_unknown_log_to_a_decoder_with_cases(tmp_path):
    log = tmp_path / "quarry.log"
    log.write_bytes(QUARRY.read_bytes() + b"Traceback: no such stone\n\tat quarry.c:12\n\tat main.c:3\n")
    found = answers(
        tmp_path, f":infer {log}", f":coverage {log}", ":bench", ":save quarry", ":cases", ":save quarry", ":source"
    )
    proposal, coverage, bench, saved, cases, _, source = found

    names = [each["name"] for each in proposal["results"][0]["captures"]]
    assert names == ["Timestamp", "thread", "Severity", "job", "field", "remote_addr", "took", "bytes", "text"]
    assert (coverage["lines"], coverage["parsed"], proposal["continued"]) == (6, 6, 3)
    assert bench["decoder"]["declared"]
    assert not bench["runs_on"]
    assert cases["cases"][0]["passed"]
    assert source["source"] in Path(tmp_path / saved["file"]).read_text()

    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    test = [sys.executable, "-m", "host", "test", saved["file"]]
    done = subprocess.run(test, capture_output=True, text=True, timeout=60, env=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stdout


def test_a_format_gives_an_exact_grammar(tmp_path):
    (tmp_path / "nginx.conf").write_text("http {\n  log_format main '$remote_addr '\n    '$status';\n}\n")
    nginx, first, _, second, _, third, _, fourth, conf, fifth = answers(
        tmp_path,
        ":infer nginx '$remote_addr [$time_local] $status \"$http_referer\"'",
        ':match 192.0.2.7 [01/May/2024:12:00:00 +0200] 502 "-"',
        ':infer apache "%h %l %u %t \\"%r\\" %>s %b"',
        ':match 10.0.0.1 - - [01/May/2024:12:00:00 +0200] "GET / HTTP/1.1" 200 5',
        ":infer rsyslog '%timestamp:::date-rfc3339% %hostname% %msg%'",
        ":match 2024-05-01T10:00:00Z web01 hello",
        ':infer printf "pid %d of %s" pid user',
        ":match pid 17 of bob",
        ":infer nginx.conf",
        ":match 10.0.0.1 200",
    )
    assert "nginx_items" in nginx["source"]
    assert "$remote_addr $status" in conf["source"]
    for found in (first, second, third, fourth, fifth):
        assert found["results"][0]["matched"], found
    fields = {each["name"]: each["text"] for each in fourth["results"][0]["captures"]}
    assert {"pid": "17", "user": "bob"}.items() <= fields.items()


def test_a_loaded_decoder_runs_the_samples(tmp_path):
    decoders = ROOT / "sandboxes" / "lua" / "decoders"
    found = answers(
        tmp_path,
        ":sample a=1 b=two",
        f":load {decoders / 'logfmt.lua'}",
        f":load {decoders / 'nginx_access.lua'}",
        ":sample clear",
        f":load {QUARRY}",
        ":help read_message",
        ":help date_time.rfc3339",
        ":help load",
    )

    fields = {each["name"]: each["value"] for each in found[1]["results"][0]["messages"][0]["Fields"]}
    assert fields == {"a": 1, "b": "two"}
    assert found[2]["grammar"]
    assert len(found[4]["samples"]) == 6
    assert "Return a part of the current message" in found[5]["text"]
    assert found[6]["text"].startswith("- `rfc3339`")
    assert found[7]["signature"].startswith(":load FILE")


def test_json_lines_are_not_given_a_grammar(tmp_path):
    (tmp_path / "a.log").write_text('{"a": 1}\n{"a": 2, "b": {"c": "}"}}\n')
    (error,) = answers(tmp_path, ":infer a.log", status=1)

    assert "`decoder: json`" in error["error"]


GLOBALS = """
out = {}
for _, name in ipairs{"string", "table", "math", "os", "lpeg", "re", "cjson"} do
  for key, value in pairs(require(name)) do out[#out + 1] = type(value) == "function" and name .. "." .. key or nil end
end
for key, value in pairs(_G) do out[#out + 1] = type(value) == "function" and key or nil end
print(table.concat(out, " "))
"""


def test_help_covers_every_function(tmp_path):
    *_, printed = answers(tmp_path, script=GLOBALS)
    names = printed["prints"][0].split()
    names += ["lpeg", "re", "bit.band", "printf.items", "circular_buffer", "lpeg.bsd.filterlog", "user_agent", "infer"]
    found = answers(tmp_path, script="".join(f":help {name}\n" for name in names))
    assert len(names) > 100
    assert [(each["kind"], each["name"]) for each in found if each["kind"] != "help" or not each["text"]] == []
    (wrong,) = answers(tmp_path, ":help string.gsup", status=1)
    assert "Did you mean string.gsub" in wrong["error"]


PLANTED = """
:sample 2024-05-01 10:00:07.123 INFO some-words-here-in-a-row 12345 and the end
word = (1 - lpeg.S" \\n")^1
rest = (1 - lpeg.P"\\n")^0
checked = lpeg.Cmt(word, function(s, at) for i = 1, 3000 do at = at + i - i end return at end)
long = word * " " * word * " " * word * " " * word * " " * word * " " * word * " " * word
branches = word
for i = 1, 30 do branches = long * tostring(i) + branches end
lpeg.Ct(lpeg.Cg(word, "day") * " " * lpeg.Cg(checked, "clock") * " " * lpeg.Cg(rest, "rest"))
:bench
lpeg.Ct(lpeg.Cg(word, "day") * " " * lpeg.Cg(branches, "clock") * " " * lpeg.Cg(rest, "rest"))
:bench
spec = {type = "x", alternatives = {{{name = "day", grammar = word}, " ", {name = "clock", grammar = branches}, " ", {name = "rest", grammar = rest}}}}
declare_grammar(spec)
:bench
spec.alternatives[1][5] = {name = "rest", grammar = lpeg.P(1)^0}
declare_grammar(spec)
:explain
:bench
"""  # noqa: E501


@pytest.mark.slow
def test_bench_names_the_most_expensive_parts_and_fields_that_match_too_far(tmp_path):
    found = answers(tmp_path, script=PLANTED)
    checked, branches, declared, slow = (each for each in found if each["kind"] == "bench")

    assert (checked["costs"][0]["inside"], checked["costs"][0]["label"]) == ("clock > checked", "checked by a function")
    assert (branches["costs"][0]["what"], branches["costs"][0]["inside"]) == ("alternation", "clock > branches")
    assert {declared["costs"][0]["inside"], declared["costs"][1]["inside"]} == {"clock", "clock > branches"}
    assert declared["runs_on"] == []
    assert slow["runs_on"] == ["rest"]
    assert slow["decoder"]["ns_per_record"] > 2 * declared["decoder"]["ns_per_record"]
    assert [each["runs_on"] for each in found if each["kind"] == "tree"] == [["rest"]]
    assert found[-3]["runs_on"] == ["rest"]


FAULTS = [
    ("x = 1 + + 2", 1, 9, "unexpected symbol near '+'", ""),
    ("return 1 2", 1, 10, "expected near '2'", ""),
    ("function f()\n  local y\n  return y.z\nend\nf()", 3, 10, "local 'y'", ""),
    ("local a = 1\nlocal b = a.b.c", 2, 0, "", ""),
    ("date_time.rfc3339", 1, 1, "global 'date_time'", 'date_time = require "date_time"'),
    ('x = gsub("a", "b", "c")', 1, 5, "global 'gsub'", "string.gsub"),
    ('lpeg.P""^0', 1, 0, "repl:1: loop body", "at least one byte"),
    ("x = lpeg.Ct(nil)", 1, 0, "repl:1: bad argument", ""),
]


def test_errors_have_a_position_and_a_hint(tmp_path):
    found = answers(tmp_path, *(code for code, *_ in FAULTS), status=1)
    for (code, line, column, text, hint), error in zip(FAULTS, found, strict=True):
        assert text in error["error"], code
        assert error["line"] == line, code
        assert error["column"] == column or not column, code
        assert hint in error["hint"], code
    shown = repl(tmp_path, "-e", "x = 1 + + 2").stdout
    assert shown == "repl:1: unexpected symbol near '+'\n  x = 1 + + 2\n          ^\n"


COMMANDS = (
    "bench", "cases", "coverage", "edit", "explain", "help", "infer", "load", "match", "matcher", "quit", "reset",
    "sample", "save", "source", "trace",
)  # fmt: skip


def test_every_command_is_declared(tmp_path):
    """The decorator alone declares a command."""
    (answer,) = answers(tmp_path, ":help")
    assert {each["usage"].split()[0] for each in answer["commands"]} == {f":{name}" for name in COMMANDS}
