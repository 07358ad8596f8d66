"""An operator's actions on a running unit: pause, resume, stop, start, restart.

A *paused* unit gets no packs. They wait in its queue, and a full queue holds the inputs back as usual. The processes of
a *stopped* unit have ended: the records of a stopped filter are dropped and counted, those of a decoder or encoder
wait. Both last until the unit is resumed or started, a new version of its script is loaded, or the host stops.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from host.core.errors import SandboxError
from host.pipeline.pack_queue import PackQueue
from host.pipeline.units.any_unit import FilterUnit, InputUnit, Unit
from host.pipeline.waits import wait_until

_WAIT_S = 10.0
"""Seconds that a sandbox may take to finish its packs."""


class Changing(Protocol):
    """A pipeline, of which the actions need only the lock."""

    changing: asyncio.Lock
    """Held while units are started, replaced or stopped."""


def pause(unit: Unit) -> None:
    """Give the sandboxes of a unit no more packs."""
    _queue(unit).pause()


def resume(unit: Unit) -> None:
    """Give the sandboxes of a unit packs again after `pause`."""
    _queue(unit).resume()


def _queue(unit: Unit) -> PackQueue[Any]:
    return unit.decoding if isinstance(unit, InputUnit) else unit.consumer


def pause_input(unit: InputUnit) -> None:
    """Stop an input from reading. What it has read is still delivered."""
    unit.intake.paused = True


def resume_input(unit: InputUnit) -> None:
    """Let an input read again."""
    unit.intake.paused = False
    unit.intake.wake()


def release(unit: Unit) -> None:
    """End all pauses of a unit."""
    if isinstance(unit, InputUnit):
        resume_input(unit)
    if unit.held:
        resume(unit)


async def stop(pipeline: Changing, unit: Unit) -> None:
    """Stop the processes of a unit once they have finished their packs.

    Raises:
        SandboxError: They do not finish in time; nothing has changed.
    """
    async with pipeline.changing:
        if is_stopped(unit):
            return
        was_held = unit.held
        pause(unit)
        if not await wait_until(lambda: all(_is_at_rest(sandbox) for sandbox in unit.sandboxes()), _WAIT_S):
            if not was_held:
                resume(unit)
            raise SandboxError(
                f"{unit.config.name} does not finish its packs within {_WAIT_S:g} s; restart it instead."
            )
        if isinstance(unit, FilterUnit):
            await unit.last_tick()
            await unit.save_state()
        await asyncio.gather(*(sandbox.stop() for sandbox in unit.sandboxes()))
        if isinstance(unit, FilterUnit):
            unit.consumer.drop_all("stopped")
            unit.consumer.held = False


def _is_at_rest(sandbox: Any) -> bool:
    return sandbox.idle or sandbox.state in {"stopped", "quarantined"}


def is_stopped(unit: Unit) -> bool:
    """Return True if an operator has stopped the unit."""
    return all(sandbox.closed for sandbox in unit.sandboxes())


async def start(pipeline: Changing, unit: Any) -> None:
    """Start a unit that was stopped or quarantined; do nothing if it runs.

    Raises:
        SandboxError: The unit does not start.
    """
    if all(sandbox.will_run for sandbox in unit.sandboxes()):
        return
    await restart(pipeline, unit)


async def forget_state(pipeline: Changing, unit: FilterUnit) -> None:
    """Restart a filter without its preserved state.

    Raises:
        SandboxError: The new sandbox does not start; the old one goes on.
    """
    async with pipeline.changing:
        was_held = unit.held
        pause(unit)
        try:
            await wait_until(lambda: _is_at_rest(unit.sandbox), _WAIT_S)
            await unit.begin_anew()
        finally:
            if not was_held:
                resume(unit)


async def restart(pipeline: Changing, unit: Any) -> None:
    """Replace the processes of a unit by new ones, between two packs.

    Raises:
        SandboxError: The new processes do not start; the old ones go on.
    """
    async with pipeline.changing:
        was_stopped = is_stopped(unit)
        new = await unit.new_sandboxes(unit.config)
        await unit.swap(unit.config, new)
        unit.metrics.restarts += len(new)
        if was_stopped:
            resume(unit)
