"""`hekate test` as a user types it: what it runs, what it says, and its exit statuses."""

import json
import re
import subprocess
import sys
from xml.etree import ElementTree as ET

import pytest

from host.cli.support.test_report import differing
from tests.cli.test_cli import ROOT, hekate
from tests.running import until

PLUGIN = """--[[
---
name: mine
kind: decoder
summary: A decoder for the tests of the tests.
cases:
- name: it gives a Type
  steps:
  - record: some text
    messages: [{Type: %s}]
- name: it fails for nothing
  steps:
  - record: ""
    failure: empty
---
--]]
local kind = require "kind"
function process_message()
  if read_message "Payload" == "" then return -1, "empty" end
  write_message("Type", kind)
  return 0
end
"""
CONFIG = """hekate: {sandbox_dir: %s, hostname: here}
inputs:
  in: {type: stdin, decoder: mine, splitter: {type: regex, delimiter: ';'}}
filters:
  count: {type: counter, message_matcher: "Type == 'right'", ticker_interval: 10}
outputs:
  out:
    type: console
    message_matcher: "Type == 'heka.sandbox.count'"
    encoder: {type: template, config: {template: "%%{n}"}}
tests:
  all_is_counted:
    now: 2024-05-01T10:00:00Z
    given:
    - {input: in, data: "a;b;c"}
    - {until: 2024-05-01T10:00:25Z}
    - {message: {Type: right, Timestamp: 2024-05-01T10:00:41Z}}
    expect:
      inputs.in: {count: 3}
      filters.count:
        messages:
        - {Timestamp: 2024-05-01T10:00:10Z, Hostname: here, Fields: {n: 3}}
        - {Timestamp: 2024-05-01T10:00:20Z, Fields: {n: 3}}
        - {Fields: {n: 3}}
        - {Fields: {n: 3}}
        - {Timestamp: 2024-05-01T10:00:41Z, Fields: {n: %d, last: true}}
      outputs.out: {count: 5}
"""
COUNTER = """
--[[
---
name: counter
kind: filter
summary: Counts what it sees, and says so.
---
--]]
local n = 0
function process_message() n = n + 1 return 0 end
function timer_event(ns, last) inject_message {Type = "count", Timestamp = ns, Fields = {n = n, last = last}} end
"""


@pytest.fixture
def folder(tmp_path):
    for kind in ("decoders", "filters", "modules"):
        (tmp_path / "plugins" / kind).mkdir(parents=True)
    (tmp_path / "plugins" / "modules" / "kind.lua").write_text("return 'right'")
    (tmp_path / "plugins" / "decoders" / "mine.lua").write_text(PLUGIN % "right")
    (tmp_path / "plugins" / "filters" / "counter.lua").write_text(COUNTER.lstrip())
    (tmp_path / "hekate.yaml").write_text(CONFIG % (tmp_path / "plugins", 4))
    return tmp_path


def test_all_that_is_shipped_passes():
    done = hekate("test")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 failed" in done.stdout
    assert "conf/examples/sample.yaml" in done.stdout
    for plugin in ROOT.glob("sandboxes/lua/*/*.lua"):
        assert f"/{plugin.stem}.cases.yaml" in done.stdout


def test_cases_of_plugins_and_tests_of_configurations_in_a_folder(folder):
    done = hekate("test", ".", cwd=folder)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed, 0 failed" in done.stdout


def test_what_differs_is_shown_and_is_status_1(folder):
    path = folder / "plugins" / "decoders" / "mine.lua"
    path.write_text(PLUGIN % "wrong")
    (folder / "hekate.yaml").write_text(CONFIG % (folder / "plugins", 9))

    done = hekate("test", path, "hekate.yaml", cwd=folder)

    assert done.returncode == 1
    assert "1 passed, 2 failed" in done.stdout
    assert "plugins/decoders/mine.lua:9: step 1: message 1: Type:" in done.stdout
    assert 'expected "wrong"\n          got      "right"' in done.stdout
    assert "filters.count: message 5: Fields[n]:\n          expected 9\n          got      4.0" in done.stdout

    document = json.loads(hekate("test", "--format", "json", path).stdout)
    assert (document["passed"], document["failed"], document["errors"]) == (1, 1, [])
    (difference,) = document["cases"][0]["differences"]
    assert difference == {"where": "step 1: message 1: Type", "line": 9, "expected": '"wrong"', "got": '"right"'}

    root = ET.fromstring(hekate("test", "--format", "junit", ".", cwd=folder).stdout)
    assert (root.get("tests"), root.get("failures")) == ("3", "2")
    check_junit(root)
    names = {case.get("name"): case.find("failure") is None for case in root.iter("testcase")}
    assert names == {"it gives a Type": False, "it fails for nothing": True, "all_is_counted": False}


