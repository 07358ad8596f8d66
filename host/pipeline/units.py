"""The running parts of a pipeline: an input with its decoders, a filter, an output with its encoder."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from host.config import limits, model, registry
from host.delivery.checkpoints import Checkpoints
from host.delivery.dead_letters import DeadLetters
from host.errors import HekateError, RetryDelivery
from host.inputs.base import Input
from host.outputs.base import Output
from host.outputs.runner import OutputRunner
from host.packs.arena import Arena
from host.packs.intake import MOST_KEPT, Intake
from host.packs.ledger import Stream
from host.pipeline import specs
from host.pipeline.judge import Judge
from host.router import kinds
from host.router.consumer import FilterConsumer, OutputConsumer
from host.router.decoding import Decoding
from host.router.router import Router
from host.router.state_keeper import StateKeeper
from host.sandbox.group import Group
from host.sandbox.journal import Journal
from host.sandbox.roles import Owner
from host.sandbox.sandbox import Sandbox
from host.sandbox.zygote_client import ZygoteClient
from host.splitters.base import Splitter
from host.telemetry.logs import get_logger
from host.telemetry.metrics import ComponentMetrics, Registry

_LOG = get_logger("host.pipeline")

_POLL_S = 0.005
_SANDBOX_SLOT_BYTES = 512 * 1024
_BATCH_SLOT_BYTES = 1024 * 1024
_SANDBOX_SLOTS = 16
_HAND_OVER_S = 0.5
"""How long an output that is replaced may take to deliver what it has begun."""
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
        judge: Judge,
        forget_arena: Callable[[int], None],
        save_states: Callable[[], Awaitable[None]],
        groups: dict[str, Group],
        on_print: Callable[[Sandbox, str], None] | None = None,
    ) -> None:
        self._on_print = on_print
        self._judge = judge
        self.forget_arena = forget_arena
        self.groups = groups
        self.save_states = save_states
        """Writes down the states of all filters, so that nothing is held any more for the next snapshots."""
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

    def judge(self, matcher: str) -> kinds.Judge:
        """Who can say what this matcher never matches."""
        return partial(self._judge.ask, self.settings, matcher)

    def arena(self, name: str, slot_bytes: int, slots: int) -> Arena:
        """Make an arena for a sandbox to write; when it closes, all sandboxes unmap it."""
        made = Arena(name, slot_bytes, slots, host_writes=False)
        made.on_closed = self.forget_arena
        return made

    def sandbox(  # noqa: PLR0917 -- what the units know
        self,
        name: str,
        sandboxes: tuple[model.Sandbox, ...],
        spec: dict[str, Any],
        arena: Arena,
        owner: Owner,
        metrics: ComponentMetrics,
        pack_bytes: int = 0,
        journal: Journal | None = None,
        group: str | None = None,
    ) -> Sandbox:
        """Make a sandbox; it is not started."""
        for note in limits.notes(sandboxes):
            _LOG.warning("A sandbox asks for more than it may have.", reason=note)
        housing = self.zygote if group is None else self.groups.setdefault(group, Group(self.zygote))
        made = Sandbox(
            name,
            order=specs.order(
                name,
                sandboxes,
                pack_bytes,
                keeps_state=journal is not None,
                allow_unjailed=self.settings.allow_unjailed,
            ),
            spec=spec,
            arena=arena,
            housing=housing,
            owner=owner,
            metrics=metrics,
            cpu_limit_ms=specs.cpu_limit_ms(sandboxes),
            read_module=self.read_module,
            journal=journal,
        )
        made.on_print = None if self._on_print is None else partial(self._on_print, made)
        made.on_death = partial(self.router.terminations.report, max_loops=self.settings.max_loops)
        return made


class InputUnit:
    """An input, its intake, and its decoder processes."""

    def __init__(self, config: model.Input, around: Surroundings) -> None:
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
        self._delimiter = new_splitter().delimiter
        self.decoding.sandboxes.extend(self._new_decoders(config))

    def _new_decoders(self, config: model.Input) -> list[Sandbox]:
        spec = specs.decoder(config, self._delimiter, self._around.hostname)
        made = []
        for number in range(config.decoders):
            name = config.name if config.decoders == 1 else f"{config.name}-{number + 1}"
            arena = self._around.arena(f"decoder-{name}", _SANDBOX_SLOT_BYTES, _SANDBOX_SLOTS + 2 * MOST_KEPT)
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

    async def settle(self, timeout_s: float) -> bool:
        """Wait until all that was read is delivered; whether it is."""
        await wait_until(lambda: self.decoding.idle and self.intake.in_flight == self.intake.kept, timeout_s)
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


class ConsumerUnit:
    """What a filter and an output have in common."""

    consumer: FilterConsumer | OutputConsumer
    sandbox: Sandbox
    metrics: ComponentMetrics

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is being worked on."""
        return self.consumer.idle

    @property
    def held(self) -> bool:
        """Whether an operator has paused it."""
        return self.consumer.held

    async def settle(self, timeout_s: float) -> bool:
        """Wait until nothing waits and nothing is being worked on; whether that is so."""
        return await wait_until(lambda: self.idle, timeout_s)

    def sandboxes(self) -> list[Sandbox]:
        """Its process."""
        return [self.sandbox]

    async def start_sandboxes(self) -> None:
        """Start its process."""
        await started([self.sandbox])

    async def discard(self) -> None:
        """End it before it has done anything."""
        await self.sandbox.stop()


