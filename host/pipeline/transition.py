"""From one configuration to another while data flows.

What has not changed goes on undisturbed. Whatever can fail is done first, beside what runs: new sandboxes load their
scripts, new units start. Only then are old ones replaced, each between two packs. A replaced filter or output hands its
queue to its successor, so nothing waits for the end of the flow, and nothing is lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from host.config import model
from host.core.errors import HekateError
from host.pipeline.context import UnitContext
from host.pipeline.units.union import FilterUnit, InputUnit, OutputUnit, Unit
from host.sandbox.process import MAX_MEMBERS
from host.telemetry.logs import get_logger

if TYPE_CHECKING:
    from host.pipeline.pipeline import Pipeline

_LOG = get_logger("host.pipeline")
AT_ONCE = 2 * MAX_MEMBERS
"""Units that start at the same time. Those of a group then share processes."""
STAGES = ("outputs", "filters", "inputs")
"""What is behind is started before what is in front of it."""


class Reload:
    """One reload.

    Args:
        pipeline: What runs.
        wanted: Of each stage, the configurations of the units that are to run.
        around: What the new units share.
    """

    def __init__(self, pipeline: Pipeline, wanted: Mapping[str, Mapping[str, Any]], around: UnitContext) -> None:
        self._pipeline = pipeline
        self._wanted = wanted
        self._around = around
        self.changed: list[str] = []
        """What was started, replaced or stopped, as `outputs.errors`."""

    async def run(self) -> None:
        """Do it.

        Raises:
            HekateError: Something new does not start; everything goes on as it was.
        """
        made = await self._prepare()
        try:
            await to_the_end(self._put_in(made))
        finally:
            await _discard_all(made)

    async def _put_in(self, made: dict[str, Any]) -> None:
        """Replace what runs by what was made, and take it out of there."""
        for stage in STAGES:
            units = self._pipeline.units(stage)
            for name, config in self._wanted[stage].items():
                if name not in units:
                    self._add(stage, name, made)
                elif units[name].config != config:
                    await self._replace(stage, name, made)
        for stage in reversed(STAGES):
            for name in [name for name in self._pipeline.units(stage) if name not in self._wanted[stage]]:
                await self._remove(stage, name)

    async def one(self, stage: str, name: str) -> None:
        """Start, replace or stop a single unit, and look at no other.

        Raises:
            HekateError: It does not start; everything goes on as it was.
        """
        old, config = self._pipeline.units(stage).get(name), self._wanted[stage].get(name)
        if config is None:
            await self._remove(stage, name)
            return
        made = {f"{stage}.{name}": await self._make(stage, old, config)}
        if old is None:
            self._add(stage, name, made)
        else:
            await self._replace(stage, name, made)

    async def _prepare(self) -> dict[str, Any]:
        """Start all that is new, but give it nothing to do: units, and sandboxes for units that stay."""
        made: dict[str, Any] = {}
        at_once = asyncio.Semaphore(AT_ONCE)

        async def make(stage: str, name: str, old: Unit | None, config: Any) -> None:
            async with at_once:
                made[f"{stage}.{name}"] = await self._make(stage, old, config)

        try:
            for stage in STAGES:
                units, wanted = self._pipeline.units(stage), self._wanted[stage]
                new = [name for name, config in wanted.items() if name not in units or units[name].config != config]
                await all_of(make(stage, name, units.get(name), wanted[name]) for name in new)
        except BaseException:
            await _discard_all(made)
            raise
        return made

    async def _make(self, stage: str, old: Unit | None, config: Any) -> Any:
        if old is not None and old.can_swap(config):
            return await old.new_sandboxes(config)
        unit: Unit
        if stage == "inputs":
            unit = InputUnit(config, self._around)
        elif stage == "filters":
            unit = FilterUnit(config, self._around)
        else:
            unit = OutputUnit(config, self._around)
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

    def _add(self, stage: str, name: str, made: dict[str, Any]) -> None:
        unit = made.pop(f"{stage}.{name}")
        self._pipeline.units(stage)[name] = unit
        unit.attach()
        self._pipeline.run_input(unit)
        self.changed.append(f"{stage}.{name}")

    async def _replace(self, stage: str, name: str, made: dict[str, Any]) -> None:
        units, new = self._pipeline.units(stage), made.pop(f"{stage}.{name}")
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
        """What is to run on when its successor could not begin: an input was closed by then, and is opened again."""
        if not isinstance(old, InputUnit):
            return old
        again = InputUnit(old.config, self._around)
        await again.start_sandboxes()
        await again.open()
        self._pipeline.run_input(again)
        return again

    async def _remove(self, stage: str, name: str) -> None:
        unit = self._pipeline.units(stage)[name]
        await unit.detach()
        timeout_s = self._around.settings.shutdown_timeout_ms / 1000
        if not await unit.settle(timeout_s):
            _LOG.error("It was removed before it had delivered everything.", component=f"{stage}.{name}")
        if isinstance(unit, FilterUnit):
            await unit.last_tick()
            await unit.save_state()
        del self._pipeline.units(stage)[name]
        await unit.close()
        self.changed.append(f"{stage}.{name}")


def discard(thing: Unit | list[Any]) -> Awaitable[Any]:
    """End what was started for nothing."""
    if isinstance(thing, list):
        return asyncio.gather(*(sandbox.stop() for sandbox in thing))
    return thing.discard()


async def _discard_all(made: Mapping[str, Any]) -> None:
    await asyncio.gather(*(discard(thing) for thing in made.values()), return_exceptions=True)


async def to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Do something that must not be left half done: whoever is cancelled meanwhile, is when it has ended."""
    task = asyncio.get_running_loop().create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def wanted_units(config: model.Config, filters: Mapping[str, model.Filter]) -> dict[str, Mapping[str, Any]]:
    """What a configuration wants, and further filters."""
    return {"inputs": config.inputs, "filters": {**filters, **config.filters}, "outputs": config.outputs}


async def all_of(awaitables: Iterable[Awaitable[object]]) -> None:
    """Wait for all; the first error is raised once all have ended."""
    results = await asyncio.gather(*awaitables, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
