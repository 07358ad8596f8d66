"""Writes a pack with one message: what the host itself has to say. The layout is that of `docs/pack-layout.md`."""

import struct
from collections.abc import Mapping
from typing import NamedTuple

from host.packs.protocol import PACK_HEADER, PACK_MAGIC, PACK_VERSION, PackHeader

_STRING, _INTEGER = 1, 7
_IN_HEAP, _HEADER = 1, 2
_RECORD = struct.Struct("<HHIqII")
_RANGE = struct.Struct("<II")
_INT64 = struct.Struct("<q")
_MOST_NAME_BYTES = 65_535

Value = str | int


class Message(NamedTuple):
    """A message of the host."""

    type: str
    logger: str
    timestamp_ns: int
    headers: Mapping[str, Value]
    """Payload, Hostname, Severity, ..."""
    fields: Mapping[str, Value]


class Written(NamedTuple):
    """What `write` has put into a slot."""

    used_bytes: int
    shapes: bytes


def write(slot: memoryview, message: Message, loop_depth: int) -> Written:
    """Write a pack of one message into a slot. The message must fit: whoever makes it keeps its texts short."""
    columns = [(name, value, _HEADER) for name, value in message.headers.items()]
    columns += [(name, value, 0) for name, value in message.fields.items()]
    shapes = _shape(message, columns)
    record_bytes = _RECORD.size + 8 * len(columns)
    records_end = PACK_HEADER.size + record_bytes
    heap_start = len(slot)
    slots = bytearray()
    for _, value, _ in columns:
        if isinstance(value, int):
            slots += _INT64.pack(value)
        else:
            text = value.encode(errors="replace")
            heap_start -= len(text)
            slot[heap_start : heap_start + len(text)] = text
            slots += _RANGE.pack(heap_start, heap_start + len(text))
    assert records_end + len(shapes) <= heap_start
    _RECORD.pack_into(slot, PACK_HEADER.size, record_bytes // 8, 0, 0, message.timestamp_ns, 0, 0)
    slot[PACK_HEADER.size + _RECORD.size : records_end] = slots
    slot[records_end : records_end + len(shapes)] = shapes
    header = PackHeader(
        PACK_MAGIC, PACK_VERSION, 0, len(slot), 1, PACK_HEADER.size, records_end, records_end, len(shapes), 1,
        heap_start, 0, loop_depth, 0, message.timestamp_ns, 0, 0,
    )  # fmt: skip
    PACK_HEADER.pack_into(slot, 0, *header)
    return Written(records_end + len(shapes) + len(slot) - heap_start, shapes)


def _shape(message: Message, columns: list[tuple[str, Value, int]]) -> bytes:
    body = struct.pack("<HH", 0, len(columns)) + _text(message.type) + _text(message.logger)
    for name, value, flags in columns:
        kind, place = (_INTEGER, 0) if isinstance(value, int) else (_STRING, _IN_HEAP)
        body += bytes((kind, flags | place)) + _text(name) + _text("")
    return struct.pack("<I", len(body) + 4) + body


def _text(value: str) -> bytes:
    data = value.encode(errors="replace")[:_MOST_NAME_BYTES]
    return struct.pack("<H", len(data)) + data
