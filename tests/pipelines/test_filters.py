"""Filters written with the plain API: exact counts, messages that they inject, and where those may go."""

import re
from collections import Counter

import pytest

from tests.pipelines import oracle
from tests.running import to_json, to_text, until

COUNTER = """
local counts = {}
function process_message()
  local status, method = read_message("Fields[status]"), read_message("Fields[request_method]") or "none"
  local key = string.format("%d %s", status, method)
  counts[key] = (counts[key] or 0) + 1
  return 0
end

function timer_event(ns, shutdown)
  if not shutdown then return end
  local fields = {}
  for key, count in pairs(counts) do fields[key] = count end
  inject_message {Type = "counts", Payload = "all", Fields = fields}
  for key, count in pairs(counts) do add_to_payload(key, "=", count, "\\n") end
  inject_payload("txt", "counts")
end
"""


def test_a_plain_filter_counts_exactly_and_sends_message_and_payload_at_the_end(bench):
    lines = oracle.access_lines(30_000, seed=4)
    expected = Counter(
        f"{member['status']} {member.get('request_method', 'none')}" for member in map(oracle.access, lines)
    )
    bench.plugin("filter", "statuses", COUNTER)
    path = bench.write("access.log", lines)

    bench.once(
        {
            "inputs": {"access": {"type": "file", "path": path, "decoder": "nginx_access", "decoders": 2}},
            "filters": {"statuses": {"message_matcher": "Type == 'nginx.access'", "ticker_interval": 60}},
            "outputs": {
                "counts": to_json(bench.path("counts.jsonl"), "Type == 'heka.sandbox.counts'"),
                "text": to_text(
                    bench.path("counts.txt"),
                    "Type == 'heka.sandbox-output' && Fields[payload_name] == 'counts'",
                    encoder={"type": "payload", "config": {"append_newlines": False}},
                ),
            },
        }
    )

    (message,) = bench.jsons("counts.jsonl")
    assert {name: value for name, value in message.items() if " " in name} == expected
    assert (message["Logger"], message["Payload"]) == ("statuses", "all")
    pairs = [line.decode().split("=") for line in bench.lines("counts.txt")]
    assert {name: int(value) for name, value in pairs} == expected


def test_a_filter_injects_on_its_timer_though_it_never_had_a_message(bench):
    bench.plugin("filter", "beat", "function timer_event(ns) inject_payload('txt', 'beat', 'tick') end")
    host = bench.start(
        {
            "inputs": {"net": {"type": "udp", "address": "127.0.0.1:0"}},
            "filters": {"beat": {"message_matcher": "FALSE", "ticker_interval": 0.05}},
            "outputs": {"o": to_text(bench.path("o"), "Type == 'heka.sandbox-output'")},
        }
    ).ready()

    until(lambda: bench.read("o").count(b"tick\n") >= 3, "three ticks")
    assert host.terminate() == 0


ECHO = """
function process_message()
  local depth = read_message("Fields[depth]") or 0
  inject_message {Type = "echo", Fields = {depth = depth + 1, by = "%s", n = read_message("Fields[n]")}}
  return 0
end
"""


def test_injected_messages_go_round_four_times_and_no_filter_receives_its_own(bench):
    count = 1000
    for name in ("one", "two"):
        bench.plugin("filter", name, ECHO % name)
    path = bench.write("n.jsonl", [b'{"n":%d}' % number for number in range(count)])
    matcher = "Type == 'json' || Type == 'heka.sandbox.echo'"

    host = bench.once(
        {
            "inputs": {"n": {"type": "file", "path": path, "decoder": "json"}},
            "filters": {"one": {"message_matcher": matcher}, "two": {"message_matcher": matcher}},
            "outputs": {"all": to_json(bench.path("all.jsonl"), "Type == 'heka.sandbox.echo'")},
        }
    )

    seen = Counter((member["n"], member["by"], member["depth"]) for member in bench.jsons("all.jsonl"))
    # What `one` makes goes to `two` only, and back: for each filter one message at each of four depths.
    assert seen == {(n, by, depth): 1 for n in range(count) for by in ("one", "two") for depth in range(1, 5)}
    assert f"{2 * count:,} max_loops" in host.log or host.log.count(f"{count:,} max_loops") == 2


