"""Real packs, read by a reader that knows only docs/pack-layout.md."""

import json
import math
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from host.packs import protocol
from tests.effort import examples
from tests.packs import reader
from tests.packs.harness import POSITION, decode, script
from tests.packs.reader import Field
from tests.pipelines import oracle


def messages(captured, data):
    return [message for pack in captured.packs for message in reader.read(pack, data)]


def joined(lines):
    return b"".join(line + b"\n" for line in lines)


def test_the_header_says_what_the_host_reads():
    captured = decode(b"one\ntwo\n", script("payload"))

    (pack,) = captured.packs
    head = reader.header(pack)
    theirs = protocol.read_pack_header(memoryview(pack), len(pack))
    assert head == theirs._asdict()
    assert (head["record_count"], head["raw_bytes"], head["position"]) == (2, 8, POSITION)
    assert (head["stream"], head["loop_depth"]) == (captured.stream_number, 0)


def test_a_payload_is_the_record_as_it_was_received():
    (one, two) = messages(captured := decode(b"one\n\xff\x00\n", script("payload")), b"one\n\xff\x00\n")

    assert (one.headers, two.headers) == (
        {"Payload": b"one", "Hostname": b"here"},
        {"Payload": b"\xff\x00", "Hostname": b"here"},
    )
    assert (one.logger, one.fields, one.raw) == ("test", [], b"one")
    assert captured.dead_letters == b""


