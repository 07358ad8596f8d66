"""Scripts in the style of Heka and Hindsight run as they are, through the real command."""

import struct

import pytest

from tests.running import Bench, to_json, to_text
from tests.sandbox.kernel import heka_schema as heka


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.close()


WIDE = 9_007_199_254_740_993
UUID = bytes(range(1, 17))
MESSAGE = {
    "Uuid": UUID,
    "Timestamp": 1_700_000_000_123_456_789,
    "Type": b"app.event",
    "Logger": b"app",
    "Severity": 3,
    "Payload": b"text with \x00 and \xff",
    "EnvVersion": b"0.8",
    "Pid": 4242,
    "Hostname": b"web1",
    "Fields": [
        (b"id", heka.INTEGER, [WIDE], b"count"),
        (b"ids", heka.INTEGER, [1, -(2**63), WIDE], None),
        (b"load", heka.DOUBLE, [0.1, 2.0], None),
        (b"ok", heka.BOOL, [True, False], None),
        (b"tags", heka.STRING, [b"a", b"b\x00"], b"tag"),
        (b"blob", heka.BYTES, [bytes(range(256))], None),
        (b"tags", heka.STRING, [b"again"], None),
    ],
}


def framed_input(bench, *messages):
    path = bench.write("in.pb", b"".join(heka.frame(heka.message(message)) for message in messages))
    return {"type": "file", "path": path, "splitter": "heka", "decoder": "protobuf"}


def run(bench, code, kind="encoder", messages=(MESSAGE,), matcher="TRUE", **more):
    """One script between framed messages and a file of text."""
    bench.plugin(kind, "script", code, more.pop("header", ""))
    config = {"inputs": {"in": framed_input(bench, *messages)}}
    if kind == "encoder":
        config["outputs"] = {"o": to_text(bench.path("o"), matcher, encoder={"type": "script", **more})}
    else:
        config["filters"] = {"script": {"message_matcher": "Type == 'app.event'", "ticker_interval": 3600, **more}}
        config["outputs"] = {"o": to_text(bench.path("o"), "Logger == 'script'", encoder="protobuf")}
    bench.once(config)
    return bench.read("o")


def test_a_message_goes_in_and_out_byte_for_byte(bench):
    other = {"Uuid": bytes(16), "Timestamp": -1}
    bench.once(
        {
            "inputs": {"in": framed_input(bench, MESSAGE, other)},
            "outputs": {
                "framed": to_text(bench.path("framed"), encoder="protobuf"),
                "bare": to_text(
                    bench.path("bare"), "Type != ''", encoder={"type": "protobuf", "config": {"framed": False}}
                ),
            },
        }
    )

    assert bench.dead_letters() == []
    assert bench.read("framed") == heka.frame(heka.message(MESSAGE)) + heka.frame(heka.message(other))
    assert bench.read("bare") == heka.message(MESSAGE)


def test_what_is_no_message_goes_to_the_dead_letters_with_its_reason(bench):
    path = bench.write("in.pb", b"noise" + heka.frame(b"\x0b") + heka.frame(heka.message(MESSAGE)))
    bench.once(
        {
            "inputs": {"in": {"type": "file", "path": path, "splitter": "heka", "decoder": "protobuf"}},
            "outputs": {"o": to_text(bench.path("o"), encoder="protobuf")},
        },
        status=65,
    )

    assert bench.read("o") == heka.frame(heka.message(MESSAGE))
    reasons = " ".join(letter["reason"] for letter in bench.dead_letters())
    assert "bytes between frames" in reasons
    assert "protobuf: Uuid is no string" in reasons


def test_an_encoder_that_injects_nothing_gives_the_message_with_what_it_wrote(bench):
    code = """
function process_message()
  write_message("Fields[id]", 7)
  write_message("Fields[new]", "x", "unit")
  return 0
end"""
    fields = [(b"id", heka.INTEGER, [7], b"count"), *MESSAGE["Fields"][1:], (b"new", heka.STRING, [b"x"], b"unit")]

    assert run(bench, code) == heka.message({**MESSAGE, "Fields": fields})


