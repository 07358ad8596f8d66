"""Loading, breaking, rolling back and removing scripts over the API while data flows; stopping and starting them."""

import hashlib
import itertools
import time
from pathlib import Path

import pytest

from tests.admin.client import TOKENS, admin_section, api_of, audit
from tests.running import to_json, to_text, until

LEVELS = """--[[
---
name: {name}
kind: filter
summary: Says which version of it sees a record.
message_matcher: Type == "line"
{more}---
--]]
{before}
function process_message()
  inject_message {{Type = "said", Fields = {{version = {version}, n = tonumber(read_message("Payload"))}}}}
  return 0
end
"""
NUMBERS = {"type": "generate", "rate": 20000, "pack_bytes": 8192, "max_record_bytes": 1024, "message_type": "line"}


def levels(version, name="levels", more="", before=""):
    return LEVELS.format(version=version, name=name, more=more, before=before)


def config_of(bench, **more):
    return {
        "admin": admin_section(),
        "inputs": {"in": {**NUMBERS, "lines": ["{sequence}"], **more}},
        "outputs": {
            "all": to_text(bench.path("all"), 'Type == "line"'),
            "said": to_json(bench.path("said"), 'Type == "heka.sandbox.said"'),
        },
    }


def said(bench):
    """Version and number of what the filter has injected so far."""
    return [(each["version"], each["n"]) for each in bench.jsons_so_far("said")]


def test_a_filter_is_loaded_broken_replaced_rolled_back_and_removed_without_losing_a_record(bench):
    host = bench.start(config_of(bench)).ready()
    api = api_of(host)
    path = "/api/v1/sandboxes/levels"

    made = api.do("PUT", path, levels(1), status=201)
    assert (made["version"], made["state"], made["origin"]) == (1, "running", "drop-in")
    assert made["sha256"] == hashlib.sha256(levels(1).encode()).hexdigest()
    assert bench.read("plugins/filters/levels.lua").decode() == levels(1)
    until(lambda: said(bench), "version 1 sees records")

    broken = api.do("PUT", path, levels(2, before="local x = = 1"), status=400)
    assert broken["errors"][0]["line"] == 9
    assert broken["errors"][0]["file"].endswith("plugins/filters/levels.lua")
    assert "unexpected symbol" in broken["errors"][0]["message"]
    assert api.get(path)["version"] == 1
    assert bench.read("plugins/filters/levels.lua").decode() == levels(1)

    assert api.do("PUT", path, levels(2))["version"] == 2
    until(lambda: said(bench)[-1][0] == 2, "version 2 sees records")

    restored = api.do("POST", f"{path}/versions/1/restore")
    assert restored["version"] == 3
    assert restored["sha256"] == made["sha256"]
    until(lambda: said(bench)[-1][0] == 1, "version 1 again")
    versions = api.get(f"{path}/versions")["items"]
    assert [(each["version"], each["who"]) for each in versions] == [(1, "admin"), (2, "admin"), (3, "admin")]
    assert api.ask("GET", f"{path}/versions/2").body.decode() == levels(2)

    api.do("DELETE", path, status=204)
    assert not Path(bench.path("plugins/filters/levels.lua")).exists()
    api.get(path, status=404)
    assert len(api.get(f"{path}/versions")["items"]) == 3

    assert host.terminate() == 0
    numbers = [number for _, number in said(bench)]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "none lost, none twice, in order"
    lines = bench.lines("all")
    assert lines == [b"%d" % n for n in range(len(lines))]
    entries = [(each["who"], each["what"], each["result"]) for each in audit(bench)]
    assert entries == [
        ("admin", "put_sandbox", 201), ("admin", "put_sandbox", 400), ("admin", "put_sandbox", 200),
        ("admin", "restore_version", 200), ("admin", "delete_sandbox", 204),
    ]  # fmt: skip


