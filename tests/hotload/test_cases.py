"""A plugin's own cases decide whether a version of it is loaded."""

import signal

import pytest

from tests.hotload.test_hotload import MARK, SAY, complete, flowing, has_all_in_order, said, versions
from tests.running import to_json, until

CASES = """cases:
- name: it marks
  steps:
  - record: "7"
    messages: [{{Fields: {{version: {version}, n: 7}}}}]
- name: it fails where there is no number
  steps:
  - record: seven
    failure: ""
"""


def test_a_version_whose_cases_fail_is_not_loaded_and_the_log_says_which_and_how(bench):
    bench.plugin("decoder", "mark", MARK.format(version=1), CASES.format(version=1))
    host = bench.start(flowing(bench, "mark", outputs={"all": to_json(bench.path("all"))})).ready()
    until(lambda: versions(bench, "all") == {1}, "the first version")
    before = host.sandboxes()

    path = bench.plugin("decoder", "mark", MARK.format(version=2), CASES.format(version=1))
    host.saw("what ran before goes on")
    line = next(line for line in host.log.splitlines() if "what ran before goes on" in line)
    assert f"{path}:9: case `it marks`: step 1: message 1: Fields[version]: expected 1, got 2.0" in line
    seen = len(complete(bench, "all"))
    until(lambda: len(complete(bench, "all")) > seen + 100, "records after the refused edit")
    assert host.sandboxes() == before

    bench.plugin("decoder", "mark", MARK.format(version=3), CASES.format(version=3))
    until(lambda: 3 in versions(bench, "all"), "the version whose cases pass")
    assert host.terminate() == 0
    members = complete(bench, "all")
    has_all_in_order(members)
    assert {member["version"] for member in members} == {1, 3}


FILTER = "message_matcher: Logger == 'in'\n"
BESIDE = """cases:
- name: it says
  steps:
  - message: {Logger: in, Payload: "5"}
    messages: [{Fields: {version: %d}}]
"""


@pytest.mark.slow
def test_a_drop_in_whose_cases_fail_is_refused_at_start_and_by_a_reload_until_they_pass(bench):
    path = bench.plugin("filter", "say", SAY.format(version=1), FILTER)
    beside = path.with_name("say.cases.yaml")
    beside.write_text(BESIDE % 9)
    bench.plugin("decoder", "mark", MARK.format(version=1), CASES.format(version=1))
    host = bench.start(flowing(bench, "mark", hekate={"hot_load": False}, outputs=said(bench))).ready()
    assert f"{beside}:4: case `it says`: step 1: message 1: Fields[version]: expected 9, got 1.0" in host.log
    assert "say" not in host.sandboxes()

    bench.plugin("decoder", "mark", MARK.format(version=2), CASES.format(version=1))
    host.signal(signal.SIGHUP)
    host.saw("The reload failed.")
    assert "case `it marks`" in host.log

    bench.plugin("decoder", "mark", MARK.format(version=2), CASES.format(version=2))
    beside.write_text(BESIDE % 1)
    host.signal(signal.SIGHUP)
    until(lambda: versions(bench, "said") == {1}, "the filter once its cases pass")
    assert host.terminate() == 0


def test_an_edit_of_the_cases_or_of_a_module_is_an_edit_of_the_plugin(bench):
    modules = bench.folder / "plugins" / "modules"
    modules.mkdir(parents=True)
    (modules / "mine.lua").write_text("return {version = 1}")
    host = bench.start(flowing(bench, outputs=said(bench))).ready()
    code = 'local mine = require "mine"\n' + SAY.format(version="mine.version")
    (bench.folder / "plugins" / "filters" / "say.cases.yaml").write_text(BESIDE % 2)
    path = bench.plugin("filter", "say", code, FILTER)
    host.saw("case `it says`")
    assert "say" not in host.sandboxes()

    path.with_name("say.cases.yaml").write_text(BESIDE % 1)
    until(lambda: versions(bench, "said") == {1}, "the filter once its cases pass")

    (modules / "mine.lua").write_text("return {version = 3}")
    host.saw("case `it says`: step 1: message 1: Fields[version]: expected 1, got 3.0")  # the cases with the new module
    assert versions(bench, "said") == {1}
    assert host.terminate() == 0
