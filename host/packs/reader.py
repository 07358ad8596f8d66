"""Reads a pack into plain dictionaries, for people's eyes: taps, trials, tests. The layout is docs/pack-layout.md.

Packs come from processes that may have been taken over, so nothing in them is believed: whatever does not keep to the
layout is a `PackError`, and what a pack may turn out to be is bounded by its size. Messages come one by one, so that
whoever reads them decides how many.

A message has all headers, and its fields in their order:

    {"Uuid": "6ba7b810-...", "Timestamp": 1714557600000000000, "Type": "nginx.access", "Logger": "access",
     "Severity": 7, "Payload": "", "EnvVersion": "", "Pid": None, "Hostname": "web01",
     "Fields": [{"name": "status", "value": 200, "value_type": "integer", "representation": ""}]}

Text that is no UTF-8 comes as bytes. Integers are exact. An array is a list.
"""

import json
import re
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple
from uuid import UUID

from host.core.errors import PackError
from host.packs.protocol import PackHeader, read_pack_header

Message = dict[str, Any]

_RECORD = struct.Struct("<HHIqII")
_RANGE = struct.Struct("<II")
_INT64 = struct.Struct("<q")
_DOUBLE = struct.Struct("<d")
_SHAPE_BYTES = struct.Struct("<I")
_SHAPE = struct.Struct("<HH")
_LENGTH = struct.Struct("<H")

STRING, BYTES, INTEGER_TEXT, DOUBLE_TEXT, BOOL_TEXT, JSON_STRING = 1, 2, 3, 4, 5, 6
INTEGER, DOUBLE, BOOL, ARRAY, JSON_VALUE, CONSTANT = 7, 8, 9, 10, 11, 12
IN_HEAP, HEADER, OPTIONAL = 1, 2, 4
_PAYLOAD_IS_RECORD = 1
_ABSENT, _ABSENT_INTEGER = b"\xff" * 8, bytes(7) + b"\x80"

_MAX_COLUMNS = 1100
"""More than any message that a script can make has."""
_MAX_TIMES = 16
"""Values may lie on each other, so that a small pack could stand for endless ones: so many times its size at most."""
_VALUE_BYTES = 8
"""What any value counts for."""

VALUE_TYPES = {
    STRING: "string", BYTES: "bytes", INTEGER_TEXT: "integer", DOUBLE_TEXT: "double", BOOL_TEXT: "bool",
    JSON_STRING: "string", INTEGER: "integer", DOUBLE: "double", BOOL: "bool", CONSTANT: "string",
}  # fmt: skip


class _Column(NamedTuple):
    kind: int
    flags: int
    name: str
    representation: str
    constant: bytes


class _Shape(NamedTuple):
    payload_is_record: bool
    type: str | bytes
    logger: str | bytes
    columns: list[_Column]
    slots: int


class _Value(NamedTuple):
    value: Any
    value_type: str


def read(slot: memoryview, raw: memoryview | bytes = b"") -> Iterator[Message]:
    """The messages of a pack, in order.

    Args:
        slot: The whole slot.
        raw: The raw bytes that belong to the pack, if it has any.

    Raises:
        PackError: The pack does not keep to the layout; the messages before that point were sound.
    """
    header = read_pack_header(slot, len(slot))
    if header is None:
        raise PackError("The header of the pack is not sound.")
    if header.raw_bytes != len(raw):
        raise PackError(f"The pack belongs to {header.raw_bytes} raw bytes, not to {len(raw)}.")
    return _Reader(slot, memoryview(raw), header).messages()


def read_at(slot: memoryview, raw: memoryview | bytes, places: Iterable[int]) -> Iterator[tuple[Message, bytes]]:
    """Single messages of a pack, with the bytes that they came of.

    Args:
        slot: The whole slot.
        raw: The raw bytes that belong to the pack, if it has any.
        places: Where records lie in the slot.

    Raises:
        PackError: The pack does not keep to the layout, or there is no record at a place.
    """
    header = read_pack_header(slot, len(slot))
    if header is None or header.raw_bytes != len(raw):
        raise PackError("The header of the pack is not sound.")
    found = _Reader(slot, memoryview(raw), header)
    for place in places:
        yield found.message_at(place), found.raw_of(place)


