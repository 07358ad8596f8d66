"""A filter."""

from __future__ import annotations

import asyncio
from functools import partial

import msgspec

from host.config import model
from host.pipeline import specs
from host.pipeline.consumers.filter import FilterConsumer
from host.pipeline.context import SANDBOX_SLOT_BYTES, UnitContext
from host.pipeline.state_keeper import StateKeeper
from host.pipeline.units.consumer_unit import ConsumerUnit
from host.pipeline.waits import POLL_S, started, wait_until
from host.sandbox.journal import Journal
from host.sandbox.sandbox import Sandbox

_FILTER_SLOTS = 256
"""More than it uses as a rule: see `FilterConsumer`. What was never used takes no memory."""


class FilterUnit(ConsumerUnit):
    """A filter."""

    consumer: FilterConsumer

    def __init__(self, config: model.Filter, around: UnitContext) -> None:
        self.config = config
        self._around = around
        self._timers: list[asyncio.Task[None]] = []
        self.metrics = around.metrics.component("filters", config.name, config.sandbox.plugin)
        self.consumer = FilterConsumer(
            config.name,
            config.queue,
            self.metrics,
            around.dead_letters,
            around.router.forget_routes,
            made_by=config.name,
            probe=around.probe(config.message_matcher),
            route=around.router.route,
            restarts=config.on_terminate == "restart",
            max_loops=config.sandbox.limits.max_loops,
        )
        self.sandbox = self.consumer.sandbox = self._new_sandbox(config)

    def _new_sandbox(self, config: model.Filter) -> Sandbox:
        around = self._around
        arena = around.arena(f"filter-{config.name}", SANDBOX_SLOT_BYTES, _FILTER_SLOTS)
        spec = specs.filter_(config, around.hostname)
        journal = None
        if config.preserve_data or config.group is not None:
            keeper = StateKeeper(config.name, around.state_commits if config.preserve_data else None, self.metrics)
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
        self.consumer.kinds.judged_by(self._around.probe(config.message_matcher))
        self._start_timers()

    async def take_over(self, old: FilterUnit) -> None:
        """Go on where another version of the same filter stops."""
        await old.stop_timers()
        old.consumer.suspend()
        await wait_until(lambda: old.sandbox.idle, self._around.settings.shutdown_timeout_ms / 1000)
        await old.hand_over(self.sandbox)
        self._around.router.replace(old.consumer, self.consumer)
        self.consumer.held = old.consumer.held
        self.consumer.adopt(old.consumer.drain())
        self._start_timers()
        await old.sandbox.stop()

    async def hand_over(self, new: Sandbox) -> None:
        """Give the state to another sandbox, if both have one and it fits; if not, this one says its last."""
        await self.stop_timers()
        await self._until_it_runs()
        mine, its = self.sandbox.journal, new.journal
        if mine is not None and mine.preserves and its is not None and its.preserves:
            if await self.sandbox.snapshot() and mine.snapshot is not None:
                its.keeper.adopt(mine.keeper, mine.snapshot)
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
        if not self._around.environment.runs_timers:
            return
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
            await self.sandbox.tick(self._around.environment.now_ns(), last=False)
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
            await asyncio.sleep(POLL_S)

    async def last_tick(self) -> None:
        """Let it say its last: timer_event(ns, true)."""
        await self.stop_timers()
        await self._until_it_runs()
        await self.sandbox.tick(self._around.environment.now_ns(), last=True)

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
        self._around.state_commits.forget(self.config.name)
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