class FilterUnit(ConsumerUnit):
    """A filter."""

    consumer: FilterConsumer

    def __init__(self, config: model.Filter, around: Surroundings) -> None:
        self.config = config
        self._around = around
        self._timers: list[asyncio.Task[None]] = []
        self.metrics = around.metrics.component("filters", config.name, config.sandbox.plugin)
        consumer = FilterConsumer(
            config.name, config.queue, self.metrics, around.dead_letters, around.router.forget_routes
        )
        consumer.made_by = config.name
        consumer.route = around.router.route
        consumer.restart = config.on_terminate == "restart"
        consumer.max_loops = config.sandbox.limits.max_loops
        consumer.kinds.judged_by(around.judge(config.message_matcher))
        self.consumer = consumer
        self.sandbox = consumer.sandbox = self._new_sandbox(config)

    def _new_sandbox(self, config: model.Filter) -> Sandbox:
        around = self._around
        arena = around.arena(f"filter-{config.name}", _SANDBOX_SLOT_BYTES, _FILTER_SLOTS)
        spec = specs.filter_(config, around.hostname)
        journal = None
        if config.preserve_data or config.group is not None:
            keeper = StateKeeper(config.name, around.checkpoints if config.preserve_data else None, self.metrics)
            journal = Journal(keeper, keeper.load(), preserves=config.preserve_data)
        return around.sandbox(
            config.name,
            (config.sandbox,),
            spec,
            arena,
            self.consumer,
            self.metrics,
            journal=journal,
            group=config.group,
        )

    def can_swap(self, config: model.Filter) -> bool:
        """Whether only what its sandbox does has changed."""
        same = msgspec.structs.replace(
            config,
            sandbox=self.config.sandbox,
            message_matcher=self.config.message_matcher,
            ticker_interval=self.config.ticker_interval,
            preserve_data=self.config.preserve_data,
            group=self.config.group,
        )
        return same == self.config

    async def new_sandboxes(self, config: model.Filter) -> list[Sandbox]:
        """Start what `swap` is to put in.

        Raises:
            SandboxError: It does not start.
        """
        return await started([self._new_sandbox(config)])

    async def swap(self, config: model.Filter, new: list[Sandbox]) -> None:
        """Put a new sandbox in the place of the old one, between two packs."""
        await self.consumer.swap(new[0], partial(self.hand_over, new[0]))
        self.sandbox, self.config = new[0], config
        self.consumer.max_loops = config.sandbox.limits.max_loops
        self.consumer.kinds.judged_by(self._around.judge(config.message_matcher))
        self._start_timers()

    async def take_over(self, old: FilterUnit) -> None:
        """Go on where another version of the same filter stops."""
        await old.stop_timers()
        old.consumer.pause()
        await wait_until(lambda: old.sandbox.idle, self._around.settings.shutdown_timeout_ms / 1000)
        await old.hand_over(self.sandbox)
        self._around.router.replace(old.consumer, self.consumer)
        self.consumer.inherit(old.consumer)
        self._start_timers()
        await old.sandbox.stop()

    async def hand_over(self, new: Sandbox) -> None:
        """Give the state to another sandbox, if both have one and it fits; if not, this one says its last."""
        await self.stop_timers()
        await self._until_it_runs()
        mine, its = self.sandbox.journal, new.journal
        if mine is not None and mine.preserves and its is not None and its.preserves:
            if await self.sandbox.snapshot() and mine.snapshot is not None:
                its.keeper.inherit(mine.keeper, mine.snapshot)
                if not await new.restore(mine.snapshot):
                    return
            await self.last_tick()
        else:
            await self.last_tick()
            await self.save_state()

    async def open(self) -> None:
        """Nothing: a filter has nothing outside."""

    def attach(self) -> None:
        """Let it have messages, and start its timer."""
        self._around.router.add([self.consumer])
        self._start_timers()

    async def detach(self) -> None:
        """Let it have no new messages."""
        await self.stop_timers()
        self._around.router.remove(self.consumer)

    def _start_timers(self) -> None:
        loop = asyncio.get_running_loop()
        if self.config.ticker_interval > 0:
            self._timers.append(loop.create_task(self._tick(), name=f"ticker {self.config.name}"))
        if self.sandbox.journal is not None:
            self._timers.append(loop.create_task(self._save(), name=f"snapshots {self.config.name}"))

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        interval = self.config.ticker_interval
        due = loop.time() + interval
        while True:
            await asyncio.sleep(max(0.0, due - loop.time()))
            await self.sandbox.tick(time.time_ns(), last=False)
            due = max(due + interval, loop.time())

    async def _save(self) -> None:
        while True:
            await asyncio.sleep(self._around.settings.snapshot_interval_ms / 1000)
            await self.save_state()

    async def stop_timers(self) -> None:
        """No timer_event any more, and no snapshot by the clock."""
        timers, self._timers = self._timers, []
        for timer in timers:
            timer.cancel()
        await asyncio.gather(*timers, return_exceptions=True)

    async def _until_it_runs(self) -> None:
        """A process that has just died is waited for, and so is a tick."""
        while self.sandbox.state in {"starting", "backing_off"} or self.sandbox.ticking:  # noqa: ASYNC110 -- it is short
            await asyncio.sleep(_POLL_S)

    async def last_tick(self) -> None:
        """Let it say its last: timer_event(ns, true)."""
        await self.stop_timers()
        await self._until_it_runs()
        await self.sandbox.tick(time.time_ns(), last=True)

    async def save_state(self) -> None:
        """Write its state down, if it has done anything since that was last done."""
        if self.sandbox.journal is not None and self.sandbox.journal.entries:
            await self._until_it_runs()
            await self.sandbox.snapshot()

    async def begin_anew(self) -> None:
        """Put a new sandbox in the place of the old one, and forget its state. It must be at rest.

        Raises:
            SandboxError: The new one does not start; the old one goes on, without the state on disk.
        """
        await self.save_state()  # then nothing is held for it any more
        self._around.checkpoints.put_state(self.config.name, None)
        self.metrics.state_bytes = 0
        new = await self.new_sandboxes(self.config)
        await self.stop_timers()
        await self.consumer.swap(new[0])
        self.sandbox = new[0]
        self._start_timers()

    async def close(self) -> None:
        """End it. What is left in its queue is dropped and counted."""
        await self.stop_timers()
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
        consumer.kinds.judged_by(around.judge(config.message_matcher))
        self.consumer = consumer
        self.sandbox = consumer.sandbox = self._new_sandbox(config)

    def _new_sandbox(self, config: model.Output) -> Sandbox:
        around = self._around
        arena = around.arena(f"encoder-{config.name}", _BATCH_SLOT_BYTES, _SANDBOX_SLOTS)
        spec = specs.encoder(config, around.hostname)
        return around.sandbox(config.name, (config.encoder,), spec, arena, self.consumer, self.metrics)

    def can_swap(self, config: model.Output) -> bool:
        """Whether only what its encoder does has changed, so that the output itself need not stop."""
        same = msgspec.structs.replace(config, encoder=self.config.encoder, message_matcher=self.config.message_matcher)
        return same == self.config

    async def new_sandboxes(self, config: model.Output) -> list[Sandbox]:
        """Start what `swap` is to put in.

        Raises:
            SandboxError: It does not start.
        """
        return await started([self._new_sandbox(config)])

    async def swap(self, config: model.Output, new: list[Sandbox]) -> None:
        """Put a new encoder in the place of the old one, between two packs."""
        await self.consumer.swap(new[0])
        self.sandbox, self.config = new[0], config
        self.consumer.kinds.judged_by(self._around.judge(config.message_matcher))

    async def take_over(self, old: OutputUnit) -> None:
        """Go on where another version of the same output stops; what that one cannot deliver is delivered by this one.

        Raises:
            StartError: It cannot be opened; the other one goes on.
        """
        old.consumer.pause()
        await wait_until(lambda: old.sandbox.idle and old.runner.waiting == 0, _HAND_OVER_S)
        await old.runner.stop()
        await old.output.close()
        try:
            await self.open()
        except HekateError:
            await old.output.open()
            old.consumer.inherit(old.consumer)
            raise
        self._around.router.replace(old.consumer, self.consumer)
        self.consumer.inherit(old.consumer)
        await old.sandbox.stop()

    async def open(self) -> None:
        """Open the output."""
        await self.output.open()

    def attach(self) -> None:
        """Let it have messages."""
        self._around.router.add([self.consumer])

    async def detach(self) -> None:
        """Let it have no new messages."""
        self._around.router.remove(self.consumer)

    async def close(self) -> None:
        """End it. What is left in its queue is dropped and counted."""
        await self.runner.stop()
        self.consumer.drop_all("removed")
        await self.sandbox.stop()
        await self.output.close()


async def started(sandboxes: list[Sandbox]) -> list[Sandbox]:
    """Start sandboxes; if one does not start, none is left.

    Raises:
        SandboxError: One did not start.
    """
    results = await asyncio.gather(*(sandbox.start() for sandbox in sandboxes), return_exceptions=True)
    faults = [result for result in results if isinstance(result, BaseException)]
    if faults:
        await asyncio.gather(*(sandbox.stop() for sandbox in sandboxes))
        raise faults[0]
    return sandboxes


async def wait_until(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Wait for something that many small events may bring about; whether it came about."""
    deadline_s = asyncio.get_running_loop().time() + timeout_s
    while not condition():
        if asyncio.get_running_loop().time() > deadline_s:
            return False
        await asyncio.sleep(_POLL_S)
    return True


Unit = InputUnit | FilterUnit | OutputUnit
