"""The change from one configuration to another while data flows.

Unchanged units are not disturbed. Everything that can fail happens first, beside the running units: new sandboxes load
their scripts, new units start. Only then are old units replaced, each between two packs. A replaced filter or output
hands its queue to its successor, so no record is lost, and the input need not stop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Iterable, Mapping
from typing import Any, Protocol

from host.config import model
from host.core.errors import HekateError
from host.pipeline.context import UnitContext
from host.pipeline.leftovers import put_away_removed
from host.pipeline.units.any_unit import FilterUnit, InputUnit, OutputUnit, Unit
from host.sandbox.process import MAX_MEMBERS
from host.telemetry.logs import get_logger

_LOG = get_logger("host.pipeline")
AT_ONCE = 2 * MAX_MEMBERS
"""Number of units that start at the same time. Those of a group then share processes."""
STAGES = ("outputs", "filters", "inputs")
"""The stages in the order of their start: downstream before upstream."""


class RunningUnits(Protocol):
    """The running units of a pipeline."""

    @property
    def started(self) -> bool:
        """True if everything has started, so that the inputs read."""

    def units(self, stage: str) -> dict[str, Any]:
        """Return the running units of a stage, by name."""

    def run_input(self, unit: Unit) -> None:
        """Start reading, if the unit is an input and everything has started."""


class Reload:
    """One reload.

    Args:
        pipeline: The running units.
        wanted: The configurations of the units that are to run, by stage and name.
        context: Shared by the new units.
    """

    def __init__(self, pipeline: RunningUnits, wanted: Mapping[str, Mapping[str, Any]], context: UnitContext) -> None:
        self._pipeline = pipeline
        self._wanted = wanted
        self._context = context
        self.changed: list[str] = []
        """The units that were started, replaced or stopped, such as `outputs.errors`."""

    async def run(self) -> None:
        """Start, replace and stop units until the wanted ones run.

        Raises:
            HekateError: A new unit does not start; all others go on unchanged.
        """
        prepared = await self._prepare()
        try:
            await to_the_end(self._put_in(prepared))
        finally:
            await _discard_all(prepared)

    async def _put_in(self, prepared: dict[str, Any]) -> None:
        """Add or replace units with the prepared ones, and remove the units that are not wanted."""
        for stage in STAGES:
            units = self._pipeline.units(stage)
            for name, config in self._wanted[stage].items():
                if name not in units:
                    self._add(stage, name, prepared)
                elif units[name].config != config:
                    await self._replace(stage, name, prepared)
        for stage in reversed(STAGES):
            for name in [name for name in self._pipeline.units(stage) if name not in self._wanted[stage]]:
                await self._remove(stage, name)

    async def one(self, stage: str, name: str) -> None:
        """Start, replace or stop a single unit.

        Raises:
            HekateError: The unit does not start; everything goes on unchanged.
        """
        old, config = self._pipeline.units(stage).get(name), self._wanted[stage].get(name)
        if config is None:
            await self._remove(stage, name)
            return
        prepared = {f"{stage}.{name}": await self._make(stage, old, config)}
        if old is None:
            self._add(stage, name, prepared)
        else:
            await self._replace(stage, name, prepared)

    async def _prepare(self) -> dict[str, Any]:
        """Start new units, and new sandboxes for units that stay, without giving them any work."""
        prepared: dict[str, Any] = {}
        at_once = asyncio.Semaphore(AT_ONCE)

        async def make(stage: str, name: str, old: Unit | None, config: Any) -> None:
            async with at_once:
                prepared[f"{stage}.{name}"] = await self._make(stage, old, config)

        try:
            for stage in STAGES:
                units, wanted = self._pipeline.units(stage), self._wanted[stage]
                new = [name for name, config in wanted.items() if name not in units or units[name].config != config]
                await all_of(make(stage, name, units.get(name), wanted[name]) for name in new)
        except BaseException:
            await _discard_all(prepared)
            raise
        return prepared

    async def _make(self, stage: str, old: Unit | None, config: Any) -> Any:
        if old is not None and old.can_swap(config):
            return await old.new_sandboxes(config)
        unit: Unit
        if stage == "inputs":
            unit = InputUnit(config, self._context)
        elif stage == "filters":
            unit = FilterUnit(config, self._context)
        else:
            unit = OutputUnit(config, self._context)
        try:
            await unit.start_sandboxes()
            if old is None and isinstance(unit, OutputUnit):
                await unit.open(at_start=not self._pipeline.started)
            elif old is None:
                await unit.open()
        except BaseException:
            await unit.discard()
            raise
        return unit

    def _add(self, stage: str, name: str, prepared: dict[str, Any]) -> None:
        unit = prepared.pop(f"{stage}.{name}")
        self._pipeline.units(stage)[name] = unit
        unit.attach()
        self._pipeline.run_input(unit)
        self.changed.append(f"{stage}.{name}")

    async def _replace(self, stage: str, name: str, prepared: dict[str, Any]) -> None:
        units, new = self._pipeline.units(stage), prepared.pop(f"{stage}.{name}")
        old = units[name]
        if isinstance(new, list):
            await old.swap(self._wanted[stage][name], new)
        else:
            units[name] = new
            try:
                await new.take_over(old)
            except HekateError:
                await new.discard()
                units[name] = await self._revive(old)
                raise
            self._pipeline.run_input(new)
        self.changed.append(f"{stage}.{name}")

    async def _revive(self, old: Unit) -> Unit:
        """Return the unit that goes on after its successor failed to start. A closed input is opened again."""
        if not isinstance(old, InputUnit):
            return old
        again = InputUnit(old.config, self._context)
        await again.start_sandboxes()
        await again.open()
        self._pipeline.run_input(again)
        return again

    async def _remove(self, stage: str, name: str) -> None:
        unit = self._pipeline.units(stage)[name]
        await unit.detach()
        timeout_s = self._context.settings.shutdown_timeout_ms / 1000
        is_settled = await unit.settle(timeout_s)
        if not is_settled and isinstance(unit, OutputUnit):
            left = await put_away_removed(unit, self._context.dead_letters)
            _LOG.error(
                "Removed an output before it had delivered everything; its records are in the dead letters.",
                output=name,
                records=left.dead_letters,
                lost=left.lost,
            )
        elif not is_settled:
            _LOG.error("Removed a component before it had delivered everything.", component=f"{stage}.{name}")
        if isinstance(unit, FilterUnit):
            await unit.last_tick()
            await unit.save_state()
        del self._pipeline.units(stage)[name]
        await unit.close()
        self.changed.append(f"{stage}.{name}")


def discard(thing: Unit | list[Any]) -> Awaitable[Any]:
    """Stop prepared units or sandboxes that are not needed."""
    if isinstance(thing, list):
        return asyncio.gather(*(sandbox.stop() for sandbox in thing))
    return thing.discard()


async def _discard_all(prepared: Mapping[str, Any]) -> None:
    await asyncio.gather(*(discard(thing) for thing in prepared.values()), return_exceptions=True)


async def to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Run work that must not be interrupted. A cancellation of the caller takes effect after the work."""
    task = asyncio.get_running_loop().create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def wanted_units(config: model.Config, filters: Mapping[str, model.Filter]) -> dict[str, Mapping[str, Any]]:
    """Return the units of a configuration, and further filters, by stage and name."""
    return {"inputs": config.inputs, "filters": {**filters, **config.filters}, "outputs": config.outputs}


async def all_of(awaitables: Iterable[Awaitable[object]]) -> None:
    """Wait until all have ended, then raise the first error if there is one."""
    results = await asyncio.gather(*awaitables, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