def test_declared_fields_are_ranges_of_the_line():
    lines = oracle.access_lines(2000, seed=21)
    data = joined(lines)

    got = messages(decode(data, script("nginx_access")), data)

    assert len(got) == len(lines)
    for message, line in zip(got, lines, strict=True):
        expected = oracle.access(line)
        assert message.raw == line
        assert oracle.rfc3339(message.timestamp // 10**9, message.timestamp % 10**9) == expected.pop("time")
        values = {field.name: field.value for field in message.fields}
        texts = {name: value.encode() if isinstance(value, str) else value for name, value in expected.items()}
        assert values == texts
        assert {field.representation for field in message.fields if field.name == "body_bytes_sent"} == {"B"}


def test_integers_of_64_bits_and_nanoseconds_are_exact():
    numbers = [2**63 - 1, -(2**63), 2**53 + 1, 0, -1]
    data = joined(b'{"t":"2024-05-01T10:00:00.%09dZ","n":%d}' % (i + 1, n) for i, n in enumerate(numbers))

    got = messages(decode(data, script("json", {"Timestamp": "t"})), data)

    assert [message.fields for message in got] == [[Field("n", n)] for n in numbers]
    second = oracle.clf_time("01/May/2024:10:00:00 +0000")
    assert [message.timestamp for message in got] == [second * 10**9 + i + 1 for i in range(len(numbers))]


def random_document(random):
    values = [True, False, None, 1, -2.5, 1e300, 2**62, "", 'é"\\\n😀', [], [1, [2]], ["a"], {}, {"x": {"y": "z"}}]
    return {name: random.choice(values) for name in random.sample("abcdef", random.randrange(1, 6))}


def flat(document, prefix=""):
    fields = []
    for name, value in document.items():
        if isinstance(value, dict) and value:
            fields += flat(value, prefix + name + ".")
        elif value is not None:
            fields.append(Field(prefix + name, value.encode() if isinstance(value, str) else value))
    return fields


def test_json_of_many_forms():
    random = Random(6)
    documents = [random_document(random) for _ in range(1500)]
    data = joined(json.dumps(d, ensure_ascii=random.random() < 0.5).encode() for d in documents)

    got = messages(decode(data, script("json")), data)

    assert [message.fields for message in got] == [flat(document) for document in documents]


WRITER = """
function process_message()
  write_message("Fields[double]", 2.5)
  write_message("Fields[text]", "t\\0x", "repr")
  write_message("Fields[flag]", true)
  write_message("Fields[many]", 1)
  write_message("Fields[many]", "two", "second", 1)
  write_message("Fields[many]", false, nil, 2)
  write_message("Fields[list]", 1)
  write_message("Fields[list]", 2, nil, 0, 1)
  write_message("Fields[list]", 3, nil, 0, 2)
  write_message("Fields[gone]", "away")
  write_message("Fields[gone]", nil)
  write_message("Type", "written")
  write_message("Logger", "logger")
  write_message("Severity", 3)
  write_message("Pid", 4711)
  write_message("EnvVersion", "1.2")
  write_message("Hostname", "there")
  write_message("Payload", "new " .. read_message("Payload"))
  write_message("Timestamp", "2024-05-01T10:00:00.000000007Z")
  return 0
end
"""


def test_what_a_script_writes():
    (message,) = messages(decode(b"old\n", script("writer", text=WRITER)), b"old\n")

    assert (message.type, message.logger) == ("written", "logger")
    assert message.timestamp == 1714557600 * 10**9 + 7
    assert message.headers == {
        "Severity": 3,
        "Pid": 4711,
        "EnvVersion": b"1.2",
        "Hostname": b"there",
        "Payload": b"new old",
    }
    assert message.fields == [
        Field("double", 2.5),
        Field("text", b"t\0x", "repr"),
        Field("flag", True),
        Field("many", 1.0),
        Field("many", b"two", "second"),
        Field("many", False),
        Field("list", [1.0, 2.0, 3.0]),
    ]
    assert message.raw == b"old"


INJECTOR = """
function process_message()
  inject_message {
    Type = "made", Timestamp = 5, Severity = 2, Payload = '{"inner":"x","nested":[1,{}]}',
    Fields = {
      {name = "int", value = 9007199254740992, value_type = 2, representation = "B"},
      {name = "ints", value = {1, -2, 3}, value_type = 2},
      {name = "texts", value = {"a", "", "ccc"}, representation = "list"},
      {name = "flags", value = {true, false}},
      {name = "bytes", value = "\\255\\0", value_type = 1},
      {name = "same", value = 1}, {name = "same", value = 2},
    },
  }
  inject_message {Fields = {plain = 1, other = "x", no = false}}
  return 0
end
"""
INJECTED = [
    Field("int", 2**53, "B"),
    Field("ints", [1, -2, 3]),
    Field("texts", [b"a", b"", b"ccc"], "list"),
    Field("flags", [True, False]),
    Field("bytes", b"\xff\0"),
    Field("same", 1.0),
    Field("same", 2.0),
]


def test_what_a_script_injects():
    first, second = messages(decode(b"old\n", script("injector", text=INJECTOR)), b"old\n")

    assert (first.type, first.timestamp, first.headers["Severity"]) == ("made", 5, 2)
    assert first.headers["Payload"] == b'{"inner":"x","nested":[1,{}]}'
    assert first.fields == INJECTED
    assert second.fields == [Field("no", False), Field("other", b"x"), Field("plain", 1.0)]


def test_a_later_decoder_of_a_chain_keeps_what_the_one_before_it_made():
    single = INJECTOR.replace("inject_message {Fields = {plain", "local _ = {Fields = {plain")
    captured = decode(b"old\n" * 300, script("injector", text=single), script("json"), strategy="all")

    got = messages(captured, b"old\n" * 300)
    assert len(got) == 300
    for message in got:
        assert message.fields == [*INJECTED, Field("inner", b"x"), Field("nested", [1, {}])]


OPTIONAL = """
local l = require "lpeg"
local digits, word = l.R "09" ^ 1, l.R "az" ^ 1
declare_grammar {
  type = "opt",
  alternatives = {
    {
      {name = "word", grammar = word},
      {optional = {"=", {name = "n", grammar = l.P "-" ^ -1 * digits, type = "integer", representation = "ms"}}},
      {optional = {"/", {name = "d", grammar = digits, type = "string", also = {
        {name = "twice", type = "integer", transform = function(t)
          local n = tonumber(t)
          if n == 0 then return nil end
          return n == 7 and -1 or 2 * n
        end},
        {name = "half", type = "double", transform = function(t) return tonumber(t) / 2 end},
        {name = "even", type = "bool", transform = function(t) return tonumber(t) % 2 == 0 end},
        {name = "text", type = "string", transform = function(t) return "<" .. t .. ">" end},
      }}}},
    },
  },
}
"""


def optional_line(word, n, d):
    return word + (b"" if n is None else b"=%d" % n) + (b"" if d is None else b"/%d" % d)


def optional_fields(word, n, d):
    fields = [Field("word", word)] + ([] if n is None else [Field("n", n, "ms")])
    if d is None:
        return fields
    fields.append(Field("d", b"%d" % d))
    if d != 0:
        fields.append(Field("twice", -1 if d == 7 else 2 * d))
    return [*fields, Field("half", d / 2), Field("even", d % 2 == 0), Field("text", b"<%d>" % d)]


def test_values_that_are_absent_and_the_number_that_looks_like_it():
    random = Random(8)
    rows = [
        (b"w", random.choice([None, -1, 0, 2**62]), random.choice([None, 0, 7, 12, random.randrange(10**6)]))
        for _ in range(1000)
    ]
    data = joined(optional_line(*row) for row in rows)

    got = messages(decode(data, script("opt", text=OPTIONAL)), data)

    assert [message.fields for message in got] == [optional_fields(*row) for row in rows]


def test_listed_records_are_read_where_the_list_says():
    data = b"--one##two==="

    got = messages(decode(data, script("payload"), records=[(2, 5), (7, 10), (10, 10)]), data)

    assert [message.headers["Payload"] for message in got] == [b"one", b"two", b""]


def test_a_pack_that_needs_several_slots_says_which_records_are_done():
    lines = [b"bad" if number % 7 == 0 else b'{"n":%d}' % number for number in range(6000)]
    data = joined(lines)

    captured = decode(data, script("json"), slot_bytes=128 * 1024)

    assert len(captured.packs) > 1
    good = [number for number in range(6000) if number % 7]
    assert [message.fields for message in messages(captured, data)] == [[Field("n", number)] for number in good]
    letters = [json.loads(line) for line in captured.dead_letters.splitlines()]
    assert [letter["record"] for letter in letters] == ["bad"] * (6000 - len(good))
    assert_dead_letters_come_before_what_covers_them(captured.reports, lines)


def assert_dead_letters_come_before_what_covers_them(reports, lines):
    letters = packs = 0
    for report in reports:
        if report.op == protocol.Said.DONE:
            assert (report.received, report.failed) == (len(lines), letters)
        elif report.kind == protocol.Emitted.DEAD_LETTERS:
            letters += report.records
        else:
            packs += report.records
            covered = lines[: report.first_record]
            assert letters >= covered.count(b"bad")
            assert packs >= len(covered) - covered.count(b"bad")


values = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    st.lists(st.one_of(st.integers(), st.text(max_size=5)), max_size=4),
)
documents = st.lists(st.dictionaries(st.sampled_from("abcd"), values, max_size=4), min_size=1, max_size=30)


@settings(max_examples=examples(15))
@given(documents, st.booleans())
def test_any_json_object(records, ascii_only):
    data = joined(json.dumps(record, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass") for record in records)

    got = messages(decode(data, script("json")), data)

    for message, record in zip(got, records, strict=True):
        expected = flat(record)
        assert [field.name for field in message.fields] == [field.name for field in expected]
        for field, other in zip(message.fields, expected, strict=True):
            both = isinstance(field.value, float) and isinstance(other.value, float)
            assert math.isclose(field.value, other.value, rel_tol=0) if both else field == other


def test_a_record_of_very_many_fields_is_refused_by_a_later_decoder_and_the_next_one_is_not():
    data = json.dumps({f"a{number}": number for number in range(2300)}).encode() + b'\n{"a": 1}\n'

    captured = decode(data, script("payload"), script("json"), strategy="all")

    (letter,) = map(json.loads, captured.dead_letters.splitlines())
    assert letter["reason"] == "json: more than 1024 members"
    assert len(messages(captured, data)) == 1
