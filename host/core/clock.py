"""Time, real or virtual.

Code that waits or reads the time takes a `Clock`, so that tests and replays control the time.
"""

import asyncio
import heapq
import itertools
import time
from abc import ABC, abstractmethod


class Clock(ABC):
    """Source of time."""

    @abstractmethod
    def now_ns(self) -> int:
        """Wall-clock time in nanoseconds since 1970, UTC."""

    @abstractmethod
    def monotonic_s(self) -> float:
        """Seconds that only ever grow; for intervals."""

    @abstractmethod
    async def sleep(self, seconds: float) -> None:
        """Wait."""


class RealClock(Clock):
    """The machine's clock."""

    def now_ns(self) -> int:
        """Wall-clock time in nanoseconds since 1970, UTC."""
        return time.time_ns()

    def monotonic_s(self) -> float:
        """Seconds that only ever grow; for intervals."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class VirtualClock(Clock):
    """A clock that stands still until `advance` moves it."""

    def __init__(self, start_ns: int = 0) -> None:
        self._now_ns = start_ns
        self._elapsed_ns = 0
        self._tickets = itertools.count()
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []

    def now_ns(self) -> int:
        """Wall-clock time in nanoseconds since 1970, UTC."""
        return self._now_ns

    def monotonic_s(self) -> float:
        """Seconds since the clock was created."""
        return self._elapsed_ns / 1e9

    async def sleep(self, seconds: float) -> None:
        """Wait until `advance` has moved the clock far enough."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        due_ns = self._elapsed_ns + round(seconds * 1e9)
        # The ticket keeps sleepers with the same due time in order of arrival.
        heapq.heappush(self._sleepers, (due_ns, next(self._tickets), future))
        await future

    async def advance(self, seconds: float) -> None:
        """Move the clock, waking each sleeper at its own time and letting it run before the next."""
        target_ns = self._elapsed_ns + round(seconds * 1e9)
        while self._sleepers and self._sleepers[0][0] <= target_ns:
            due_ns, _, future = heapq.heappop(self._sleepers)
            self._move_to(due_ns)
            if not future.done():
                future.set_result(None)
            await asyncio.sleep(0)
        self._move_to(target_ns)

    def _move_to(self, elapsed_ns: int) -> None:
        self._now_ns += elapsed_ns - self._elapsed_ns
        self._elapsed_ns = elapsed_ns