JUNIT = {  # element: required attributes, possible ones, what is in it
    "testsuites": ({"tests", "failures", "errors"}, {"name", "time", "disabled"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors", "time", "timestamp", "hostname", "id", "package"},
        {"skipped", "disabled"},
        {"properties", "testcase", "system-out", "system-err"},
    ),
    "properties": (set(), set(), set()),
    "testcase": ({"name", "classname", "time"}, {"status"}, {"skipped", "error", "failure"}),
    "failure": ({"type", "message"}, set(), set()),
    "error": ({"type", "message"}, set(), set()),
    "system-out": (set(), set(), set()),
    "system-err": (set(), set(), set()),
}


def check_junit(element):
    """What the schemas of Ant and Jenkins ask for."""
    required, possible, below = JUNIT[element.tag]
    assert required <= set(element.keys()) <= required | possible, element.tag
    assert {child.tag for child in element} <= below, element.tag
    if element.tag == "testsuite":
        tags = [child.tag for child in element]
        assert tags == ["properties", *["testcase"] * (len(tags) - 3), "system-out", "system-err"]
        cases = element.findall("testcase")
        assert int(element.get("tests")) == len(cases)
        assert int(element.get("failures")) == len(element.findall("testcase/failure"))
        assert int(element.get("errors")) == len(element.findall("testcase/error"))
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", element.get("timestamp"))
    for name in {"tests", "failures", "errors", "time"} & set(element.keys()):
        assert float(element.get(name)) >= 0
    for child in element:
        check_junit(child)


def test_what_differs_is_easy_to_see():
    lines = json.dumps("one\ntwo\nthree\n"), json.dumps("one\n2\nthree")
    assert list(differing(*lines)) == [
        ("", "- expected, + got"),
        ("", "@@ -1,3 +1,3 @@"),
        (" ", "one"),
        ("-", "two"),
        ("+", "2"),
        (" ", "three"),
        ("", "(what was expected ends in a line feed, the other does not)"),
    ]
    assert list(differing('"the same for a while, a"', '"the same for a while, b"'))[2:] == [
        ("", " " * 23 + "^ from here on")
    ]
    assert list(differing("1", "2")) == [("expected", "1"), ("got", "2")]
    assert list(differing("1", "2\n  {}\n  {}")) == [("expected", "1"), ("got", "2"), ("", "  {}"), ("", "  {}")]


FAULTS = [
    (
        "input: in, data",
        "input: inn, data",
        "tests.all_is_counted.given[0]: There is no input `inn`. Did you mean `in`?",
    ),
    ("{until: 2024-05-01T10:00:25Z}", "{until: soon}", "`soon` is neither"),
    ("inputs.in:", "inputs.on:", "There is no `inputs.on`. Did you mean `inputs.in`?"),
    ("{count: 5}", "{messages: []}", "An output delivers bytes"),
    ("{count: 5}", "{cuont: 5}", "Did you mean `count`?"),
    ("given:", "givn:", "`given` is missing"),
    ("Type: right, Time", "Tpe: right, Time", "Unknown header `Tpe`"),
]


def test_faults_in_tests_are_told_with_their_place(folder):
    text = (folder / "hekate.yaml").read_text()
    for number, (old, new, _) in enumerate(FAULTS):
        (folder / f"faulty{number}.yaml").write_text(text.replace(old, new))

    done = hekate("test", folder)

    assert done.returncode == 78
    assert "3 passed, 0 failed" in done.stdout
    for number, (_, _, complaint) in enumerate(FAULTS):
        lines = [line for line in done.stderr.splitlines() if f"faulty{number}.yaml:" in line]
        following = done.stderr.splitlines()[done.stderr.splitlines().index(lines[0]) + 1]
        assert complaint in lines[0] + following


def test_a_sandbox_that_ends_fails_the_test(folder):
    path = folder / "plugins" / "filters" / "counter.lua"
    path.write_text(path.read_text().replace("n = n + 1 return 0", "while true do end"))

    done = hekate("test", folder / "hekate.yaml")

    assert done.returncode == 1
    assert "The filter count was ended by cpu_limit" in done.stdout


def test_where_there_is_nothing_it_says_so(tmp_path):
    done = hekate("test", tmp_path)
    assert done.returncode == 66
    assert "There are no cases and no tests here" in done.stdout
    assert hekate("test", tmp_path / "gone").returncode == 64
    (tmp_path / "free.lua").write_text("local x = 1")
    done = hekate("test", tmp_path / "free.lua")
    assert done.returncode == 78
    assert "Not a plugin" in done.stderr
    broken = tmp_path / "decoders" / "broken.lua"
    broken.parent.mkdir()
    broken.write_text("function process_message(\n")
    done = hekate("test", broken)
    assert done.returncode == 78
    assert f"{broken}:2: Lua does not compile: <name> or" in done.stderr


UPDATED = """cases:
# what is expected here is wrong
- name: all styles
  steps:
  - record: some text
    messages:   # in a block
    - Type: wrong  # only this one
      Timestamp: 2023-05-01T10:00:00Z
      Fields:
        gone: 5
    # of the next step
  - {record: other, messages: [{Type: wrong, Payload: other}]}
  - record: ""
    messages: [{Type: wrong}]  # there is none
    failure: empty
- name: another number
  steps:
  - record: one
    messages: [{Type: right}, {Type: right}]
- name: an alias is left alone
  steps:
  - {record: one, messages: &same [{Type: wrong}]}
  - {record: one, messages: *same}
"""


def test_what_came_is_written_in_the_place_of_what_was_expected(folder):
    beside = folder / "plugins" / "decoders" / "mine.cases.yaml"
    beside.write_text(UPDATED)
    plugin = folder / "plugins" / "decoders" / "mine.lua"
    plugin.write_text(PLUGIN % "wrong")
    config = folder / "hekate.yaml"
    config.write_text(CONFIG % (folder / "plugins", 9))

    done = hekate("test", "--update", folder)

    assert done.returncode == 1, done.stdout + done.stderr
    assert "5 passed, 1 failed" in done.stdout
    assert plugin.read_text() == PLUGIN % "right"
    quoted = (CONFIG % (folder / "plugins", 4)).replace(
        "{Timestamp: 2024-05-01T10:00:41Z", "{Timestamp: '2024-05-01T10:00:41Z'"
    )
    assert config.read_text() == quoted
    expected = UPDATED
    for old, new in (
        (
            "- Type: wrong  # only this one\n      Timestamp: 2023-05-01T10:00:00Z",
            "- Type: right\n      Timestamp: '2024-01-01T00:00:00Z'",
        ),
        ("gone: 5", "gone: null"),
        ("{Type: wrong, Payload: other}", "{Type: right, Payload: other}"),
        ("[{Type: wrong}]  # there", "[]  # there"),
        ("[{Type: right}, {Type: right}]", "[{Type: right, Payload: one, Fields: {}}]"),
    ):
        assert old in expected
        expected = expected.replace(old, new)
    assert beside.read_text() == expected


EVERY_KEY = """cases:
- name: what fails is written down
  steps:
  - record: ""   # nothing
    failure: no such reason
  - record: ""
  - {record: "", messages: []}
  - record: some text
    failure: it does not fail any more
    messages:   # is filled in
  - {record: some text, messages: }
  - record: stop
    prints: []
    # the last remark
- name: it does not load
  config: {refuse: true}
  steps: [{record: x}]
"""
EVERY_KEY_UPDATED = """cases:
- name: what fails is written down
  steps:
  - record: ""   # nothing
    failure: "mine: empty"
  - record: ""
    failure: "mine: empty"
  - {record: "", messages: [], failure: "mine: empty"}
  - record: some text
    failure: null
    messages:
    - Type: right
      Payload: some text
      Fields: {}   # is filled in
  - {record: some text, messages: [{Type: right, Payload: some text, Fields: {}}] }
  - record: stop
    prints: [stopping]
    ended_by: "cpu_limit"
    # the last remark
- name: it does not load
  config: {refuse: true}
  steps: [{record: x}]
  load_failure: "mine.lua:11: I refuse"
"""
JSON_TEST = """hekate: {sandbox_dir: %s}
inputs: {in: {type: stdin, decoder: mine}}
outputs: {out: {type: console, encoder: json, message_matcher: "TRUE"}}
tests:
  all:
    given: [{input: in, records: [one, "", two]}]
    expect:
      # in order
      outputs.out:
        json: [{Type: wrong, Payload: one}, {Type: right}]   # named only
  none:
    given: [{input: in, records: [""]}]
    expect: {outputs.out: {count: 0}}
  some:
    given: [{input: in, records: [""]}]
    expect:
      inputs.in: {failures: [not this]}
"""


@pytest.mark.slow
def test_every_key_that_a_case_or_a_test_can_expect_is_updated(folder):
    plugin = folder / "plugins" / "decoders" / "mine.lua"
    header, code = (PLUGIN % "right").split("cases:", 1)[0], PLUGIN.split("--]]\n", 1)[1]
    code = code.replace("function process", 'if read_config "refuse" then error "I refuse" end\nfunction process', 1)
    code = code.replace(
        "  write", '  if read_message "Payload" == "stop" then print "stopping" while true do end end\n  write'
    )
    option = "config:\n  refuse: {type: boolean, default: false, description: Whether it loads.}\n---\n--]]\n"
    plugin.write_text(header + option + code)
    beside = folder / "plugins" / "decoders" / "mine.cases.yaml"
    beside.write_text(EVERY_KEY)
    (folder / "plugins" / "filters" / "counter.lua").unlink()
    config = folder / "hekate.yaml"
    config.write_text(JSON_TEST % (folder / "plugins"))

    done = hekate("test", "--update", plugin, config)

    assert done.returncode == 0, done.stdout + done.stderr
    assert beside.read_text() == EVERY_KEY_UPDATED
    updated = config.read_text()
    assert updated.startswith((JSON_TEST % (folder / "plugins")).split("      # in order")[0])
    assert "      # in order\n" in updated
    assert "json: [{Type: right, Payload: one}, {Type: right}]   # named only\n" in updated
    assert "    expect: {outputs.out: {count: 0}, inputs.in: {failures: ['mine: empty']}}\n" in updated
    assert updated.endswith("    expect:\n      inputs.in: {failures: ['mine: empty']}\n")
    again = hekate("test", "--update", plugin, config)
    assert (again.returncode, again.stderr) == (0, "")


def test_coverage_names_the_lines_that_did_not_run_of_scripts_and_modules(folder):
    path = folder / "plugins" / "decoders" / "mine.lua"
    module = folder / "plugins" / "modules" / "kind.lua"
    module.write_text("local M = {}\nfunction M.other()\n  return 1\nend\nreturn 'right'\n")
    never = """
local function never(x)
  if x then
    return 1
  end
  return 2
end
for i = 1, 3 do kind = kind .. "" end
"""
    path.write_text((PLUGIN % "right").replace("function process_message()", never + "function process_message()", 1))
    lines = path.read_text().splitlines()

    done = hekate("test", "--coverage", "--format", "json", path)

    assert done.returncode == 0, done.stdout
    document = json.loads(done.stdout)
    script, required = document["coverage"]
    assert script["file"] == str(path)
    assert [lines[line - 1].strip() for line in script["missed"]] == ["if x then", "return 1", "return 2"]
    first = script["missed"][0]
    assert script["missed_ranges"] == [[first, first + 1], [first + 3, first + 3]]
    assert script["percent"] == pytest.approx(100 - 300 / script["lines"], abs=0.1)
    assert (required["file"], required["missed"], required["lines"]) == (str(module), [3], 4)
    assert document["coverage_percent"] == pytest.approx(100 - 400 / (script["lines"] + 4), abs=0.1)
    text = hekate("test", "--coverage", path).stdout
    assert f"mine.lua  lines that did not run: {first}-{first + 1}, {first + 3}" in text
    assert " 75.0 %  " in text
    assert f" of {script['lines'] + 4} lines in all" in text


@pytest.mark.slow
def test_watching_runs_again_when_a_file_changes(folder):
    path = folder / "plugins" / "decoders" / "mine.lua"
    out = folder / "out.txt"

    def put(target, text):
        """As a whole, so that it is seen once."""
        (folder / "new").write_text(text)
        (folder / "new").rename(target)

    with out.open("wb") as file:
        command = [sys.executable, "-m", "host", "test", "--watch", str(path.parent)]
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, cwd=ROOT)
    try:
        until(lambda: "Waiting" in out.read_text(), "the first run")
        assert "2 passed, 0 failed" in out.read_text()
        put(path, PLUGIN % "wrong")
        until(lambda: "1 passed, 1 failed" in out.read_text(), "the second run")
        put(path.with_name("other.lua"), (PLUGIN % "x").replace("mine", "other").replace('require "kind"', '"x"'))
        until(lambda: "3 passed, 1 failed" in out.read_text(), "a new file: everything")
        put(folder / "plugins" / "modules" / "kind.lua", "return 'wrong'")
        until(lambda: "2 do not depend on that; of all 4 0 fail." in out.read_text(), "what needs the module")
        put(path.with_name("other.lua"), (PLUGIN % "y").replace("mine", "other").replace('require "kind"', '"x"'))
        until(lambda: "2 do not depend on that; of all 4 1 fail." in out.read_text(), "what was edited")
    finally:
        process.kill()
        process.wait()
