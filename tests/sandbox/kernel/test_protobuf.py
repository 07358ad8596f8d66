"""Heka's protobuf, byte for byte, against an encoder written for the test and against Google's library."""

import struct

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from tests.effort import examples
from tests.lua_runtime import KERNEL, new_runtime
from tests.sandbox.kernel import heka_schema as heka

CODE = rb"""
local ffi = require "ffi"
local values = require "values"
local protobuf, decode = require "protobuf", require "protobuf_decode"
local numbers = require "numbers"

-- what a table is, as text that Python reads: int64s in full, strings by their bytes
local function dump(v)
  if type(v) == "cdata" then return "i" .. numbers.int64_text(v) end
  if type(v) == "number" then return string.format("d%.17g", v) end
  if type(v) == "boolean" then return v and "True" or "False" end
  if type(v) == "string" then return "s" .. v:gsub(".", function(c) return string.format("%02x", c:byte()) end) end
end

local function fields_text(msg, out)
  for _, f in ipairs(msg.Fields or {}) do
    local row = { "field", dump(f.name), tostring(f.value_type), f.representation and dump(f.representation) or "-" }
    for _, v in ipairs(f.value) do
      row[#row + 1] = dump(v)
    end
    out[#out + 1] = table.concat(row, " ")
  end
end

return {
  read = function(bytes)
    local ok, msg = pcall(decode.decode, bytes)
    if not ok then return "error: " .. tostring(msg) end
    local out = {}
    for name in ("Uuid Timestamp Type Logger Severity Payload EnvVersion Pid Hostname"):gmatch "%a+" do
      if msg[name] ~= nil then out[#out + 1] = name .. " " .. dump(msg[name]) end
    end
    fields_text(msg, out)
    return table.concat(out, "\n")
  end,
  again = function(bytes, framed)
    local msg = decode.decode(bytes)
    return protobuf.encode_table(msg, msg.Type or "", msg.Logger or "", 0LL, framed)
  end,
  -- as a script does it: integers pass through its hands as Lua numbers
  by_numbers = function(bytes)
    numbers.forget_lent()
    local msg = decode.decode(bytes, numbers.lend)
    return protobuf.encode_table(msg, msg.Type or "", msg.Logger or "", 0LL, false)
  end,
}
"""


@pytest.fixture(scope="module")
def lua():
    return new_runtime(*KERNEL).execute(CODE)


NAMES = st.binary(min_size=0, max_size=12)
INT64 = st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-200, 200))
VALUES = {
    heka.STRING: st.binary(max_size=200),
    heka.BYTES: st.binary(max_size=200),
    heka.INTEGER: INT64,
    heka.DOUBLE: st.floats(allow_nan=False),
    heka.BOOL: st.booleans(),
}


@st.composite
def fields(draw):
    kind = draw(st.sampled_from(sorted(VALUES)))
    representation = draw(st.one_of(st.none(), st.binary(min_size=1, max_size=8)))
    return (draw(NAMES), kind, draw(st.lists(VALUES[kind], min_size=0, max_size=6)), representation)


HEADERS = {
    "Type": st.binary(min_size=1, max_size=20),
    "Logger": st.binary(min_size=1, max_size=20),
    "Severity": st.integers(-(2**31), 2**31 - 1),
    "Payload": st.binary(max_size=400),
    "EnvVersion": st.binary(max_size=20),
    "Pid": st.integers(-(2**31), 2**31 - 1),
    "Hostname": st.binary(max_size=20),
}
MESSAGES = st.fixed_dictionaries(
    {"Uuid": st.binary(min_size=16, max_size=16), "Timestamp": INT64},
    optional={**HEADERS, "Fields": st.lists(fields(), max_size=5)},
)


def dump(value):
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, bytes):
        return "s" + value.hex()
    return f"i{value}" if isinstance(value, int) else f"d{value:.17g}"


def described(msg):
    rows = []
    for name in ("Uuid", "Timestamp", "Type", "Logger", "Severity", "Payload", "EnvVersion", "Pid", "Hostname"):
        if name in msg:
            small = name in ("Severity", "Pid")  # these are numbers of Lua in any case
            rows.append(f"{name} {dump(float(msg[name]) if small else msg[name])}")
    for name, kind, value, representation in msg.get("Fields", []):
        start = ["field", dump(name), str(kind), "-" if representation is None else dump(representation)]
        rows.append(" ".join(start + [dump(item) for item in value]))
    return "\n".join(rows)


@settings(max_examples=examples(300))
@given(MESSAGES, st.booleans())
def test_a_message_is_read_with_all_digits_and_written_byte_for_byte(lua, msg, framed):
    data = heka.message(msg)
    frame = heka.frame(data)

    assert lua[b"read"](frame if framed else data).decode() == described(msg)
    assert lua[b"again"](data, False) == data
    assert lua[b"again"](frame, True) == frame


