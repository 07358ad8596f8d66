"""Trials: the result of each step, the limits, and the isolation of scripts."""

import asyncio
import gc
import time
from pathlib import Path

import psutil
import pytest

from host.trial.engine import TrialError
from host.trial.messages import MessageError
from host.trial.model import Bounds, Decoder, TickStep
from tests.trial.conftest import decoder, encoder, filter_, sandbox

SPLIT = """
function process_message()
  local name, value = read_message("Payload"):match "^(%w+)=(%d+)$"
  if not name then return -1, "no pair" end
  write_message("Type", "pair")
  write_message("Fields[" .. name .. "]", tonumber(value))
  return 0
end
"""
COUNT = """
local count = 0
function process_message()
  count = count + 1
  if read_message "Fields[bad]" then return -1, "bad" end
  return 0
end
function timer_event(ns, shutdown)
  inject_message {Type = "count", Timestamp = ns, Fields = {count = count, last = shutdown}}
end
"""
LOOP = "function process_message() while true do end end"
NOON = 1_714_564_800_000_000_000


def fields(message):
    return {field["name"]: field["value"] for field in message["Fields"]}


def test_a_decoder_has_a_result_for_each_record(harness):
    outcome = harness.run(decoder(SPLIT), b"a=1", b"nothing", b"b=22", b"two\nlines=3", b"")

    assert outcome.complete
    first, second, third, fourth, fifth = outcome.results
    assert [fields(r.messages[0]) for r in (first, third)] == [{"a": 1.0}, {"b": 22.0}]
    assert (first.messages[0]["Type"], first.messages[0]["Logger"], first.messages[0]["Hostname"]) == (
        "pair",
        "in",
        "localhost",
    )
    assert [r.matched for r in outcome.results] == [True, False, True, False, False]
    for failed in (second, fourth, fifth):
        assert (failed.messages, failed.failure, failed.dead_letters) == ([], "mine: no pair", ["mine: no pair"])
    assert all(r.cpu_us > 0 for r in outcome.results)
    assert outcome.start_cpu_us > 0


def test_a_chain_of_decoders(harness):
    chain = (
        sandbox("decoder", SPLIT),
        sandbox("decoder", "function process_message() write_message('Type', 'rest') return 0 end"),
    )
    outcome = harness.run(Decoder(name="chain", decoder_chain=chain), b"a=1", b"nothing")
    assert [r.messages[0]["Type"] for r in outcome.results] == ["pair", "rest"]


def test_a_filter_processes_messages_and_ticks_at_given_times(harness):
    outcome = harness.run(
        filter_(COUNT, matcher="Type == 'a'"),
        {"Type": "a"},
        {"Type": "b"},
        {"Type": "a", "Fields": {"bad": True}},
        NOON,
        TickStep(now_ns=NOON + 1, shutdown=True),
    )
    assert [r.matched for r in outcome.results] == [True, False, True, False, False]
    assert [r.failure for r in outcome.results] == ["", "", "bad", "", ""]
    one, two = (r.messages[0] for r in outcome.results[3:])
    assert (one["Type"], one["Timestamp"], fields(one)) == ("heka.sandbox.count", NOON, {"count": 2.0, "last": False})
    assert fields(two)["last"] is True


def test_an_encoder_returns_bytes(harness):
    text = 'function process_message() inject_payload("", "", read_message("Payload"), "!") return 0 end'
    outcome = harness.run(encoder(text), {"Payload": "one"}, {"Payload": b"\xff\x00"})
    assert [r.outputs for r in outcome.results] == [[b"one!"], [b"\xff\x00!"]]


def test_records_reach_a_filter_through_a_decoder(harness):
    outcome = harness.run(filter_(COUNT, matcher="Type == 'pair'"), b"a=1", b"x", b"b=2", NOON, decoder=decoder(SPLIT))
    assert [r.matched for r in outcome.results] == [True, False, True, False]
    assert outcome.results[1].failure == "mine: no pair"
    assert fields(outcome.results[3].messages[0])["count"] == 2.0