def test_the_last_inject_of_an_encoder_wins_and_a_table_takes_uuid_and_time_of_the_message(bench):
    code = """
function process_message()
  inject_payload("txt", "", "not this")
  inject_message {Type = "new", Fields = {n = 1}}
  return 0
end"""

    got = run(bench, code)

    assert got.startswith(heka.message({"Uuid": UUID, "Timestamp": MESSAGE["Timestamp"], "Type": b"new"}))
    assert heka.block(10, heka.field(b"n", heka.DOUBLE, [1.0])) in got


READS = """
local m = create_message_matcher("Type == 'app.event' && Fields[id] > 5")
function process_message()
  local raw = read_message("raw")
  local msg = decode_message(raw)
  assert(encode_message(msg) == raw)
  assert(encode_message(msg, true) == read_message("framed"))
  assert(read_message("size") == #raw)
  assert(m:eval())
  assert(not create_message_matcher("Severity > 3"):eval())
  local f = msg.Fields
  assert(f[1].name == "id" and f[1].value_type == 2 and f[1].representation == "count" and #f[1].value == 1)
  assert(f[4].value[1] == true and f[4].value[2] == false)
  assert(read_message("Fields[tags]", 0, 1) == "b\\0" and read_message("Fields[tags]", 1, 0) == "again")
  assert(read_message("Fields[tags]", 2) == nil and read_message("Fields[load]", 0, 2) == nil)
  assert(#read_message("Fields[blob]") == 256 and read_message("Payload") == "text with \\0 and \\255")
  add_to_payload(read_message("Fields[id]"), " ", read_message("Fields[ids]", 0, 2, true), " ", f[2].value[2], " ",
    read_message("Timestamp", nil, nil, true), " ", read_message("Fields[load]"))
  inject_payload()
  return 0
end"""


def test_reading_decoding_and_encoding_agree_and_keep_all_digits(bench):
    assert run(bench, READS).decode() == f"{WIDE} {WIDE} {-(2**63)} {MESSAGE['Timestamp']} 0.1"
    assert bench.dead_letters() == []


def test_digits_survive_write_and_inject(bench):
    code = """
function process_message()
  local msg = decode_message(read_message("raw"))
  local uuid = "00000000-0000-0000-0000-000000000001"
  inject_message {Type = "n", Timestamp = read_message("Timestamp"), Uuid = uuid, Fields = {
    {name = "number", value = read_message("Fields[id]")},
    {name = "handle", value = read_message("Fields[id]", 0, 0, true), representation = "r"},
    {name = "decoded", value = msg.Fields[2].value, value_type = 2},
    {name = "small", value = 5, value_type = 2},
    {name = "literal", value = -9007199254740993LL},
  }}
  return 0
end"""

    got = run(bench, code, kind="filter")

    expected = {
        "Uuid": bytes(15) + b"\x01",
        "Timestamp": MESSAGE["Timestamp"],
        "Fields": [
            (b"number", heka.INTEGER, [WIDE], None),
            (b"handle", heka.INTEGER, [WIDE], b"r"),
            (b"decoded", heka.INTEGER, [1, -(2**63), WIDE], None),
            (b"small", heka.INTEGER, [5], None),
            (b"literal", heka.INTEGER, [-WIDE], None),
        ],
    }
    for part in [heka.block(10, heka.field(*field)) for field in expected["Fields"]]:
        assert part in got
    start = heka.message({"Uuid": expected["Uuid"], "Timestamp": expected["Timestamp"], "Type": b"heka.sandbox.n"})
    assert start in got


def test_a_filter_may_inject_protobuf_and_keeps_its_own_name(bench):
    code = """
function process_message() inject_message(read_message("framed")) return 0 end"""

    got = run(bench, code, kind="filter")

    assert heka.block(3, b"heka.sandbox.app.event") + heka.block(4, b"script") in got
    assert heka.block(10, heka.field(*MESSAGE["Fields"][1])) in got