FAULTY = {
    "no yaml": (levels(1, more="limits: [\n"), "YAML"),
    "an unknown key": (levels(1, more="colour: red\n"), "colour"),
    "another name": (levels(1, name="others"), "others"),
    "an error as it is loaded": (levels(1, before="error('no')"), "no"),
    "a matcher that is none": (levels(1).replace('Type == "line"', "Type = 5"), "matcher"),
    "no process_message": (levels(1).replace("process_message", "process_nothing"), "process_message"),
    "a case that fails": (levels(1, more="cases:\n  - steps:\n    - {message: {Type: line}, messages: []}\n"), ""),
    "no matcher": (levels(1).replace('message_matcher: Type == "line"\n', ""), "which messages"),
    "bytes that are no text": (b"--[[\n---\nname: levels\nkind: filter\n\xff---\n--]]", "UTF-8"),
}


def test_what_is_broken_is_refused_with_its_place_and_nothing_changes(shared, api):
    path = "/api/v1/sandboxes/levels"
    for what, (source, expected) in FAULTY.items():
        problem = api.do("PUT", path, source, status=400)
        assert problem["errors"], what
        assert expected in str(problem["errors"]), what
        assert api.get(path, status=404)
        assert not Path(shared.path("plugins/filters/levels.lua")).exists()
    assert shared.host.process.poll() is None


@pytest.mark.parametrize("name", ["..", "a%2fb", "..%2f..%2fx", "x.lua", "%00", "a" * 65, "%2e%2e"])
def test_no_name_reaches_another_file(name, api, shared):
    def scripts():
        """Not the versions of those that ran when the host began: it notes them in its own time."""
        return sorted(path for path in shared.folder.rglob("*.lua") if "versions" not in path.parts)

    before = scripts()
    for method, suffix in (("PUT", ""), ("DELETE", ""), ("POST", "/restart"), ("GET", "/source"), ("PATCH", "")):
        assert api.ask(method, f"/api/v1/sandboxes/{name}{suffix}", levels(1) if method == "PUT" else None).status in {
            400, 404, 415,
        }  # fmt: skip
    assert scripts() == before


def test_a_script_does_not_come_as_a_form(api):
    problem = api.do("PUT", "/api/v1/sandboxes/levels", b"a=b", 415, Content_Type="application/x-www-form-urlencoded")

    assert "curl" in problem["detail"]


def test_limits_and_options_are_written_into_the_front_matter_and_survive_a_restart(bench):
    more = "# why: it is small\nconfig:\n  step: {type: integer, default: 2, description: How far it steps.}\n"
    source = levels('read_config("step")', more=more)
    host = bench.start(config_of(bench, rate=100)).ready()
    api = api_of(host)
    path = "/api/v1/sandboxes/levels"
    api.do("PUT", path, source, status=201)

    changed = api.do("PATCH", path, {"limits": {"memory_limit": 4194304, "cpu_limit": 50}, "config": {"step": 7}})

    def limits_of(shown):
        return {use["name"]: use["limit"] for use in shown["instances"][0]["processes"][0]["limits"]}

    assert changed["version"] == 2
    assert (limits_of(changed)["memory_limit"], limits_of(changed)["cpu_limit"]) == (4194304, 50)
    assert changed["config"] == {"step": 7}
    assert "# why: it is small" in bench.read("plugins/filters/levels.lua").decode()
    until(lambda: said(bench) and said(bench)[-1][0] == 7, "the new option is in effect")

    assert api.do("PATCH", path, {"limits": {"memory_limit": 1}}, status=400)["errors"]
    assert "colour" in api.do("PATCH", path, {"config": {"colour": 1}}, status=400)["detail"]
    assert limits_of(api.do("PATCH", path, {"limits": {"cpu_limit": None}}))["cpu_limit"] == 100

    assert host.terminate() == 0
    again = api_of(bench.start(config_of(bench, rate=100)).ready())
    shown = again.get(path)
    assert (shown["version"], shown["config"], limits_of(shown)["memory_limit"]) == (3, {"step": 7}, 4194304)


