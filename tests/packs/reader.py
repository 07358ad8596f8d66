"""A reader of packs, written from docs/pack-layout.md and nothing else."""

import json
import struct
from typing import Any, NamedTuple

HEADER = struct.Struct("<IHHIIIIIIIIIIQqQ")
HEADER_NAMES = (
    *("magic", "version", "flags", "size", "record_count", "records_start", "records_end", "shapes_start"),
    *("shapes_bytes", "shape_count", "heap_start", "raw_bytes", "loop_depth", "stream", "position", "reserved"),
)
RECORD = struct.Struct("<HHIqII")
IN_HEAP, HEADER_COLUMN, OPTIONAL = 1, 2, 4
STRING, BYTES, INTEGER_TEXT, DOUBLE_TEXT, BOOL_TEXT, JSON_STRING = 1, 2, 3, 4, 5, 6
INTEGER, DOUBLE, BOOL, ARRAY, JSON_VALUE, CONSTANT = 7, 8, 9, 10, 11, 12
ABSENT, ABSENT_INTEGER = b"\xff" * 8, bytes(7) + b"\x80"


class Column(NamedTuple):
    kind: int
    flags: int
    name: str
    representation: str
    constant: bytes


class Shape(NamedTuple):
    payload_is_record: bool
    type: str
    logger: str
    columns: list[Column]


class Field(NamedTuple):
    """One field of a message; a list as value is an array."""

    name: str
    value: Any
    representation: str = ""


class Message(NamedTuple):
    timestamp: int
    type: str
    logger: str
    headers: dict[str, Any]
    fields: list[Field]
    raw: bytes


class _Cursor:
    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self.at = at

    def number(self, code: str) -> int:
        (value,) = struct.unpack_from("<" + code, self._data, self.at)
        self.at += struct.calcsize("<" + code)
        return value

    def text(self) -> bytes:
        length = self.number("H")
        self.at += length
        return self._data[self.at - length : self.at]


def header(pack: bytes) -> dict[str, int]:
    values = dict(zip(HEADER_NAMES, HEADER.unpack_from(pack), strict=True))
    assert HEADER.size == 72
    assert values["magic"].to_bytes(4, "little") == b"HKP1"
    assert (values["version"], values["reserved"]) == (1, 0)
    assert values["flags"] in {0, 1}
    assert values["size"] == len(pack)
    assert values["records_start"] == 72
    assert values["records_end"] == values["shapes_start"]
    assert values["shapes_start"] + values["shapes_bytes"] <= values["heap_start"] <= values["size"]
    return values


def read(pack: bytes, raw: bytes) -> list[Message]:
    """All messages of a pack."""
    head = header(pack)
    assert head["raw_bytes"] == len(raw)
    shapes = _shapes(pack, head)
    messages, at = [], head["records_start"]
    for _ in range(head["record_count"]):
        words, shape, flags, _, _, _ = RECORD.unpack_from(pack, at)
        assert flags == 0
        assert at % 8 == 0
        messages.append(_message(shapes[shape], pack, raw, at))
        at += words * 8
    assert at == head["records_end"]
    return messages


def _shapes(pack: bytes, head: dict[str, int]) -> list[Shape]:
    shapes, at = [], head["shapes_start"]
    for _ in range(head["shape_count"]):
        cursor = _Cursor(pack, at)
        length = cursor.number("I")
        shapes.append(_shape(cursor))
        assert cursor.at == at + length
        at = cursor.at
    assert at == head["shapes_start"] + head["shapes_bytes"]
    return shapes


def _shape(cursor: _Cursor) -> Shape:
    flags, count = cursor.number("H"), cursor.number("H")
    type_, logger = cursor.text().decode(), cursor.text().decode()
    columns = []
    for _ in range(count):
        kind, column_flags = cursor.number("B"), cursor.number("B")
        name, representation = cursor.text().decode(), cursor.text().decode()
        columns.append(Column(kind, column_flags, name, representation, cursor.text() if kind == CONSTANT else b""))
    return Shape(flags & 1 == 1, type_, logger, columns)


def _message(shape: Shape, pack: bytes, raw: bytes, at: int) -> Message:
    words, _, _, timestamp, start, end = RECORD.unpack_from(pack, at)
    record = raw[start:end]
    headers: dict[str, Any] = {"Payload": record} if shape.payload_is_record else {}
    fields = []
    slot_at = at + RECORD.size
    for column in shape.columns:
        if column.kind == CONSTANT:
            value: Any = column.constant
        else:
            slot = pack[slot_at : slot_at + 8]
            slot_at += 8
            if column.flags & OPTIONAL and slot == (ABSENT_INTEGER if column.kind == INTEGER else ABSENT):
                continue
            value = _value(column.kind, slot, pack if column.flags & IN_HEAP else raw)
        if column.flags & HEADER_COLUMN:
            headers[column.name] = value
        else:
            fields.append(Field(column.name, value, column.representation))
    assert slot_at == at + 8 * words
    return Message(timestamp, shape.type, shape.logger, headers, fields, record)


def _value(kind: int, slot: bytes, base: bytes) -> Any:
    if kind in {INTEGER, BOOL}:
        number = int.from_bytes(slot, "little", signed=True)
        return number if kind == INTEGER else {0: False, 1: True}[number]
    if kind == DOUBLE:
        return struct.unpack("<d", slot)[0]
    start, end = struct.unpack("<II", slot)
    assert start <= end <= len(base)
    if kind == ARRAY:
        return _array(base, start, end)
    return _of_text(kind, base[start:end])


def _of_text(kind: int, text: bytes) -> Any:
    if kind in {STRING, BYTES}:
        return text
    if kind == JSON_STRING:
        return json.loads(b'"' + text + b'"').encode()
    if kind == JSON_VALUE:
        return json.loads(text)
    if kind == BOOL_TEXT:
        return {b"true": True, b"false": False}[text]
    return int(text) if kind == INTEGER_TEXT else float(text)


def _array(pack: bytes, start: int, end: int) -> list[Any]:
    assert start % 8 == 0
    kind, count = struct.unpack_from("<II", pack, start)
    assert kind in {STRING, BYTES, INTEGER, DOUBLE, BOOL}
    assert end == start + 8 + 8 * count
    return [_value(kind, pack[start + 8 + 8 * i : start + 16 + 8 * i], pack) for i in range(count)]