def test_arrays_are_written_by_element(bench):
    code = """
function process_message()
  write_message("Fields[ids]", 5, nil, 0, 1)
  write_message("Fields[load]", 0.5, nil, 0, 2)
  write_message("Fields[ok]", nil, nil, 0, 0)
  write_message("Fields[tags]", nil, nil, 1)
  write_message("Fields[blob]", "\\0")
  return 0
end"""
    fields = [
        MESSAGE["Fields"][0],
        (b"ids", heka.INTEGER, [1, 5, WIDE], None),
        (b"load", heka.DOUBLE, [0.1, 2.0, 0.5], None),
        (b"ok", heka.BOOL, [False], None),
        MESSAGE["Fields"][4],
        (b"blob", heka.BYTES, [b"\0"], None),
    ]

    assert run(bench, code) == heka.message({**MESSAGE, "Fields": fields})


def test_a_decoder_fills_the_first_message_from_the_record_and_may_send_more(bench):
    bench.plugin(
        "decoder",
        "split",
        """
function process_message()
  local n = 0
  for word in read_message("Payload"):gmatch("%S+") do
    n = n + 1
    inject_message {Type = "word", Severity = n, Payload = n > 1 and word or nil, Fields = {word = word}}
  end
  if n == 0 then return -1, "no words" end
  return 0
end""",
    )
    path = bench.write("in.txt", [b"one two", b"", b"three"])
    bench.once(
        {
            "inputs": {"in": {"type": "file", "path": path, "decoder": "split"}},
            "outputs": {"o": to_json(bench.path("o"))},
        },
        status=65,
    )

    got = [(m["word"], m["Payload"], m["Severity"]) for m in bench.jsons("o")]
    assert got == [("one", "one two", 1), ("two", "two", 2), ("three", "three", 1)]
    assert [letter["reason"] for letter in bench.dead_letters()] == ["split: no words"]


@pytest.mark.parametrize(
    ("call", "why"),
    [
        ("is_running()", "inputs are no scripts here"),
        ("create_stream_reader('x')", "the splitter heka"),
        ("update_checkpoint(1)", "checkpoints move by themselves"),
        ("write_message('Type', 'x')", "sends a message of its own with inject_message"),
        ("decode_message('x')", "protobuf: "),
        ("create_message_matcher('Type ==')", "message_matcher: "),
        ("require 'decoders.syslog'", "name it under `decoder` of the input"),
        ("require 'socket.core'", "modules in C are not loaded"),
        ("require 'nothing'", "module 'nothing' not found"),
        ("inject_message(5)", "takes a table or a string of protobuf"),
    ],
)
def test_a_call_that_cannot_be_says_what_to_do_instead(bench, call, why):
    code = f"""
function process_message()
  local ok, err = pcall(function() {call} end)
  inject_message {{Payload = tostring(err)}}
  return 0
end"""

    assert why in run(bench, code, kind="filter").decode(errors="replace")


def test_objects_that_are_text_may_be_added_to_a_payload_and_be_values(bench):
    code = """
local cb = require "circular_buffer".new(2, 1, 1)
function process_message()
  cb:add(1e9, 1, 5)
  add_to_payload(cb, true, 1.5)
  inject_payload("cbuf", "name", "!")
  return 0
end"""

    got = run(bench, code)

    assert got.startswith(b'{"time"')
    assert got.endswith(b"true1.5!")


def test_options_may_be_tables_and_false_is_false(bench):
    header = """config:
  map: {type: table, default: {a: 1, deep: {list: [1, two, {x: false}]}}, description: A table of any form.}
  given: {type: table, required: true, description: A table of any form.}
  quiet: {type: boolean, default: true, description: Something to turn off.}
"""
    code = """
local map, given, off = read_config("map"), read_config("given"), read_config("quiet")
function process_message()
  add_to_payload(map.a, map.deep.list[2], map.deep.list[3].x, given[1].name, given[2], off, read_config("none") == nil)
  inject_payload()
  return 0
end"""
    got = run(bench, code, header=header, config={"given": [{"name": "n"}, 2.5], "quiet": False})

    assert got == b"1twofalsen2.5falsetrue"


def test_the_double_of_a_message_is_the_same_bits(bench):
    values = [0.1, 1e300, -0.0, 5e-324, struct.unpack("<d", bytes([1] * 8))[0]]
    message = {**MESSAGE, "Fields": [(b"d", heka.DOUBLE, values, None)]}

    assert run(bench, "function process_message() return 0 end", messages=(message,)) == heka.message(message)