def test_what_somebody_puts_into_the_directory_is_a_version_too(bench):
    host = bench.start(config_of(bench, rate=100)).ready()
    api = api_of(host)
    file = Path(bench.path("plugins/filters/levels.lua"))
    file.write_text(levels(1))
    versions = "/api/v1/sandboxes/levels/versions"
    until(lambda: api.ask("GET", versions).status == 200 and api.get(versions)["items"], "version 1")
    file.write_text(levels(2))
    until(lambda: len(api.get(versions)["items"]) == 2, "version 2")

    assert [each["who"] for each in api.get(versions)["items"]] == ["file", "file"]
    file.write_text(levels(3, before="local x = = 1"))
    until(lambda: api.get("/api/v1/sandboxes/levels")["faults"], "the fault is shown")
    shown = api.get("/api/v1/sandboxes/levels")
    assert shown["state"] == "running"
    assert shown["faults"][0]["line"] == 9
    assert shown["version"] == 2


def test_a_decoder_is_replaced_for_all_who_use_it(bench):
    decoder = """--[[
---
name: mine
kind: decoder
summary: A decoder of the tests.
---
--]]
function process_message() write_message("Fields[v]", {}) write_message("Payload", read_message("Payload")) return 0 end
"""
    (bench.folder / "plugins" / "decoders").mkdir(parents=True)
    (bench.folder / "plugins" / "decoders" / "mine.lua").write_text(decoder.format(1))
    config = config_of(bench, decoder="mine", rate=1000)
    config["outputs"] = {"all": to_json(bench.path("all"))}
    host = bench.start(config).ready()
    api = api_of(host)

    shown = api.do("PUT", "/api/v1/sandboxes/mine", decoder.format(2))

    assert shown["components"] == ["decoders.in"]
    until(lambda: b'"v":2' in bench.read("all"), "the new version decodes")
    assert "used by in" in api.do("DELETE", "/api/v1/sandboxes/mine", status=409)["detail"]
    assert api.do("PUT", "/api/v1/sandboxes/mine", decoder.replace("function", "functon"), status=400)["errors"]
    unused = api.do("PUT", "/api/v1/sandboxes/other", decoder.replace("mine", "other").format(3), status=201)
    assert (unused["state"], unused["components"]) == ("unused", [])
    api.do("POST", "/api/v1/sandboxes/other/restart", status=409)
    api.do("DELETE", "/api/v1/sandboxes/other", status=204)


