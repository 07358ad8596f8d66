"""The running parts of a pipeline: an input with its decoders, a filter, an output with its encoder."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from host.config import model, registry
from host.delivery.checkpoints import Checkpoints
from host.delivery.dead_letters import DeadLetters
from host.errors import RetryDelivery
from host.inputs.base import Input
from host.outputs.base import Output
from host.outputs.runner import OutputRunner
from host.packs.arena import Arena
from host.packs.intake import Intake
from host.packs.ledger import Stream
from host.pipeline import specs
from host.router.consumer import Consumer, FilterConsumer, OutputConsumer
from host.router.decoding import Decoding
from host.router.router import Router
from host.sandbox.sandbox import Owner, Sandbox
from host.sandbox.zygote_client import ZygoteClient
from host.splitters.base import Splitter
from host.telemetry.logs import get_logger
from host.telemetry.metrics import ComponentMetrics, Registry

_LOG = get_logger("host.pipeline")

_POLL_S = 0.005
_SANDBOX_SLOT_BYTES = 512 * 1024
_BATCH_SLOT_BYTES = 1024 * 1024
_SANDBOX_SLOTS = 16
_FILTER_SLOTS = 256
"""More than it uses as a rule: see `FilterConsumer`. What was never used takes no memory."""


class Surroundings:
    """What all units of a host share."""

    def __init__(
        self,
        settings: model.HostSettings,
        *,
        zygote: ZygoteClient,
        router: Router,
        metrics: Registry,
        checkpoints: Checkpoints,
        dead_letters: DeadLetters,
        once: bool,
    ) -> None:
        self.settings = settings
        self.zygote = zygote
        self.router = router
        self.metrics = metrics
        self.checkpoints = checkpoints
        self.dead_letters = dead_letters
        self.once = once
        self.hostname = settings.hostname or socket.gethostname()
        self.read_module = specs.module_reader(settings.sandbox_dir)
        self.state_dir = Path(settings.state_dir)

    def sandbox(  # noqa: PLR0917 -- what the units know
        self,
        name: str,
        sandboxes: tuple[model.Sandbox, ...],
        spec: dict[str, Any],
        arena: Arena,
        owner: Owner,
        metrics: ComponentMetrics,
        pack_bytes: int,
    ) -> Sandbox:
        """Make a sandbox; it is not started."""
        return Sandbox(
            name,
            order=specs.order(name, sandboxes, pack_bytes, allow_unjailed=self.settings.allow_unjailed),
            spec=spec,
            arena=arena,
            zygote=self.zygote,
            owner=owner,
            metrics=metrics,
            cpu_limit_ms=specs.cpu_limit_ms(sandboxes),
            read_module=self.read_module,
        )


class InputUnit:
    """An input, its intake, and its decoder processes."""

    def __init__(self, config: model.Input, around: Surroundings) -> None:
        self.config = config
        self.finished = False
        self._around = around
        self._task: asyncio.Task[None] | None = None
        self.metrics = around.metrics.component("inputs", config.name, config.type)
        chain = " ".join(sandbox.plugin for sandbox in config.decoder_chain)
        decoder_metrics = around.metrics.component("decoders", config.name, chain)
        splitter = registry.find("splitters", config.splitter.type)
        cls = registry.find("inputs", config.type)
        assert splitter is not None
        assert cls is not None

        def new_splitter() -> Splitter:
            made: Splitter = splitter.cls(
                config.splitter.options, max_record_bytes=config.max_record_bytes, oversize=config.oversize
            )
            return made

        self.decoding = Decoding(
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
        self.input: Input = cls.cls(
            config.name, config.options, self.intake, new_splitter, around.checkpoints, self.metrics, once=around.once
        )
        spec = specs.decoder(config, new_splitter().delimiter, around.hostname)
        for number in range(config.decoders):
            name = config.name if config.decoders == 1 else f"{config.name}-{number + 1}"
            arena = Arena(f"decoder-{name}", _SANDBOX_SLOT_BYTES, _SANDBOX_SLOTS, host_writes=False)
            self.decoding.sandboxes.append(
                around.sandbox(
                    name, config.decoder_chain, spec, arena, self.decoding, decoder_metrics, self.intake.slot_bytes
                )
            )

    def _wake_intake(self) -> None:
        self.intake.wake()

    def _reject(self, stream: Stream, position: int, data: bytes, reason: str) -> None:
        self.metrics.count_drop(reason.replace(" ", "_"))
        try:
            self._around.dead_letters.append_one(
                component=self.config.name,
                kind="inputs",
                reason=reason,
                stream=stream.label,
                position=position,
                record=data,
            )
        except RetryDelivery as fault:
            self.metrics.count_error("dead_letters")
            _LOG.error("A refused record could not be kept.", input=self.config.name, reason=str(fault))

    async def start(self) -> None:
        """Start the decoders and open the input."""
        await asyncio.gather(*(sandbox.start() for sandbox in self.decoding.sandboxes))
        await self.input.open()

    def run(self, on_end: Callable[[InputUnit, BaseException | None], None]) -> None:
        """Let the input read until it ends; on_end is told how."""
        self._task = asyncio.get_running_loop().create_task(self.input.run(), name=f"input {self.config.name}")

        def ended(task: asyncio.Task[None]) -> None:
            self.finished = True
            on_end(self, None if task.cancelled() else task.exception())

        self._task.add_done_callback(ended)

    async def stop_reading(self) -> None:
        """End the input. What it has handed in is still decoded and delivered."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.input.close()

    @property
    def idle(self) -> bool:
        """Whether all that was read is delivered."""
        return self.decoding.idle and self.intake.in_flight == 0

    @property
    def decoded(self) -> bool:
        """Whether all that was read is decoded."""
        return self.decoding.idle

    def sandboxes(self) -> list[Sandbox]:
        """The decoder processes."""
        return self.decoding.sandboxes

    async def close(self) -> None:
        """End the decoders and let the memory go."""
        await asyncio.gather(*(sandbox.stop() for sandbox in self.decoding.sandboxes))
        for sandbox in self.decoding.sandboxes:
            sandbox.arena.close()
        self.intake.close()


