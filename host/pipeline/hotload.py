"""Hot loading: what changes in the drop-in directory takes effect while data flows.

Each file is on its own. One that is broken leaves what ran before it running, and the log says what is wrong; the
others are not held up.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from host.config import model
from host.config.dropins import DropIns
from host.errors import ConfigError, ConfigErrors, HekateError
from host.pipeline.reload import STAGES, Reload, wanted_units
from host.pipeline.units import Surroundings, Unit
from host.telemetry.logs import get_logger

if TYPE_CHECKING:
    from host.pipeline.pipeline import Pipeline

_LOG = get_logger("host.hotload")


class HotLoader:
    """Brings the running units in line with the files.

    Args:
        pipeline: What runs.
        load: Loads the configuration anew, and with it the plugins that it names; raises ConfigErrors.
    """

    def __init__(self, pipeline: Pipeline, load: Callable[[], model.Config]) -> None:
        self._pipeline = pipeline
        self._load = load
        self._drop_ins = DropIns()

    async def apply(self) -> None:
        """Look at all files, and change what they change."""
        pipeline = self._pipeline
        async with pipeline.changing:
            config = await self._loaded()
            around = pipeline.surroundings(config)
            drop_ins, faults = await asyncio.to_thread(self._drop_ins.filters, config)
            _report(faults)
            wanted = wanted_units(config, drop_ins)
            for stage in STAGES:
                for name, unit in list(pipeline.units(stage).items()):
                    await self._follow(stage, name, unit, wanted[stage].get(name), around)
                for name in drop_ins if stage == "filters" else ():
                    if name not in pipeline.filters:
                        await self._change("filters", name, drop_ins[name], around)

    async def _loaded(self) -> model.Config:
        """The configuration with the plugins as they are now; as it was, if one of them has a fault."""
        try:
            return await asyncio.to_thread(self._load)
        except ConfigErrors as fault:
            _report(fault.errors)
            return self._pipeline.config

    async def _follow(self, stage: str, name: str, unit: Unit, wanted: Any, around: Surroundings) -> None:
        """One unit that runs."""
        is_drop_in = stage == "filters" and name not in self._pipeline.config.filters
        if wanted is None:
            if is_drop_in:
                await self._change(stage, name, None, around)
        elif wanted != unit.config and (is_drop_in or unit.can_swap(wanted)):
            await self._change(stage, name, wanted, around)
        elif wanted == unit.config and self._has_old_modules(unit, around):
            await self._renew(stage, name, unit)

    async def _change(self, stage: str, name: str, wanted: Any, around: Surroundings) -> None:
        """Start, replace or stop one unit, and leave all others as they are."""
        now: dict[str, dict[str, Any]] = {
            each: {other: unit.config for other, unit in self._pipeline.units(each).items()} for each in STAGES
        }
        if wanted is None:
            del now[stage][name]
        else:
            now[stage][name] = wanted
        try:
            await Reload(self._pipeline, now, around).run()
        except HekateError as fault:
            _LOG.error("Not loaded; what ran before goes on.", unit=f"{stage}.{name}", reason=str(fault))
            return
        _LOG.info("Unloaded." if wanted is None else "Loaded.", unit=f"{stage}.{name}")

    def _has_old_modules(self, unit: Unit, around: Surroundings) -> bool:
        for sandbox in unit.sandboxes():
            if sandbox.closed:
                continue  # somebody has stopped it
            for module, digest in sandbox.modules.items():
                try:
                    text = around.read_module(module)
                except KeyError:
                    continue  # it is gone: what was loaded goes on
                if digest != hashlib.sha256(text.encode()).hexdigest():
                    return True
        return False

    async def _renew(self, stage: str, name: str, unit: Any) -> None:
        """Start a unit's sandboxes anew because a module that they require was edited."""
        try:
            new = await unit.new_sandboxes(unit.config)
        except HekateError as fault:
            _LOG.error("Not loaded; what ran before goes on.", unit=f"{stage}.{name}", reason=str(fault))
            return
        await unit.swap(unit.config, new)
        _LOG.info("Loaded, for a module that it requires.", unit=f"{stage}.{name}")


def _report(faults: Iterable[ConfigError]) -> None:
    for fault in faults:
        _LOG.error("A plugin has a fault; what ran before goes on.", fault=str(fault))