ECHO = """
function process_message()
  local fields = {}
  while true do
    local value_type, name, value, representation, count = read_next_field()
    if not value_type then break end
    fields[#fields + 1] = {name = name, value = read_message("Fields[" .. name .. "]", 0, 0, true),
      value_type = value_type, representation = representation}
  end
  inject_message {Type = read_message "Type", Timestamp = read_message("Timestamp", 0, 0, true),
    Payload = read_message "Payload",
    Severity = read_message "Severity", Pid = read_message "Pid", Uuid = read_message "Uuid", Fields = fields}
  return 0
end
"""


def test_a_message_survives_the_round_trip(harness):
    given = {
        "Uuid": "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
        "Timestamp": "2024-05-01T12:00:00.000000007+00:00",
        "Type": "t",
        "Severity": 3,
        "Pid": -1,
        "Payload": "p",
        "Fields": [
            {"name": "int", "value": 2**63 - 1, "representation": "count"},
            {"name": "double", "value": 3, "value_type": "double"},
            {"name": "bytes", "value": "\u00e9", "value_type": "bytes"},
            {"name": "flag", "value": False},
            {"name": "text", "value": "\u00e9"},
        ],
    }
    (result,) = harness.run(filter_(ECHO), given).results
    (message,) = result.messages
    assert message["Uuid"] == given["Uuid"]
    assert message["Timestamp"] == NOON + 7
    assert (message["Severity"], message["Pid"], message["Payload"]) == (3, -1, "p")
    assert [(f["name"], f["value"], f["value_type"], f["representation"]) for f in message["Fields"]] == [
        ("int", 2**63 - 1, "integer", "count"),
        ("double", 3.0, "double", ""),
        ("bytes", "\u00e9".encode(), "bytes", ""),
        ("flag", False, "bool", ""),
        ("text", "\u00e9", "string", ""),
    ]


def test_a_generated_uuid_is_the_same_for_scripts_and_the_reader(harness):
    keep = harness.run(decoder("declare_payload {}"), b"one", b"two")
    code = 'function process_message() inject_payload("", "", read_message "Uuid") return 0 end'
    seen = harness.run(encoder(code), b"one", b"two", decoder=decoder("declare_payload {}"))
    assert [r.messages[0]["Uuid"].replace("-", "") for r in keep.results] == [r.outputs[0].hex() for r in seen.results]


@pytest.mark.parametrize(
    ("text", "limit", "step"),
    [
        (LOOP, "cpu_limit", 1),
        ("function process_message() local t = {} while true do t[#t + 1] = {} end end", "memory_limit", 1),
        (
            "function process_message() for i = 1, 2 do inject_message {Type = 'x'} end return 0 end",
            "max_process_inject",
            1,
        ),
        ("function process_message() add_to_payload(('x'):rep(70000)) return 0 end", "output_limit", 1),
        ("function (", "error", None),
        ("error 'not today'", "error", None),
        ("local x = 1", "error", None),
    ],
)
def test_a_limit_ends_the_trial_and_says_which(harness, text, limit, step):
    text = text.replace(
        "function process_message()", "function process_message() if read_message 'Payload' == '' then return 0 end", 1
    )
    outcome = harness.run(filter_(text), {"Payload": ""}, {"Payload": "x"}, {"Payload": ""})
    assert (outcome.ending.limit, outcome.ending.step) == (limit, step)
    assert outcome.ending.text
    assert limit != "cpu_limit" or "It was at mine.lua:" in outcome.ending.text
    assert len(outcome.results) == (0 if step is None else step + 1)


def test_prints_are_kept_with_their_step_and_bounded(harness):
    text = "print 'loaded' function process_message() for i = 1, 60 do print(i) end return 0 end"
    outcome = harness.run(filter_(text), {}, {}, bounds=Bounds(prints=100))
    assert outcome.prints == ["mine: loaded"]
    assert [len(r.prints) for r in outcome.results] == [60, 39]
    assert outcome.results[0].prints[0] == "mine: 1"
    assert outcome.left_out_prints == 21


