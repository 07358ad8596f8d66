"""Packs of a condemned process: their records go to the dead letters under its name."""

from collections.abc import Iterator

from host.delivery.dead_letters import DeadLetters
from host.packs import reader
from host.packs.ledger import RawPack, TablePack
from host.packs.producer import raw_of
from host.pipeline.dead_letter_writer import keep_letters
from host.telemetry.logs import get_logger

_LOG = get_logger("host.router")


def bury(letters: DeadLetters, pack: TablePack) -> None:
    """Write the records of a pack to the dead letters, once however many consumers had it."""
    maker = pack.maker
    assert maker is not None
    if pack.buried:
        return
    pack.buried = True
    reason = maker.condemned
    lines = [
        letters.encode(
            component=maker.name, kind=maker.kind, reason=reason, stream=stream, position=position, record=record
        )
        for stream, position, record in _records(pack)
    ]
    _LOG.error("Records of a malformed pack are in the dead letters.", component=maker.name, records=len(lines))
    keep_letters(letters, b"".join(lines), len(lines), pack)


def _records(pack: TablePack) -> Iterator[tuple[str, int, bytes]]:
    """The records of a pack, each with its stream and its position there."""
    slot = pack.arena.view[pack.offset : pack.offset + pack.arena.slot_bytes]
    raw = pack.raw
    if raw is None:
        yield "", pack.position, bytes(slot[: pack.used_bytes])  # a filter's messages stand nowhere else
        return
    data, label = bytes(raw_of(pack)), raw.stream.label
    ranges = reader.raw_ranges(slot, len(data))
    for start, end in _whole(raw, data) if ranges is None else ranges:
        yield label, raw.position + start, data[start:end]


def _whole(raw: RawPack, data: bytes) -> Iterator[tuple[int, int]]:
    """All records of a raw pack: nothing is known of those that the malformed pack stands for."""
    if raw.records is not None:
        yield from zip(raw.records[::2], raw.records[1::2], strict=True)
        return
    start = 0
    for line in data.splitlines(keepends=True):
        yield start, start + len(line.rstrip(b"\n"))
        start += len(line)
