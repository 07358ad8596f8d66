"""Hot loading: changes in the drop-in directory take effect while data flows.

Each file is loaded independently. If a file is broken or its cases fail, its previous version keeps running, the log
says what is wrong, and the other files still load.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from host.config import model
from host.config.dropins import DropIns
from host.core.errors import ConfigError, ConfigErrors, HekateError
from host.hotload.case_check import CaseCheck
from host.pipeline.context import UnitContext
from host.pipeline.transition import AT_ONCE, STAGES, Reload, wanted_units
from host.pipeline.units.any_unit import Unit
from host.sandbox.sandbox import Sandbox
from host.telemetry.logs import get_logger

if TYPE_CHECKING:
    from host.pipeline.pipeline import Pipeline

_LOG = get_logger("host.hotload")


class HotLoader:
    """Brings the running units in line with the files.

    Args:
        pipeline: The running pipeline.
        load: Loads the configuration again, with the plugins that it names; raises ConfigErrors.
        case_check: Runs the plugins' own cases.
    """

    def __init__(self, pipeline: Pipeline, load: Callable[[], model.Config], case_check: CaseCheck) -> None:
        self._pipeline = pipeline
        self._load = load
        self._case_check = case_check
        self._drop_ins = DropIns()
        self.faults: dict[str, str] = {}
        """The reason why the current file does not run, by unit, such as `filters.counts`."""
        self.on_applied: list[Callable[[], None]] = []
        """Called after each check of all files."""
        self._free = asyncio.Semaphore(AT_ONCE)
        self.is_due = False
        """True while an `apply` is waiting to start; it will see changes made now."""

    @property
    def not_loaded(self) -> list[str]:
        """Units that do not run their current file, and files that cannot be loaded."""
        return [*self.faults, *self._drop_ins.broken]

    async def apply(self) -> None:
        """Check all files and apply their changes."""
        pipeline = self._pipeline
        self.is_due = True
        async with pipeline.changing:
            self.is_due = False
            config = await self._loaded()
            around = pipeline.context(config)
            drop_ins, faults = await asyncio.to_thread(self._drop_ins.filters, config)
            _report(faults)
            wanted = wanted_units(config, drop_ins)
            modules = _Modules(around.read_module)
            for stage in STAGES:
                follow = [
                    self._follow(stage, name, unit, wanted[stage].get(name), around, modules)
                    for name, unit in list(pipeline.units(stage).items())
                ]
                if stage == "filters":
                    new = [name for name in drop_ins if name not in pipeline.filters]
                    follow += [self._change("filters", name, drop_ins[name], around) for name in new]
                await asyncio.gather(*follow)
        for callback in self.on_applied:
            callback()

    async def _loaded(self) -> model.Config:
        """Return the configuration with the current plugins; the running one if a plugin has a fault."""
        try:
            return await asyncio.to_thread(self._load)
        except ConfigErrors as error:
            _report(error.errors)
            return self._pipeline.config

    async def _follow(  # noqa: PLR0917 -- called in one place
        self, stage: str, name: str, unit: Unit, wanted: Any, around: UnitContext, modules: _Modules
    ) -> None:
        """Change a running unit if its files have changed."""
        is_drop_in = stage == "filters" and name not in self._pipeline.config.filters
        if wanted is None:
            if is_drop_in:
                await self._change(stage, name, None, around)
        elif wanted != unit.config and (is_drop_in or unit.can_swap(wanted)):
            await self._change(stage, name, wanted, around)
        elif wanted == unit.config and any(modules.are_old(sandbox) for sandbox in unit.sandboxes()):
            await self._renew(stage, name, unit, around)

    async def _change(self, stage: str, name: str, wanted: Any, around: UnitContext) -> None:
        """Start, replace or stop one unit, and leave all others as they are."""
        async with self._free:
            try:
                if wanted is not None:
                    await self._check(wanted, around)
                await Reload(self._pipeline, {stage: {} if wanted is None else {name: wanted}}, around).one(stage, name)
            except HekateError as error:
                self._failed(stage, name, error)
                return
            self.faults.pop(f"{stage}.{name}", None)
            _LOG.info("Unloaded." if wanted is None else "Loaded.", unit=f"{stage}.{name}")

    def _failed(self, stage: str, name: str, fault: HekateError) -> None:
        unit, runs = f"{stage}.{name}", name in self._pipeline.units(stage)
        self.faults[unit] = str(fault)
        _LOG.error("Not loaded; what ran before goes on." if runs else "Not loaded.", unit=unit, reason=str(fault))

    async def _check(self, wanted: Any, around: UnitContext) -> None:
        """Run the plugins' own cases; raises HekateError if one fails."""
        await self._case_check.check(model.sandboxes_of(wanted), around.settings, around.read_module)

    async def _renew(self, stage: str, name: str, unit: Any, around: UnitContext) -> None:
        """Restart a unit's sandboxes because a module that they require has changed."""
        async with self._free:
            try:
                await self._check(unit.config, around)
                new = await unit.new_sandboxes(unit.config)
            except HekateError as error:
                self._failed(stage, name, error)
                return
            await unit.swap(unit.config, new)
            self.faults.pop(f"{stage}.{name}", None)
            _LOG.info("Loaded, for a module that it requires.", unit=f"{stage}.{name}")


class _Modules:
    """The current modules, each read once."""

    def __init__(self, read_module: Callable[[str], str]) -> None:
        self._read_module = read_module
        self._digests: dict[str, str | None] = {}

    def are_old(self, sandbox: Sandbox) -> bool:
        """Return True if a sandbox uses an outdated module. A deleted module stays in use as it was loaded."""
        if sandbox.closed:
            return False  # stopped by an operator
        return any(self._digest(name) not in {None, digest} for name, digest in sandbox.modules.items())

    def _digest(self, name: str) -> str | None:
        if name not in self._digests:
            try:
                self._digests[name] = hashlib.sha256(self._read_module(name).encode()).hexdigest()
            except KeyError:
                self._digests[name] = None
        return self._digests[name]


def _report(faults: Iterable[ConfigError]) -> None:
    for fault in faults:
        _LOG.error("A plugin has a fault and is not loaded; if it ran before, that goes on.", fault=str(fault))
