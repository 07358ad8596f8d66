"""A running pipeline: its units, started, reloaded and stopped in order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from host.config import model
from host.core.errors import HekateError, SandboxError
from host.core.private_files import secure_state_dir
from host.delivery.checkpoints import Checkpoints
from host.delivery.dead_letters import DeadLetters
from host.outputs.runner import LeftOver
from host.pipeline import lifecycle, restart_needs
from host.pipeline.context import UnitContext
from host.pipeline.environment import Environment
from host.pipeline.leftovers import LeftOvers, comes_again
from host.pipeline.match_probe import MatchProbe
from host.pipeline.transition import STAGES, Reload, all_of, wanted_units
from host.pipeline.units.union import FilterUnit, InputUnit, OutputUnit, Unit
from host.pipeline.waits import wait_until
from host.sandbox.group import Group
from host.sandbox.sandbox import Sandbox
from host.sandbox.supervisor import Supervisor
from host.sandbox.termination import Limit
from host.sandbox.zygote_client import ZygoteClient
from host.telemetry.logs import get_logger
from host.telemetry.metrics import Registry

_LOG = get_logger("host.pipeline")
_POLL_S = 0.005

CheckPlugins = Callable[[Iterable[model.Sandbox], model.HostSettings, Callable[[str], str]], Awaitable[None]]
"""Checks plugins, given the settings and a function that reads a module."""


class Pipeline:
    """All units of a host.

    Args:
        config: What to run.
        once: Whether to end when all inputs have ended.
        world: What it has from outside.
    """

    def __init__(self, config: model.Config, *, once: bool, world: Environment | None = None) -> None:
        self.config = config
        self.metrics = Registry()
        self.ended = asyncio.Event()
        """Set when every input has ended by itself."""
        self.failure: BaseException | None = None
        """Why an input ended that should not have."""
        self.needs_restart: list[str] = []
        """Options that the last reload found changed and that take effect only after a restart."""
        self._once = once
        self._world = world or Environment()
        self.on_print: Callable[[Sandbox, str], None] | None = None
        """Told what scripts print; without it, that goes to the log."""
        self.inputs: dict[str, InputUnit] = {}
        self.filters: dict[str, FilterUnit] = {}
        self.outputs: dict[str, OutputUnit] = {}
        state_dir = Path(config.hekate.state_dir)
        secure_state_dir(state_dir)
        kept = config.hekate.dead_letters
        counts = self.metrics.component("router", "router", "router")
        self.dead_letters = DeadLetters(
            state_dir, max_file_bytes=kept.max_file_bytes, max_total_bytes=kept.max_bytes, metrics=counts
        )
        self.checkpoints = Checkpoints(state_dir, config.hekate.checkpoint_interval_ms)
        for _ in range(self.checkpoints.damaged + self.dead_letters.damaged):
            counts.count_error("damaged_state_file")
        self.zygote = ZygoteClient()
        self.groups: dict[str, Group] = {}

        self.judge = MatchProbe(self.zygote)
        self.router = self._world.router(self.metrics.component("router", "router", "router"))
        self._supervisor: asyncio.Task[None] | None = None
        self._reading = False
        self._gives_up = False
        self.changing = asyncio.Lock()
        """Held while units are started, replaced or stopped."""

    @property
    def started(self) -> bool:
        """Whether everything has started, so that the inputs read."""
        return self._reading

    def context(self, config: model.Config) -> UnitContext:
        """What units of a configuration share."""
        return UnitContext(
            config.hekate,
            zygote=self.zygote,
            router=self.router,
            metrics=self.metrics,
            checkpoints=self.checkpoints,
            dead_letters=self.dead_letters,
            once=self._once,
            judge=self.judge,
            forget_arena=self.forget_arena,
            save_states=self.save_states,
            groups=self.groups,
            world=self._world,
            on_print=self.on_print,
        )

    def forget_arena(self, number: int) -> None:
        """An arena is closed: nobody maps it any more."""
        for sandbox in self.sandboxes():
            sandbox.unmap(number)
        self.judge.unmap(number)

    def sandboxes(self) -> Iterator[Sandbox]:
        """All sandboxes there are now."""
        for unit in self._units():
            yield from unit.sandboxes()

    def _units(self) -> list[Unit]:
        return [*self.inputs.values(), *self.filters.values(), *self.outputs.values()]

    # ------------------------------------------------------------------ start

    async def start(self, load_drop_ins: Callable[[], Awaitable[None]] | None = None) -> None:
        """Start everything, what is behind before what is in front of it.

        Args:
            load_drop_ins: Starts what lies in the drop-in directory; called before any input reads.

        Raises:
            HekateError: Something could not be started; what had been is stopped again.
        """
        self.checkpoints.start()
        self.zygote.start()
        watch = Supervisor(_Living(self.sandboxes))
        self._supervisor = asyncio.get_running_loop().create_task(watch.run(), name="supervisor")
        try:
            await Reload(self, wanted_units(self.config, {}), self.context(self.config)).run()
            if load_drop_ins is not None:
                await load_drop_ins()
        except BaseException:
            await self._stop_everything()
            raise
        self._reading = True
        for unit in self.inputs.values():
            self.run_input(unit)
        if not self.inputs:
            self.ended.set()

    def _input_ended(self, unit: InputUnit, fault: BaseException | None) -> None:
        if fault is not None:
            _LOG.error("An input failed.", input=unit.config.name, reason=f"{type(fault).__name__}: {fault}")
            unit.metrics.count_error("failed")
            self.failure = self.failure or fault
        if all(other.finished for other in self.inputs.values()):
            self.ended.set()

    # ------------------------------------------------------------------ end

    async def drain(self) -> None:
        """Stop in order: inputs, decoders, filters, encoders, outputs. Each is given the time that it needs.

        What was paused goes on: it holds records that are still to be delivered. Something that is just being replaced
        is replaced first; after that, nothing is changed any more.
        """
        await self.changing.acquire()
        for unit in self._units():
            lifecycle.release(unit)
        await all_of(unit.stop_reading() for unit in self.inputs.values())
        await self._settled(lambda: all(unit.decoded for unit in self.inputs.values()))
        await self._settle_filters()
        await all_of(unit.last_tick() for unit in self.filters.values())
        await self._settle_filters()
        await self.save_states()
        await self._settled(lambda: all(unit.idle for unit in self.outputs.values()))
        # Records that will be read again stay with their inputs for good.
        await self._settled(lambda: self._gives_up or all(unit.idle for unit in self.inputs.values()))

    async def give_up(self, reason: str) -> None:
        """Have the outputs write nothing more, so that `drain` comes to its end.

        Their records go to the dead letters, except those that will be read again.
        """
        self._gives_up = True
        for unit in self.outputs.values():
            unit.consumer.comes_again = partial(comes_again, self)
        await all_of(unit.runner.put_away(reason) for unit in self.outputs.values())
        for input_ in self.inputs.values():
            input_.intake.take_rest()

    async def come_to_rest(self, timeout_s: float) -> None:
        """Wait until every sandbox that still does its work has done it."""
        await wait_until(lambda: all(sandbox.idle or not sandbox.will_run for sandbox in self.sandboxes()), timeout_s)

    def put_away(self, reason: str) -> LeftOver:
        """Put away what sandboxes have left undone; return how many records were not delivered in all."""
        found = sum((unit.runner.left_over for unit in self.outputs.values()), LeftOver())
        return found + LeftOvers(self, reason).put_away()

    async def save_states(self) -> None:
        """Write down the states of all filters that have one."""
        await all_of(unit.save_state() for unit in self.filters.values())

    async def _settle_filters(self) -> None:
        """Filters may inject for one another: wait until none of them has anything to do."""
        await self._settled(lambda: all(unit.idle for unit in self.filters.values()))

    async def _settled(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition, but not for a sandbox that will never do its work.

        Raises:
            SandboxError: There is such a sandbox.
        """
        await _until(lambda: condition() or any(self.stuck()))
        if not condition():
            names = ", ".join(f"{sandbox.name} is {sandbox.state}" for sandbox in self.stuck())
            raise SandboxError(f"Not everything was delivered: {names}; the log says why.")

    def stuck(self) -> Iterator[Sandbox]:
        """Decoders and encoders that are not started again. A filter in that state holds nothing up."""
        holding: list[Unit] = [*self.inputs.values(), *self.outputs.values()]
        for unit in holding:
            yield from (each for each in unit.sandboxes() if each.state == "quarantined" or each.closed)

    def ended_for_good(self) -> list[str]:
        """Names of the sandboxes that died and are not started again."""
        return [sandbox.name for sandbox in self.sandboxes() if sandbox.termination and not sandbox.will_run]

    def failures(self) -> str:
        """Return what has gone wrong with records or sandboxes, in a sentence; empty if nothing has."""
        components = self.metrics.components()
        for each in components:
            each.count_failures()
        failed = max(self.metrics.total("records_failed"), self.dead_letters.count)
        ended = self.terminations()
        parts = []
        if failed:
            parts.append(f"{failed:,} records failed" if failed > 1 else "1 record failed")
        if ended:
            parts.append(f"sandboxes were ended {ended:,} times" if ended > 1 else "a sandbox was ended")
        return " and ".join(parts)

    def terminations(self) -> int:
        """Return how often a sandbox was ended before its time."""
        return sum(each.errors[limit] for each in self.metrics.components() for limit in Limit)

    async def stop(self) -> None:
        """End the processes and close what is open. What was not delivered is not acknowledged, and read again."""
        await self._stop_everything()

    async def _stop_everything(self) -> None:
        self.zygote.expect_end()
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.gather(self._supervisor, return_exceptions=True)
        try:
            self.checkpoints.close()
        finally:
            await self._close_units()

    async def _close_units(self) -> None:
        await self.judge.close()
        for unit in self._units():
            try:
                await unit.close()
            except (HekateError, OSError) as error:
                _LOG.error("Could not close.", component=unit.config.name, reason=str(error))
        self.zygote.close()
        self.dead_letters.close()

    def reopen_outputs(self) -> None:
        """Have outputs open their files again, after a rotation by somebody else."""
        for unit in self.outputs.values():
            unit.output.reopen()

    # ------------------------------------------------------------------ reload

    async def reload(self, config: model.Config, check: CheckPlugins) -> list[str]:
        """Run another configuration: what has not changed goes on undisturbed.

        Args:
            config: The new configuration.
            check: Checks the plugins that do not run yet; raises HekateError if one fails.

        Returns:
            What was started, replaced or stopped, as `outputs.errors`.

        Raises:
            HekateError: Something new does not start; everything goes on as it was.
        """
        async with self.changing:
            config, self.needs_restart = restart_needs.effective(self.config, config)
            drop_ins = {name: unit.config for name, unit in self.filters.items() if name not in self.config.filters}
            wanted, around = wanted_units(config, drop_ins), self.context(config)
            new = [unit for stage in STAGES for unit in wanted[stage].values()]
            running = {sandbox.digest for unit in self._units() for sandbox in model.sandboxes_of(unit.config)}
            fresh = [sandbox for unit in new for sandbox in model.sandboxes_of(unit) if sandbox.digest not in running]
            await check(fresh, around.settings, around.read_module)
            reload = Reload(self, wanted, around)
            await reload.run()
            kept = config.hekate.dead_letters
            self.dead_letters.limit(kept.max_bytes, kept.max_file_bytes)
            changed = restart_needs.changed(self.config, config)
            self.config = config
        return [*changed, *reload.changed]

    def units(self, stage: str) -> dict[str, Any]:
        """The running units of a stage, by name."""
        stages: dict[str, dict[str, Any]] = {"inputs": self.inputs, "filters": self.filters, "outputs": self.outputs}
        return stages[stage]

    def run_input(self, unit: Unit) -> None:
        """Let a unit read, if it is an input; not before everything that is behind it has started."""
        if isinstance(unit, InputUnit) and self._reading:
            self.ended.clear()
            unit.run(self._input_ended)


class _Living:
    """The sandboxes that there are whenever one looks."""

    def __init__(self, find: Callable[[], Iterator[Sandbox]]) -> None:
        self._find = find

    def __iter__(self) -> Iterator[Sandbox]:
        return iter(list(self._find()))


async def _until(condition: Callable[[], bool]) -> None:
    """Wait for something that many small events may bring about."""
    while not condition():  # noqa: ASYNC110 -- an event for each of them would be on the path of every pack
        await asyncio.sleep(_POLL_S)
