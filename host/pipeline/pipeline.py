"""A running pipeline: its units, started, reloaded and stopped in order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from host.config import model
from host.delivery.checkpoints import Checkpoints
from host.delivery.dead_letters import DeadLetters
from host.errors import HekateError, SandboxError
from host.pipeline.units import FilterUnit, InputUnit, OutputUnit, Surroundings, Unit
from host.router.router import Router
from host.sandbox.sandbox import Sandbox
from host.sandbox.supervisor import Supervisor
from host.sandbox.zygote_client import ZygoteClient
from host.telemetry.logs import get_logger
from host.telemetry.metrics import Registry

_LOG = get_logger("host.pipeline")
_POLL_S = 0.005

U = TypeVar("U", InputUnit, FilterUnit, OutputUnit)


class Pipeline:
    """All units of a host.

    Args:
        config: What to run.
        once: Whether to end when all inputs have ended.
    """

    def __init__(self, config: model.Config, *, once: bool) -> None:
        self.config = config
        self.metrics = Registry()
        self.ended = asyncio.Event()
        """Set when every input has ended by itself."""
        self.failure: BaseException | None = None
        """Why an input ended that should not have."""
        self._once = once
        self.inputs: dict[str, InputUnit] = {}
        self.filters: dict[str, FilterUnit] = {}
        self.outputs: dict[str, OutputUnit] = {}
        state_dir = Path(config.hekate.state_dir)
        self.dead_letters = DeadLetters(state_dir)
        self.checkpoints = Checkpoints(state_dir, config.hekate.checkpoint_interval_ms)
        self.zygote = ZygoteClient()
        self.router = Router(self.metrics.component("router", "router", "router"))
        self._supervisor: asyncio.Task[None] | None = None

    def _surroundings(self, config: model.Config) -> Surroundings:
        return Surroundings(
            config.hekate,
            zygote=self.zygote,
            router=self.router,
            metrics=self.metrics,
            checkpoints=self.checkpoints,
            dead_letters=self.dead_letters,
            once=self._once,
        )

    def sandboxes(self) -> Iterator[Sandbox]:
        """All sandboxes there are now."""
        for unit in self._units():
            yield from unit.sandboxes()

    def _units(self) -> list[Unit]:
        return [*self.inputs.values(), *self.filters.values(), *self.outputs.values()]

    # ------------------------------------------------------------------ start

    async def start(self) -> None:
        """Start everything, what is behind before what is in front of it.

        Raises:
            HekateError: Something could not be started; what had been is stopped again.
        """
        self.checkpoints.start()
        self.zygote.start()
        watch = Supervisor(_Living(self.sandboxes))
        self._supervisor = asyncio.get_running_loop().create_task(watch.run(), name="supervisor")
        around = self._surroundings(self.config)
        try:
            await self._start_new(self.outputs, self.config.outputs, lambda c: OutputUnit(c, around))
            await self._start_new(self.filters, self.config.filters, lambda c: FilterUnit(c, around))
            await self._start_new(self.inputs, self.config.inputs, lambda c: InputUnit(c, around))
        except BaseException:
            await self._stop_everything()
            raise
        for unit in self.inputs.values():
            unit.run(self._input_ended)
        if not self.inputs:
            self.ended.set()

    async def _start_new(self, units: dict[str, U], wanted: Mapping[str, object], make: Callable[..., U]) -> None:
        new = {name: make(config) for name, config in wanted.items() if name not in units}
        units.update(new)
        try:
            await _all(unit.start() for unit in new.values())
        except BaseException:
            for name in new:
                del units[name]
            await asyncio.gather(*(unit.close() for unit in new.values()), return_exceptions=True)
            raise

    def _input_ended(self, unit: InputUnit, fault: BaseException | None) -> None:
        if fault is not None:
            _LOG.error("An input failed.", input=unit.config.name, reason=f"{type(fault).__name__}: {fault}")
            unit.metrics.count_error("failed")
            self.failure = self.failure or fault
        if all(other.finished for other in self.inputs.values()):
            self.ended.set()

    # ------------------------------------------------------------------ end

    async def drain(self) -> None:
        """Stop in order: inputs, decoders, filters, encoders, outputs. Each is given the time that it needs."""
        await _all(unit.stop_reading() for unit in self.inputs.values())
        await self._settled(lambda: all(unit.decoded for unit in self.inputs.values()))
        await self._settle_filters()
        await _all(unit.last_tick() for unit in self.filters.values())
        await self._settle_filters()
        await self._settled(lambda: all(unit.idle for unit in self.outputs.values()))
        await self._settled(lambda: all(unit.idle for unit in self.inputs.values()))

    async def _settle_filters(self) -> None:
        """Filters may inject for one another: wait until none of them has anything to do."""
        await self._settled(lambda: all(unit.idle for unit in self.filters.values()))

    async def _settled(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition, but not for a sandbox that will never do its work.

        Raises:
            SandboxError: There is such a sandbox.
        """
        await _until(lambda: condition() or any(self._stuck()))
        if not condition():
            names = ", ".join(sandbox.name for sandbox in self._stuck())
            raise SandboxError(f"Not everything was delivered: {names} keeps dying; the log says why.")

    def _stuck(self) -> Iterator[Sandbox]:
        return (sandbox for sandbox in self.sandboxes() if sandbox.state == "quarantined")

    async def stop(self) -> None:
        """End the processes and close what is open. What was not delivered is not acknowledged, and read again."""
        await self._stop_everything()

    async def _stop_everything(self) -> None:
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.gather(self._supervisor, return_exceptions=True)
        self.checkpoints.close()
        for unit in self._units():
            try:
                await unit.close()
            except (HekateError, OSError) as fault:
                _LOG.error("Could not close.", component=unit.config.name, reason=str(fault))
        self.zygote.close()
        self.dead_letters.close()

    def reopen_outputs(self) -> None:
        """Have outputs open their files again, after a rotation by somebody else."""
        for unit in self.outputs.values():
            unit.output.reopen()

    # ------------------------------------------------------------------ reload

    async def reload(self, config: model.Config) -> list[str]:
        """Run another configuration: what has not changed goes on undisturbed.

        Returns:
            What was stopped and started, as `outputs.errors`.
        """
        gone_inputs = _changed(self.inputs, config.inputs)
        gone_filters = _changed(self.filters, config.filters)
        gone_outputs = _changed(self.outputs, config.outputs)
        await _all(unit.stop_reading() for unit in gone_inputs.values())
        await _until(lambda: all(unit.decoded for unit in gone_inputs.values()))
        behind: list[FilterUnit | OutputUnit] = [*gone_filters.values(), *gone_outputs.values()]
        await _until(lambda: all(unit.idle for unit in behind))
        await _all(unit.last_tick() for unit in gone_filters.values())
        self.config = config
        around = self._surroundings(config)
        await self._remove(self.filters, gone_filters)
        await self._remove(self.outputs, gone_outputs)
        await self._start_new(self.outputs, config.outputs, lambda c: OutputUnit(c, around))
        await self._start_new(self.filters, config.filters, lambda c: FilterUnit(c, around))
        await _until(lambda: all(unit.idle for unit in gone_inputs.values()))
        await self._remove(self.inputs, gone_inputs)
        before = set(self.inputs)
        await self._start_new(self.inputs, config.inputs, lambda c: InputUnit(c, around))
        for name, unit in self.inputs.items():
            if name not in before:
                unit.run(self._input_ended)
        stages = (("inputs", gone_inputs), ("filters", gone_filters), ("outputs", gone_outputs))
        return [f"{stage}.{name}" for stage, gone in stages for name in list(gone)]

    async def _remove(self, units: dict[str, U], gone: Mapping[str, U]) -> None:
        for name in gone:
            del units[name]
        await _all(unit.close() for unit in gone.values())


class _Living:
    """The sandboxes that there are whenever one looks."""

    def __init__(self, find: Callable[[], Iterator[Sandbox]]) -> None:
        self._find = find

    def __iter__(self) -> Iterator[Sandbox]:
        return iter(list(self._find()))


def _changed(units: Mapping[str, U], wanted: Mapping[str, object]) -> dict[str, U]:
    return {name: unit for name, unit in units.items() if wanted.get(name) != unit.config}


async def _all(awaitables: Iterable[Awaitable[object]]) -> None:
    """Wait for all; the first error is raised once all have ended."""
    results = await asyncio.gather(*awaitables, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result


async def _until(condition: Callable[[], bool]) -> None:
    """Wait for something that many small events may bring about."""
    while not condition():  # noqa: ASYNC110 -- an event for each of them would be on the path of every pack
        await asyncio.sleep(_POLL_S)
