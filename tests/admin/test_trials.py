"""Trying out scripts, matchers and grammars over the API."""

import pytest

from tests.admin.client import TOKENS

HEADER = """--[[
---
name: tried
kind: {kind}
summary: A {kind} of the tests.
{more}---
--]]
"""
FILTER = (
    HEADER.format(kind="filter", more="message_matcher: Fields[n] > 2\nticker_interval: 1\n")
    + """
local seen = 0
function process_message()
  seen = seen + 1
  print("saw", read_message("Fields[n]"))
  if read_message("Fields[n]") == 5 then return -1, "five is too much" end
  inject_message {Type = "seen", Fields = {n = read_message("Fields[n]")}}
  return 0
end
function timer_event(ns, shutdown) inject_payload("txt", "seen", seen) end
"""
)


def messages(*numbers):
    return [{"Type": "t", "Fields": {"n": n}} for n in numbers]


def run(api, status=200, **body):
    return api.do("POST", "/api/v1/sandboxes/dry-run", body, status)


def test_a_filter_is_run_dry_on_pasted_messages(api):
    found = run(api, source=FILTER, messages=messages(1, 3, 5), tick=True)

    assert not found["ok"]
    first, second, third, tick = found["results"]
    assert (first["matched"], first["messages"]) == (False, [])
    assert (second["matched"], second["messages"][0]["Type"]) == (True, "heka.sandbox.seen")
    assert second["prints"] == ["tried: saw\t3"]
    assert third["failure"] == "five is too much"
    assert tick["given"] is None
    assert tick["messages"][0]["Payload"] == "2"
    assert found["cpu_us"] > 0
    assert found["error"] is None


def test_a_decoder_and_an_encoder_are_run_dry_on_raw_records(api):
    decoder = HEADER.format(
        kind="decoder", more="config:\n  as: {type: string, required: true, description: A name for it.}\n"
    )
    decoder += (
        'function process_message() write_message("Fields[" .. read_config("as") .. "]", read_message("Payload")) end'
    )
    found = run(api, source=decoder.replace("end", " return 0 end"), records=["one", "two"], config={"as": "x"})
    assert found["ok"], found
    assert [each["messages"][0]["Fields"][0]["value"] for each in found["results"]] == ["one", "two"]

    encoder = (
        HEADER.format(kind="encoder", more="")
        + """
function process_message() add_to_payload("n is ", read_message("Fields[n]")) inject_payload() return 0 end"""
    )
    found = run(api, source=encoder, records=['{"n": 7}'], input="numbers")
    assert found["results"][0]["outputs"] == ["n is 7"]


def test_a_script_is_run_dry_on_the_live_stream(api):
    found = run(api, source=FILTER, live={"match": "Fields[n] > 100", "count": 5, "wait_ms": 10000})

    assert len(found["results"]) >= 5
    assert all(each["matched"] and each["messages"] for each in found["results"])

    decoder = HEADER.format(kind="decoder", more="") + "function process_message() return 0 end"
    found = run(api, source=decoder, live={"point": "decoders.numbers", "count": 3, "wait_ms": 10000})
    assert found["results"][0]["given"].startswith('{"n":')


def test_what_goes_wrong_in_a_dry_run_is_told_with_its_line(api):
    found = run(api, source=FILTER.replace("seen = seen + 1", "local x = nil + 1"), messages=messages(3))
    assert "arithmetic" in found["results"][0]["failure"]

    found = run(api, source=FILTER.replace("local seen = 0", "local = 0"), messages=messages(3))
    assert (found["ok"], found["error"]["line"]) == (False, 11)

    found = run(api, source=FILTER.replace("seen = seen + 1", "while true do end"), messages=messages(3))
    assert found["limit"] == "cpu_limit"

    problem = run(api, 400, source=HEADER.format(kind="filter", more="colour: red\n"), messages=[])
    assert "colour" in str(problem["errors"])
    assert "kind" in run(api, 400, source="print(1)", messages=[])["detail"]
    assert run(api, 400, source=FILTER, messages=[{"Colour": 1}])["detail"]
    assert "input" in run(api, 400, source=FILTER, records=["x"], input="nothing")["detail"]


