"""How long trials may take: CPU time, as for all that runs Lua.

Time on the clock says more of the machine than of the script: on a small one that has much else to do, cases that take
some milliseconds may take many seconds. It only ends what does not come to its end at all.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator

_LOOK_S = 0.1
_TIMES_ON_THE_CLOCK = 20


class Allowance:
    """CPU time that the processes of one or several trials may take together.

    Args:
        most_s: So much.
    """

    def __init__(self, most_s: float) -> None:
        self.most_s = most_s
        """How much it is."""
        self._past_s = 0.0
        self._running: dict[Callable[[], float], float] = {}
        """What tells the CPU time of processes, with the highest that it has told: of one that died it tells none."""

    @property
    def most_clock_s(self) -> float:
        """After so long it ends, whatever CPU was had."""
        return _TIMES_ON_THE_CLOCK * self.most_s

    @property
    def is_used_up(self) -> bool:
        """Whether all of it was taken."""
        for cpu_s, highest_s in self._running.items():
            self._running[cpu_s] = max(highest_s, cpu_s())
        return self._past_s + sum(self._running.values()) >= self.most_s

    @contextlib.contextmanager
    def charged(self, cpu_s: Callable[[], float]) -> Iterator[None]:
        """Count the CPU time of processes for as long as they run."""
        self._running[cpu_s] = 0.0
        try:
            yield
        finally:
            self._past_s += max(self._running.pop(cpu_s), cpu_s())

    @contextlib.asynccontextmanager
    async def enforced(self) -> AsyncIterator[None]:
        """End what is done here once it is used up.

        Raises:
            TimeoutError: It is.
        """
        loop = asyncio.get_running_loop()
        end_s = loop.time() + self.most_clock_s
        async with asyncio.timeout(None) as timeout:

            async def watch() -> None:
                while not self.is_used_up and loop.time() < end_s:  # noqa: ASYNC110 -- nobody tells
                    await asyncio.sleep(_LOOK_S)
                timeout.reschedule(loop.time())

            watching = loop.create_task(watch())
            try:
                yield
            finally:
                watching.cancel()
