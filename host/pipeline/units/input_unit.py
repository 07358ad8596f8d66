"""An input, its intake, and its decoder processes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from host.config import model, registry
from host.core.errors import RetryDelivery
from host.inputs.base import Input
from host.packs.intake import MAX_DROPPABLE, MAX_PINNED, Intake
from host.packs.ledger import Stream
from host.pipeline import specs
from host.pipeline.back_pressure import Waiting, waiting
from host.pipeline.context import SANDBOX_SLOT_BYTES, SANDBOX_SLOTS, UnitContext
from host.pipeline.decoder_pool import DecoderPool
from host.pipeline.waits import started, wait_until
from host.sandbox.sandbox import Sandbox
from host.splitters.base import Splitter
from host.telemetry.logs import get_logger

_LOG = get_logger("host.pipeline")


class InputUnit:
    """An input, its intake, and its decoder processes."""

    def __init__(self, config: model.Input, around: UnitContext) -> None:
        self.config = config
        self.finished = False
        self.fault: BaseException | None = None
        """Why it ended, if it should not have."""
        self._closed = False
        self._around = around
        self._task: asyncio.Task[None] | None = None
        self.metrics = around.metrics.component("inputs", config.name, config.type)
        chain = " ".join(sandbox.plugin for sandbox in config.decoder_chain)
        decoder_metrics = around.metrics.component("decoders", config.name, chain)
        splitter = registry.find("splitters", config.splitter.type)
        assert splitter is not None

        def new_splitter() -> Splitter:
            made: Splitter = splitter.cls(
                config.splitter.options, max_record_bytes=config.max_record_bytes, oversize=config.oversize
            )
            return made

        self.decoding = DecoderPool(
            config.name, decoder_metrics, around.dead_letters, around.router.route, self._wake_intake, self.metrics
        )
        self.intake = Intake(
            config.name,
            slot_bytes=config.pack_bytes,
            slots=config.packs,
            max_record_bytes=config.max_record_bytes,
            has_room=self.decoding.has_room,
            decode=self.decoding.decode,
            reject=self._reject,
            metrics=self.metrics,
        )
        new_input = around.world.input_class(config)
        self.input: Input = new_input(
            config.name, config.options, self.intake, new_splitter, around.checkpoints, self.metrics, once=around.once
        )
        self.delimiter = new_splitter().delimiter
        self.decoding.sandboxes.extend(self._new_decoders(config))

    def _new_decoders(self, config: model.Input) -> list[Sandbox]:
        spec = specs.decoder(config, self.delimiter, self._around.hostname)
        made = []
        for number in range(config.decoders):
            name = config.name if config.decoders == 1 else f"{config.name}-{number + 1}"
            slots = SANDBOX_SLOTS + 2 * (MAX_PINNED + MAX_DROPPABLE) + self._around.world.more_decoder_slots(config)
            arena = self._around.arena(f"decoder-{name}", SANDBOX_SLOT_BYTES, slots)
            made.append(
                self._around.sandbox(
                    name,
                    config.decoder_chain,
                    spec,
                    arena,
                    self.decoding,
                    self.decoding.metrics,
                    self.intake.slot_bytes,
                )
            )
        return made

    def can_swap(self, config: model.Input) -> bool:
        """Whether only what its decoders do has changed, so that the input itself need not stop."""
        same = msgspec.structs.replace(
            config,
            decoder_chain=self.config.decoder_chain,
            decoder_strategy=self.config.decoder_strategy,
            logger=self.config.logger,
            message_type=self.config.message_type,
        )
        return same == self.config

    async def new_sandboxes(self, config: model.Input) -> list[Sandbox]:
        """Start what `swap` is to put in.

        Raises:
            SandboxError: They do not start.
        """
        return await started(self._new_decoders(config))

    async def swap(self, config: model.Input, new: list[Sandbox]) -> None:
        """Put new decoders in the place of the old ones, one by one, between two packs."""
        for old, sandbox in zip(list(self.decoding.sandboxes), new, strict=True):
            await self.decoding.swap(old, sandbox)
        self.config = config

    def _wake_intake(self) -> None:
        self.intake.wake()

    def _reject(self, stream: Stream, position: int, data: bytes, reason: str) -> None:
        self.metrics.count_drop(reason.replace(" ", "_"))
        self.metrics.failures.count(1, 1)
        self.metrics.failures.note(reason)
        self.metrics.failures.note_record(reason, data, stream.label, position)
        try:
            self._around.dead_letters.append_one(
                component=self.config.name,
                kind="inputs",
                reason=reason,
                stream=stream.label,
                position=position,
                record=data,
            )
        except RetryDelivery as error:
            self.metrics.count_error("dead_letters")
            _LOG.error("A refused record could not be kept.", input=self.config.name, reason=str(error))

    async def start_sandboxes(self) -> None:
        """Start the decoders."""
        await started(self.decoding.sandboxes)

    async def open(self) -> None:
        """Open the input."""
        await self.input.open()

    def attach(self) -> None:
        """Nothing: `run` lets it read."""

    async def detach(self) -> None:
        """Read no more."""
        await self.stop_reading()

    async def take_over(self, old: InputUnit) -> None:
        """Go on where another version of the same input stopped.

        Raises:
            StartError: It cannot be opened; the other one is closed.
        """
        held, paused = old.decoding.held, old.intake.paused
        await old.detach()
        await old.settle(self._around.settings.shutdown_timeout_ms / 1000)
        await old.close()
        self.decoding.held, self.intake.paused = held, paused
        await self.open()

    def run(self, on_end: Callable[[InputUnit, BaseException | None], None]) -> None:
        """Let the input read until it ends; on_end is told how."""
        self._task = asyncio.get_running_loop().create_task(self.input.run(), name=f"input {self.config.name}")

        def ended(task: asyncio.Task[None]) -> None:
            self.finished = True
            self.fault = None if task.cancelled() else task.exception()
            on_end(self, self.fault)

        self._task.add_done_callback(ended)

    async def stop_reading(self) -> None:
        """End the input. What it has handed in is still decoded and delivered."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self.intake.paused = False  # what it has received already is still to be handed in
        if not self._closed:
            self._closed = True
            await self.input.close()

    @property
    def idle(self) -> bool:
        """Whether all that was read is delivered."""
        return self.decoding.idle and self.intake.in_flight == 0

    def waiting(self) -> Waiting | None:
        """Return for which component the input waits; None if it does not wait."""
        return waiting(self.intake, self.config.name, self._around.router.consumers)

    async def settle(self, timeout_s: float) -> bool:
        """Wait until all that was read is delivered; whether it is."""
        await wait_until(lambda: self.decoding.idle and self.intake.in_flight == self.intake.pinned, timeout_s)
        await self._around.save_states()
        return await wait_until(lambda: self.idle, timeout_s)

    @property
    def decoded(self) -> bool:
        """Whether all that was read is decoded."""
        return self.decoding.idle

    @property
    def held(self) -> bool:
        """Whether an operator has paused its decoders."""
        return self.decoding.held

    def sandboxes(self) -> list[Sandbox]:
        """The decoder processes."""
        return self.decoding.sandboxes

    async def discard(self) -> None:
        """End it before it has done anything."""
        await self.close()

    async def close(self) -> None:
        """End the decoders and let the memory go."""
        await self.stop_reading()
        await asyncio.gather(*(sandbox.stop() for sandbox in self.decoding.sandboxes))
        self.intake.close()