def test_stop_start_pause_resume_and_restart(bench):
    host = bench.start(config_of(bench, rate=2000)).ready()
    api = api_of(host)
    path = "/api/v1/sandboxes/levels"
    api.do("PUT", path, levels(1), status=201)

    def dropped():
        return api.get("/api/v1/filters/levels")["counters"]["drops"].get("stopped", 0)

    first_pid = api.get(path)["instances"][0]["processes"][0]["pid"]

    stopped = api.do("POST", f"{path}/stop")
    assert (stopped["state"], stopped["instances"][0]["processes"][0]["pid"]) == ("stopped", 0)
    assert not api.get("/ready", status=503)["ready"]
    until(lambda: dropped() > 0, "records pass it by")

    started = api.do("POST", f"{path}/start")
    assert started["state"] == "running"
    assert started["instances"][0]["processes"][0]["pid"] not in {0, first_pid}
    passed_by = dropped()
    made = api.get("/api/v1/inputs/in")["counters"]["records_sent"]
    until(lambda: said(bench) and said(bench)[-1][1] >= made, "it works again")
    pid = started["instances"][0]["processes"][0]["pid"]
    assert api.do("POST", f"{path}/restart")["instances"][0]["processes"][0]["pid"] not in {0, pid}

    assert api.do("POST", f"{path}/pause")["state"] == "paused"
    until(lambda: api.get("/api/v1/filters/levels")["queue"]["packs"] > 0, "packs wait")
    ready = api.get("/ready", status=503)
    assert {"component": "filters.levels", "ready": False, "reason": "paused"} in ready["components"]
    assert api.do("POST", f"{path}/resume")["state"] == "running"
    until(lambda: api.get("/api/v1/filters/levels")["queue"]["packs"] == 0, "the queue is worked off")

    for component in ("inputs/in", "decoders/in", "outputs/all"):
        stage = component.partition("/")[0]
        assert api.do("POST", f"/api/v1/{component}/pause")["state"] == "paused"
        until(lambda stage=stage: f'"{stage}.' in api.ask("GET", "/ready").body.decode(), "it is told")
        assert api.get("/ready", status=503)
        assert api.do("POST", f"/api/v1/{component}/resume")["state"] == "running"
    api.do("POST", "/api/v1/outputs/all/pause")
    count = len(bench.lines("all"))
    assert host.terminate() == 0, host.log
    lines = bench.lines("all")
    assert len(lines) >= count
    assert lines == [b"%d" % n for n in range(len(lines))]
    numbers = [number for _, number in said(bench)]
    missed = [after - number - 1 for number, after in itertools.pairwise(numbers) if after != number + 1]
    assert missed == [passed_by], "what passed by while it was stopped, and nothing else"


COUNTER = """--[[
---
name: counter
kind: filter
summary: Counts for ever, and keeps its count.
message_matcher: "TRUE"
ticker_interval: 0.1
preserve_data: true
---
--]]
_PRESERVATION_VERSION = 3
n = 0
function process_message() n = n + 1 return 0 end
function timer_event(ns, shutdown) inject_payload("txt", "n", n) end
"""


def test_a_state_is_shown_kept_over_a_restart_of_the_sandbox_and_reset(bench):
    config = config_of(bench, rate=5000)
    config["hekate"] = {"snapshot_interval_ms": 100}
    api = api_of(bench.start(config).ready())
    path = "/api/v1/sandboxes/counter"
    api.do("PUT", path, COUNTER, status=201)

    shown = until(lambda: (state := api.get(f"{path}/state"))["bytes"] and state, "a snapshot")
    assert (shown["preserved"], shown["version"]) == (True, 3)

    def count():
        items = api.get(f"{path}/outputs")["items"]
        return int(items[0]["payload"]) if items else 0

    until(lambda: count() > 1500, "it has counted")
    api.do("POST", f"{path}/restart")
    high = count()
    until(lambda: count() > high, "it goes on from where it was")
    api.do("DELETE", f"{path}/state", status=204)
    until(lambda: 0 < count() < high, "it begins anew")


def test_a_tenant_cannot_put_its_filter_into_the_process_of_others(api, shared):
    tenant = api.with_token(TOKENS["tenant"])

    def member(group):
        return levels(1, name="team_a_member", more=f"group: {group}\n")

    for group in ("others", "team_b_group", "Team_a_group", "team_a"):
        problem = tenant.do("PUT", "/api/v1/sandboxes/team_a_member", member(group), status=403)
        assert group in problem["detail"]
        assert "team_a_" in problem["detail"]
    assert api.ask("GET", "/api/v1/sandboxes/team_a_member").status == 404
    tenant.do("PUT", "/api/v1/sandboxes/team_a_member", member("team_a_group"), status=201)
    tenant.do("PUT", "/api/v1/sandboxes/team_a_member", member("others"), status=403)
    api.do("PUT", "/api/v1/sandboxes/team_a_member", member("others"))
    tenant.do("DELETE", "/api/v1/sandboxes/team_a_member", status=204)


