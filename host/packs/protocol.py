"""What host and sandboxes say to each other over their socket.

`docs/protocol.md` describes it, `kernel/channel.lua` is its other side. A datagram holds one or more commands (host to
sandbox) or reports (sandbox to host), of fixed size; some are followed by text. Data never travels here, only places
in arenas.
"""

import struct
from enum import IntEnum, IntFlag
from typing import NamedTuple


class Op(IntEnum):
    """Commands of the host."""

    PACK = 1
    GRANT = 2
    TICK = 3
    MAP = 4
    UNMAP = 5
    STOP = 6
    SKIP = 7
    INIT = 8
    MODULE = 9
    SNAPSHOT = 10
    RESTORE = 11
    PROBE = 12
    CALL = 13
    WATCH = 14


class Said(IntEnum):
    """Reports of a sandbox."""

    READY = 1
    EMIT = 2
    DONE = 3
    TICKED = 4
    PRINT = 5
    TERMINATED = 6
    NEED_MODULE = 7
    FAILURE = 8
    SNAPSHOT_TAKEN = 9
    RESTORED = 10
    COVERED = 11
    NEEDS = 12
    ANSWERED = 13


class Emitted(IntEnum):
    """What an EMIT carries."""

    PACK = 0
    BATCH = 1
    DEAD_LETTERS = 2
    STATE = 3


class PackFlags(IntFlag):
    """Flags of a command PACK."""

    DELIMITED = 1
    CAREFUL = 2
    REBUILD = 4


class TickFlags(IntFlag):
    """Flags of a command TICK."""

    LAST = 1
    REPEATED = 2


NEVER_MATCHES = 1
"""Flag of a report DONE: no record of a pack with these shapes can match."""

TEXTS = frozenset(Said) - {Said.READY, Said.EMIT, Said.DONE, Said.TICKED}
"""Reports that are followed by text."""

COMMAND = struct.Struct("<IIIIIIIIQqqIIII")
REPORT = struct.Struct("<IIIIIIIIIIII")
MAX_DATAGRAM_BYTES = 256 * 1024
MAX_TEXT_BYTES = 128 * 1024

PACK_HEADER = struct.Struct("<IHHIIIIIIIIIIQqQ")
PACK_MAGIC = 0x31504B48
PACK_VERSION = 1


class Report(NamedTuple):
    """A report, as `REPORT` unpacks it."""

    op: int
    pack: int
    kind: int
    offset: int
    used_bytes: int
    records: int
    received: int
    matched: int
    failed: int
    first_record: int
    flags: int
    injected: int


class PackHeader(NamedTuple):
    """The header of a pack."""

    magic: int
    version: int
    flags: int
    size: int
    record_count: int
    records_start: int
    records_end: int
    shapes_start: int
    shapes_bytes: int
    shape_count: int
    heap_start: int
    raw_bytes: int
    loop_depth: int
    stream: int
    position: int
    reserved: int


def command(
    op: Op,
    *,
    pack: int = 0,
    raw: tuple[int, int, int] = (0, 0, 0),
    table: tuple[int, int, int] = (0, 0, 0),
    stream: int = 0,
    position: int = 0,
    now_ns: int = 0,
    records: int = 0,
    first_record: int = 0,
    flags: int = 0,
    loop_depth: int = 0,
) -> bytes:
    """Pack one command. raw and table are (arena, offset, bytes)."""
    return COMMAND.pack(op, pack, *raw, *table, stream, position, now_ns, records, first_record, flags, loop_depth)


def read_pack_header(slot: memoryview, used_bytes: int) -> PackHeader | None:
    """The header of a pack in a slot, or None if it cannot be one: all its offsets are checked here."""
    if used_bytes < PACK_HEADER.size or used_bytes > len(slot):
        return None
    header = PackHeader._make(PACK_HEADER.unpack_from(slot))
    sound = (
        header.magic == PACK_MAGIC
        and header.version == PACK_VERSION
        and header.size == len(slot)
        and PACK_HEADER.size == header.records_start
        and header.records_start <= header.records_end == header.shapes_start
        and header.shapes_start + header.shapes_bytes <= header.heap_start <= header.size
        and 0 < header.record_count <= (header.records_end - header.records_start) // 24
        and 0 < header.shape_count <= header.shapes_bytes // 12
    )
    return header if sound else None
