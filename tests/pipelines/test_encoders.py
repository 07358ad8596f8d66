"""Encoders end to end, with bytes that make trouble."""

import json

import pytest

from tests.running import to_json, to_text

NASTY = [
    b"plain",
    b"",
    b'quotes " and \\ backslash',
    b"control \x01 \x1f \x7f \x08 \x0c \t end",
    b"NUL \x00 in it",
    "größe € 😀 \u2028".encode(),
    b"latin1 gr\xf6\xdfe",
    b"cut \xe2\x82",
    b"surrogate \xed\xa0\x80",
    b"overlong \xc0\xaf",
    b"too large \xf4\x90\x80\x80",
    b"\xff" * 50,
    b"\r carriage return \r",
    b"x" * 60_000,
]
SPLITTER = {"type": "token", "delimiter": "\n"}


def run(bench, data, **encoders):
    path = bench.write("in.log", data)
    bench.once(
        {
            "inputs": {"in": {"type": "file", "path": path}},
            "outputs": {name: to_text(bench.path(name), encoder=encoder) for name, encoder in encoders.items()},
        }
    )


def test_payloads_come_out_byte_for_byte(bench):
    random_bytes = [bytes((i * 7 + j) % 256 for j in range(200)).replace(b"\n", b"") for i in range(500)]
    data = [*NASTY, *random_bytes]

    run(bench, data, copy="payload", joined={"type": "payload", "config": {"append_newlines": False}})

    assert bench.lines("copy") == data
    assert bench.read("joined") == b"".join(data)


def test_json_is_always_valid_and_keeps_all_that_is_text(bench):
    run(bench, NASTY, all={"type": "json", "config": {"fields": ["Payload as p", "Fields[missing]", "Logger"]}})

    got = [json.loads(line) for line in bench.lines("all")]
    assert [member["p"] for member in got] == [utf8(data) for data in NASTY]
    assert all(list(member) == ["p", "Logger"] for member in got)


def utf8(data):
    """As the JSON encoder's page says: U+FFFD for each byte that is no UTF-8."""
    text, at = "", 0
    while at < len(data):
        for size in (1, 2, 3, 4):
            try:
                text += data[at : at + size].decode()
            except UnicodeDecodeError:
                continue
            at += size
            break
        else:
            text, at = text + "\ufffd", at + 1
    return text


def test_templates_say_what_they_were_told(bench):
    records = [
        {"n": 1, "s": 'a "b" é\t\\/\b\f\n😀\x1f', "deep": {"x": 2.5}},
        {"n": -7},
        {"s": "", "list": [1, 2]},
        {"b": True, "n": 2**53 + 1},
        {"b": False, "n": -(2**63), "deep": {"x": 1e300}},
    ]
    path = bench.write("in.jsonl", [json.dumps(record).encode() for record in records])
    template = "%{Type}|%{n}|%{Fields[s]}|%{deep.x}|%{b}|100%"

    bench.once(
        {
            "inputs": {"in": {"type": "file", "path": path, "decoder": "json"}},
            "outputs": {
                "t": to_text(
                    bench.path("t"), encoder={"type": "template", "config": {"template": template, "missing": "?"}}
                ),
                "joined": to_text(
                    bench.path("joined"),
                    encoder={"type": "template", "config": {"template": "%{n},", "append_newlines": False}},
                ),
            },
        }
    )

    assert bench.read("t").decode().split("%\n")[:-1] == [
        'json|1|a "b" é\t\\/\b\f\n😀\x1f|2.5|?|100',
        "json|-7|?|?|?|100",
        "json|?|?|?|?|100",
        "json|9007199254740993|?|?|true|100",
        "json|-9223372036854775808|?|1e+300|false|100",
    ]
    assert bench.read("joined") == b"1,-7,-,9007199254740993,-9223372036854775808,"


ENCODER = """
function process_message()
  local n = read_message("Fields[n]")
  if n % 10 == 3 then return -1, "no threes" end
  if n % 10 == 4 then error("no fours") end
  write_message("Fields[twice]", 2 * n)
  add_to_payload(n, ":", read_message("Fields[twice]"), "\\n")
  inject_payload()
  return 0
end
"""


