"""Packs in files: what was decoded once is read again without decoding. docs/pack-layout.md describes the format."""

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from host.core.errors import PackError
from host.packs.ledger import TablePack
from host.packs.protocol import PACK_HEADER, read_pack_header

MAGIC = b"HKPF\x01\x00\x00\x00"
"""What a file of packs begins with; the fifth byte is the version."""
_ENTRY = struct.Struct("<IIII")


class Entry(NamedTuple):
    """Where a pack lies in a file, and how large its parts are, in bytes."""

    at: int
    """Of the first part; the others follow at once."""
    size: int
    """Of the slot that it lay in."""
    front: int
    """Header, records and shapes: from the start of the slot."""
    heap: int
    """From its end."""
    raw: int
    """The raw bytes."""

    @property
    def end(self) -> int:
        """Behind it."""
        return self.at + self.front + self.heap + self.raw


def parts(pack: TablePack) -> list[bytes | memoryview]:
    """What is to be written for a pack, in this order.

    Raises:
        PackError: It does not keep to the layout.
    """
    slot = pack.arena.view[pack.offset : pack.offset + pack.arena.slot_bytes]
    header = read_pack_header(slot, pack.used_bytes)
    if header is None:
        raise PackError("A pack has no sound header.")
    raw = pack.raw
    raw_bytes = b"" if raw is None else raw.arena.view[raw.offset : raw.offset + raw.length]
    front, heap = slot[: header.shapes_start + header.shapes_bytes], slot[header.heap_start :]
    return [_ENTRY.pack(len(slot), len(front), len(heap), len(raw_bytes)), front, heap, raw_bytes]


def entries(file: BinaryIO, path: str) -> Iterator[Entry]:
    """Find the packs of a file, without reading them.

    Raises:
        PackError: It is no file of packs, or it is cut short.
    """
    total = os.fstat(file.fileno()).st_size
    if os.pread(file.fileno(), len(MAGIC), 0) != MAGIC:
        raise PackError(f"{path} is no file of packs, or one of another version of Hekate.")
    at = len(MAGIC)
    while at < total:
        head = os.pread(file.fileno(), _ENTRY.size, at)
        found = Entry(at + _ENTRY.size, *_ENTRY.unpack(head)) if len(head) == _ENTRY.size else None
        if found is None or found.end > total:
            raise PackError(f"{path} is cut short in the pack at byte {at}.")
        if found.front < PACK_HEADER.size or found.front + found.heap > found.size:
            raise PackError(f"{path}: at byte {at} there is no pack.")
        yield found
        at = found.end


def load(file: BinaryIO, entry: Entry, slot: memoryview, raw: memoryview) -> None:
    """Read a pack into a slot of its size, and its raw bytes into another place.

    Raises:
        PackError: It does not keep to the layout.
    """
    places = [slot[: entry.front], slot[entry.size - entry.heap : entry.size], raw[: entry.raw]]
    got = os.preadv(file.fileno(), places, entry.at)
    header = read_pack_header(slot, entry.front)
    if got != entry.end - entry.at or header is None or header.raw_bytes not in {0, entry.raw}:
        raise PackError(f"The pack at byte {entry.at} does not keep to the layout.")