@pytest.mark.parametrize(
    "more", ["# " + "x" * 70_000 + "\n", "x: " + "[" * 180_000 + "\n", "x: " + "- " * 60_000 + "\n"]
)
def test_front_matter_that_is_too_large_is_refused_at_once(more, api, shared):
    before_ns = time.process_time_ns()
    reply = api.ask("PUT", "/api/v1/sandboxes/levels", levels(1, more=more))

    assert reply.status == 400
    assert "65536" in reply.body.decode()
    assert api.ask("GET", "/health").status == 200
    assert time.process_time_ns() - before_ns < 5e9


def test_a_tenant_loads_only_what_has_its_prefix(api, shared):
    tenant = api.with_token(TOKENS["tenant"])

    assert tenant.get("/api/v1/sandboxes")["items"] == []
    tenant.do("PUT", "/api/v1/sandboxes/levels", levels(1), status=403)
    tenant.do("PUT", "/api/v1/sandboxes/team_a_levels", levels(1, name="team_a_levels"), status=201)
    assert [each["name"] for each in tenant.get("/api/v1/sandboxes")["items"]] == ["team_a_levels"]
    tenant.do("DELETE", "/api/v1/sandboxes/team_a_levels", status=204)
    assert tenant.ask("GET", "/api/v1/sandboxes/counts").status == 403
    assert tenant.ask("GET", "/api/v1/config").status == 403


READ = """--[[
---
name: reader
kind: filter
summary: Offers what it has counted.
message_matcher: Type == "line"
preserve_data: true
readouts:
  total: {function: read_total, description: How many records there were.}
  reset: {function: reset, description: Begins to count anew., changes: true}
  broken: {function: broken, description: A function that fails.}
  endless: {function: endless, description: A function that does not end.}
  large: {function: large, description: An answer that is too large.}
---
--]]
n = 0
function process_message() n = n + 1 return 0 end
function read_total(arguments) return {total = n, of = arguments.of, list = {1, 2}} end
function reset(arguments) local old = n n = tonumber(arguments.to) or 0 return old end
function broken() error("no such luck") end
function endless() while true do end end
function large() return ("x"):rep(100000) end
"""


def test_a_script_offers_readouts_by_its_front_matter(bench):
    api = api_of(bench.start(config_of(bench, rate=500)).ready())
    path = "/api/v1/sandboxes/reader/readouts"
    api.do("PUT", "/api/v1/sandboxes/reader", READ, status=201)

    names = [each["name"] for each in api.get(path)["items"]]
    assert names == ["broken", "endless", "large", "reset", "total"]
    until(lambda: api.get(f"{path}/total")["value"]["total"] > 500, "it has counted")
    value = api.get(f"{path}/total?of=lines")["value"]
    assert (value["of"], value["list"]) == ("lines", [1, 2])
    assert api.do("POST", f"{path}/reset", {"to": "5"})["value"] > 500
    assert api.get(f"{path}/total")["value"]["total"] < 500

    assert "no such luck" in api.get(f"{path}/broken", status=409)["detail"]
    assert "59000" in api.get(f"{path}/large", status=409)["detail"]
    assert "POST" in api.get(f"{path}/reset", status=409)["detail"]
    assert "GET" in api.do("POST", f"{path}/total", status=409)["detail"]
    api.get(f"{path}/process_message", status=404)
    api.get(f"{path}/total?of={'x' * 1001}", status=400)
    assert api.with_token(TOKENS["viewer"]).ask("POST", f"{path}/reset", {}).status == 403

    assert "ended" in api.get(f"{path}/endless", status=409)["detail"]
    until(lambda: api.get("/api/v1/sandboxes/reader")["state"] == "running", "it runs again")
    termination = api.get("/api/v1/sandboxes/reader")["instances"][0]["processes"][0]["last_termination"]
    assert termination["limit"] == "cpu_limit"
    missing = READ.replace("function broken()", "function other()")
    assert "broken" in str(api.do("PUT", "/api/v1/sandboxes/reader", missing, status=400)["errors"])
