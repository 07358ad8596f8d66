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

    def __init__(self, config: model.Input, context: UnitContext) -> None:
        self.config = config
        self.finished = False
        self.fault: BaseException | None = None
        """The error that ended the input; None if it ended normally."""
        self._closed = False
        self._context = context
        self._task: asyncio.Task[None] | None = None
        self.metrics = context.metrics.component("inputs", config.name, config.type)
        chain = " ".join(sandbox.plugin for sandbox in config.decoder_chain)
        decoder_metrics = context.metrics.component("decoders", config.name, chain)
        splitter = registry.find("splitters", config.splitter.type)
        assert splitter is not None

        def new_splitter() -> Splitter:
            instance: Splitter = splitter.cls(
                config.splitter.options, max_record_bytes=config.max_record_bytes, oversize=config.oversize
            )
            return instance

        self.decoding = DecoderPool(
            config.name, decoder_metrics, context.dead_letters, context.router.route, self._wake_intake, self.metrics
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
        new_input = context.environment.input_class(config)
        self.input: Input = new_input(
            config.name, config.options, self.intake, new_splitter, context.checkpoints, self.metrics, once=context.once
        )
        self.delimiter = new_splitter().delimiter
        self.decoding.sandboxes.extend(self._new_decoders(config))

    def _new_decoders(self, config: model.Input) -> list[Sandbox]:
        spec = specs.decoder(config, self.delimiter, self._context.hostname)
        sandboxes = []
        for number in range(config.decoders):
            name = config.name if config.decoders == 1 else f"{config.name}-{number + 1}"
            slots = (
                SANDBOX_SLOTS + 2 * (MAX_PINNED + MAX_DROPPABLE) + self._context.environment.more_decoder_slots(config)
            )
            arena = self._context.arena(f"decoder-{name}", SANDBOX_SLOT_BYTES, slots)
            sandboxes.append(
                self._context.sandbox(
                    name,
                    config.decoder_chain,
                    spec,
                    arena,
                    self.decoding,
                    self.decoding.metrics,
                    self.intake.slot_bytes,
                )
            )
        return sandboxes

    def can_swap(self, config: model.Input) -> bool:
        """Return True if only the decoders have changed, so that the input itself need not stop."""
        same = msgspec.structs.replace(
            config,
            decoder_chain=self.config.decoder_chain,
            decoder_strategy=self.config.decoder_strategy,
            logger=self.config.logger,
            message_type=self.config.message_type,
        )
        return same == self.config

    async def new_sandboxes(self, config: model.Input) -> list[Sandbox]:
        """Start new decoders for `swap`.

        Raises:
            SandboxError: They do not start.
        """
        return await started(self._new_decoders(config))

    async def swap(self, config: model.Input, new: list[Sandbox]) -> None:
        """Replace the decoders by new ones, one by one, between two packs."""
        for old, sandbox in zip(list(self.decoding.sandboxes), new, strict=True):
            await self.decoding.replace(old, sandbox)
        self.config = config

    def _wake_intake(self) -> None:
        self.intake.wake()

    def _reject(self, stream: Stream, position: int, data: bytes, reason: str) -> None:
        self.metrics.count_drop(reason.replace(" ", "_"))
        self.metrics.failures.count(1, 1)
        self.metrics.failures.note(reason)
        self.metrics.failures.note_record(reason, data, stream.label, position)
        try:
            self._context.dead_letters.append_one(
                component=self.config.name,
                kind="inputs",
                reason=reason,
                stream=stream.label,
                position=position,
                record=data,
            )
        except RetryDelivery as error:
            self.metrics.count_error("dead_letters")
            _LOG.error("Cannot store a rejected record in the dead letters.", input=self.config.name, reason=str(error))

    async def start_sandboxes(self) -> None:
        """Start the decoders."""
        await started(self.decoding.sandboxes)

    async def open(self) -> None:
        """Open the input."""
        await self.input.open()

    def attach(self) -> None:
        """Do nothing: `run` starts the reading."""

    async def detach(self) -> None:
        """Stop reading."""
        await self.stop_reading()

    async def take_over(self, old: InputUnit) -> None:
        """Take over from the previous version of this input.

        Raises:
            StartError: The input cannot be opened; the previous version is closed.
        """
        held, paused = old.decoding.held, old.intake.paused
        await old.detach()
        await old.settle(self._context.settings.shutdown_timeout_ms / 1000)
        await old.close()
        self.decoding.held, self.intake.paused = held, paused
        await self.open()

    def run(self, on_end: Callable[[InputUnit, BaseException | None], None]) -> None:
        """Start reading. `on_end` is called with the error when the input ends, or with None."""
        self._task = asyncio.get_running_loop().create_task(self.input.run(), name=f"input {self.config.name}")

        def ended(task: asyncio.Task[None]) -> None:
            self.finished = True
            self.fault = None if task.cancelled() else task.exception()
            on_end(self, self.fault)

        self._task.add_done_callback(ended)

    async def stop_reading(self) -> None:
        """Stop the input. What it has submitted is still decoded and delivered."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self.intake.paused = False  # it still has to submit what it has received
        if not self._closed:
            self._closed = True
            await self.input.close()

    @property
    def idle(self) -> bool:
        """True if everything that was read is delivered."""
        return self.decoding.idle and self.intake.in_flight == 0

    def waiting(self) -> Waiting | None:
        """Return the component that the input waits for; None if it does not wait."""
        return waiting(self.intake, self.config.name, self._context.router.consumers)

    async def settle(self, timeout_s: float) -> bool:
        """Wait until everything that was read is delivered; return False if it is not in time."""
        await wait_until(lambda: self.decoding.idle and self.intake.in_flight == self.intake.pinned, timeout_s)
        await self._context.save_states()
        return await wait_until(lambda: self.idle, timeout_s)

    @property
    def decoded(self) -> bool:
        """True if everything that was read is decoded."""
        return self.decoding.idle

    @property
    def held(self) -> bool:
        """True if an operator has paused the decoders."""
        return self.decoding.held

    def sandboxes(self) -> list[Sandbox]:
        """Return the decoder sandboxes."""
        return self.decoding.sandboxes

    async def discard(self) -> None:
        """Stop an input that has not read anything."""
        await self.close()

    async def close(self) -> None:
        """Stop the decoders and free the memory."""
        await self.stop_reading()
        await asyncio.gather(*(sandbox.stop() for sandbox in self.decoding.sandboxes))
        self.intake.close()