def raw_ranges(slot: memoryview, raw_bytes: int) -> list[tuple[int, int]] | None:
    """Return where the records of a pack lie in its raw bytes, or None if the pack does not say so soundly."""
    header = read_pack_header(slot, len(slot))
    ranges: list[tuple[int, int]] = []
    if header is None or header.raw_bytes != raw_bytes:
        return None
    at, end = header.records_start, header.records_end
    for _ in range(header.record_count):
        if at + _RECORD.size > end:
            return None
        words, _, _, _, raw_start, raw_end = _RECORD.unpack_from(slot, at)
        if words * 8 < _RECORD.size or not raw_start <= raw_end <= raw_bytes:
            return None
        ranges.append((raw_start, raw_end))
        at += words * 8
    return ranges


def read_with_records(slot: memoryview, raw: memoryview | bytes) -> Iterator[tuple[Message, bytes]]:
    """Yield the messages of a pack in order, each with the bytes that it came of; none if a filter made it.

    Args:
        slot: The whole slot.
        raw: The raw bytes that belong to the pack, if it has any.

    Raises:
        PackError: The pack does not keep to the layout; the messages before that point were sound.
    """
    header = read_pack_header(slot, len(slot))
    if header is None or header.raw_bytes != len(raw):
        raise PackError("The header of the pack is not sound.")
    found = _Reader(slot, memoryview(raw), header)
    for at in found.places():
        yield found.message_at(at), found.raw_of(at) if len(raw) else b""