class ConsumerUnit:
    """What a filter and an output have in common."""

    consumer: Consumer
    sandbox: Sandbox
    metrics: ComponentMetrics

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is being worked on."""
        return self.consumer.idle

    def sandboxes(self) -> list[Sandbox]:
        """Its process."""
        return [self.sandbox]


class FilterUnit(ConsumerUnit):
    """A filter."""

    def __init__(self, config: model.Filter, around: Surroundings) -> None:
        self.config = config
        self._around = around
        self._timer: asyncio.Task[None] | None = None
        self.metrics = around.metrics.component("filters", config.name, config.sandbox.plugin)
        consumer = FilterConsumer(
            config.name, config.queue, self.metrics, around.dead_letters, around.router.forget_routes
        )
        consumer.made_by = config.name
        consumer.route = around.router.route
        consumer.restart = config.on_terminate == "restart"
        consumer.max_loops = around.settings.max_loops
        arena = Arena(f"filter-{config.name}", _SANDBOX_SLOT_BYTES, _FILTER_SLOTS, host_writes=False)
        self.sandbox = around.sandbox(
            config.name, (config.sandbox,), specs.filter_(config, around.hostname), arena, consumer, self.metrics, 0
        )
        consumer.sandbox = self.sandbox
        self.consumer = consumer

    async def start(self) -> None:
        """Start the sandbox and its timer, and let it have messages."""
        await self.sandbox.start()
        self._around.router.add([self.consumer])
        if self.config.ticker_interval > 0:
            self._timer = asyncio.get_running_loop().create_task(self._tick(), name=f"ticker {self.config.name}")

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        interval = self.config.ticker_interval
        due = loop.time() + interval
        while True:
            await asyncio.sleep(max(0.0, due - loop.time()))
            await self.sandbox.tick(time.time_ns(), shutdown=False)
            due = max(due + interval, loop.time())

    async def stop_timer(self) -> None:
        """No timer_event any more."""
        if self._timer is not None:
            self._timer.cancel()
            await asyncio.gather(self._timer, return_exceptions=True)
            self._timer = None

    async def last_tick(self) -> None:
        """Let it say its last: timer_event(ns, true). A process that has just died is waited for."""
        await self.stop_timer()
        while self.sandbox.state in {"starting", "backing_off"} or self.sandbox.ticking:  # noqa: ASYNC110 -- it is short
            await asyncio.sleep(_POLL_S)
        await self.sandbox.tick(time.time_ns(), shutdown=True)

    async def close(self) -> None:
        """End it. What is left in its queue is dropped and counted."""
        await self.stop_timer()
        self._around.router.remove(self.consumer)
        self.consumer.drop_all("removed")
        await self.sandbox.stop()


class OutputUnit(ConsumerUnit):
    """An output and its encoder."""

    consumer: OutputConsumer

    def __init__(self, config: model.Output, around: Surroundings) -> None:
        self.config = config
        self._around = around
        self.metrics = around.metrics.component("outputs", config.name, config.type)
        cls = registry.find("outputs", config.type)
        assert cls is not None
        self.output: Output = cls.cls(config.name, config.options, self.metrics, state_dir=around.state_dir)
        self.runner = OutputRunner(self.output, self.metrics, config.retries, around.dead_letters)
        consumer = OutputConsumer(
            config.name, config.queue, self.metrics, around.dead_letters, around.router.forget_routes
        )
        consumer.runner = self.runner
        arena = Arena(f"encoder-{config.name}", _BATCH_SLOT_BYTES, _SANDBOX_SLOTS, host_writes=False)
        self.sandbox = around.sandbox(
            config.name, (config.encoder,), specs.encoder(config, around.hostname), arena, consumer, self.metrics, 0
        )
        consumer.sandbox = self.sandbox
        self.consumer = consumer

    async def start(self) -> None:
        """Open the output, start the encoder, and let it have messages."""
        await self.output.open()
        await self.sandbox.start()
        self._around.router.add([self.consumer])

    async def close(self) -> None:
        """End it. What is left in its queue is dropped and counted."""
        self._around.router.remove(self.consumer)
        await self.runner.stop()
        self.consumer.drop_all("removed")
        await self.sandbox.stop()
        await self.output.close()


Unit = InputUnit | FilterUnit | OutputUnit
