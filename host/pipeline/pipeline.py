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
from host.pipeline.state_commits import StateCommits
from host.pipeline.terminations import Terminations
from host.pipeline.transition import STAGES, Reload, all_of, wanted_units
from host.pipeline.units.any_unit import FilterUnit, InputUnit, OutputUnit, Unit
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
        config: The configuration to run.
        once: True to end when all inputs have ended.
        environment: The clock, the router and the plugins.
    """

    def __init__(self, config: model.Config, *, once: bool, environment: Environment | None = None) -> None:
        self.config = config
        self.metrics = Registry()
        self.ended = asyncio.Event()
        """Set when every input has ended by itself."""
        self.failure: BaseException | None = None
        """The error that ended an input; None if there was none."""
        self.needs_restart: list[str] = []
        """Options that the last reload found changed and that take effect only after a restart."""
        self._once = once
        self._environment = environment or Environment()
        self.on_print: Callable[[Sandbox, str], None] | None = None
        """Called with the text that scripts print. If None, the text goes to the log."""
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
        self.state_commits = StateCommits(self.checkpoints)
        for _ in range(self.checkpoints.damaged + self.dead_letters.damaged):
            counts.count_error("damaged_state_file")
        self.zygote = ZygoteClient()
        self.groups: dict[str, Group] = {}
        self.match_probe = MatchProbe(self.zygote)
        self.router = self._environment.router(self.metrics.component("router", "router", "router"))
        self._terminations = Terminations(self.router.route)
        self._supervisor: asyncio.Task[None] | None = None
        self._reading = False
        self._gives_up = False
        self.changing = asyncio.Lock()
        """Held while units are started, replaced or stopped."""

    @property
    def started(self) -> bool:
        """True if everything has started, so that the inputs read."""
        return self._reading

    def context(self, config: model.Config) -> UnitContext:
        """Return what the units of a configuration share."""
        return UnitContext(
            config.hekate,
            zygote=self.zygote,
            router=self.router,
            terminations=self._terminations,
            metrics=self.metrics,
            checkpoints=self.checkpoints,
            state_commits=self.state_commits,
            dead_letters=self.dead_letters,
            once=self._once,
            match_probe=self.match_probe,
            forget_arena=self.forget_arena,
            save_states=self.save_states,
            groups=self.groups,
            comes_again=partial(comes_again, self.filters),
            environment=self._environment,
            on_print=self.on_print,
        )

    def forget_arena(self, number: int) -> None:
        """Have all sandboxes unmap an arena that is closed."""
        for sandbox in self.sandboxes():
            sandbox.unmap(number)
        self.match_probe.unmap(number)

    def sandboxes(self) -> Iterator[Sandbox]:
        """Yield the current sandboxes."""
        for unit in self._units():
            yield from unit.sandboxes()

    def _units(self) -> list[Unit]:
        return [*self.inputs.values(), *self.filters.values(), *self.outputs.values()]

    # ------------------------------------------------------------------ start

    async def start(self, load_drop_ins: Callable[[], Awaitable[None]] | None = None) -> None:
        """Start everything, downstream before upstream.

        Args:
            load_drop_ins: Starts the filters of the drop-in directory. Called before any input reads.

        Raises:
            HekateError: A unit could not be started; those that had started are stopped again.
        """
        self.checkpoints.start()
        self.zygote.start()
        watch = Supervisor(_CurrentSandboxes(self.sandboxes))
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
        """Stop in order: inputs, decoders, filters, encoders, outputs. Each takes the time that it needs.

        Paused units go on, because they hold records that are still to be delivered. A reload that is under way
        finishes first; after that, there is no other.
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
        # Records that will be read again are never released.
        await self._settled(lambda: self._gives_up or all(unit.idle for unit in self.inputs.values()))

    async def give_up(self, reason: str) -> None:
        """Stop the outputs from writing, so that `drain` can finish.

        Their records go to the dead letters, except those that will be read again.
        """
        self._gives_up = True
        await all_of(unit.consumer.put_away(reason) for unit in self.outputs.values())
        for input_ in self.inputs.values():
            input_.intake.take_rest()

    async def come_to_rest(self, timeout_s: float) -> None:
        """Wait until every sandbox that still runs is idle."""
        await wait_until(lambda: all(sandbox.idle or not sandbox.will_run for sandbox in self.sandboxes()), timeout_s)

    def put_away(self, reason: str) -> LeftOver:
        """Put away what sandboxes have left unfinished; return the number of undelivered records."""
        left = LeftOvers(self.dead_letters, partial(comes_again, self.filters), reason, drop_reason="shutdown")
        for input_ in self.inputs.values():
            for raw, first_record in input_.decoding.give_up():
                left.raw_pack(input_, raw, first_record)
        for filter_ in self.filters.values():
            for pack, first_record in filter_.consumer.give_up():
                left.pack(filter_, "filter", pack, first_record)
        for output in self.outputs.values():
            for pack, first_record in output.consumer.give_up():
                left.pack(output, "encoder", pack, first_record)
        return sum((unit.runner.left_over for unit in self.outputs.values()), left.count)

    async def save_states(self) -> None:
        """Save the states of all filters that preserve state."""
        await all_of(unit.save_state() for unit in self.filters.values())

    async def _settle_filters(self) -> None:
        """Wait until all filters are idle. They may inject for one another."""
        await self._settled(lambda: all(unit.idle for unit in self.filters.values()))

    async def _settled(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition, unless a sandbox will never finish its packs.

        Raises:
            SandboxError: Such a sandbox exists, and the condition does not hold.
        """
        await _until(lambda: condition() or any(self.stuck()))
        if not condition():
            names = ", ".join(f"{sandbox.name} is {sandbox.state}" for sandbox in self.stuck())
            raise SandboxError(f"Not everything was delivered: {names}; the log says why.")

    def stuck(self) -> Iterator[Sandbox]:
        """Yield the decoders and encoders that do not restart. A filter in that state blocks nothing."""
        holding: list[Unit] = [*self.inputs.values(), *self.outputs.values()]
        for unit in holding:
            yield from (each for each in unit.sandboxes() if each.state == "quarantined" or each.closed)

    def ended_for_good(self) -> list[str]:
        """Return the names of the sandboxes that died and do not restart."""
        return [sandbox.name for sandbox in self.sandboxes() if sandbox.termination and not sandbox.will_run]

    def failures(self) -> str:
        """Return the number of failed records and terminations as text; empty if there are none."""
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
        """Return the number of terminations."""
        return sum(each.errors[limit] for each in self.metrics.components() for limit in Limit)

    async def stop(self) -> None:
        """Stop the processes and close everything. Undelivered records are not acknowledged."""
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
        await self.match_probe.close()
        for unit in self._units():
            try:
                await unit.close()
            except (HekateError, OSError) as error:
                _LOG.error("Could not close.", component=unit.config.name, reason=str(error))
        self.zygote.close()
        self.dead_letters.close()

    def reopen_outputs(self) -> None:
        """Have the outputs reopen their files, after another program has rotated them."""
        for unit in self.outputs.values():
            unit.output.reopen()

    # ------------------------------------------------------------------ reload

    async def reload(self, config: model.Config, check: CheckPlugins) -> list[str]:
        """Run another configuration. Unchanged units are not disturbed.

        Args:
            config: The new configuration.
            check: Checks the plugins that do not run yet; raises HekateError if one fails.

        Returns:
            The units that were started, replaced or stopped, such as `outputs.errors`, and the changed settings.

        Raises:
            HekateError: A new unit does not start; everything goes on unchanged.
        """
        async with self.changing:
            config, self.needs_restart = restart_needs.effective(self.config, config)
            drop_ins = {name: unit.config for name, unit in self.filters.items() if name not in self.config.filters}
            wanted, context = wanted_units(config, drop_ins), self.context(config)
            new = [unit for stage in STAGES for unit in wanted[stage].values()]
            running = {sandbox.digest for unit in self._units() for sandbox in model.sandboxes_of(unit.config)}
            fresh = [sandbox for unit in new for sandbox in model.sandboxes_of(unit) if sandbox.digest not in running]
            await check(fresh, context.settings, context.read_module)
            reload = Reload(self, wanted, context)
            await reload.run()
            kept = config.hekate.dead_letters
            self.dead_letters.limit(kept.max_bytes, kept.max_file_bytes)
            changed = restart_needs.changed(self.config, config)
            self.config = config
        return [*changed, *reload.changed]

    def units(self, stage: str) -> dict[str, Any]:
        """Return the running units of a stage, by name."""
        stages: dict[str, dict[str, Any]] = {"inputs": self.inputs, "filters": self.filters, "outputs": self.outputs}
        return stages[stage]

    def run_input(self, unit: Unit) -> None:
        """Start reading, if the unit is an input and everything has started."""
        if isinstance(unit, InputUnit) and self._reading:
            self.ended.clear()
            unit.run(self._input_ended)


class _CurrentSandboxes:
    """The sandboxes that exist at the time of each iteration."""

    def __init__(self, find: Callable[[], Iterator[Sandbox]]) -> None:
        self._find = find

    def __iter__(self) -> Iterator[Sandbox]:
        return iter(list(self._find()))


async def _until(condition: Callable[[], bool]) -> None:
    """Poll until a condition holds."""
    while not condition():  # noqa: ASYNC110 -- an event for each of them would be on the path of every pack
        await asyncio.sleep(_POLL_S)
