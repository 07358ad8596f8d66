"""Dead letters once more: each record goes to where it was refused.

What an input or a decoder refused goes through the decoders of its input, and from there everywhere. What a filter or
the encoder of an output failed at is decoded likewise, but only that filter or output has it: all others have had it.
What an output could not deliver is handed to that output as it was encoded.

A record may fail again; then it becomes a new letter. The old one is done with once all have delivered what came of it.
"""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from host.core.errors import HekateError
from host.delivery.letter_files import Letter
from host.outputs.base import Batch
from host.packs.ledger import Stream, TablePack
from host.pipeline.consumers import Consumer
from host.pipeline.units.union import InputUnit, OutputUnit

if TYPE_CHECKING:
    from host.pipeline.pipeline import Pipeline

_PATIENCE_S = 10.0
"""How long whoever asks for a replay waits for room, and for what comes of it."""
_DIRECT = frozenset({"inputs", "decoder"})
_CONSUMERS = {"filter": "filters", "encoder": "outputs"}


class ReplayError(HekateError):
    """A letter cannot be replayed, and stays."""


class _LateError(ReplayError):
    """It was begun, and goes on."""


class _Way(NamedTuple):
    """Where a letter goes."""

    input: InputUnit | None
    consumer: Consumer | None
    output: OutputUnit | None


class _ReplayStream(Stream):
    """A stream of its own, so that nobody takes its positions for those of an input; maybe for one consumer only."""

    __slots__ = ("consumer",)

    def __init__(self, key: str, consumer: Consumer | None, on_released: Callable[[int], None]) -> None:
        super().__init__(key, "replayed dead letters", on_released)
        self.consumer = consumer

    def in_order(self, route: Callable[[TablePack], None]) -> None:
        """Route to the one consumer, if there is one."""
        super().in_order(route if self.consumer is None else self._give)

    def _give(self, pack: TablePack) -> None:
        assert self.consumer is not None
        self.consumer.take(pack)
        pack.release()


class Replay:
    """Replays letters of a running pipeline."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._count = 0

    def way(self, letter: Letter, input_name: str | None) -> _Way:
        """Where a letter goes.

        Args:
            letter: The letter.
            input_name: Whose decoders make messages of it, where that cannot be known.

        Raises:
            ReplayError: It can go nowhere.
        """
        kind, component = str(letter.entry.get("kind")), str(letter.entry.get("component"))
        if letter.is_cut:
            raise ReplayError("Only the beginning of the record was kept.")
        if kind == "outputs":
            return _Way(None, None, self._unit("outputs", component))
        if kind in _DIRECT:
            return _Way(self._unit("inputs", component), None, None)
        stage = _CONSUMERS.get(kind)
        if stage is None:
            raise ReplayError(f"Nothing is known of the kind `{kind}`.")
        if not letter.record:
            raise ReplayError("The message had no record of an input: a filter had made it.")
        unit = self._unit(stage, component)
        return _Way(self._input(input_name), unit.consumer, None)

    def _unit(self, stage: str, name: str) -> Any:
        unit = self._pipeline.units(stage).get(name)
        if unit is None:
            raise ReplayError(f"There is no `{name}` among the {stage} any more.")
        return unit

    def _input(self, name: str | None) -> InputUnit:
        inputs = self._pipeline.inputs
        if name is None and len(inputs) == 1:
            return next(iter(inputs.values()))
        if name is None:
            raise ReplayError(f"Say by which input's decoders it is decoded, with `input`: {', '.join(inputs)}.")
        unit: InputUnit = self._unit("inputs", name)
        return unit

    async def run(
        self,
        letters: Sequence[Letter],
        input_name: str | None,
        late: Callable[[asyncio.Future[None], list[Letter]], None],
    ) -> dict[str, str]:
        """Replay letters, those with the same way together.

        Args:
            letters: The letters.
            input_name: Whose decoders make messages of them, where that cannot be known.
            late: Told of letters among those that failed which are being delivered nevertheless, and of what is done
                when they are, and cancelled if they never will be.

        Returns:
            Why those were not replayed that were not, by id.
        """
        failed: dict[str, str] = {}
        groups: dict[_Way, list[Letter]] = {}
        for letter in letters:
            try:
                groups.setdefault(self.way(letter, input_name), []).append(letter)
            except ReplayError as error:
                failed[str(letter.id)] = str(error)
        for way, group in groups.items():
            for part in _parts(way, group):
                done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                try:
                    await self._send(way, part, done)
                except _LateError as error:
                    late(done, part)
                    failed |= {str(letter.id): str(error) for letter in part}
                except (ReplayError, TimeoutError) as error:
                    reason = str(error) or "There is no room for it now; it stays among the dead letters."
                    failed |= {str(letter.id): reason for letter in part}
        return failed

    async def _send(self, way: _Way, letters: list[Letter], done: asyncio.Future[None]) -> None:
        def finish(_position: int = 0) -> None:
            if not done.done():
                done.set_result(None)

        if way.output is not None:
            way.output.metrics.records_replayed += len(letters)
            _deliver(way.output, letters, finish, done.cancel)
        else:
            assert way.input is not None
            metrics = way.input.metrics if way.consumer is None else way.consumer.metrics
            metrics.records_replayed += len(letters)
            await asyncio.wait_for(self._submit(way.input, way.consumer, letters, finish), _PATIENCE_S)
        await asyncio.wait([done], timeout=_PATIENCE_S)
        if done.cancelled():
            raise ReplayError("The output was stopped before it was delivered; it stays among the dead letters.")
        if not done.done():
            raise _LateError("It takes long, and goes on; it stays among the dead letters until it is delivered.")

    async def _submit(
        self, unit: InputUnit, consumer: Consumer | None, letters: list[Letter], finish: Callable[[int], None]
    ) -> None:
        """Hand records in, as the input would."""
        self._count += 1
        stream = _ReplayStream(f"replay/{self._count}", consumer, finish)
        slot = await unit.intake.slot()
        at = 0
        table = array("I")
        for letter in letters:
            record = letter.record
            slot.view[at : at + len(record)] = record
            table.extend((at, at + len(record)))
            at += len(record)
        unit.intake.submit(slot, stream, position=0, next_position=at, length=at, records=table)
        unit.intake.close_stream(stream)


def _parts(way: _Way, letters: list[Letter]) -> list[list[Letter]]:
    """As many records at a time as fit into a pack."""
    most_bytes = way.input.intake.slot_bytes if way.input is not None else 1 << 20
    parts: list[list[Letter]] = [[]]
    size = 0
    for letter in letters:
        length = len(letter.record)
        if parts[-1] and size + length > most_bytes:
            parts.append([])
            size = 0
        parts[-1].append(letter)
        size += length
    return parts


def _deliver(
    unit: OutputUnit, letters: list[Letter], finish: Callable[[], None], give_up: Callable[[], object]
) -> None:
    """Hand records to an output, as its encoder had made them."""
    records = [letter.record for letter in letters]
    ends = array("I")
    for record in records:
        ends.append(len(record) + (ends[-1] if ends else 0))

    def given_up(_final: bool) -> bool:
        give_up()
        return True  # the letters stay

    batch = Batch(memoryview(b"".join(records)), len(records), lambda: ends)
    unit.runner.deliver(batch, finish, given_up, may_drop=False)
