"""CPU time budget of trials.

Trials are limited by CPU time, as everything that runs Lua. Wall time depends on the machine's load more than on the
script: cases that need milliseconds may take seconds on a busy machine. The wall-time limit only ends trials that would
never end.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator

_POLL_S = 0.1
_WALL_TIME_FACTOR = 20


class CpuBudget:
    """CPU time that the processes of one or more trials may use together.

    Args:
        max_cpu_s: The budget in seconds.
    """

    def __init__(self, max_cpu_s: float) -> None:
        self.max_cpu_s = max_cpu_s
        """The budget in seconds."""
        self._past_s = 0.0
        self._running: dict[Callable[[], float], float] = {}
        """Functions that return the CPU time of running processes, mapped to the highest value seen.

        A function returns 0 after its process has died.
        """

    @property
    def max_wall_s(self) -> float:
        """Seconds of wall time after which the trials end, however little CPU they used."""
        return _WALL_TIME_FACTOR * self.max_cpu_s

    @property
    def is_used_up(self) -> bool:
        """True if the whole budget is used."""
        for cpu_s, highest_s in self._running.items():
            self._running[cpu_s] = max(highest_s, cpu_s())
        return self._past_s + sum(self._running.values()) >= self.max_cpu_s

    @contextlib.contextmanager
    def charge(self, cpu_s: Callable[[], float]) -> Iterator[None]:
        """Charge the CPU time of processes to the budget while the context is active."""
        self._running[cpu_s] = 0.0
        try:
            yield
        finally:
            self._past_s += max(self._running.pop(cpu_s), cpu_s())

    @contextlib.asynccontextmanager
    async def enforce(self) -> AsyncIterator[None]:
        """Cancel the body of the context when the budget is used up.

        Raises:
            TimeoutError: The budget is used up.
        """
        loop = asyncio.get_running_loop()
        end_s = loop.time() + self.max_wall_s
        async with asyncio.timeout(None) as timeout:

            async def watch() -> None:
                while not self.is_used_up and loop.time() < end_s:  # noqa: ASYNC110 -- CPU use has no event
                    await asyncio.sleep(_POLL_S)
                timeout.reschedule(loop.time())

            watcher = loop.create_task(watch())
            try:
                yield
            finally:
                watcher.cancel()
