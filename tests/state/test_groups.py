"""Filters that share processes: each with its own limits, and the others go on when one ends their process."""

import psutil
import pytest

from tests.running import to_json, until

COUNT = """
count = 0
function process_message()
  count = count + 1
  return 0
end
function timer_event(ns, shutdown)
  inject_message {Type = "count", Fields = {count = count, shutdown = shutdown}}
end
"""
GROUPED = "message_matcher: Logger == 'in'\ngroup: crowd\nticker_interval: 0.05\n"
MEMBERS = 20


def config(bench, path, **hekate):
    return {
        "hekate": {"snapshot_interval_ms": 300, **hekate},
        "inputs": {"in": {"type": "file", "path": path, "pack_bytes": 8192, "max_record_bytes": 512}},
        "outputs": {"said": to_json(bench.path("said"), "Type == 'heka.sandbox.count'")},
    }


def counters(bench, count=MEMBERS):
    for number in range(count):
        bench.plugin("filter", f"count_{number}", COUNT, GROUPED)


def append(bench, count):
    with (bench.folder / "in.log").open("a") as file:
        file.writelines(f"{n}\n" for n in range(count))
    return bench.path("in.log")


def counts(bench):
    """What each filter has said last."""
    return {member["Logger"]: member["count"] for member in bench.jsons_so_far("said")}


def wait_for(bench, total, members=MEMBERS):
    def said():
        known = counts(bench)
        return len(known) == members and set(known.values()) == {total}

    until(said, f"{members} times {total}", 30)


def group_processes(host):
    return [pid for name, pid in host.sandboxes().items() if name.startswith("group")]


def test_members_share_a_process_and_each_counts_for_itself(bench):
    counters(bench)
    settings = config(bench, append(bench, 1_000))
    # What the configuration names starts at once; of files that are dropped in, each when its cases have passed.
    settings["filters"] = {f"count_{number}": {} for number in range(MEMBERS)}
    host = bench.start(settings).ready()
    wait_for(bench, 1_000)

    (pid,) = group_processes(host)
    assert psutil.Process(pid).num_threads() == MEMBERS + 1
    assert host.terminate() == 0


def test_when_the_process_is_killed_all_members_go_on_from_their_state(bench):
    counters(bench)
    host = bench.start(config(bench, append(bench, 5_000))).ready()
    wait_for(bench, 5_000)
    for _ in range(3):
        host.kill_sandbox("group")
        append(bench, 1_000)
    wait_for(bench, 8_000)
    assert host.terminate() == 0


OVERRUN = """
function process_message()
  if read_message("Payload") == "poison" then {code} end
  return 0
end
"""
WAYS = {
    "cpu_limit": "while true do end",
    "memory_limit": "local t = {} while true do t[#t + 1] = {#t} end",
    "max_process_inject": "for i = 1, 3 do inject_message {Type = 'x'} end",
}


@pytest.mark.slow
def test_when_one_member_overruns_the_others_lose_nothing(bench):
    counters(bench)
    for limit, code in WAYS.items():
        # Time enough for the others to get to what they overrun, on a slow machine too.
        more = "" if limit == "cpu_limit" else "limits: {cpu_limit: 5000}\n"
        bench.plugin("filter", f"bad_{limit}", OVERRUN.replace("{code}", code), GROUPED + more)
    host = bench.start(config(bench, append(bench, 2_000))).ready()
    wait_for(bench, 2_000)
    bench.write("poison", "poison\n")
    with (bench.folder / "in.log").open("a") as file:
        file.write("poison\n")
    wait_for(bench, 2_001)
    append(bench, 1_000)
    for limit in WAYS:
        until(lambda: f"sandbox=bad_{limit} limit={limit}" in host.log, f"the end of bad_{limit}")  # noqa: B023
    wait_for(bench, 3_001)

    assert host.terminate() == 0
    assert sorted(letter["component"] for letter in bench.dead_letters()) == sorted(f"bad_{limit}" for limit in WAYS)
    assert "ended_by=bad_" in host.log


def test_a_member_is_edited_and_removed_while_the_others_go_on(bench):
    counters(bench, 3)
    host = bench.start(config(bench, append(bench, 100))).ready()
    wait_for(bench, 100, 3)
    bench.plugin("filter", "count_1", COUNT.replace("count + 1", "count + 2"), GROUPED)
    host.saw("Loaded. unit=filters.count_1")
    (bench.folder / "plugins" / "filters" / "count_2.lua").unlink()
    host.saw("Unloaded. unit=filters.count_2")
    append(bench, 100)
    until(lambda: counts(bench)["count_0"] == 200, "the member that was left alone")
    until(lambda: counts(bench)["count_1"] == 200, "the member that was edited")

    assert counts(bench)["count_2"] == 100
    assert host.terminate() == 0
