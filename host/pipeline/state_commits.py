"""Puts snapshots into the checkpoints once everything injected before them is delivered.

The next run does not process the records again that a stored state includes, so it cannot inject their messages again.
A snapshot therefore waits until the messages are delivered, and meanwhile its records are not acknowledged. The packs
themselves are released: only their raw packs are retained, which count as in flight. An output that does not deliver
injected messages thus stops the inputs as any other output does.

Filters may inject for one another, so that each snapshot waits for the other one. Messages that a pending snapshot
includes count as delivered if both snapshots can be put at the same time: the checkpoints write both or neither.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from host.delivery.checkpoints import Checkpoints
from host.packs.deliveries import Deliveries
from host.packs.ledger import RawPack, TablePack

_MAX_PENDING = 2
"""Pending snapshots of a filter. The first one waits for a fixed set of messages, so it is put at last; the second one
is replaced by later ones."""


class _PendingState:
    """A snapshot that waits for deliveries.

    Attributes:
        state: The state to put.
        waits_for: The deliveries that must be complete before.
        raws: Raw packs that are not acknowledged before the state is put; one for each pack that the state includes.
        covers: Number of injected packs that the state includes, by the deliveries to which they belong.
    """

    __slots__ = ("covers", "raws", "state", "waits_for")

    def __init__(self, state: bytes, waits_for: list[Deliveries]) -> None:
        self.state = state
        self.waits_for = waits_for
        self.raws: list[RawPack] = []
        self.covers: Counter[Deliveries] = Counter()

    def include(self, packs: Iterable[TablePack]) -> None:
        """Retain what must not be acknowledged before the state is put."""
        for pack in packs:
            if pack.origin is not None:
                pack.origin.retain()
                self.raws.append(pack.origin)
            for deliveries in pack.deliveries:
                deliveries.add()
                self.covers[deliveries] += 1

    def replace(self, state: bytes, waits_for: list[Deliveries]) -> None:
        """Put a later state of the same filter in place of this one."""
        self.state = state
        self.waits_for = [each for each in (*self.waits_for, *waits_for) if each.undelivered]

    def release(self) -> None:
        """Release everything that was retained."""
        for raw in self.raws:
            raw.release()
        for deliveries, count in self.covers.items():
            deliveries.settle(count)


class StateCommits:
    """The pending snapshots of all filters.

    Args:
        store: The checkpoints into which the states are put.
    """

    def __init__(self, store: Checkpoints) -> None:
        self._store = store
        self._pending: dict[str, list[_PendingState]] = {}
        self._commits = False

    def latest(self, name: str) -> bytes | None:
        """Return the latest state of a filter, put or pending; None if there is none."""
        pending = self._pending.get(name)
        return pending[-1].state if pending else self._store.get_state(name)

    def submit(self, name: str, state: bytes, packs: list[TablePack], waits_for: Deliveries) -> None:
        """Put a state, now or once everything that it waits for is delivered.

        Args:
            name: The filter.
            state: What to put.
            packs: The packs that this state includes and the one before did not. The caller releases them.
            waits_for: The messages that the filter injected since the state before.
        """
        pending = self._pending.get(name)
        waits = [waits_for] if waits_for.undelivered else []
        if not pending and not waits:
            self._store.put_state(name, state)
            return
        if pending is None:
            pending = self._pending[name] = []
        if len(pending) < _MAX_PENDING:
            pending.append(_PendingState(state, waits))
        else:
            pending[-1].replace(state, waits)
        pending[-1].include(packs)

    def forget(self, name: str) -> None:
        """Delete the state of a filter, also what is pending."""
        self._store.put_state(name, None)
        for each in self._pending.pop(name, []):
            each.release()

    def commit_ready(self) -> None:
        """Put the pending states that need not wait any more."""
        if self._commits or not self._pending:
            return
        self._commits = True
        try:
            while ready := self._ready():
                self._commit(ready)
        finally:
            self._commits = False

    def _ready(self) -> dict[str, int]:
        """Return how many pending states of each filter can be put together, the first ones first."""
        ready = {name: len(pending) for name, pending in self._pending.items()}
        while True:
            covered: Counter[Deliveries] = Counter()
            for name, count in ready.items():
                for each in self._pending[name][:count]:
                    covered.update(each.covers)
            fewer = {name: self._first_waiting(name, count, covered) for name, count in ready.items()}
            if fewer == ready:
                return {name: count for name, count in ready.items() if count}
            ready = fewer

    def _first_waiting(self, name: str, count: int, covered: Counter[Deliveries]) -> int:
        """Return the index of the first state of a filter that must wait; `count` if none of these must."""
        for index, each in enumerate(self._pending[name][:count]):
            if any(deliveries.undelivered > covered[deliveries] for deliveries in each.waits_for):
                return index
        return count

    def _commit(self, ready: dict[str, int]) -> None:
        """Put states, then release what was retained for them: no position is put before the states."""
        committed: list[_PendingState] = []
        for name, count in ready.items():
            pending = self._pending[name]
            self._store.put_state(name, pending[count - 1].state)
            committed += pending[:count]
            del pending[:count]
            if not pending:
                del self._pending[name]
        for each in committed:
            each.release()
