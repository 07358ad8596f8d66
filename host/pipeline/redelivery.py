"""Redelivery of dead letters: each record goes back to the component that rejected it.

A record that an input or a decoder rejected goes through the decoders of its input and on to all consumers. A record
that a filter or an encoder failed at is decoded too, but only that filter or output gets it, since all others have
processed it. A batch that an output could not deliver goes to that output as it was encoded.

A record that fails again becomes a new letter. The old letter is done once everything made from it is delivered.
"""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from host.core.errors import HekateError
from host.delivery.letter_files import Letter
from host.outputs.base import Batch
from host.packs.ledger import Stream, TablePack
from host.pipeline.consumers.base import Consumer
from host.pipeline.units.any_unit import InputUnit, OutputUnit

_TIMEOUT_S = 10.0
"""Seconds that the caller of a replay waits for room in the pipeline, and for the delivery."""
_DIRECT = frozenset({"inputs", "decoder"})
_CONSUMERS = {"filter": "filters", "encoder": "outputs"}


class ReplayError(HekateError):
    """A letter cannot be replayed, and is kept."""


class _LateError(ReplayError):
    """The replay has begun and goes on."""


class RunningUnits(Protocol):
    """The running units of a pipeline."""

    inputs: dict[str, InputUnit]

    def units(self, stage: str) -> dict[str, Any]:
        """Return the running units of a stage, by name."""


class _Destination(NamedTuple):
    """The components that a letter goes to."""

    input: InputUnit | None
    consumer: Consumer | None
    output: OutputUnit | None


class _ReplayStream(Stream):
    """A separate stream, so that its positions are not those of an input. It may be for one consumer only."""

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

    def __init__(self, pipeline: RunningUnits) -> None:
        self._pipeline = pipeline
        self._count = 0

    def destination(self, letter: Letter, input_name: str | None) -> _Destination:
        """Return the components that a letter goes to.

        Args:
            letter: The letter.
            input_name: The input whose decoders decode it, if the letter does not say so.

        Raises:
            ReplayError: There is no such component.
        """
        kind, component = str(letter.entry.get("kind")), str(letter.entry.get("component"))
        if letter.is_cut:
            raise ReplayError("Only the beginning of the record was stored.")
        if kind == "outputs":
            return _Destination(None, None, self._unit("outputs", component))
        if kind in _DIRECT:
            return _Destination(self._unit("inputs", component), None, None)
        stage = _CONSUMERS.get(kind)
        if stage is None:
            raise ReplayError(f"The kind `{kind}` is unknown.")
        if not letter.record:
            raise ReplayError("A filter injected the message; it has no record that could be decoded again.")
        unit = self._unit(stage, component)
        return _Destination(self._input(input_name), unit.consumer, None)

    def _unit(self, stage: str, name: str) -> Any:
        unit = self._pipeline.units(stage).get(name)
        if unit is None:
            raise ReplayError(f"The {stage} no longer include `{name}`.")
        return unit

    def _input(self, name: str | None) -> InputUnit:
        inputs = self._pipeline.inputs
        if name is None and len(inputs) == 1:
            return next(iter(inputs.values()))
        if name is None:
            raise ReplayError(f"Name the input whose decoders decode it, with `input`: {', '.join(inputs)}.")
        unit: InputUnit = self._unit("inputs", name)
        return unit

    async def run(
        self,
        letters: Sequence[Letter],
        input_name: str | None,
        late: Callable[[asyncio.Future[None], list[Letter]], None],
    ) -> dict[str, str]:
        """Replay letters; those with the same destination go together.

        Args:
            letters: The letters.
            input_name: The input whose decoders decode them, if a letter does not say so.
            late: Called with the letters of a replay that timed out but goes on, and a future. The future is done when
                they are delivered, and cancelled if they never will be.

        Returns:
            The reason for each letter that was not replayed, by id.
        """
        failed: dict[str, str] = {}
        groups: dict[_Destination, list[Letter]] = {}
        for letter in letters:
            try:
                groups.setdefault(self.destination(letter, input_name), []).append(letter)
            except ReplayError as error:
                failed[str(letter.id)] = str(error)
        for destination, group in groups.items():
            for part in _parts(destination, group):
                done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                try:
                    await self._send(destination, part, done)
                except _LateError as error:
                    late(done, part)
                    failed |= {str(letter.id): str(error) for letter in part}
                except (ReplayError, TimeoutError) as error:
                    reason = str(error) or "The pipeline has no room for it now; it stays in the dead letters."
                    failed |= {str(letter.id): reason for letter in part}
        return failed

    async def _send(self, destination: _Destination, letters: list[Letter], done: asyncio.Future[None]) -> None:
        def finish(_position: int = 0) -> None:
            if not done.done():
                done.set_result(None)

        if destination.output is not None:
            destination.output.metrics.records_replayed += len(letters)
            _deliver(destination.output, letters, finish, done.cancel)
        else:
            assert destination.input is not None
            metrics = destination.input.metrics if destination.consumer is None else destination.consumer.metrics
            metrics.records_replayed += len(letters)
            await asyncio.wait_for(self._submit(destination.input, destination.consumer, letters, finish), _TIMEOUT_S)
        await asyncio.wait([done], timeout=_TIMEOUT_S)
        if done.cancelled():
            raise ReplayError("The output was stopped before it was delivered; it stays in the dead letters.")
        if not done.done():
            raise _LateError(
                "The replay takes long and goes on; the record stays in the dead letters until it is delivered."
            )

    async def _submit(
        self, unit: InputUnit, consumer: Consumer | None, letters: list[Letter], finish: Callable[[int], None]
    ) -> None:
        """Submit records as the input would."""
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


def _parts(destination: _Destination, letters: list[Letter]) -> list[list[Letter]]:
    """Split letters into groups whose records fit into a pack."""
    most_bytes = destination.input.intake.slot_bytes if destination.input is not None else 1 << 20
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
    """Give encoded records to an output."""
    records = [letter.record for letter in letters]
    ends = array("I")
    for record in records:
        ends.append(len(record) + (ends[-1] if ends else 0))

    def given_up(_final: bool) -> bool:
        give_up()
        return True  # the letters stay

    batch = Batch(memoryview(b"".join(records)), len(records), lambda: ends)
    unit.runner.deliver(batch, finish, given_up, may_drop=False)
