"""Records that are left when a host stops before everything was delivered.

Records of a source that can be read again need nothing: their position has not moved, so the next run reads them. All
others go to the dead letters. While the encoders still run, the outputs put their batches away themselves, as they
were encoded. What is left here is held by a sandbox that does not do its work.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from host.core.errors import PackError, RetryDelivery
from host.outputs.runner import LeftOver
from host.packs import reader
from host.packs.ledger import RawPack, TablePack
from host.pipeline.consumers import is_read_again
from host.pipeline.units.union import FilterUnit, InputUnit, OutputUnit
from host.telemetry.logs import get_logger
from host.telemetry.metrics import ComponentMetrics

if TYPE_CHECKING:
    from host.pipeline.pipeline import Pipeline

_LOG = get_logger("host.pipeline")


def comes_again(pipeline: Pipeline, pack: TablePack) -> bool:
    """Return True if the next run makes the messages of a pack again.

    It does not if a filter made them whose state includes the records they came of, or that no record caused.
    """
    if not is_read_again(pack):
        return False
    if not pack.made_by:
        return True
    maker = pipeline.filters.get(pack.made_by)
    return pack.loop_depth == 1 and maker is not None and not maker.config.preserve_data


class LeftOvers:
    """Puts away what is left in the sandboxes and queues of a pipeline.

    Args:
        pipeline: It does nothing any more.
        reason: Stands in the dead letters.
    """

    def __init__(self, pipeline: Pipeline, reason: str) -> None:
        self._pipeline = pipeline
        self._reason = reason
        self._found = LeftOver()

    def put_away(self) -> LeftOver:
        """Put everything away; return how many records there were."""
        for input_ in self._pipeline.inputs.values():
            for raw, first_record in input_.decoding.drain():
                self._raw_pack(input_, raw, first_record)
        for filter_ in self._pipeline.filters.values():
            self._consumer(filter_, "filter")
        for output in self._pipeline.outputs.values():
            self._consumer(output, "encoder")
        return self._found

    def _raw_pack(self, unit: InputUnit, pack: RawPack, first_record: int) -> None:
        records = list(_records(pack, unit.delimiter))[first_record:]
        if pack.stream.reading:
            self._found += LeftOver(read_again=len(records))
            return
        letters = [
            self._letter(unit.config.name, "inputs", pack.stream.label, pack.position + at, record)
            for at, record in records
        ]
        self._append(letters, unit.metrics)

    def _consumer(self, unit: FilterUnit | OutputUnit, kind: str) -> None:
        for pack, first_record in unit.consumer.undone():
            count = pack.count - first_record
            if comes_again(self._pipeline, pack):
                self._found += LeftOver(read_again=count)
                continue
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
        return self._pipeline.dead_letters.encode(
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
            self._pipeline.dead_letters.append(b"".join(letters), len(letters))
        except RetryDelivery as error:
            _LOG.error("Records are lost: they cannot be kept as dead letters.", reason=str(error))
            self._lose(len(letters), metrics)
            return False
        metrics.count_drop("shutdown", len(letters))
        self._found += LeftOver(dead_letters=len(letters))
        return True

    def _lose(self, count: int, metrics: ComponentMetrics) -> None:
        metrics.count_drop("lost_at_shutdown", count)
        self._found += LeftOver(lost=count)


def _records(pack: RawPack, delimiter: int | None) -> Iterator[tuple[int, bytes]]:
    """Yield where each record of a raw pack begins, and its bytes without the delimiter."""
    data = bytes(pack.arena.view[pack.offset : pack.offset + pack.length])
    if pack.records is not None:
        for start, end in zip(pack.records[::2], pack.records[1::2], strict=True):
            yield start, data[start:end]
        return
    at = 0
    for record in data.removesuffix(bytes([delimiter or 0])).split(bytes([delimiter or 0])):
        yield at, record
        at += len(record) + 1