def test_a_tenant_may_try_scripts_but_not_on_the_live_stream(api):
    tenant = api.with_token(TOKENS["tenant"])

    assert run(tenant, source=FILTER, messages=messages(3))["ok"]
    run(tenant, 403, source=FILTER, live={})


def test_a_matcher_is_tried(api):
    def match(expression, **material):
        return api.do("POST", "/api/v1/matchers/test", {"match": expression, **material})

    found = match("Fields[n] >= 3 && Type == 't'", messages=messages(1, 3))
    assert found["valid"]
    assert [each["matched"] for each in found["results"]] == [False, True]
    assert [each["matched"] for each in match("Fields[n] == 7", records=['{"n":7}', '{"n":8}'])["results"]] == [
        True,
        False,
    ]
    assert match("TRUE")["valid"]
    wrong = match("Fields[n] >> 3")
    assert not wrong["valid"]
    assert "^" in wrong["problem"]


def grammar(api, source, *records):
    return api.do("POST", "/api/v1/grammars/test", {"source": source, "records": list(records)})


def test_a_grammar_shows_what_it_captures_and_how_far_it_gets(api):
    source = """
local l = require "lpeg"
l.locale(l)
local key = l.Cg(l.alpha^1, "key")
local number = l.Cg(l.digit^1 / tonumber, "number")
return l.Ct(key * "=" * number * -1)
"""
    found = grammar(api, source, "abc=12", "abc=1x", "abc", "")
    whole, cut, short, empty = found["results"]

    assert found["ok"]
    assert (whole["matched"], whole["end"], whole["furthest"]) == (True, 6, 6)
    assert [(each["name"], each["start"], each["end"], each["text"]) for each in whole["captures"]] == [
        ("key", 0, 3, "abc"), ("number", 4, 6, "12"),
    ]  # fmt: skip
    assert whole["values"] == [{"key": "abc", "number": 12}]
    assert 0 < whole["match_ns"] < 1_000_000
    assert (cut["matched"], cut["end"], cut["furthest"], cut["captures"]) == (False, None, 5, [])
    assert short["furthest"] == 3
    assert empty["furthest"] == 0


def test_a_look_ahead_does_not_count_as_progress(api):
    found = grammar(api, "local l = require 'lpeg' return (l.P(1) - l.S' ;')^1 * ';' * -#l.P'no' * 'end'", "word other")

    assert found["results"][0]["furthest"] == 4


def test_grammars_of_the_library_and_declared_ones_are_tried(api):
    found = grammar(api, 'return require("ip_address").v4', "192.168.1.300")
    assert found["results"][0]["furthest"] >= 10

    declared = """
local l = require "lpeg"
local word, digits = (1 - l.S" ")^1, l.R"09"^1
declare_grammar {type = "x", alternatives = {{ {name = "user", grammar = word}, " ",
  {name = "id", grammar = digits, type = "integer"},
  {optional = {" ", {name = "rest", grammar = l.P(1)^1}}} }}}
"""
    whole, failed = grammar(api, declared, "bob 12 more", "bob x")["results"]
    assert [(each["name"], each["text"]) for each in whole["captures"]] == [
        ("user", "bob"),
        ("id", "12"),
        ("rest", "more"),
    ]
    assert (failed["matched"], failed["furthest"]) == (False, 4)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("return 1 +", "unexpected symbol"),
        ("local x = 5", "must return a pattern"),
        ("return require 'nothing_of_the_kind'", "not found"),
        ("local l = require 'lpeg' return (l.P'')^0", "empty"),
    ],
)
def test_a_grammar_that_is_none_is_told_with_the_reason(source, expected, api):
    found = grammar(api, source, "x")

    assert not found["ok"]
    assert expected in found["error"]["message"]
    assert found["results"] == []
