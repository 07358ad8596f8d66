"""What an operator does to a running unit: pause, resume, stop, start, restart.

*Paused*, nothing is given to it; what comes waits in front of it, and holds the inputs back as any full queue does.
*Stopped*, its processes are gone: the records that a stopped filter would have seen pass it by and are counted as
dropped, those of a decoder or encoder wait. Either lasts until it is resumed or started, until a new version of its
script is loaded, or until the host stops.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from host.core.errors import SandboxError
from host.pipeline.units.union import FilterUnit, InputUnit, Unit
from host.pipeline.waits import wait_until

if TYPE_CHECKING:
    from host.pipeline.pipeline import Pipeline

_WAIT_S = 10.0
"""How long a sandbox may take for the packs that it has."""


def pause(unit: Unit) -> None:
    """Give the sandboxes of a unit nothing more."""
    if isinstance(unit, InputUnit):
        unit.decoding.held = True
    else:
        unit.consumer.held = True


def resume(unit: Unit) -> None:
    """Go on after `pause`."""
    if isinstance(unit, InputUnit):
        unit.decoding.held = False
        for sandbox in unit.decoding.sandboxes:
            unit.decoding.on_room(sandbox)
    else:
        unit.consumer.held = False
        unit.consumer.resume()


def pause_input(unit: InputUnit) -> None:
    """Let an input read no more; what it has read goes its way."""
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


async def stop(pipeline: Pipeline, unit: Unit) -> None:
    """End the processes of a unit, after the packs that they have.

    Raises:
        SandboxError: They do not get on; nothing has changed.
    """
    async with pipeline.changing:
        if is_stopped(unit):
            return
        was_held = unit.held
        pause(unit)
        if not await wait_until(lambda: all(_at_rest(sandbox) for sandbox in unit.sandboxes()), _WAIT_S):
            if not was_held:
                resume(unit)
            raise SandboxError(f"{unit.config.name} does not come to rest within {_WAIT_S:g} s; restart it instead.")
        if isinstance(unit, FilterUnit):
            await unit.last_tick()
            await unit.save_state()
        await asyncio.gather(*(sandbox.stop() for sandbox in unit.sandboxes()))
        if isinstance(unit, FilterUnit):
            unit.consumer.drop_all("stopped")
            unit.consumer.held = False


def _at_rest(sandbox: Any) -> bool:
    return sandbox.idle or sandbox.state in {"stopped", "quarantined"}


def is_stopped(unit: Unit) -> bool:
    """Whether somebody has stopped it."""
    return all(sandbox.closed for sandbox in unit.sandboxes())


async def start(pipeline: Pipeline, unit: Any) -> None:
    """Start what was stopped, or what died too often. What runs is left alone.

    Raises:
        SandboxError: It does not start.
    """
    if all(sandbox.will_run for sandbox in unit.sandboxes()):
        return
    await restart(pipeline, unit)


async def forget_state(pipeline: Pipeline, unit: FilterUnit) -> None:
    """Have a filter begin anew, without the state that it has preserved.

    Raises:
        SandboxError: It does not start without it; the old one goes on.
    """
    async with pipeline.changing:
        was_held = unit.held
        pause(unit)
        try:
            await wait_until(lambda: _at_rest(unit.sandbox), _WAIT_S)
            await unit.begin_anew()
        finally:
            if not was_held:
                resume(unit)


async def restart(pipeline: Pipeline, unit: Any) -> None:
    """Put new processes in the place of the old ones, between two packs.

    Raises:
        SandboxError: They do not start; the old ones go on.
    """
    async with pipeline.changing:
        was_stopped = is_stopped(unit)
        new = await unit.new_sandboxes(unit.config)
        await unit.swap(unit.config, new)
        unit.metrics.restarts += len(new)
        if was_stopped:
            resume(unit)
