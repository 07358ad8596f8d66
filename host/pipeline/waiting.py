"""Waiting for what many small events bring about."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from host.sandbox.sandbox import Sandbox

POLL_S = 0.005


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
    deadline_s = asyncio.get_running_loop().time() + timeout_s
    while not condition():
        if asyncio.get_running_loop().time() > deadline_s:
            return False
        await asyncio.sleep(POLL_S)
    return True
