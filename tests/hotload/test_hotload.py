"""Plugins that appear, change, break and vanish in the drop-in directory while data flows."""

import itertools
import signal

import pytest

from tests.running import to_json, to_text, until

MARK = """
function process_message()
  write_message("Fields[version]", {version})
  write_message("Fields[n]", tonumber(read_message("Payload")))
  return 0
end
"""

SAY = """
function process_message()
  inject_message {{Type = "said", Fields = {{version = {version}, n = tonumber(read_message("Payload"))}}}}
  return 0
end
"""


COUNT = """
total = total or 0

function process_message()
  local n = tonumber(read_message("Payload"))
  total = total + 1
  inject_message {{Type = "said", Fields = {{version = {version}, n = n, total = total}}}}
  {then_}
  return 0
end
"""

LOOP = "while true do end"


def flowing(bench, decoder="payload", **more):
    """A stream of numbers without end, in small packs."""
    source = {"type": "generate", "lines": ["{sequence}"], "rate": 20000, "pack_bytes": 8192, "max_record_bytes": 1024}
    return {"inputs": {"in": {**source, "decoder": decoder}}, **more}


def said(bench):
    """The output of what a filter says."""
    return {"said": to_json(bench.path("said"), "Type == 'heka.sandbox.said'")}


def versions(bench, name):
    return {member["version"] for member in complete(bench, name)}


def complete(bench, name):
    """The lines that are whole so far."""
    return bench.jsons_so_far(name)


def has_all_in_order(members):
    """Every number once, and never an old version after a new one."""
    assert [member["n"] for member in members] == list(range(len(members)))
    changes = [version for version, _ in itertools.groupby(member["version"] for member in members)]
    assert changes == sorted(changes)


def test_an_edited_decoder_takes_over_between_two_packs(bench):
    bench.plugin("decoder", "mark", MARK.format(version=1))
    host = bench.start(flowing(bench, "mark", outputs={"all": to_json(bench.path("all"))})).ready()
    until(lambda: versions(bench, "all") == {1}, "the first version")

    for version in (2, 3, 4):
        bench.plugin("decoder", "mark", MARK.format(version=version))
        until(lambda: version in versions(bench, "all"), f"version {version}")  # noqa: B023 -- called here only

    assert host.terminate() == 0
    has_all_in_order(complete(bench, "all"))


def test_a_broken_edit_leaves_the_old_version_running_and_says_why(bench):
    bench.plugin("decoder", "mark", MARK.format(version=1))
    host = bench.start(flowing(bench, "mark", outputs={"all": to_json(bench.path("all"))})).ready()
    until(lambda: versions(bench, "all") == {1}, "the first version")
    before = host.sandboxes()

    bench.plugin("decoder", "mark", "this is no Lua")
    host.saw("what ran before goes on")
    assert "mark.lua" in host.log
    seen = len(complete(bench, "all"))
    until(lambda: len(complete(bench, "all")) > seen + 100, "records after the broken edit")
    assert host.sandboxes() == before

    bench.plugin("decoder", "mark", MARK.format(version=2))
    until(lambda: 2 in versions(bench, "all"), "the repaired version")
    assert host.terminate() == 0
    has_all_in_order(complete(bench, "all"))


@pytest.mark.slow
def test_a_version_that_dies_of_every_record_is_replaced_at_once(bench):
    header = "message_matcher: Logger == 'in'\npreserve_data: true\n"
    outputs = {"all": to_json(bench.path("all"), "Logger == 'in'"), **said(bench)}
    bench.plugin("decoder", "mark", MARK.format(version=1))
    bench.plugin("filter", "count", COUNT.format(version=1, then_=""), header)
    host = bench.start(flowing(bench, "mark", outputs=outputs)).ready()
    until(lambda: bench.read("said"), "the first version")

    bench.plugin("filter", "count", COUNT.format(version=2, then_=LOOP), header)
    host.saw("A record ended its sandbox and is not tried again.")
    bench.plugin("filter", "count", COUNT.format(version=3, then_=""), header)
    until(lambda: 3 in versions(bench, "said"), "the repaired filter")

    bench.plugin("decoder", "mark", LOOP.join(["function process_message() ", " end"]))
    host.saw("A decoder was terminated.")
    bench.plugin("decoder", "mark", MARK.format(version=4))
    until(lambda: 4 in versions(bench, "all"), "the repaired decoder")

    assert host.terminate() == 0
    has_all_in_order(complete(bench, "all"))
    has_all_in_order(complete(bench, "said"))
    assert all(member["total"] == member["n"] + 1 for member in complete(bench, "said"))


