"""Snapshots and restorations that are under way between a sandbox and its process."""

import asyncio
from collections.abc import Callable

from host.sandbox.channel import Channel
from host.sandbox.journal import Journal

_CPU_MS = 2000
_READ_CPU_MS_PER_MIB = 200
_WRITTEN_CPU_MS_PER_MIB = 10
"""What a restoration, and a part of a snapshot, may take: ten times what they do as a rule, for slow machines."""


class StateExchange:
    """What was asked of the process about its state, and what of the answer has come.

    Args:
        journal: Where snapshots go, and come from.
        most_bytes: A state cannot be larger.
    """

    def __init__(self, journal: Journal, most_bytes: int) -> None:
        self._journal = journal
        self._most_bytes = most_bytes
        self._snapshot: asyncio.Future[bool] | None = None
        self._parts: list[bytes] = []
        self._restored: asyncio.Future[str] | None = None

    async def snapshot(self, ask: Callable[[], None]) -> bool:
        """Take a snapshot, or wait for the one that is being taken; whether there is one. `ask` asks the process."""
        # Whoever waits may be cancelled, and the answer comes all the same.
        return await asyncio.shield(self.begin_snapshot(ask))

    def begin_snapshot(self, ask: Callable[[], None]) -> asyncio.Future[bool]:
        """The same, without waiting."""
        if self._snapshot is None or self._snapshot.done():
            self._snapshot = asyncio.get_running_loop().create_future()
            self._parts.clear()
            ask()
        return self._snapshot

    def add(self, part: bytes) -> bool:
        """A part of the state has come; whether it may."""
        self._parts.append(part)
        asked = self._snapshot is not None and not self._snapshot.done()
        return asked and sum(map(len, self._parts)) <= self._most_bytes

    def on_taken(self, fault: str) -> bool:
        """All of the state has come, or, with a fault, none will; whether that was asked for."""
        taken, state = self._snapshot, b"".join(self._parts)
        self._parts.clear()
        if taken is None or taken.done():
            return False
        if fault:
            self._journal.give_up(fault)
        else:
            self._journal.take(state)
        taken.set_result(not fault)
        return True

    @property
    def cpu_ms(self) -> int:
        """CPU that what is under way may take until something is heard of it; 0 if nothing is."""
        if self.restores:
            return _CPU_MS + _READ_CPU_MS_PER_MIB * (len(self._journal.snapshot or b"") >> 20)
        # It comes in parts, and each of them is heard of; but behind the last one all memory is gone through.
        taking = self._snapshot is not None and not self._snapshot.done()
        return _CPU_MS + _WRITTEN_CPU_MS_PER_MIB * (self._most_bytes >> 20) if taking else 0

    @property
    def restores(self) -> bool:
        """Whether the process is taking a state."""
        return self._restored is not None and not self._restored.done()

    async def restore(self, state: bytes, channel: Channel) -> str:
        """Have the process take a state. Answers why it cannot; empty if it has."""
        self._journal.snapshot = state
        self.begin_restore(channel)
        assert self._restored is not None
        return await self._restored

    def begin_restore(self, channel: Channel) -> bool:
        """Have the process take the state of the journal; whether there is one."""
        if self._journal.snapshot is None:
            return False
        self._restored = asyncio.get_running_loop().create_future()
        channel.send_state(self._journal.snapshot)
        return True

    def on_restored(self, fault: str) -> bool:
        """The process has taken the state, or, with a fault, has not; whether it was asked to."""
        restored = self._restored
        if restored is None or restored.done():
            return False
        if fault:
            self._journal.lose(fault)
        restored.set_result(fault)
        return True

    def nothing_more_comes(self) -> None:
        """The process has ended."""
        self._parts.clear()
        if self._snapshot is not None and not self._snapshot.done():
            self._snapshot.set_result(False)
        if self._restored is not None and not self._restored.done():
            self._restored.set_result("its process ended")
