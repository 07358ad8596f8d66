"""The common base of decoders, filters and encoders: a queue of packs and the sandboxes that work through it."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar, cast

from host.delivery.dead_letters import DeadLetters
from host.packs.ledger import RawPack, TablePack
from host.sandbox.sandbox import Sandbox
from host.telemetry.metrics import ComponentMetrics

_POLL_S = 0.002

P = TypeVar("P", RawPack, TablePack)


class PackQueue(ABC, Generic[P]):
    """A queue of packs in front of one or more sandboxes.

    Args:
        name: Name of the component.
        metrics: Metrics of the component.
        dead_letters: Stores the records that fail.
    """

    def __init__(self, name: str, metrics: ComponentMetrics, dead_letters: DeadLetters) -> None:
        self.name = name
        self.metrics = metrics
        self.held = False
        """True if an operator has paused the component: packs wait in the queue."""
        self._dead_letters = dead_letters
        self._queue: deque[P] = deque()
        self._begun: dict[P, int] = {}
        """Queued packs that an earlier process began, with the index of the first record that is not done."""
        self._retiring: Sandbox | None = None
        """A sandbox that is about to be replaced. It gets no more packs."""

    @abstractmethod
    def _all_sandboxes(self) -> Sequence[Sandbox]:
        """Return the sandboxes that work on packs of this queue."""

    @abstractmethod
    def on_room(self, sandbox: Sandbox) -> None:
        """Give packs to a sandbox that has room."""

    @abstractmethod
    def _replace(self, old: Sandbox, new: Sandbox) -> None:
        """Let `new` work in the place of `old`."""

    @abstractmethod
    def _uncount(self, pack: P) -> None:
        """Subtract a pack that a sandbox returned from the counters of received packs."""

    def _can_give(self, sandbox: Sandbox) -> bool:
        """Return True if a sandbox may get another pack now."""
        return sandbox.room and sandbox is not self._retiring and not self.held

    def pause(self) -> None:
        """Give the sandboxes no more packs, until `resume`."""
        self.held = True

    def resume(self) -> None:
        """Give the sandboxes packs again after `pause`."""
        self.held = False
        self._give_all()

    def _give_all(self) -> None:
        for sandbox in self._all_sandboxes():
            self.on_room(sandbox)

    async def replace(self, old: Sandbox, new: Sandbox, hand_over: Callable[[], Awaitable[None]] | None = None) -> None:
        """Replace a sandbox by another one that is already running, between two packs, so that no pack is lost.

        If the old process dies meanwhile, its packs go to the new one. Each remaining record might crash the old
        script, and the new version may be the one that does not crash.

        Args:
            old: A sandbox of this queue. It is stopped at the end.
            new: Has not done anything yet.
            hand_over: Awaited after the last pack of `old` and before the first pack of `new`.
        """
        self._retiring = old
        try:
            while not old.idle:
                if old.died_at_work:
                    self._take_back(old)
                await asyncio.sleep(_POLL_S)
            if hand_over is not None:
                await hand_over()
        finally:
            self._retiring = None
        self._replace(old, new)
        self.on_room(new)
        await old.stop()

    def _take_back(self, sandbox: Sandbox) -> None:
        """Put the packs of a dead process back at the front of the queue."""
        for work in reversed(sandbox.take_back()):
            pack = cast("P", work.pack)
            self._begun[pack] = work.first_record
            self._queue.appendleft(pack)
            self._uncount(pack)

    def give_up(self) -> list[tuple[P, int]]:
        """Empty the queue and the sandboxes.

        Returns:
            Each unfinished pack, oldest first, with the index of its first record that is not done. The caller must
            release the packs.
        """
        packs: list[tuple[P, int]] = []
        for sandbox in self._all_sandboxes():
            packs += [(cast("P", work.pack), work.first_record) for work in sandbox.work.values()]
            sandbox.work.clear()
        packs += [(pack, self._begun.get(pack, 0)) for pack in self._queue]
        self._queue.clear()
        self._begun.clear()
        return packs