def test_a_filter_runs_once_it_is_dropped_in_and_stops_when_it_is_removed(bench):
    host = bench.start(flowing(bench, outputs=said(bench))).ready()

    header = "message_matcher: Logger == 'in'\n"
    path = bench.plugin("filter", "say", SAY.format(version=1), header)
    until(lambda: versions(bench, "said") == {1}, "the filter's messages")
    bench.plugin("filter", "say", SAY.format(version=2), header)
    until(lambda: 2 in versions(bench, "said"), "the edited filter's messages")
    path.unlink()
    host.saw("Unloaded. unit=filters.say")
    assert "say" not in host.sandboxes()

    assert host.terminate() == 0
    numbers = [member["n"] for member in complete(bench, "said")]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "a record was lost or doubled by the edit"


def test_a_file_that_is_dropped_in_while_the_host_starts_is_loaded(bench):
    bench.plugin("filter", "first", "function process_message() return 0 end", "message_matcher: 'TRUE'\n")
    host = bench.start(flowing(bench, outputs=said(bench)))
    host.saw("Loaded. unit=filters.first")
    bench.plugin("filter", "say", SAY.format(version=1), "message_matcher: Logger == 'in'\n")
    until(lambda: versions(bench, "said") == {1}, "the filter's messages")
    assert host.terminate() == 0


def test_one_broken_file_does_not_hold_up_the_others(bench):
    host = bench.start(flowing(bench, outputs=said(bench))).ready()

    bench.plugin("filter", "aaa", "function (", "message_matcher: 'TRUE'\n")
    bench.plugin("filter", "bbb", "error('not today')", "message_matcher: 'TRUE'\n")
    bench.plugin("filter", "ccc", SAY.format(version=1), "message_matcher: Logger == (\n")
    bench.plugin("filter", "say", SAY.format(version=1), "message_matcher: Logger == 'in'\n")

    until(lambda: versions(bench, "said") == {1}, "the good one")
    host.saw("not today")
    until(lambda: set(host.sandboxes()) == {"in", "said", "say"}, "the end of what does not start")
    assert host.terminate() == 0


@pytest.mark.slow
def test_a_single_run_without_all_plugins_has_not_done_what_it_was_asked_to(bench):
    config = {
        "inputs": {"in": {"type": "generate", "lines": ["1"], "count": 10}},
        "outputs": {"all": to_json(bench.path("all"), "Logger == 'in'")},
    }
    good = "function process_message() return 0 end"
    for code, header, told in (
        (good, "message_matcher: Type ==\n", "filters.count"),
        ("error('x')", "message_matcher: 'TRUE'\n", "filters.count"),
        (good, "", str(bench.path("plugins/filters/count.lua"))),
    ):
        bench.plugin("filter", "count", code, header)
        host = bench.once(config, status=78)
        assert f"what it should have done is missing. units={told}" in host.log.replace("'", "")
    assert len(complete(bench, "all")) == 30