@pytest.mark.slow
def test_a_filter_that_multiplies_messages_and_another_that_does_too_do_not_lock_each_other_up(bench):
    for name in ("one", "two"):
        bench.plugin("filter", name, ECHO % name)
    count = 8_000
    path = bench.write("n.jsonl", [b'{"n":%d}' % number for number in range(count)])
    matcher = "Type == 'json' || Type == 'heka.sandbox.echo'"

    bench.once(
        {
            "inputs": {"n": {"type": "file", "path": path, "decoder": "json"}},
            "filters": {"one": {"message_matcher": matcher}, "two": {"message_matcher": matcher}},
            "outputs": {"all": to_json(bench.path("all.jsonl"), "Fields[depth] == 4")},
        }
    )

    assert len(bench.lines("all.jsonl")) == 2 * count


LIMITED = """
function process_message()
  for i = 1, read_message("Fields[n]") do inject_message {Type = "many", Fields = {i = i}} end
  return 0
end
"""


def test_more_injections_than_allowed_end_the_filter_and_the_record(bench):
    bench.plugin("filter", "many", LIMITED)
    path = bench.write("n.jsonl", [b'{"n":%d}' % number for number in (1, 2, 3, 4, 2)])

    host = bench.once(
        {
            "inputs": {"n": {"type": "file", "path": path, "decoder": "json"}},
            "filters": {"many": {"message_matcher": "Type == 'json'", "max_process_inject": 2}},
            "outputs": {"all": to_json(bench.path("all.jsonl"), "Type == 'heka.sandbox.many'")},
        },
        status=65,
    )

    assert "more than max_process_inject, 2, messages" in host.log
    assert [member["i"] for member in bench.jsons("all.jsonl")] == [1, 1, 2, 1, 2]
    assert [letter["record"] for letter in bench.dead_letters()] == ['{"n":3}', '{"n":4}']


FAILING = """
function process_message()
  local n = read_message("Fields[n]")
  if n == 3 then error("three is odd") end
  if n == 5 then return -1, "five is too" end
  if n == 7 then while true do end end
  inject_message {Type = "fine", Fields = {n = n}}
  return 0
end
"""


def test_a_filter_survives_its_errors_and_an_endless_loop(bench):
    path = bench.plugin("filter", "failing", FAILING)
    log = bench.write("n.jsonl", [b'{"n":%d}' % number for number in range(10)])

    host = bench.once(
        {
            "inputs": {"n": {"type": "file", "path": log, "decoder": "json"}},
            "filters": {"failing": {"message_matcher": "Type == 'json'", "cpu_limit": 30}},
            "outputs": {"all": to_json(bench.path("all.jsonl"), "Type == 'heka.sandbox.fine'")},
        },
        status=65,
    )

    seen = Counter(member["n"] for member in bench.jsons("all.jsonl"))
    assert set(seen) == {0, 1, 2, 4, 6, 8, 9}
    assert "three is odd" in host.log
    assert "One record took more than 30 ms of CPU (cpu_limit)." in host.log
    letters = bench.dead_letters()
    assert {(letter["component"], letter["kind"]) for letter in letters} == {("failing", "filter")}
    reasons = {letter["record"]: letter["reason"] for letter in letters}
    assert sorted(reasons) == ['{"n":3}', '{"n":5}', '{"n":7}']
    assert reasons['{"n":3}'] == f"failing.lua:{line_of(path, 'n == 3')}: three is odd"
    assert reasons['{"n":5}'] == "five is too"
    reason = f"One record took more than 30 ms of CPU (cpu_limit). It was at failing.lua:{line_of(path, 'n == 7')}."
    assert reasons['{"n":7}'] == f"cpu_limit: {reason}"


def line_of(path, text):
    """The line of a file on which a text stands."""
    (number,) = [number for number, line in enumerate(path.read_text().splitlines(), 1) if text in line]
    return number


DAWDLES = """
local M = {}
function M.wait(on)
  while on == "bad" do end
end
return M
"""


