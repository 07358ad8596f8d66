"""The state of filters: what is kept of it, over which ends, and that counts stay exact."""

import lmdb
import pytest

from host.delivery import state_files
from tests.running import to_json, until

TALLY = """
_PRESERVATION_VERSION = {version}
count, sum = 0, 0
function process_message()
  local n = tonumber(read_message("Payload"))
  count, sum = count + 1, sum + n
  return 0
end
function timer_event(ns, shutdown)
  inject_message {{Type = "tally", Fields = {{count = count, sum = sum, edition = {edition}, shutdown = shutdown}}}}
end
"""
PRESERVED = "message_matcher: Logger == 'in'\nticker_interval: {ticker}\npreserve_data: true\n"


def tally(bench, *, version=1, edition=1, ticker=0, more="", header=""):
    code = TALLY.format(version=version, edition=edition) + more
    return bench.plugin("filter", "tally", code, PRESERVED.format(ticker=ticker) + header)


def config(bench, path, **more):
    return {
        "hekate": {"snapshot_interval_ms": 100, "checkpoint_interval_ms": 20, **more},
        "inputs": {"in": {"type": "file", "path": path, "pack_bytes": 8192, "max_record_bytes": 512}},
        "outputs": {"said": to_json(bench.path("said"), "Type == 'heka.sandbox.tally'")},
    }


def numbers(bench, name, count, first=0):
    with (bench.folder / name).open("a") as file:
        file.writelines(f"{n}\n" for n in range(first, first + count))
    return bench.path(name)


def said(bench):
    return bench.jsons_so_far("said")


def is_exact(members, count):
    last = members[-1]
    assert (last["count"], last["sum"]) == (count, count * (count - 1) / 2)


def seen(bench):
    members = said(bench)
    return members[-1]["count"] if members else 0


@pytest.mark.slow
def test_counts_go_on_after_a_stop(bench):
    tally(bench)
    path = numbers(bench, "in.log", 100)
    settings = config(bench, path)
    settings["inputs"]["in"]["keep_position"] = True
    bench.once(settings)
    is_exact(said(bench), 100)

    numbers(bench, "in.log", 50, first=100)
    bench.once(settings)
    is_exact(said(bench), 150)


@pytest.mark.slow
def test_a_file_that_is_read_anew_is_counted_anew(bench):
    tally(bench)
    settings = config(bench, numbers(bench, "in.log", 100))
    bench.once(settings)
    bench.once(settings)

    assert seen(bench) == 200


@pytest.mark.slow
def test_counts_are_exact_though_the_host_is_killed(bench):
    tally(bench, ticker=0.05)
    count = 1_000_000
    path = numbers(bench, "in.log", count)
    settings = config(bench, path)
    settings["inputs"]["in"]["keep_position"] = (
        True  # a host that comes to the end before it is killed is in order, too
    )
    for _ in range(4):
        goal = seen(bench) + count // 8
        host = bench.start(settings, "--once")
        until(lambda: seen(bench) > goal or host.process.poll() is not None, "some counts")  # noqa: B023
        host.kill()
    bench.once(settings)

    is_exact(said(bench), count)


def test_counts_are_exact_though_the_filter_is_killed(bench):
    tally(bench, ticker=0.05)
    count = 60_000
    path = numbers(bench, "in.log", count)
    host = bench.start(config(bench, path, snapshot_interval_ms=3_600_000)).ready()
    for goal in (5_000, 20_000, 40_000):
        until(lambda: seen(bench) > goal, "some counts")  # noqa: B023
        host.kill_sandbox("tally")
    until(lambda: seen(bench) == count, "all counts")
    host.terminate()

    is_exact(said(bench), count)


def test_an_edited_filter_goes_on_with_the_counts(bench):
    tally(bench, ticker=0.05)
    path = numbers(bench, "in.log", 1_000)
    host = bench.start(config(bench, path)).ready()
    until(lambda: seen(bench) == 1_000, "the first counts")
    tally(bench, ticker=0.05, edition=2)
    until(lambda: said(bench)[-1]["edition"] == 2, "the edit")
    numbers(bench, "in.log", 500, first=1_000)
    until(lambda: seen(bench) == 1_500, "all counts")
    host.terminate()

    is_exact(said(bench), 1_500)
    assert [member["shutdown"] for member in said(bench)].count(True) == 1


