"""Writes packs of messages: what the host itself has to say, and what a trial gives to a sandbox.

The layout is that of `docs/pack-layout.md`. Messages of the same Type, Logger and fields share a shape.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from host.core.errors import PackError
from host.packs.protocol import PACK_HEADER, PACK_MAGIC, PACK_VERSION, PackHeader

_STRING, _BYTES, _INTEGER, _DOUBLE, _BOOL, _ARRAY = 1, 2, 7, 8, 9, 10
_IN_HEAP, _HEADER = 1, 2
_RECORD = struct.Struct("<HHIqII")
_RANGE = struct.Struct("<II")
_INT64 = struct.Struct("<q")
_DOUBLE_SLOT = struct.Struct("<d")
_MAX_NAME_BYTES = 65_535
_MAX_SHAPES = 65_535
_KINDS: dict[type, int] = {bool: _BOOL, int: _INTEGER, float: _DOUBLE, str: _STRING, bytes: _BYTES, list: _ARRAY}

Scalar = str | bytes | int | float | bool
Value = Scalar | list[str] | list[bytes] | list[int] | list[float] | list[bool]


class Field(NamedTuple):
    """One field of a message; a list is an array, and a name may occur more than once."""

    name: str
    value: Value
    representation: str = ""


class Message(NamedTuple):
    """A message to be written."""

    type: str
    logger: str
    timestamp_ns: int
    headers: Mapping[str, Scalar]
    """Payload, Hostname, Severity, ..."""
    fields: Sequence[Field]


class Written(NamedTuple):
    """What `write` has put into a slot."""

    used_bytes: int
    shapes: bytes
    messages: int
    """How many of the messages; the others had no room."""


def write(
    slot: memoryview, messages: Sequence[Message], *, loop_depth: int, stream: int = 0, position: int = 0
) -> Written:
    """Write a pack of messages into a slot, as many as there is room for.

    Raises:
        PackError: The first one alone is too large, or a value is none that a field can have.
    """
    pack = _Pack(slot)
    count = 0
    for message in messages:
        if not pack.add(message):
            break
        count += 1
    if not count:
        raise PackError(f"A message is larger than a pack of {len(slot)} bytes.")
    header = PackHeader(
        PACK_MAGIC, PACK_VERSION, 0, len(slot), count, PACK_HEADER.size, pack.at, pack.at, len(pack.shapes),
        pack.shape_count, pack.heap_start, 0, loop_depth, stream, position, 0,
    )  # fmt: skip
    slot[pack.at : pack.at + len(pack.shapes)] = pack.shapes
    PACK_HEADER.pack_into(slot, 0, *header)
    return Written(pack.at + len(pack.shapes) + len(slot) - pack.heap_start, bytes(pack.shapes), count)


class _Pack:
    """A slot that is being filled: records from the front, values from the back."""

    def __init__(self, slot: memoryview) -> None:
        self.at = PACK_HEADER.size
        self.heap_start = len(slot)
        self.shapes = bytearray()
        self.shape_count = 0
        self._slot = slot
        self._numbers: dict[bytes, int] = {}

    def add(self, message: Message) -> bool:
        """Write one message; False if it has no room."""
        columns = [(Field(name, value), _HEADER) for name, value in message.headers.items()]
        columns += [(field, 0) for field in message.fields]
        shape = _shape(message, columns)
        size = _RECORD.size + 8 * len(columns)
        need = size + sum(_heap_bytes(field.value) for field, _ in columns) + (len(shape) if self._is_new(shape) else 0)
        if need + len(self.shapes) > self.heap_start - self.at or self.shape_count == _MAX_SHAPES:
            return False
        slots = b"".join(self._slot_of(field.value) for field, _ in columns)
        number = self._number(shape)
        _RECORD.pack_into(self._slot, self.at, size // 8, number, 0, message.timestamp_ns, 0, 0)
        self._slot[self.at + _RECORD.size : self.at + size] = slots
        self.at += size
        return True

    def _is_new(self, shape: bytes) -> bool:
        return shape not in self._numbers

    def _number(self, shape: bytes) -> int:
        if self._is_new(shape):
            self._numbers[shape] = self.shape_count
            self.shape_count += 1
            self.shapes += shape
        return self._numbers[shape]

    def _slot_of(self, value: Value) -> bytes:
        if isinstance(value, int):
            return _INT64.pack(value)
        if isinstance(value, float):
            return _DOUBLE_SLOT.pack(value)
        if not isinstance(value, list):
            return self._put(_bytes_of(value))
        slots = b"".join(self._slot_of(element) for element in value)
        self.heap_start -= self.heap_start % 8
        return self._put(_RANGE.pack(_KINDS[type(value[0])], len(value)) + slots)

    def _put(self, data: bytes) -> bytes:
        end = self.heap_start
        self.heap_start -= len(data)
        self._slot[self.heap_start : end] = data
        return _RANGE.pack(self.heap_start, end)


def _heap_bytes(value: Value) -> int:
    """Room that a value takes in the heap, at most."""
    if isinstance(value, list):
        return 16 + sum(8 + _heap_bytes(element) for element in value)
    return 0 if isinstance(value, int | float) else len(_bytes_of(value))


def _bytes_of(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode(errors="replace")


def _shape(message: Message, columns: list[tuple[Field, int]]) -> bytes:
    parts = [struct.pack("<HH", 0, len(columns)), _text(message.type), _text(message.logger)]
    for field, flags in columns:
        kind = _kind_of(field)
        place = _IN_HEAP if kind in {_STRING, _BYTES, _ARRAY} else 0
        parts += (bytes((kind, flags | place)), _text(field.name), _text(field.representation))
    body = b"".join(parts)
    return struct.pack("<I", len(body) + 4) + body


def _kind_of(field: Field) -> int:
    kind = _KINDS.get(type(field.value))
    elements = field.value if isinstance(field.value, list) else [field.value]
    kinds = {_KINDS.get(type(element)) for element in elements}
    if kind is None or len(kinds) != 1 or not kinds < {_STRING, _BYTES, _INTEGER, _DOUBLE, _BOOL}:
        raise PackError(
            f"{field.name}: a value is text, bytes, a number, true or false, or a list of values of one type."
        )
    if any(isinstance(element, int) and not -(1 << 63) <= element < 1 << 63 for element in elements):
        raise PackError(f"{field.name}: an integer has at most 64 bits.")
    return kind


def _text(value: str) -> bytes:
    data = value.encode(errors="replace")[:_MAX_NAME_BYTES]
    return struct.pack("<H", len(data)) + data
