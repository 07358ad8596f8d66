"""Waiting for what many small events bring about."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from host.sandbox.sandbox import Sandbox

POLL_S = 0.005
_MIN_LOOKS_LATE = 4
"""However late it is: if the host itself was not scheduled, what it waits for has come, and is about to be read."""


async def started(sandboxes: list[Sandbox]) -> list[Sandbox]:
    """Start sandboxes; if one does not start, none is left.

    Raises:
        SandboxError: One did not start.
    """
    results = await asyncio.gather(*(sandbox.start() for sandbox in sandboxes), return_exceptions=True)
    faults = [result for result in results if isinstance(result, BaseException)]
    if faults:
        await asyncio.gather(*(sandbox.stop() for sandbox in sandboxes))
        raise faults[0]
    return sandboxes


async def wait_until(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Wait for something that many small events may bring about; whether it came about."""
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + timeout_s
    looks_when_late = 0
    while not condition():
        looks_when_late += loop.time() > deadline_s
        if looks_when_late > _MIN_LOOKS_LATE:
            return False
        await asyncio.sleep(POLL_S)
    return True
