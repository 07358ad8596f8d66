"""Records that are left undelivered when a host stops or an output is removed.

At a stop, records of a source that can be read again need nothing: their position has not moved, so the next run reads
them again. All others go to the dead letters. Outputs put their encoded batches away themselves while the encoders
still run. What is left here is in the queue of a sandbox that does not do its work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from host.core.errors import PackError, RetryDelivery
from host.delivery.dead_letters import DeadLetters
from host.outputs.runner import LeftOver
from host.packs import reader
from host.packs.ledger import RawPack, TablePack
from host.pipeline.consumers.output import is_read_again
from host.pipeline.units.any_unit import FilterUnit, InputUnit, OutputUnit
from host.pipeline.waits import wait_until
from host.telemetry.logs import get_logger
from host.telemetry.metrics import ComponentMetrics

_LOG = get_logger("host.pipeline")
_ENCODE_S = 5.0
"""Seconds that the encoder of a removed output may take for the packs that it still has."""


def comes_again(filters: Mapping[str, FilterUnit], pack: TablePack) -> bool:
    """Return True if the next run makes the messages of a pack again.

    It does not if a filter made them whose state includes the records they came of, or that no record caused.
    """
    if not is_read_again(pack):
        return False
    if not pack.made_by:
        return True
    producer = filters.get(pack.made_by)
    return pack.loop_depth == 1 and producer is not None and not producer.config.preserve_data


async def put_away_removed(unit: OutputUnit, dead_letters: DeadLetters) -> LeftOver:
    """Move everything that a removed output has not delivered to the dead letters.

    The host goes on without the output and will not read these records again, so their packs are released.
    """
    reason = "the output was removed before it had delivered everything"
    await unit.consumer.put_away(reason, removed=True)
    await wait_until(lambda: unit.idle or not unit.sandbox.will_run, _ENCODE_S)
    left = LeftOvers(dead_letters, lambda _pack: False, reason, drop_reason="removal")
    for pack, first_record in unit.consumer.give_up():
        left.pack(unit, "encoder", pack, first_record)
        unit.consumer.release(pack)
    return unit.runner.left_over + left.count


class LeftOvers:
    """Puts away what is left in sandboxes and queues, and counts it.

    Args:
        dead_letters: Stores the records.
        is_read_again: Returns True if the next run makes the messages of a pack again.
        reason: Stands in the dead letters.
        drop_reason: Counts the records among the drops.
    """

    def __init__(
        self, dead_letters: DeadLetters, is_read_again: Callable[[TablePack], bool], reason: str, *, drop_reason: str
    ) -> None:
        self._dead_letters = dead_letters
        self._is_read_again = is_read_again
        self._reason = reason
        self._drop_reason = drop_reason
        self.count = LeftOver()

    def raw_pack(self, unit: InputUnit, pack: RawPack, first_record: int) -> None:
        """Put away the records of a pack that is not decoded, from `first_record` on."""
        records = list(_records(pack, unit.delimiter))[first_record:]
        if pack.stream.reading:
            self.count += LeftOver(read_again=len(records))
            return
        letters = [
            self._letter(unit.config.name, "inputs", pack.stream.label, pack.position + at, record)
            for at, record in records
        ]
        self._append(letters, unit.metrics)

    def pack(self, unit: FilterUnit | OutputUnit, kind: str, pack: TablePack, first_record: int) -> None:
        """Put away the messages of a decoded pack, from `first_record` on."""
        count = pack.count - first_record
        if self._is_read_again(pack):
            self.count += LeftOver(read_again=count)
            return
        slot = pack.arena.view[pack.offset : pack.offset + pack.arena.slot_bytes]
        raw = pack.raw
        data = b"" if raw is None else bytes(raw.arena.view[raw.offset : raw.offset + raw.length])
        label = "" if pack.origin is None else pack.origin.stream.label
        letters = []
        try:
            for message, record in reader.read_with_records(slot, data):
                extra = {} if record else {"message": message}
                letters.append(self._letter(unit.config.name, kind, label, pack.position, record, **extra))
        except PackError as error:
            _LOG.error("A pack cannot be read.", component=unit.config.name, reason=str(error))
            self._lose(count - len(letters), unit.metrics)
        if self._append(letters[first_record:], unit.metrics) and pack.deliveries:
            unit.consumer.release(pack)  # a snapshot waits for it

    def _letter(self, component: str, kind: str, stream: str, position: int, record: bytes, **extra: Any) -> bytes:
        return self._dead_letters.encode(
            component=component,
            kind=kind,
            reason=self._reason,
            stream=stream,
            position=position,
            record=record,
            **extra,
        )

    def _append(self, letters: list[bytes], metrics: ComponentMetrics) -> bool:
        """Append dead letters; return False if they are lost."""
        try:
            self._dead_letters.append(b"".join(letters), len(letters))
        except RetryDelivery as error:
            _LOG.error("Records are lost: they cannot be kept as dead letters.", reason=str(error))
            self._lose(len(letters), metrics)
            return False
        metrics.count_drop(self._drop_reason, len(letters))
        self.count += LeftOver(dead_letters=len(letters))
        return True

    def _lose(self, count: int, metrics: ComponentMetrics) -> None:
        metrics.count_drop(f"lost_at_{self._drop_reason}", count)
        self.count += LeftOver(lost=count)


def _records(pack: RawPack, delimiter: int | None) -> Iterator[tuple[int, bytes]]:
    """Yield the start of each record of a raw pack, and its bytes without the delimiter."""
    data = bytes(pack.arena.view[pack.offset : pack.offset + pack.length])
    if pack.records is not None:
        for start, end in zip(pack.records[::2], pack.records[1::2], strict=True):
            yield start, data[start:end]
        return
    at = 0
    for record in data.removesuffix(bytes([delimiter or 0])).split(bytes([delimiter or 0])):
        yield at, record
        at += len(record) + 1