def test_a_script_larger_than_a_socket_buffer_is_loaded(harness):
    """The script is sent before its process begins to read."""
    text = (
        f"local x = [[{'x' * 3_000_000}]] function process_message() write_message('Type', tostring(#x)) return 0 end"
    )
    outcome = harness.run(decoder(text), b"x")
    assert outcome.results[0].messages[0]["Type"] == "3000000"


def test_output_and_time_are_bounded(harness):
    text = "function process_message() inject_message {Payload = ('x'):rep(60000)} return 0 end"
    outcome = harness.run(filter_(text), *[{}] * 50, bounds=Bounds(output_bytes=500_000))
    assert (outcome.stopped, len(outcome.results)) == ("output", 9)

    text = "function process_message() local x = 0 for i = 1, 2e7 do x = x + i end return 0 end"
    start_s = time.monotonic()
    outcome = harness.run(filter_(text), *[{}] * 1000, bounds=Bounds(time_ms=300))
    assert outcome.stopped == "time"
    assert not outcome.complete
    assert time.monotonic() - start_s < 10, "all of them take 20 s"


def test_an_invalid_trial_is_rejected(harness):
    with pytest.raises(TrialError, match="take records, not messages"):
        harness.run(decoder(SPLIT), {})
    with pytest.raises(TrialError, match="Only filters"):
        harness.run(encoder(SPLIT), 5)
    with pytest.raises(TrialError, match="Name a decoder"):
        harness.run(filter_(COUNT), b"x")
    with pytest.raises(TrialError, match="at most 3 "):
        harness.run(filter_(COUNT), *[{}] * 4, bounds=Bounds(steps=3))
    with pytest.raises(TrialError, match="at most 5 bytes"):
        harness.run(decoder(SPLIT), b"123", b"456", bounds=Bounds(given_bytes=5))
    with pytest.raises(MessageError, match="Unknown header `Tpe`"):
        harness.run(filter_(COUNT), {"Tpe": "x"})


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        ({"Timestamp": "yesterday"}, "neither nanoseconds"),
        ({"Timestamp": "2024-13-01T00:00:00Z"}, "not a valid time"),
        ({"Timestamp": True}, "neither nanoseconds"),
        ({"Type": 5}, "Type: must be text"),
        ({"Payload": 5}, "Payload: must be text"),
        ({"Severity": "high"}, "Severity: must be a whole number"),
        ({"Uuid": "x"}, "Uuid: must be 16 bytes"),
        ({"Fields": 5}, "Fields: must be a mapping"),
        ({"Fields": [5]}, "each field of a list"),
        ({"Fields": [{"name": "a", "valu": 5}]}, "unknown key `valu`"),
        ({"Fields": [{"name": "a"}]}, "has no value"),
        ({"Fields": [{"name": "a", "value": 5, "value_type": "text"}]}, "value_type must be one of"),
        ({"Fields": [{"name": "a", "value": "5", "value_type": "integer"}]}, "is not of type integer"),
        ({"Fields": {"a": {}}}, "a: a value is"),
        ({"Fields": {"a": 2**64}}, "at most 64 bits"),
    ],
)
def test_an_invalid_message_is_rejected(harness, message, complaint):
    with pytest.raises(Exception, match=complaint):
        harness.run(filter_(COUNT), message)


def test_a_trial_leaves_no_descriptors_and_processes(harness):
    def some():
        for _ in range(2):
            harness.run(filter_(COUNT), b"a=1", NOON, decoder=decoder(SPLIT))
            harness.run(filter_("error 'x'"), {})
            harness.run(filter_(LOOP), {}, {})
        gc.collect()
        harness.wait(asyncio.sleep(0.01))
        return len(list(Path("/proc/self/fd").iterdir()))

    assert some() >= some()
    assert not psutil.Process(harness.zygote.pid).children()
