"""The host's own reader of packs: what was written comes back, what is malformed is told, nothing else happens."""

import contextlib
import json
import math
import struct
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.core.errors import PackError
from host.packs import reader as host_reader
from host.packs import writer
from host.packs.protocol import PACK_HEADER
from host.trial.messages import to_message
from tests.packs import reader as independent
from tests.packs.harness import decode, script
from tests.packs.test_layout import WRITER, joined, random_document
from tests.pipelines import oracle

SLOT_BYTES = 64 * 1024

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
scalars = st.one_of(
    texts, st.binary(max_size=30), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.booleans()
)
arrays = st.one_of(
    *(
        st.lists(values, min_size=1, max_size=5)
        for values in (
            texts,
            st.binary(max_size=9),
            st.integers(-(2**63), 2**63 - 1),
            st.floats(allow_nan=False),
            st.booleans(),
        )
    )
)
fields = st.builds(writer.Field, texts, scalars | arrays, texts)
headers = st.fixed_dictionaries(
    {},
    optional={
        "Payload": texts,
        "Hostname": texts,
        "EnvVersion": texts,
        "Severity": st.integers(0, 7),
        "Pid": st.integers(-(2**31), 2**31 - 1),
    },
)
messages = st.builds(
    writer.Message, texts, texts, st.integers(-(2**63), 2**63 - 1), headers, st.lists(fields, max_size=6)
)


def written(slot_bytes, *given):
    slot = memoryview(bytearray(slot_bytes))
    return slot, writer.write(slot, given, loop_depth=1, stream=5, position=-7)


def simple(number, text="some text"):
    return writer.Message("type", "logger", number, {"Payload": text}, [writer.Field("n", number, "count")])


def value_type(value):
    names = {bool: "bool", int: "integer", float: "double", str: "string", bytes: "bytes"}
    return names[type(value[0] if isinstance(value, list) else value)]


@given(st.lists(messages, min_size=1, max_size=8))
def test_what_was_written_is_read(given):
    slot, report = written(SLOT_BYTES, *given)

    got = list(host_reader.read(slot))

    assert report.messages == len(given) == len(got)
    for message, want in zip(got, given, strict=True):
        expected = {"Severity": 7, "Payload": "", "EnvVersion": "", "Pid": None, "Hostname": "", **want.headers}
        expected |= {"Type": want.type, "Logger": want.logger, "Timestamp": want.timestamp_ns}
        assert {name: message[name] for name in expected} == expected
        assert message["Fields"] == [
            {"name": f.name, "value": f.value, "value_type": value_type(f.value), "representation": f.representation}
            for f in want.fields
        ]
    assert len({message["Uuid"] for message in got}) == len(got)


@given(messages)
def test_a_message_that_was_read_can_be_given_to_a_trial(given):
    """As a dry run does with what a tap has seen."""
    (seen,) = host_reader.read(written(SLOT_BYTES, given)[0])

    (again,) = host_reader.read(written(SLOT_BYTES, to_message(seen, 0))[0])

    assert again == seen


@given(st.lists(messages, min_size=1, max_size=8))
def test_both_readers_see_the_same(given):
    slot, _ = written(SLOT_BYTES, *given)

    theirs = independent.read(bytes(slot), b"")

    assert [m.timestamp for m in theirs] == [m["Timestamp"] for m in host_reader.read(slot)]
    assert [len(m.fields) for m in theirs] == [len(m["Fields"]) for m in host_reader.read(slot)]


def test_a_full_pack_takes_no_more_and_says_how_many_it_took():
    slot, report = written(4096, *(simple(i, "x" * 100) for i in range(100)))

    assert 10 < report.messages < 100
    assert [message["Timestamp"] for message in host_reader.read(slot)] == list(range(report.messages))


@pytest.mark.parametrize(
    ("field", "complaint"),
    [
        (writer.Field("f", None), "f: a value is"),
        (writer.Field("f", []), "f: a value is"),
        (writer.Field("f", [1, "a"]), "f: a value is"),
        (writer.Field("f", [[1]]), "f: a value is"),
        (writer.Field("f", 2**63), "f: an integer has at most 64 bits"),
        (writer.Field("f", "x" * 5000), "larger than a pack"),
    ],
)
def test_what_cannot_be_written_is_told(field, complaint):
    with pytest.raises(PackError, match=complaint):
        written(4096, writer.Message("t", "l", 0, {}, [field]))


def changed(data, at, size):
    slot = bytearray(written(4096, *(simple(i) for i in range(5)))[0])
    slot[at : at + size] = data
    return memoryview(slot)


@given(st.data())
def test_a_damaged_pack_is_read_or_told_of(data):
    """Whatever bytes are changed: messages, or a PackError, and nothing else."""
    slot = bytearray(written(1024, simple(1), writer.Message("t", "l", 2, {}, [writer.Field("a", [1, 2])]))[0])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(slot) - 1))
        slot[at] = data.draw(st.integers(0, 255))
    with contextlib.suppress(PackError):
        list(host_reader.read(memoryview(slot)))