class _Reader:
    """Reads one pack."""

    def __init__(self, slot: memoryview, raw: memoryview, header: PackHeader) -> None:
        self._slot = slot
        self._raw = raw
        self._header = header
        self._places = self._find_shapes()
        self._shapes: dict[int, _Shape] = {}
        self._left_bytes = _MAX_TIMES * (len(slot) + len(raw))

    def messages(self) -> Iterator[Message]:
        return (self.message_at(at) for at in self.places())

    def places(self) -> Iterator[int]:
        """Yield where each record begins."""
        at, end = self._header.records_start, self._header.records_end
        for _ in range(self._header.record_count):
            if at + _RECORD.size > end:
                raise PackError("A record lies outside of the records.")
            words = _RECORD.unpack_from(self._slot, at)[0]
            if words * 8 < _RECORD.size or at + words * 8 > end:
                raise PackError("A record has an impossible length.")
            yield at
            at += words * 8

    def message_at(self, at: int) -> Message:
        """The record at a place."""
        end = self._header.records_end
        if at % 8 or not self._header.records_start <= at <= end - _RECORD.size:
            raise PackError("There is no record at this place.")
        words = _RECORD.unpack_from(self._slot, at)[0]
        if words * 8 < _RECORD.size or at + words * 8 > end:
            raise PackError("A record has an impossible length.")
        return self._message(at, words * 8)

    def raw_of(self, at: int) -> bytes:
        """The bytes that the record at a place came of; only after `message_at`."""
        start, end = self._raw_range(at)
        return self._take(self._raw, start, end)

    def _raw_range(self, at: int) -> tuple[int, int]:
        """Return the range of the record's raw bytes.

        In a pack without raw bytes, both places have the number at which the record ended that the message came of.
        """
        _, _, _, _, start, end = _RECORD.unpack_from(self._slot, at)
        if not self._header.raw_bytes and start == end:
            return 0, 0
        if not start <= end <= len(self._raw):
            raise PackError("A record lies outside of the raw bytes.")
        return start, end

    # ---------------------------------------------------------------- shapes

    def _find_shapes(self) -> list[tuple[int, int]]:
        """Start and end of each shape."""
        places, at = [], self._header.shapes_start
        end = at + self._header.shapes_bytes
        for _ in range(self._header.shape_count):
            size = _SHAPE_BYTES.unpack_from(self._slot, at)[0] if at + _SHAPE_BYTES.size <= end else 0
            if size < _SHAPE_BYTES.size + _SHAPE.size or at + size > end:
                raise PackError("A shape lies outside of the shapes.")
            places.append((at + _SHAPE_BYTES.size, at + size))
            at += size
        return places

    def _shape(self, number: int) -> _Shape:
        if number not in self._shapes:
            if number >= len(self._places):
                raise PackError(f"There is no shape {number}.")
            start, end = self._places[number]
            self._shapes[number] = _read_shape(bytes(self._slot[start:end]))
        return self._shapes[number]

    # ---------------------------------------------------------------- records

    def _message(self, at: int, size: int) -> Message:
        _, number, _, timestamp, _, _ = _RECORD.unpack_from(self._slot, at)
        shape = self._shape(number)
        if size != _RECORD.size + 8 * shape.slots:
            raise PackError("A record is not as long as its shape says.")
        start, end = self._raw_range(at)
        headers: dict[str, Any] = {"Severity": 7, "Payload": "", "EnvVersion": "", "Pid": None, "Hostname": ""}
        if shape.payload_is_record:
            headers["Payload"] = _text(self._take(self._raw, start, end))
        fields: list[dict[str, Any]] = []
        for column, value in self._values(shape, at + _RECORD.size):
            if column.flags & HEADER:
                headers[column.name] = value.value
            else:
                described = {"name": column.name, "value": value.value, "value_type": value.value_type}
                fields.append({**described, "representation": column.representation})
        uuid = _uuid(headers.pop("Uuid", None)) or self._derived_uuid(at, start)
        first = {"Uuid": uuid, "Timestamp": timestamp, "Type": shape.type, "Logger": shape.logger}
        return {**first, **headers, "Fields": fields}

    def _values(self, shape: _Shape, at: int) -> Iterator[tuple[_Column, _Value]]:
        for column in shape.columns:
            if column.kind == CONSTANT:
                self._spend(len(column.constant))
                yield column, _Value(_text(column.constant), "string")
                continue
            slot = bytes(self._slot[at : at + 8])
            at += 8
            absent = _ABSENT_INTEGER if column.kind == INTEGER else _ABSENT
            if not (column.flags & OPTIONAL and slot == absent):
                yield column, self._value(column.kind, slot, self._slot if column.flags & IN_HEAP else self._raw)

    def _value(self, kind: int, slot: bytes, base: memoryview) -> _Value:
        if kind in _NUMBERS:
            self._spend(_VALUE_BYTES)
            return _Value(_NUMBERS[kind](slot), VALUE_TYPES[kind])
        start, end = _RANGE.unpack(slot)
        if kind == ARRAY:
            return self._array(base, start, end)
        return _TEXTS[kind](self._take(base, start, end))

    def _array(self, base: memoryview, start: int, end: int) -> _Value:
        if start % 8 or not start + 8 <= end <= len(base):
            raise PackError("An array lies outside of the pack.")
        kind, count = _RANGE.unpack_from(base, start)
        if kind not in {STRING, BYTES, INTEGER, DOUBLE, BOOL} or end != start + 8 + 8 * count:
            raise PackError("An array is not what it says.")
        slots = (bytes(base[at : at + 8]) for at in range(start + 8, end, 8))
        return _Value([self._value(kind, slot, base).value for slot in slots], VALUE_TYPES[kind])

    def _take(self, base: memoryview, start: int, end: int) -> bytes:
        if not start <= end <= len(base):
            raise PackError("A value lies outside of the pack.")
        self._spend(end - start)
        return bytes(base[start:end])

    def _spend(self, count: int) -> None:
        self._left_bytes -= max(count, _VALUE_BYTES)
        if self._left_bytes < 0:
            raise PackError("The values of a pack are many times as large as the pack.")

    def _derived_uuid(self, at: int, raw_start: int) -> str:
        """The same 16 bytes that scripts and encoders get: see kernel/values.lua."""
        place = self._header.position + (raw_start if self._header.raw_bytes else at)
        most = (1 << 64) - 1
        first = (self._header.stream * 0x9E3779B97F4A7C15 + place) & most
        first = (first ^ first >> 29) * 0xBF58476D1CE4E5B9 & most
        second = ((first ^ first >> 32) * 0x94D049BB133111EB + place) & most
        half = bytearray(struct.pack("<QQ", first, second))
        half[6], half[8] = half[6] & 0x0F | 0x40, half[8] & 0x3F | 0x80
        return str(UUID(bytes=bytes(half)))


# ---------------------------------------------------------------- shapes