def test_temporary_files_of_editors_are_left_alone(bench):
    host = bench.start(flowing(bench, outputs={"all": to_text(bench.path("all"))})).ready()
    folder = bench.folder / "plugins" / "filters"
    path = bench.plugin("filter", "say", SAY.format(version=1), "message_matcher: Logger == 'in'\n")
    until(lambda: "say" in host.sandboxes(), "the filter")

    for name in (".say.lua.swp", "say.lua~", "#say.lua#", ".#say.lua", "4913"):
        (folder / name).write_text("not a plugin")
    # What editors do: write beside it, then rename over it.
    (folder / ".say.lua.tmp").write_text(path.read_text().replace("version = 1", "version = 2"))
    (folder / ".say.lua.tmp").rename(path)
    host.saw("Loaded. unit=filters.say")

    until(lambda: host.log.count("Loaded. unit=filters.say") == 2, "the renamed version")
    assert set(host.sandboxes()) == {"in", "all", "say"}
    assert "fault" not in host.log
    assert host.terminate() == 0


def test_an_edited_encoder_takes_over_between_two_packs(bench):
    code = 'function process_message() inject_payload("", "", read_message("Payload"), " {version}\\n") return 0 end'
    bench.plugin("encoder", "line", code.format(version=1))
    outputs = {"all": to_text(bench.path("all"), encoder="line")}
    host = bench.start(flowing(bench, outputs=outputs)).ready()
    until(lambda: bench.read("all").count(b"\n") > 100, "the first version")

    bench.plugin("encoder", "line", code.format(version=2))
    until(lambda: b" 2\n" in bench.read("all"), "the second version")

    assert host.terminate() == 0
    fields = [line.split() for line in bench.lines("all")]
    assert [int(number) for number, _ in fields] == list(range(len(fields)))


def test_an_edited_module_reloads_those_who_require_it(bench):
    modules = bench.folder / "plugins" / "modules"
    modules.mkdir(parents=True)
    (modules / "mine.lua").write_text("return {version = 1}")
    code = MARK.format(version="mine.version").replace("\nfunction", '\nlocal mine = require "mine"\nfunction', 1)
    bench.plugin("decoder", "mark", code)
    host = bench.start(flowing(bench, "mark", outputs={"all": to_json(bench.path("all"))})).ready()
    until(lambda: versions(bench, "all") == {1}, "the first version")

    (modules / "mine.lua").write_text("return {version = 2}")
    until(lambda: 2 in versions(bench, "all"), "the second version")

    assert host.terminate() == 0
    has_all_in_order(complete(bench, "all"))


def test_a_library_decoder_is_overridden_and_given_back(bench):
    host = bench.start(flowing(bench, "payload", outputs={"all": to_json(bench.path("all"))})).ready()
    until(lambda: complete(bench, "all"), "records")

    path = bench.plugin("decoder", "payload", MARK.format(version=2))
    until(lambda: "version" in complete(bench, "all")[-1], "the user's own decoder")
    path.unlink()
    until(lambda: "version" not in complete(bench, "all")[-1], "the library's decoder")

    assert host.terminate() == 0
    members = complete(bench, "all")
    assert [int(member["Payload"]) for member in members] == list(range(len(members)))


def test_the_directory_vanishes_and_comes_back(bench):
    header = "message_matcher: Logger == 'in'\n"
    bench.plugin("filter", "say", SAY.format(version=1), header)
    host = bench.start(flowing(bench, outputs=said(bench))).ready()
    until(lambda: versions(bench, "said") == {1}, "the filter's messages")

    (bench.folder / "plugins").rename(bench.folder / "gone")
    host.saw("Unloaded. unit=filters.say")
    (bench.folder / "gone").rename(bench.folder / "plugins")
    until(lambda: host.log.count("Loaded. unit=filters.say") == 2, "the filter again")

    assert host.terminate() == 0


def test_without_hot_loading_the_directory_is_looked_at_when_the_host_reloads(bench):
    host = bench.start(flowing(bench, hekate={"hot_load": False}, outputs=said(bench))).ready()
    bench.plugin("filter", "say", SAY.format(version=1), "message_matcher: Logger == 'in'\n")

    host.signal(signal.SIGHUP)
    host.saw("Reloaded.")

    until(lambda: versions(bench, "said") == {1}, "the filter's messages")
    assert host.terminate() == 0
