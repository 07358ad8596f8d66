"""What a sandbox has done since the last snapshot of its state, so that another process can do it again.

A process may be killed at any time. The next one gets the snapshot, then everything in the journal once more, in order;
what it injects on the way has been sent already, and is dropped. Then it knows what the dead one knew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from host.packs.deliveries import Deliveries
from host.packs.ledger import TablePack
from host.packs.protocol import Report
from host.sandbox.termination import Limit

if TYPE_CHECKING:
    from host.sandbox.assignment import Assignment

_MEMORY_DEATHS = 2


class Tick(NamedTuple):
    """A call of timer_event."""

    now_ns: int
    last: bool


class Keeper(Protocol):
    """Who keeps the packs of a journal, and stores its snapshots."""

    @property
    def wants_snapshot(self) -> bool:
        """True if so many packs are pinned that a snapshot is due before its interval ends."""

    def done_to(self, pack: TablePack) -> int:
        """Up to which end in its raw bytes a pack's records are in the state already; 0 for none."""

    def pin(self, work: Assignment, report: Report) -> None:
        """Pin a finished pack until a snapshot includes it."""

    def adopt(self, other: Keeper, snapshot: bytes) -> None:
        """Continue from a snapshot of another keeper's state."""

    def positions(self) -> dict[str, int]:
        """Return the position up to which the state includes each stream."""

    @property
    def deliveries(self) -> Deliveries | None:
        """The messages injected since the last snapshot; None if the state is not stored."""

    @property
    def saved_ns(self) -> int:
        """When the last snapshot was taken; 0 if there is none."""

    def release(self, works: list[Assignment]) -> None:
        """Release packs that no snapshot needs any more."""

    def on_snapshot(self, snapshot: bytes, included: list[Assignment]) -> None:
        """There is a new snapshot. included: the packs that it includes, and the one before did not."""

    def on_state_lost(self, reason: str, lost: list[Assignment]) -> None:
        """The sandbox begins without the state that it had. lost: the packs since the last snapshot."""

    def on_no_snapshot(self, reason: str, left_out: list[Assignment]) -> None:
        """No snapshot could be taken. left_out: the packs that none will include."""


class Journal:
    """A snapshot, and what was done since.

    Args:
        keeper: Who is told when packs of the journal are not needed any more.
        snapshot: The state to begin with, as the kernel wrote it (kernel/state.lua); None for none.
        preserves: Whether the state outlives a death by its own fault, its successor, and the host. A member of a
            group has a journal also without that, for the deaths of others.

    Attributes:
        entries: Packs and ticks, in the order in which they were done.
    """

    def __init__(self, keeper: Keeper, snapshot: bytes | None, *, preserves: bool) -> None:
        self.preserves = preserves
        self.snapshot = snapshot
        self.entries: list[Assignment | Tick] = []
        self.keeper = keeper
        self._memory_deaths = 0

    def take(self, snapshot: bytes) -> None:
        """A snapshot includes everything that was done so far."""
        self.snapshot = snapshot
        self._memory_deaths = 0
        self.keeper.on_snapshot(snapshot, self._clear())

    def give_up(self, reason: str) -> None:
        """There will be no snapshot that includes what was done so far."""
        self.keeper.on_no_snapshot(reason, self._clear())

    def lose(self, reason: str) -> None:
        """Begin without a state."""
        self.snapshot = None
        self.keeper.on_state_lost(reason, self._clear())

    def on_death(self, limit: Limit) -> None:
        """Its process has ended, and not because of another member of its group."""
        if not self.preserves and limit != Limit.SIGNAL:
            self.snapshot = None
            self.keeper.release(self._clear())
        elif limit == Limit.MEMORY:
            self._memory_deaths += 1
            if (
                self._memory_deaths == _MEMORY_DEATHS
            ):  # the second time since a snapshot it is the state that is too large
                self._memory_deaths = 0
                self.lose("it does not fit into memory_limit any more")

    def _clear(self) -> list[Assignment]:
        works = [entry for entry in self.entries if not isinstance(entry, Tick)]
        self.entries.clear()
        return works