def test_a_plain_encoder_and_what_it_refuses(bench):
    bench.plugin("encoder", "twice", ENCODER)
    count = 5000
    path = bench.write("n.jsonl", [b'{"n":%d}' % number for number in range(count)])

    host = bench.once(
        {
            "inputs": {"n": {"type": "file", "path": path, "decoder": "json"}},
            "outputs": {
                "twice": to_text(bench.path("twice"), encoder="twice"),
                "other": to_json(bench.path("other")),
            },
        },
        status=65,
    )

    fine = [number for number in range(count) if number % 10 not in {3, 4}]
    assert bench.lines("twice") == [b"%d:%d" % (number, 2 * number) for number in fine]
    assert [member["n"] for member in bench.jsons("other")] == list(range(count))
    assert "1,000 encode_failed" in host.log
    refused = [json.loads(letter["record"])["n"] for letter in bench.dead_letters()]
    assert refused == [number for number in range(count) if number % 10 in {3, 4}]
    reasons = {letter["reason"] for letter in bench.dead_letters()}
    assert len(reasons) == 2
    assert any("no threes" in reason for reason in reasons)
    assert any("no fours" in reason for reason in reasons)


def test_an_encoder_that_loops_on_one_record_goes_on_with_the_next(bench):
    bench.plugin(
        "encoder",
        "loop",
        "function process_message()\n if read_message('Payload') == 'bad' then while true do end end\n"
        " add_to_payload(read_message('Payload'), '\\n') inject_payload() return 0 end",
    )
    path = bench.write("in.log", [b"one", b"bad", b"two", b"three"])
    (bench.folder / "plugins" / "encoders" / "loop.lua").write_text(
        (bench.folder / "plugins" / "encoders" / "loop.lua")
        .read_text()
        .replace("summary: A encoder for the tests.\n", "summary: Loops on one record.\nlimits: {cpu_limit: 30}\n")
    )

    bench.once(
        {
            "inputs": {"in": {"type": "file", "path": path}},
            "outputs": {"loop": to_text(bench.path("loop"), "Logger == 'in'", encoder="loop")},
        },
        status=65,
    )

    assert bench.lines("loop") == [b"one", b"two", b"three"]
    assert [letter["record"] for letter in bench.dead_letters()] == ["bad"]


@pytest.mark.slow
def test_a_process_does_not_wear_out(bench):
    """LuaJIT has room for 65536 types of C, and never forgets one: nothing may make one for each record."""
    code = (
        "local seen = 0\n"
        "function process_message()\n"
        " local copy = decode_message(encode_message({Uuid = read_message 'Uuid', Type = 't', Fields = {n = seen}}))\n"
        " seen = seen + (copy.Fields[1] and 1 or 0)\n"
        " return 0\nend\n"
        "function timer_event(ns, shutdown) inject_message {Type = 'seen', Fields = {seen = seen}} end"
    )
    bench.plugin("filter", "wears", code, "message_matcher: \"Logger == 'in'\"\nticker_interval: 60\n")
    path = bench.write("in.log", b"x\n" * 70_000)

    host = bench.once(
        {
            "inputs": {"in": {"type": "file", "path": path}},
            "outputs": {
                "framed": {"type": "null", "message_matcher": "Logger == 'in'", "encoder": "protobuf"},
                "seen": to_json(bench.path("seen"), "Type == 'heka.sandbox.seen'"),
            },
        }
    )

    assert "was terminated" not in host.log
    assert [message["seen"] for message in bench.jsons("seen")] == [70_000]


def test_fields_of_a_payload_that_is_the_record_are_escaped_as_it_is(bench):
    """They lie in each other: what was passed over in the payload comes again in the field."""
    line = '192.0.2.7 - - [01/May/2024:12:00:%02d +0200] "GET /%s HTTP/1.1" 200 17 "%s" "%s"'
    odd = ["a", r"a\x22b", r"\\", "c"]
    lines = [(line % (n % 60, odd[n % 4], odd[n // 4 % 4], odd[n // 16 % 4])).encode() for n in range(640)]
    path = bench.write("in.log", lines)
    decoder = {"type": "nginx_access", "config": {"payload_keep": True}}

    bench.once(
        {
            "inputs": {"in": {"type": "file", "path": path, "decoder": decoder}},
            "outputs": {"all": to_json(bench.path("all"), "Logger == 'in'")},
        }
    )

    seen = bench.jsons("all")
    assert [message["Payload"].encode() for message in seen] == lines
    assert [message["request_uri"] for message in seen] == [f"/{odd[n % 4]}" for n in range(640)]
    assert [message["http_user_agent"] for message in seen] == [odd[n // 16 % 4] for n in range(640)]