@pytest.mark.parametrize(
    ("at", "data", "complaint"),
    [
        (0, b"XXXX", "header"),
        (12, struct.pack("<I", 0), "header"),
        (72, struct.pack("<H", 0), "impossible length"),
        (72, struct.pack("<H", 4), "not as long as its shape"),
        (72, struct.pack("<H", 65535), "impossible length"),
        (74, struct.pack("<H", 9), "no shape 9"),
        (88, struct.pack("<II", 0, 1), "outside of the raw bytes"),
        (96, struct.pack("<II", 5, 4), "outside of the pack"),
        (96, struct.pack("<II", 0, 4097), "outside of the pack"),
    ],
)
def test_what_is_malformed_is_named(at, data, complaint):
    with pytest.raises(PackError, match=complaint):
        list(host_reader.read(changed(data, at, len(data))))


def test_raw_bytes_must_be_those_of_the_pack():
    with pytest.raises(PackError, match="belongs to 0 raw bytes, not to 3"):
        host_reader.read(written(4096, simple(1))[0], b"abc")


def test_values_that_lie_on_each_other_do_not_fill_the_memory():
    """Each of many records points at the whole pack."""
    slot = written(64 * 1024, *(simple(i) for i in range(1000)))[0]
    for record in range(1000):
        struct.pack_into("<II", slot, PACK_HEADER.size + 40 * record + 24, 0, len(slot))

    read = []
    with pytest.raises(PackError, match="many times as large"):
        read.extend(len(message["Payload"]) for message in host_reader.read(slot))
    assert sum(read) <= 16 * len(slot)


def read_all(captured, data):
    return [message for pack in captured.packs for message in host_reader.read(memoryview(pack), data)]


def test_packs_of_decoders_are_read_as_the_independent_reader_reads_them():
    lines = oracle.access_lines(300, seed=3)
    data = joined(lines)
    captured = decode(data, script("nginx_access"))

    got = read_all(captured, data)

    theirs = [message for pack in captured.packs for message in independent.read(pack, data)]
    assert len(got) == len(theirs) == len(lines)
    for message, other in zip(got, theirs, strict=True):
        values = [f["value"].encode() if isinstance(f["value"], str) else f["value"] for f in message["Fields"]]
        assert [f["name"] for f in message["Fields"]] == [f.name for f in other.fields]
        assert values == [f.value for f in other.fields]
        assert (message["Timestamp"], message["Type"]) == (other.timestamp, "nginx.access")


def test_json_as_people_would_write_it():
    lines = [
        rb'{"a":"\u00e9\n\"\ud83d\ude00","b":"\ud800","c":[1,2],"d":[1,"x"],"e":[1.5,2],"f":["p","\ud800"]}',
        b'{"a":9223372036854775807,"b":123456789012345678901234567890,"c":1e3,"d":true,"e":[],"f":{"x":1}}',
    ]
    data = joined(lines)

    one, two = (
        {f["name"]: (f["value"], f["value_type"]) for f in m["Fields"]}
        for m in read_all(decode(data, script("json")), data)
    )

    assert one == {
        "a": ('é\n"\U0001f600', "string"),
        "b": ("\ufffd", "string"),
        "c": ([1, 2], "integer"),
        "d": ('[1,"x"]', "string"),
        "e": ([1.5, 2], "double"),
        "f": (["p", "\ufffd"], "string"),
    }
    assert two == {
        "a": (2**63 - 1, "integer"),
        "b": (123456789012345678901234567890, "integer"),
        "c": (1000.0, "double"),
        "d": (True, "bool"),
        "e": ("[]", "string"),
        "f.x": (1, "integer"),
    }


def test_what_a_script_writes():
    (message,) = read_all(decode(b"rest\n", script("writer", text=WRITER)), b"rest\n")

    assert message["Type"] == "written"
    assert (message["Payload"], message["Hostname"], message["Severity"], message["Pid"]) == (
        "new rest",
        "there",
        3,
        4711,
    )
    fields = {field["name"]: field for field in message["Fields"]}
    assert fields["double"]["value"] == 2.5
    assert fields["text"] == {"name": "text", "value": "t\0x", "value_type": "string", "representation": "repr"}
    assert fields["flag"]["value"] is True
    assert fields["list"] == {"name": "list", "value": [1.0, 2.0, 3.0], "value_type": "double", "representation": ""}
    assert "gone" not in fields
    assert [field["value"] for field in message["Fields"] if field["name"] == "many"] == [1.0, "two", False]


def test_documents_of_many_forms_are_all_read():
    random = Random(9)
    data = joined(json.dumps(random_document(random)).encode() for _ in range(500))
    got = read_all(decode(data, script("json")), data)
    assert len(got) == 500
    assert all(not isinstance(f["value"], float) or not math.isnan(f["value"]) for m in got for f in m["Fields"])
