"""Cuts a pack between two records, for a replay in which something is due between their times.

Records stand one behind the other, and all that they refer to is counted from the start of the slot or lies in the raw
bytes. So a part of a pack is the header, some of the records, the shapes, and the heap where it was. The layout is
docs/pack-layout.md.
"""

from collections.abc import Sequence
from typing import NamedTuple

from host.core.errors import PackError
from host.packs.protocol import PACK_HEADER, PackHeader, read_pack_header

_WORD_BYTES = 8
_TIMESTAMP_WORD = 1
_MIN_WORDS = 3


class Records(NamedTuple):
    """Where the records of a pack begin, and when they were."""

    timestamps: list[int]
    """In nanoseconds since 1970, in the order of the records."""
    starts: Sequence[int]
    """Counted in bytes from the start of the slot; one more than there are records: the last one is their end."""


def records_of(slot: memoryview, used_bytes: int) -> Records:
    """Find the records of a pack.

    Raises:
        PackError: It does not keep to the layout.
    """
    header = _header(slot, used_bytes)
    words = slot[: header.records_end].cast("Q")
    first = header.records_start // _WORD_BYTES
    if header.shape_count == 1:  # then all are of one length, and Python need not look at each
        length = words[first] & 0xFFFF
        end = first + length * header.record_count
        if length >= _MIN_WORDS and end * _WORD_BYTES == header.records_end:
            times = slot[: header.records_end].cast("q")[first + _TIMESTAMP_WORD :: length]
            return Records(times.tolist(), range(header.records_start, header.records_end + 1, length * _WORD_BYTES))
    return _walk(slot, header)


def _header(slot: memoryview, used_bytes: int) -> PackHeader:
    header = read_pack_header(slot, used_bytes)
    if header is None or header.records_end % _WORD_BYTES:
        raise PackError("A pack has no sound header.")
    return header


def _walk(slot: memoryview, header: PackHeader) -> Records:
    lengths, signed = slot[: header.records_end].cast("Q"), slot[: header.records_end].cast("q")
    at, end = header.records_start // _WORD_BYTES, header.records_end // _WORD_BYTES
    timestamps, starts = [], []
    for _ in range(header.record_count):
        length = lengths[at] & 0xFFFF if at < end else 0
        if length < _MIN_WORDS or at + length > end:
            raise PackError("A record does not lie where records are.")
        timestamps.append(signed[at + _TIMESTAMP_WORD])
        starts.append(at * _WORD_BYTES)
        at += length
    return Records(timestamps, [*starts, at * _WORD_BYTES])


def cut(slot: memoryview, used_bytes: int, records: Records, part: range, target: memoryview) -> None:
    """Write some records, one behind the other, into another slot of the same size.

    Raises:
        PackError: It does not keep to the layout.
    """
    header = _header(slot, used_bytes)
    if len(target) != len(slot):
        raise PackError(f"A pack of {len(slot)} bytes does not go into a slot of {len(target)} bytes.")
    from_, to = records.starts[part.start], records.starts[part.stop]
    records_end = header.records_start + to - from_
    target[header.records_start : records_end] = slot[from_:to]
    shapes_end = header.shapes_start + header.shapes_bytes
    target[records_end : records_end + header.shapes_bytes] = slot[header.shapes_start : shapes_end]
    target[header.heap_start :] = slot[header.heap_start :]
    changed = header._replace(record_count=len(part), records_end=records_end, shapes_start=records_end)
    PACK_HEADER.pack_into(target, 0, *changed)
