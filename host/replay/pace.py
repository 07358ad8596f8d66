"""The speed of a replay's virtual time."""

import asyncio
import contextlib
import math

_NS = 1_000_000_000
_STEP_S = 0.02
"""Records less than this apart in real time may be delivered together."""


class Pace:
    """Waits so that virtual time runs at a multiple of real time, or does not wait at all.

    Args:
        speed: Factor of real time; None for the highest possible speed.
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
        """Stop waiting, now and later."""
        self._stopped.set()

    async def wait_until(self, time_ns: int) -> None:
        """Wait until virtual time reaches `time_ns`."""
        if self._speed is None:
            return
        due_s = self._begin_s + (time_ns - self._begin_ns) / _NS / self._speed
        left_s = due_s - asyncio.get_running_loop().time()
        if left_s > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left_s):
                    await self._stopped.wait()

    def horizon_ns(self, time_ns: int) -> float:
        """Return the time before which records may be delivered together with those at `time_ns`."""
        return math.inf if self._speed is None else time_ns + self._speed * _STEP_S * _NS
