"""Limits for open files of an input, and for its time on the event loop."""

import asyncio
import resource
import time
from typing import ClassVar
from weakref import WeakSet

_MAX_OPEN = 1024
_MIN_OPEN = 8
_TURN_S = 0.005


class OpenFiles:
    """The share of the process's descriptors that one file input may use.

    All file inputs together use at most half of the soft limit, and at most 1,024 descriptors. The rest is for
    sandboxes, sockets and outputs.
    """

    _all: ClassVar[WeakSet["OpenFiles"]] = WeakSet()

    def open(self) -> None:
        """Take part in the sharing."""
        self._all.add(self)

    def close(self) -> None:
        """Leave the share to the other inputs."""
        self._all.discard(self)

    @property
    def most(self) -> int:
        """The most files that this input may have open now."""
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        half = _MAX_OPEN if soft == resource.RLIM_INFINITY else min(soft // 2, _MAX_OPEN)
        return max(half // max(len(self._all), 1), _MIN_OPEN)


class Turns:
    """Gives the event loop back often enough during long work."""

    def __init__(self) -> None:
        self._since_s = time.monotonic()

    async def pause(self) -> None:
        """Let other tasks run, if a few milliseconds have passed since they last could."""
        if time.monotonic() - self._since_s > _TURN_S:
            await asyncio.sleep(0)
            self._since_s = time.monotonic()