@settings(max_examples=examples(200))
@given(MESSAGES)
def test_the_bytes_are_those_of_googles_library(lua, msg):
    theirs = google_message(msg).SerializeToString()

    assert lua[b"again"](theirs, False) == theirs == heka.message(msg)


def integers(msg):
    found = [msg["Timestamp"]]
    return found + [item for _, kind, value, _ in msg.get("Fields", []) if kind == heka.INTEGER for item in value]


@settings(max_examples=examples(300))
@given(MESSAGES)
def test_digits_survive_lua_numbers_unless_two_integers_are_the_same_number(lua, msg):
    known = set(integers(msg))
    assume(len({float(item) for item in known}) == len(known))

    assert lua[b"by_numbers"](heka.message(msg)) == heka.message(msg)


def google_message(msg, message_class=[]):  # noqa: B006 - the class is made once
    if not message_class:
        message_class.append(heka.google_message_class())
    made = message_class[0]()
    for name in msg.keys() - {"Fields"}:
        setattr(made, name.lower(), msg[name])
    for name, kind, value, representation in msg.get("Fields", []):
        one = made.fields.add(name=name)
        if kind != heka.STRING:
            one.value_type = kind
        if representation is not None:
            one.representation = representation
        getattr(one, ("value_string", "value_bytes", "value_integer", "value_double", "value_bool")[kind]).extend(value)
    return made


ONE = {"Uuid": bytes(range(16)), "Timestamp": 1_700_000_000_000_000_001, "Fields": [(b"n", heka.INTEGER, [300], None)]}


@settings(max_examples=examples(500))
@given(st.binary(max_size=300), st.integers(0, 200), st.integers(0, 200))
@example(b"", 0, 0)
@example(b"\x1e", 0, 0)
@example(b"\xff" * 40, 5, 0)
def test_bytes_that_are_no_message_are_refused_with_a_reason(lua, noise, cut, at):
    whole = heka.message(ONE)
    for data in (noise, whole[:cut], whole[:at] + noise + whole[at:], heka.frame(whole)[:cut]):
        answer = lua[b"read"](data)
        assert answer.startswith((b"error: protobuf: ", b"Uuid s"))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "needs a Uuid and a Timestamp"),
        (heka.message({"Uuid": b"short", "Timestamp": 1}), "16 bytes"),
        (b"\x0a\xff\xff\xff\xff\x07", "beyond the end"),
        (b"\x7b", "wire type 3"),
        (heka.message(ONE) + b"\x52\x02\x10\x01", "without a name"),
        (heka.message(ONE) + b"\x52\x05\x0a\x01a\x10\x07", "value_type beyond 4"),
        (b"\x10" + b"\x80" * 11, "more than ten bytes"),
        (heka.frame(heka.message(ONE)) + b"x", "length is not that of its message"),
        (b"\x1e\x02\x08\x05\x1e", "header does not end"),
    ],
)
def test_the_reason_says_what_is_wrong(lua, data, reason):
    assert reason in lua[b"read"](data).decode()


def test_single_values_that_are_not_packed_and_unknown_fields_are_read(lua):
    integer = heka.block(1, b"i") + b"\x10\x02" + b"\x30" + heka.varint(-5)
    double = heka.block(1, b"d") + b"\x10\x03" + b"\x39" + struct.pack("<d", 1.5)
    more = heka.block(15, b"new") + b"\x79" + bytes(8)
    data = heka.message({"Uuid": bytes(16), "Timestamp": 7}) + more + heka.block(10, integer) + heka.block(10, double)

    assert lua[b"read"](data).decode().splitlines()[2:] == ["field s69 2 - i-5", "field s64 3 - d1.5"]


COLLECTING = rb"""
local protobuf, decode = require "protobuf", require "protobuf_decode"
local junk = {}

-- the Timestamp comes before the Payload; whoever makes a number of it may have everything collected that nobody holds
local function collect(v)
  collectgarbage()
  collectgarbage()
  for i = 1, 400 do junk[i] = ("?"):rep(3000) .. i end
  return tonumber(v)
end

return function(number)
  local payload = ("x"):rep(3000) .. number
  local message = { Uuid = ("u"):rep(16), Timestamp = 5LL, Payload = payload, Fields = {} }
  return decode.decode(protobuf.encode_table(message, "t", "l", 0LL, false), collect).Payload == payload
end
"""


def test_what_is_decoded_is_not_collected_meanwhile():
    decode = new_runtime(*KERNEL).execute(COLLECTING)
    assert all(decode(number) for number in range(50))