def test_a_filter_of_another_preservation_version_begins_anew_and_says_so(bench):
    tally(bench, ticker=0.05)
    host = bench.start(config(bench, numbers(bench, "in.log", 1_000))).ready()
    until(lambda: seen(bench) == 1_000, "the first counts")
    tally(bench, ticker=0.05, version=2, edition=2)
    host.saw("The filter begins without its state.")
    assert "its _PRESERVATION_VERSION is 1, that of the script 2" in host.log
    numbers(bench, "in.log", 500, first=1_000)
    until(lambda: said(bench)[-1]["edition"] == 2 and seen(bench) == 500, "the new counts")
    host.terminate()

    last_words = [member for member in said(bench) if member["shutdown"] and member["edition"] == 1]
    assert [member["count"] for member in last_words] == [1_000]


def test_a_damaged_state_is_not_used_and_the_log_says_so(bench):
    tally(bench)
    settings = config(bench, numbers(bench, "in.log", 100))
    bench.once(settings)
    with lmdb.open(str(bench.folder / "state" / "checkpoints")) as env, env.begin(write=True) as transaction:
        key = b"\0state/tally"
        stored = state_files.unseal(key, transaction.get(key))
        transaction.put(key, state_files.seal(key, stored[:-3] + b"???"))
    host = bench.once(settings)

    assert "what is stored is damaged" in host.log
    assert seen(bench) == 100


@pytest.mark.slow
def test_a_state_that_has_outgrown_its_memory_is_given_up(bench):
    more = (
        "\nhoard = {}\nlocal count_only = process_message\n"
        "function process_message() for i = 1, 50 do hoard[#hoard + 1] = {#hoard} end return count_only() end\n"
    )
    tally(bench, more=more, header="limits: {cpu_limit: 5000}\n")
    host = bench.once(config(bench, numbers(bench, "in.log", 20_000)), status=65)

    assert "it does not fit into memory_limit any more" in host.log


VALUES = """
if first == nil then first = true end
local cb = require "circular_buffer"
function process_message()
  if first then
    first = false
    list, text, big, negative = {1, 2.5, 0 / 0, 1 / 0, -1 / 0}, ("\0\255ü"):rep(200000), 9007199254740993LL, -5
    yes, no = true, false
    circle = {name = "circle"}; circle.self = circle; shared = {circle, circle}
    keyed = {[true] = 1, [circle] = 2, [2.5] = 3, [12345678901234567LL] = 4}
    deep = {}; local at = deep; for i = 1, 100000 do at.next = {i = i}; at = at.next end
    buffer = cb.new(3, 1, 60); buffer:add(60e9, 1, 7)
    lost = function() end
    module = cb
    return 0
  end
  local depth, at = 0, deep
  while at.next do at = at.next; depth = depth + 1; if at.i ~= depth then depth = -1e9 end end
  local int64_key = nil
  for k, v in pairs(keyed) do if type(k) == "cdata" and k == 12345678901234567LL then int64_key = v end end
  inject_message {Type = "values", Fields = {
    list = list[1] == 1 and list[2] == 2.5 and list[3] ~= list[3]
      and list[4] == 1 / 0 and list[5] == -1 / 0 and #list == 5,
    text = text == ("\0\255ü"):rep(200000), big = big == 9007199254740993LL and type(big) == "cdata",
    negative = negative == -5,
    booleans = yes == true and no == false,
    circle = circle.self == circle and shared[1] == circle and shared[2] == circle and circle.name == "circle",
    keyed = keyed[true] == 1 and keyed[circle] == 2 and keyed[2.5] == 3 and int64_key == 4,
    deep = depth == 100000, buffer = buffer:get(60e9, 1) == 7 and tostring(buffer):find("7") ~= nil,
    functions = lost == nil, module = module == cb or module == nil,
  }}
  return 0
end
"""


def test_values_of_every_kind_come_back(bench):
    bench.plugin(
        "filter", "values", VALUES, PRESERVED.format(ticker=0) + "limits: {memory_limit: 67108864, cpu_limit: 5000}\n"
    )
    settings = config(bench, numbers(bench, "in.log", 1))
    settings["outputs"] = {"said": to_json(bench.path("said"), "Type == 'heka.sandbox.values'")}
    bench.once(settings)
    assert said(bench) == []
    bench.once(settings)

    wrong = [name for name, value in said(bench)[0].items() if value is not True]
    assert set(wrong) == {"Timestamp", "Type", "Logger", "Hostname"}
