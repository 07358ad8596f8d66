"""The base of filters and outputs as the router sees them."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from host.delivery.dead_letters import DeadLetters
from host.packs.ledger import TablePack
from host.packs.protocol import NEVER_MATCHES, Report
from host.pipeline.pack_queue import PackQueue
from host.pipeline.rejected_packs import put_away_rejected
from host.router.match_cache import MatchCache, MatchProbe
from host.router.matcher_requirements import Kind, MatcherRequirement, may_match, requirements_of
from host.sandbox.assignment import Assignment
from host.sandbox.sandbox import Sandbox
from host.telemetry.failures import Failures
from host.telemetry.logs import RateLimit, get_logger
from host.telemetry.metrics import ComponentMetrics

if TYPE_CHECKING:
    from host.config.model import Queue

_FAILURE_LOG = get_logger("host.router.failures")
_FAILURE_LOG.logger.addFilter(RateLimit(burst=1, window_s=60.0))
"""A filter that always fails logs one line a minute. Every failed record is counted, and the metrics show it."""

_MIN_FREE_SLOTS = 4
"""Below this number of free slots in an arena, a queue that may drop packs drops them, so that no input has to wait."""


class Consumer(PackQueue[TablePack]):
    """A queue and the sandbox that works through it.

    Args:
        name: Name of the filter or output.
        queue: Size and policy of the queue.
        metrics: Metrics of the filter or output.
        dead_letters: Stores the records that fail.
        forget_routes: Called when a kind of pack turns out never to match.
        made_by: The name on the packs that this consumer injects. It never receives those.
        probe: Tells if the matcher can match a pack when the sandbox cannot.
    """

    _drops_when_stopped = False
    """True if packs are dropped once the sandbox has ended for good. If False, they wait and hold the inputs back."""

    def __init__(
        self,
        name: str,
        queue: Queue,
        metrics: ComponentMetrics,
        dead_letters: DeadLetters,
        forget_routes: Callable[[], None],
        *,
        made_by: str = "",
        probe: MatchProbe | None = None,
    ) -> None:
        super().__init__(name, metrics, dead_letters)
        self.made_by = made_by
        self.sandbox: Sandbox | None = None
        self._max_packs = queue.max_packs
        self._drops = queue.policy == "drop_oldest"
        self.kinds = MatchCache(lambda: self._queue, self._drop_never)
        if probe is not None:
            self.kinds.judged_by(probe)
        self._known_requirements: tuple[bytes, tuple[MatcherRequirement, ...] | None] = (b"", None)
        self._forget_routes = forget_routes

    # ------------------------------------------------------------------ status

    @property
    def failures(self) -> Failures:
        """Failures of the script."""
        return self.metrics.failures

    @property
    def idle(self) -> bool:
        """True if no pack waits and the sandbox has none."""
        return not self._queue and (self.sandbox is None or self.sandbox.idle)

    @property
    def blocks(self) -> bool:
        """True if a full queue holds the inputs back."""
        return not self._drops

    def held_packs(self) -> dict[TablePack, None]:
        """Return every pack that this consumer has not finished, wherever it is, oldest first."""
        working = () if self.sandbox is None else self.sandbox.work.values()
        packs: dict[TablePack, None] = {}
        for work in working:
            assert isinstance(work.pack, TablePack)
            packs[work.pack] = None
        packs.update(dict.fromkeys(self._queue))
        return packs

    @property
    def queued(self) -> int:
        """Number of packs held: they wait, are in the sandbox, or are not delivered yet."""
        return len(self.held_packs())

    @property
    def queued_records(self) -> int:
        """Number of records in the packs held."""
        return sum(pack.count for pack in self.held_packs())

    def lag_ms(self) -> int:
        """Return the age of the oldest pack held."""
        oldest_ns = min((pack.seen_ns for pack in self.held_packs()), default=0)
        return (time.monotonic_ns() - oldest_ns) // 1_000_000 if oldest_ns else 0

    # ------------------------------------------------------------------ the router

    def wants(self, pack: TablePack, kinds: list[Kind] | None) -> bool:
        """Return True if the pack may hold a matching message. The router asks once for each kind of pack."""
        if not self.kinds.may_match(pack.shapes) or (pack.made_by and pack.made_by == self.made_by):
            return False
        return may_match(self._requirements(), kinds)

    def _requirements(self) -> tuple[MatcherRequirement, ...] | None:
        """Return the matcher requirements of the current sandbox."""
        encoded = b"" if self.sandbox is None else self.sandbox.needs
        if encoded != self._known_requirements[0]:
            self._known_requirements = (encoded, requirements_of(encoded))
        return self._known_requirements[1]

    def take(self, pack: TablePack) -> None:
        """Queue a pack, or give it to the sandbox at once if nothing is queued before it."""
        sandbox = self.sandbox
        assert sandbox is not None
        if pack.is_rejected:
            self._reject(pack)
            return
        if self._drops_when_stopped and sandbox.state in {"stopped", "quarantined"}:
            self.metrics.count_drop("stopped", pack.count)
            return
        self._hold(pack)
        if not self._queue and self._can_give(sandbox) and self._may_have(pack):
            self._give(sandbox, pack)
            if self._drops:
                self._make_room(pack)
            return
        self._queue.append(pack)
        if self._drops:
            self._make_room(pack)
        self.metrics.queue_packs_max = max(self.metrics.queue_packs_max, self.queued)
        self.kinds.something_waits()

    # ------------------------------------------------------------------ the queue

    def _hold(self, pack: TablePack) -> None:
        """Hold a pack. One that may be dropped does not hold its input back meanwhile."""
        pack.retain()
        if self._drops:
            pack.pin()

    def release(self, pack: TablePack) -> None:
        """Release a pack that `_hold` holds."""
        if self._drops:
            pack.unpin()
        else:
            pack.release()

    def _hold_plainly(self, pack: TablePack) -> None:
        """Turn a hold of `_hold` into one that `TablePack.release` ends."""
        if self._drops:
            pack.retain()
            pack.unpin()

    def _make_room(self, newest: TablePack) -> None:
        """Drop the oldest packs until the queue is within its limit and no arena is short of slots."""
        while self.queued > self._max_packs or _is_short_of_slots(newest):
            if not self._drop_oldest():
                return

    def _drop_oldest(self) -> bool:
        """Drop the oldest pack that waits, except the newest one; return False if there is none."""
        if len(self._queue) < 2:
            return False
        oldest = self._queue.popleft()
        self._begun.pop(oldest, None)
        self.metrics.count_drop("queue_full", oldest.count)
        self.release(oldest)
        return True

    def _drop_never(self, like: TablePack) -> None:
        """Remove the packs of a kind that can never match."""
        self._forget_routes()
        for pack in [pack for pack in self._queue if pack.shapes == like.shapes]:
            self._queue.remove(pack)
            self._begun.pop(pack, None)
            self.metrics.packs_skipped += 1
            self.release(pack)

    def drop_all(self, reason: str) -> None:
        """Drop and count every pack that waits or is in the sandbox."""
        if self.sandbox is not None and self.sandbox.journal is not None and self.sandbox.journal.entries:
            self.sandbox.journal.give_up(reason)
        for pack, _ in self.give_up():
            self.metrics.count_drop(reason, pack.count)
            self.release(pack)

    # ------------------------------------------------------------------ the sandbox

    def _all_sandboxes(self) -> Sequence[Sandbox]:
        return () if self.sandbox is None else (self.sandbox,)

    def on_room(self, sandbox: Sandbox) -> None:
        """Give queued packs to the sandbox while it has room."""
        while sandbox is self.sandbox and self._can_give(sandbox) and (pack := self._next()) is not None:
            self._give(sandbox, pack)

    def _give(self, sandbox: Sandbox, pack: TablePack) -> None:
        self.metrics.packs_received += 1
        journal = sandbox.journal
        done_to = 0 if journal is None else journal.keeper.done_to(pack)
        sandbox.give(pack, done_to, first_record=self._begun.pop(pack, 0))

    def _may_have(self, pack: TablePack) -> bool:  # noqa: ARG002 -- overridden by filters
        """Return True if the sandbox may get this pack now."""
        return True

    def _next(self) -> TablePack | None:
        """Take the first pack that the sandbox may get from the queue; return None if there is none."""
        for index, pack in enumerate(self._queue):
            if pack.is_rejected:
                self._reject_malformed()
                return self._next()
            if self._may_have(pack):
                del self._queue[index]
                return pack
        return None

    def _uncount(self, pack: TablePack) -> None:  # noqa: ARG002 -- decoders also count bytes
        self.metrics.packs_received -= 1

    def _learn(self, work: Assignment, report: Report) -> None:
        """Count a finished pack, and remember if its kind can match."""
        assert isinstance(work.pack, TablePack)
        self.metrics.records_received += report.matched
        self.kinds.learn(work.pack, never=bool(report.flags & NEVER_MATCHES))

    def on_failure(self, sandbox: Sandbox, text: str) -> None:
        """Note the reason of the first failed record of a pack."""
        self.failures.note(text, f"{sandbox.plugin}.lua", sandbox.failure_line)
        _FAILURE_LOG.warning("Records failed.", component=self.name, reason=text)

    def on_quarantined(self, sandbox: Sandbox) -> None:  # noqa: ARG002 -- part of SandboxListener
        """Drop the packs of a quarantined filter. Those of an output wait and hold the inputs back."""
        if self._drops_when_stopped:
            self.drop_all("quarantined")

    # ------------------------------------------------------------------ hand-over

    async def swap(self, new: Sandbox, hand_over: Callable[[], Awaitable[None]] | None = None) -> None:
        """Replace the sandbox by another one that is already running; see `replace`."""
        old = self.sandbox
        assert old is not None
        await self.replace(old, new, hand_over)
        if old.journal is not None and old.journal.entries:
            old.journal.give_up("its sandbox is replaced")

    def _replace(self, old: Sandbox, new: Sandbox) -> None:  # noqa: ARG002 -- there is only one
        self.sandbox = new
        # The matcher of the new sandbox may match what that of the old one cannot.
        self.kinds.forget()
        self._forget_routes()

    def suspend(self) -> None:
        """Give the sandbox no more packs, because another consumer is about to adopt them; `adopt` ends this."""
        self._retiring = self.sandbox

    def drain(self) -> list[TablePack]:
        """Give up every pack that is not done, for another consumer to adopt.

        Returns:
            The packs, oldest first, each held once for the caller.
        """
        assert self.sandbox is not None
        if self.sandbox.journal is not None:
            self.sandbox.journal.give_up("its filter is replaced")
        packs = [pack for pack, _ in self.give_up()]
        for pack in packs:
            self._hold_plainly(pack)
        return packs

    def adopt(self, packs: list[TablePack]) -> None:
        """Queue the packs that a consumer drained, before all others, and work on them."""
        if self._drops:
            for pack in packs:
                pack.pin()
        self._queue.extendleft(reversed(packs))
        self._retiring = None
        self._give_all()

    def requeue(self) -> None:
        """Queue every unfinished pack again, because no other consumer could adopt them, and go on."""
        self.adopt(self.drain())

    # ------------------------------------------------------------------ malformed packs

    def _reject(self, pack: TablePack) -> None:
        """Count a malformed pack as dropped and write its records to the dead letters."""
        self.metrics.count_drop("malformed_pack", pack.count)
        put_away_rejected(self._dead_letters, pack)

    def _reject_malformed(self) -> None:
        """Remove the malformed packs from the queue."""
        malformed = [pack for pack in self._queue if pack.is_rejected]
        for pack in malformed:
            self._queue.remove(pack)
            self._begun.pop(pack, None)
            self._reject(pack)
            pack.release()

    def _reject_malformed_work(self, sandbox: Sandbox) -> None:
        """Remove the malformed packs that a dead process was given, and those in the queue."""
        for number, work in list(sandbox.work.items()):
            assert isinstance(work.pack, TablePack)
            if work.pack.is_rejected:
                del sandbox.work[number]
                self._reject(work.pack)
                work.pack.release()
        journal = sandbox.journal
        if journal is not None and any(isinstance(e, Assignment) and _is_malformed(e) for e in journal.entries):
            journal.give_up("a pack that it has done cannot be done again: it is malformed")
        self._reject_malformed()


def _is_malformed(work: Assignment) -> bool:
    return isinstance(work.pack, TablePack) and work.pack.is_rejected


def _is_short_of_slots(pack: TablePack) -> bool:
    """Return True if the arenas that a pack came through have few free slots."""
    if pack.arena.free_slots < _MIN_FREE_SLOTS:
        return True
    return pack.origin is not None and pack.origin.arena.free_slots < _MIN_FREE_SLOTS
