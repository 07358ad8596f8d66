"""Puts the records of packs of a rejected producer into the dead letters, under the producer's name."""

from collections.abc import Iterator

from host.delivery.dead_letters import DeadLetters
from host.packs import reader
from host.packs.ledger import RawPack, TablePack
from host.packs.producer import raw_of
from host.pipeline.dead_letter_writer import keep_letters
from host.telemetry.logs import get_logger

_LOG = get_logger("host.router")


def put_away_rejected(letters: DeadLetters, pack: TablePack) -> None:
    """Write the records of a pack to the dead letters, only once even if several consumers have the pack."""
    producer = pack.producer
    assert producer is not None
    if pack.is_put_away:
        return
    pack.is_put_away = True
    reason = producer.rejection_reason
    lines = [
        letters.encode(
            component=producer.name, kind=producer.kind, reason=reason, stream=stream, position=position, record=record
        )
        for stream, position, record in _records(pack)
    ]
    _LOG.error("Records of a malformed pack are in the dead letters.", component=producer.name, records=len(lines))
    keep_letters(letters, b"".join(lines), len(lines), pack)


def _records(pack: TablePack) -> Iterator[tuple[str, int, bytes]]:
    """Yield the stream, position and bytes of each record of a pack."""
    slot = pack.arena.view[pack.offset : pack.offset + pack.arena.slot_bytes]
    raw = pack.raw
    if raw is None:
        yield "", pack.position, bytes(slot[: pack.used_bytes])  # injected messages have no raw record
        return
    data, label = bytes(raw_of(pack)), raw.stream.label
    ranges = reader.raw_ranges(slot, len(data))
    for start, end in _whole(raw, data) if ranges is None else ranges:
        yield label, raw.position + start, data[start:end]


def _whole(raw: RawPack, data: bytes) -> Iterator[tuple[int, int]]:
    """Yield the start and end of every record of a raw pack: the malformed pack does not say which it contains."""
    if raw.records is not None:
        yield from zip(raw.records[::2], raw.records[1::2], strict=True)
        return
    start = 0
    for line in data.splitlines(keepends=True):
        yield start, start + len(line.rstrip(b"\n"))
        start += len(line)
