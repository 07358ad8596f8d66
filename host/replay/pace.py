"""How fast the time of the records goes by."""

import asyncio
import contextlib
import math

_NS = 1_000_000_000
_STEP_S = 0.02
"""Records that are less than this apart, by the clock on the wall, may be given on together."""


class Pace:
    """So many times as fast as it was, or as fast as it goes.

    Args:
        speed: How many times; None for as fast as it goes.
    """

    def __init__(self, speed: float | None) -> None:
        self._speed = speed
        self._begin_ns = 0
        self._begin_s = 0.0
        self._stopped = asyncio.Event()

    def begin(self, now_ns: int) -> None:
        """Start the clock."""
        self._begin_ns, self._begin_s = now_ns, asyncio.get_running_loop().time()

    def stop(self) -> None:
        """Wait no more."""
        self._stopped.set()

    async def until(self, time_ns: int) -> None:
        """Wait until it is so late."""
        if self._speed is None:
            return
        due_s = self._begin_s + (time_ns - self._begin_ns) / _NS / self._speed
        left_s = due_s - asyncio.get_running_loop().time()
        if left_s > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left_s):
                    await self._stopped.wait()

    def horizon_ns(self, time_ns: int) -> float:
        """Before when records must be to be given on together with those of a time."""
        return math.inf if self._speed is None else time_ns + self._speed * _STEP_S * _NS