class _Cursor:
    """Walks through the bytes of a shape."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        if len(taken) != count:
            raise PackError("A shape is cut off.")
        self._at += count
        return taken

    def text(self) -> bytes:
        return self.take(_LENGTH.unpack(self.take(_LENGTH.size))[0])


def _read_shape(data: bytes) -> _Shape:
    cursor = _Cursor(data)
    flags, count = _SHAPE.unpack(cursor.take(_SHAPE.size))
    if count > _MAX_COLUMNS:
        raise PackError(f"A shape has more than {_MAX_COLUMNS} columns.")
    type_, logger = _text(cursor.text()), _text(cursor.text())
    columns = [_read_column(cursor) for _ in range(count)]
    slots = sum(column.kind != CONSTANT for column in columns)
    return _Shape(bool(flags & _PAYLOAD_IS_RECORD), type_, logger, columns, slots)


def _read_column(cursor: _Cursor) -> _Column:
    kind, flags = cursor.take(2)
    if not STRING <= kind <= CONSTANT or (kind == ARRAY and not flags & IN_HEAP):
        raise PackError(f"There is no column of kind {kind} with the flags {flags}.")
    name, representation = (cursor.text().decode(errors="backslashreplace") for _ in range(2))
    return _Column(kind, flags, name, representation, cursor.text() if kind == CONSTANT else b"")


# ---------------------------------------------------------------- values

_INTEGER = re.compile(rb"[+-]?[0-9]{1,400}\Z")
_DECIMAL = re.compile(rb"[+-]?[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?\Z")
_ESCAPE = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\[\"\\/bfnrt]")
_SHORT = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}


def _text(data: bytes) -> str | bytes:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def _bool_of(slot: bytes) -> bool:
    return slot != bytes(8)


def _string(data: bytes) -> _Value:
    return _Value(_text(data), "string")


def _bytes(data: bytes) -> _Value:
    return _Value(data, "bytes")


# What calls itself a number is what a decoder's grammar let pass; if it is none, it is shown as it is.


def _integer_text(data: bytes) -> _Value:
    return _Value(int(data), "integer") if _INTEGER.match(data) else _string(data)


def _double_text(data: bytes) -> _Value:
    return _Value(float(data), "double") if _DECIMAL.match(data) else _string(data)


def _bool_text(data: bytes) -> _Value:
    return _Value(data == b"true", "bool") if data in {b"true", b"false"} else _string(data)


def _unescaped(match: re.Match[bytes]) -> bytes:
    escape = match[0]
    if escape[1:2] != b"u":
        return _SHORT.get(escape[1:], escape[1:])
    units = bytes.fromhex(escape.replace(b"\\u", b"").decode())
    return units.decode("utf-16-be", errors="replace").encode()


def _json_string(data: bytes) -> _Value:
    return _string(_ESCAPE.sub(_unescaped, data))


def _json_value(data: bytes) -> _Value:
    """An array of values of one type is a list of them, as Heka's protobuf has it; anything else stays JSON."""
    try:
        elements = json.loads(data.decode())
    except (ValueError, RecursionError):
        return _string(data)
    kinds = {type(element) for element in elements} if isinstance(elements, list) else set()
    for types, value_type in _ELEMENTS:
        if kinds and kinds <= types:
            return _Value([_whole(e) if isinstance(e, str) else e for e in elements], value_type)
    return _string(data)


def _whole(text: str) -> str:
    """JSON may name halves of surrogate pairs, which are no characters."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


_ELEMENTS = (({str}, "string"), ({int}, "integer"), ({int, float}, "double"), ({bool}, "bool"))
_NUMBERS: dict[int, Callable[[bytes], int | float | bool]] = {
    INTEGER: lambda slot: int(_INT64.unpack(slot)[0]),
    DOUBLE: lambda slot: float(_DOUBLE.unpack(slot)[0]),
    BOOL: _bool_of,
}
_TEXTS: dict[int, Callable[[bytes], _Value]] = {
    STRING: _string,
    BYTES: _bytes,
    INTEGER_TEXT: _integer_text,
    DOUBLE_TEXT: _double_text,
    BOOL_TEXT: _bool_text,
    JSON_STRING: _json_string,
    JSON_VALUE: _json_value,
}


def _uuid(given: Any) -> str | None:
    """A Uuid as text, given as 16 bytes or as text."""
    data = given.encode() if isinstance(given, str) else given
    if not isinstance(data, bytes):
        return None
    if len(data) == 16:
        return str(UUID(bytes=data))
    try:
        return str(UUID(data.decode())) if len(data) == 36 else None
    except ValueError:
        return None