JSON_LINES = [
    b'{"ints": [1, -9223372036854775808, 9007199254740993], "n": 9007199254740993, "big": 18446744073709551616}',
    b'{"mixed": [1, 2.5], "huge": [1, 18446744073709551616], "bools": [true, false], "texts": ["a\\u0000", "\\u00fc"]}',
    b'{"other": [1, "a"], "nothing": [], "object": {"a": 1}, "exponent": [1e3, 20]}',
]


def test_numbers_of_json_arrays_keep_their_digits_in_protobuf(bench):
    message_class = heka.google_message_class()
    bench.once(
        {
            "inputs": {"in": {"type": "file", "path": bench.write("in.jsonl", JSON_LINES), "decoder": "json"}},
            "outputs": {"o": to_text(bench.path("o"), encoder="protobuf")},
        }
    )
    got, data = {}, bench.read("o")
    while data:
        start = 3 + data[1]
        length = decode_varint(data[3 : 2 + data[1]])  # the frame's header is one field: the length
        for field in message_class.FromString(data[start : start + length]).fields:
            values = (field.value_string, field.value_bytes, field.value_integer, field.value_double, field.value_bool)
            got[field.name.decode()] = (field.value_type, list(values[field.value_type]))
        data = data[start + length :]

    assert got == {
        "ints": (heka.INTEGER, [1, -(2**63), 2**53 + 1]),
        "n": (heka.INTEGER, [2**53 + 1]),
        "big": (heka.DOUBLE, [2.0**64]),
        "mixed": (heka.DOUBLE, [1.0, 2.5]),
        "huge": (heka.DOUBLE, [1.0, 2.0**64]),
        "bools": (heka.BOOL, [True, False]),
        "texts": (heka.STRING, [b"a\0", "\u00fc".encode()]),
        "other": (heka.STRING, [b'[1, "a"]']),
        "nothing": (heka.STRING, [b"[]"]),
        "object.a": (heka.INTEGER, [1]),
        "exponent": (heka.DOUBLE, [1000.0, 20.0]),
    }


def decode_varint(data):
    return sum((byte & 127) << (7 * n) for n, byte in enumerate(data))


def test_read_next_field_goes_through_each_message_from_its_first_field(bench):
    code = """
function process_message()
  while true do
    local kind, name, value, representation, count = read_next_field()
    if not kind then break end
    add_to_payload(name, " ", kind, " ", count, " ", representation, ";")
  end
  inject_payload()
  return 0
end"""
    listed = b"id 2 1 count;ids 2 3 ;load 3 2 ;ok 4 2 ;tags 0 2 tag;blob 1 1 ;tags 0 1 ;"

    assert run(bench, code, messages=(MESSAGE, MESSAGE)) == listed * 2


def test_null_of_json_is_no_value_unless_asked_for(bench):
    code = """
require "cjson"
function process_message()
  local plain = cjson.decode('{"a":null,"b":[1,{"c":null}],"null":"null"}')
  assert(plain.a == nil and next(plain.b[2]) == nil and plain["null"] == "null" and cjson.decode("null") == nil)
  local ok, err = pcall(function() cjson.decode("{") end)
  assert(not ok and err:find("script.lua:%d+: "), err)
  assert(cjson.decode_null() == false and cjson.decode_null(true) == true)
  add_to_payload(cjson.encode(cjson.decode('[null]')))
  inject_payload()
  return 0
end"""

    got = run(bench, code)
    assert (got, [letter["reason"] for letter in bench.dead_letters()]) == (b"[null]", [])


def test_a_field_without_values_stays_one(bench):
    message = {**MESSAGE, "Fields": [(b"none", heka.INTEGER, [], b"unit"), (b"one", heka.STRING, [b"x"], None)]}
    bench.once(
        {
            "inputs": {"in": framed_input(bench, message)},
            "outputs": {
                "bare": to_text(bench.path("bare"), encoder={"type": "protobuf", "config": {"framed": False}}),
                "json": to_json(bench.path("json")),
                "there": to_text(bench.path("there"), "Fields[none] != NIL", encoder="protobuf"),
            },
        }
    )

    assert bench.read("bare") == heka.message(message)
    assert (bench.jsons("json")[0]["none"], bench.read("there")) == ([], b"")