def test_what_takes_too_much_cpu_is_told_by_its_line_in_modules_and_timers_too(bench):
    modules = bench.folder / "plugins" / "modules"
    modules.mkdir(parents=True)
    (modules / "dawdles.lua").write_text(DAWDLES)
    calling = 'local d = require "dawdles"\nfunction process_message() d.wait(read_message "Payload") return 0 end\n'
    called = bench.plugin("filter", "calling", calling)
    ticking = "function process_message() return 0 end\nfunction timer_event() while true do end end\n"
    ticked = bench.plugin("filter", "ticking", ticking)
    told = to_json(bench.path("told"), "Type == 'hekate.sandbox-terminated'")
    host = bench.start(
        {
            "inputs": {"in": {"type": "file", "path": bench.write("in.log", [b"good", b"bad", b"good"])}},
            "filters": {
                "calling": {"message_matcher": "Logger == 'in'", "cpu_limit": 30},
                "ticking": {"message_matcher": "FALSE", "cpu_limit": 30, "ticker_interval": 0.05},
            },
            "outputs": {"told": told},
        }
    ).ready()

    def reasons(name):
        return [message["Payload"] for message in bench.jsons_so_far("told") if message["name"] == name]

    until(lambda: len(reasons("calling")) == 3 and len(reasons("ticking")) >= 4, "terminations")
    assert host.terminate() == 0
    assert reasons("calling")[2].endswith(f" It was at calling.lua:{line_of(called, 'wait')}, in dawdles.lua:4.")
    line = f"was at ticking.lua:{line_of(ticked, 'while')}."
    assert [reason.partition("(cpu_limit).")[2] for reason in reasons("ticking")[:4]] == [
        "", "", f" It {line}", f" An earlier one {line}",
    ]  # fmt: skip


ACCUMULATE = """
function process_message()
  if read_message("Fields[n]") % 100 == 0 then add_to_payload(read_message("Fields[n]"), " ") end
  return 0
end
function timer_event(_, last) if last then inject_payload("txt", "list") end end
"""


def test_a_payload_is_collected_over_calls_and_packs(bench):
    bench.plugin("filter", "list", ACCUMULATE)
    path = bench.write("n.jsonl", [b'{"n":%d}' % number for number in range(5000)])
    small = {"pack_bytes": 4096, "max_record_bytes": 1024}

    bench.once(
        {
            "inputs": {"n": {"type": "file", "path": path, "decoder": "json", **small}},
            "filters": {"list": {"message_matcher": "Type == 'json'", "ticker_interval": 3600}},
            "outputs": {"o": to_text(bench.path("o"), "Logger == 'list'")},
        }
    )

    assert bench.read("o").split() == [b"%d" % number for number in range(0, 5000, 100)]


EATS = """
local M = {}
function M.eat() local kept = {} while true do kept[#kept + 1] = {#kept} end end
return M
"""
GREEDY = """
local eating = require "eating"
function process_message()
  if read_message("Fields[n]") == 3 then
    eating.eat()
  end
  return 0
end
"""
GREEDY_TIMER = """
function process_message() return 0 end
function timer_event()
  local kept = "x"
  while true do kept = kept .. kept end
end
"""


def test_what_takes_too_much_memory_is_told_with_limit_use_and_line(bench):
    modules = bench.folder / "plugins" / "modules"
    modules.mkdir(parents=True)
    (modules / "eating.lua").write_text(EATS)
    greedy = bench.plugin("filter", "greedy", GREEDY, "message_matcher: Fields[n] != NIL\n")
    timer = bench.plugin("filter", "timer", GREEDY_TIMER, "message_matcher: Fields[n] != NIL\nticker_interval: 0.05\n")
    log = bench.write("n.jsonl", [b'{"n":%d}' % number for number in range(10)])
    told = to_json(bench.path("told"), "Type == 'hekate.sandbox-terminated'")
    host = bench.start({"inputs": {"n": {"type": "file", "path": log, "decoder": "json"}}, "outputs": {"told": told}})

    def told_of(name):
        return [each for each in bench.jsons_so_far("told") if each["name"] == name]

    until(lambda: len(told_of("greedy")) >= 2 and len(told_of("timer")) >= 2, "terminations")
    host.terminate()
    ended = told_of("greedy")[1]
    assert (ended["limit"], ended["value"], ended["record"]) == ("memory_limit", 8 << 20, 3)
    used = int(re.search(r"not enough memory: ([\d,]+) bytes were in use", ended["Payload"])[1].replace(",", ""))
    assert 4 << 20 < used < 16 << 20  # the script may have what the kernel leaves of its own part
    assert "memory_limit is 8,388,608 bytes. " in ended["Payload"]
    assert f"It was at greedy.lua:{line_of(greedy, 'eating.eat')}, in eating.lua:3." in ended["Payload"]
    assert f"It was at timer.lua:{line_of(timer, 'while true')}." in told_of("timer")[1]["Payload"]
    assert [letter["record"] for letter in bench.dead_letters()] == ['{"n":3}']
