"""What stands behind the router: a filter or an output, each with a queue of its own."""

from __future__ import annotations

import asyncio
import itertools
import time
from array import array
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from host.delivery.dead_letters import DeadLetters
from host.outputs.base import Batch
from host.outputs.runner import OutputRunner
from host.packs.deliveries import Deliveries
from host.packs.ledger import TablePack
from host.packs.protocol import NEVER_MATCHES, Emitted, Report
from host.pipeline.dead_letter_writer import keep_dead_letters
from host.pipeline.decoder_pool import table_pack
from host.pipeline.rejected_packs import put_away_rejected
from host.router.match_cache import MatchCache
from host.router.matcher_requirements import Kind, MatcherRequirement, may_match, requirements_of
from host.sandbox.assignment import Assignment
from host.sandbox.heartbeat import Use
from host.sandbox.sandbox import Sandbox
from host.sandbox.termination import Limit, Termination
from host.telemetry.failures import Failures
from host.telemetry.logs import get_logger
from host.telemetry.metrics import ComponentMetrics

if TYPE_CHECKING:
    from host.config.model import Queue

_LOG = get_logger("host.router")

_POLL_S = 0.002
MANY_RECORDS = 100
"""An encoder that has made nothing of so many records, and of none before, causes a warning in the log."""
_MANY_INJECTED = 16
"""Slots of a filter in use at which it gets nothing new from the inputs."""
_MIN_FREE_SLOTS = 4
"""Free slots of an arena below which a queue that may drop packs drops them, so that no input waits for it."""


class Consumer:
    """A queue, and the sandbox that works through it.

    Args:
        name: Of the filter or output.
        queue: Its policy.
        metrics: Of the filter or output.
        dead_letters: Where what fails goes.
        forget_routes: Called when a kind of pack turns out never to match.
    """

    _may_miss = False
    """Whether packs pass by once its sandbox has ended for good. If not, they wait, and hold the inputs back."""

    def __init__(
        self,
        name: str,
        queue: Queue,
        metrics: ComponentMetrics,
        dead_letters: DeadLetters,
        forget_routes: Callable[[], None],
    ) -> None:
        self.name = name
        self.made_by = ""
        """What stands on the packs that it injects, which it never receives."""
        self.metrics = metrics
        self.sandbox: Sandbox | None = None
        self._max_packs = queue.max_packs
        self._drops = queue.policy == "drop_oldest"
        self._queue: deque[TablePack] = deque()
        self._begun: dict[TablePack, int] = {}
        """Packs of the queue that a sandbox before this one had begun: from which record on they are to be done."""
        self.kinds = MatchCache(lambda: self._queue, self._drop_never)
        self._said_needs: tuple[bytes, tuple[MatcherRequirement, ...] | None] = (b"", None)
        self._forget_routes = forget_routes
        self._swapping = False
        self.held = False
        """Whether an operator has paused it: what comes waits in the queue."""
        self._dead_letters = dead_letters

    @property
    def failures(self) -> Failures:
        """What fails at the script."""
        return self.metrics.failures

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is being worked on."""
        return not self._queue and (self.sandbox is None or self.sandbox.idle)

    @property
    def blocks(self) -> bool:
        """True if a full queue holds the inputs back."""
        return not self._drops

    def held_packs(self) -> dict[TablePack, None]:
        """Return every pack that this consumer has not finished, wherever it is, the oldest first."""
        working = () if self.sandbox is None else self.sandbox.work.values()
        packs: dict[TablePack, None] = {}
        for work in working:
            assert isinstance(work.pack, TablePack)
            packs[work.pack] = None
        packs.update(dict.fromkeys(self._queue))
        return packs

    @property
    def queued(self) -> int:
        """Number of packs held: they wait, are being worked on, or are not delivered yet."""
        return len(self.held_packs())

    @property
    def queued_records(self) -> int:
        """Number of records in the packs held."""
        return sum(pack.count for pack in self.held_packs())

    def lag_ms(self) -> int:
        """Age of the oldest pack held."""
        oldest_ns = min((pack.seen_ns for pack in self.held_packs()), default=0)
        return (time.monotonic_ns() - oldest_ns) // 1_000_000 if oldest_ns else 0

    def wants(self, pack: TablePack, kinds: list[Kind] | None) -> bool:
        """Whether the pack may hold something for this consumer; asked once for each kind of pack."""
        if not self.kinds.may_match(pack.shapes) or (pack.made_by and pack.made_by == self.made_by):
            return False
        return may_match(self._needs(), kinds)

    def _needs(self) -> tuple[MatcherRequirement, ...] | None:
        """What the matcher of the sandbox needs that is there now."""
        said = b"" if self.sandbox is None else self.sandbox.needs
        if said != self._said_needs[0]:
            self._said_needs = (said, requirements_of(said))
        return self._said_needs[1]

    def take(self, pack: TablePack) -> None:
        """Put a pack into the queue."""
        assert self.sandbox is not None
        if pack.is_rejected:
            self._reject(pack)
            return
        if self._may_miss and self.sandbox.state in {"stopped", "quarantined"}:
            self.metrics.count_drop("stopped", pack.count)
            return
        self._hold(pack)
        if not self._queue and self._may_give() and self._may_have(pack):
            self._give(pack)
            if self._drops:
                self._make_room(pack)
            return
        self._queue.append(pack)
        if self._drops:
            self._make_room(pack)
        self.metrics.queue_packs_max = max(self.metrics.queue_packs_max, self.queued)
        self.kinds.something_waits()

    def _hold(self, pack: TablePack) -> None:
        """Hold a pack. One that may be dropped does not hold its input back meanwhile."""
        pack.retain()
        if self._drops:
            pack.pin()

    def release(self, pack: TablePack) -> None:
        """Let go of a pack that `_hold` has held."""
        if self._drops:
            pack.unpin()
        else:
            pack.release()

    def _plain(self, pack: TablePack) -> None:
        """Turn a hold of `_hold` into one that `TablePack.release` ends."""
        if self._drops:
            pack.retain()
            pack.unpin()

    def _make_room(self, newest: TablePack) -> None:
        """Drop the oldest packs until the limit of the queue is kept, and no arena is short of slots."""
        while self.queued > self._max_packs or _is_short(newest):
            if not self._drop_oldest():
                return

    def _drop_oldest(self) -> bool:
        """Drop the oldest pack that nothing works on, except the newest one; return False if there is none."""
        if len(self._queue) < 2:
            return False
        oldest = self._queue.popleft()
        self._begun.pop(oldest, None)
        self.metrics.count_drop("queue_full", oldest.count)
        self.release(oldest)
        return True

    def _may_give(self) -> bool:
        assert self.sandbox is not None
        return self.sandbox.room and not self._swapping and not self.held

    def pause(self) -> None:
        """Give the sandbox nothing more; what comes waits in the queue."""
        self._swapping = True

    def resume(self) -> None:
        """Go on after `pause`."""
        self._swapping = False
        if self.sandbox is not None:
            self.on_room(self.sandbox)

    def adopt(self, other: Consumer) -> None:
        """Take what another consumer has not done: what waits there, and what was begun and is not finished."""
        packs = other.drain()
        if self._drops:
            for pack in packs:
                pack.pin()
        self._queue.extendleft(reversed(packs))
        self.held = other.held
        self.resume()

    def drain(self) -> list[TablePack]:
        """Give up everything that is not done, oldest first; each pack is held once for the one who takes it."""
        assert self.sandbox is not None
        if self.sandbox.journal is not None:
            self.sandbox.journal.give_up("its filter is replaced")
        packs = Consumer.held_packs(self)
        for pack in packs:
            self._plain(pack)
        self.sandbox.work.clear()
        self._queue.clear()
        self._begun.clear()
        return list(packs)

    def undone(self) -> list[tuple[TablePack, int]]:
        """Give up what no sandbox has finished; return each pack, and which of its records is the first undone."""
        begun = dict(self._begun)
        if self.sandbox is not None:
            for work in self.sandbox.work.values():
                assert isinstance(work.pack, TablePack)
                begun[work.pack] = work.first_record
        packs = Consumer.held_packs(self)
        if self.sandbox is not None:
            self.sandbox.work.clear()
        self._queue.clear()
        self._begun.clear()
        return [(pack, begun.get(pack, 0)) for pack in packs]

    async def swap(self, new: Sandbox, hand_over: Callable[[], Awaitable[None]] | None = None) -> None:
        """Put another sandbox, which runs already, in the place of this one: between two packs, so that none is lost.

        One that dies in the meantime leaves the rest of its packs to the new one. It may be about to die of each record
        that is left, and somebody waits for the version that does not.

        Args:
            new: It has done nothing yet.
            hand_over: What is to happen between the last thing that the old one does and the first of the new one.
        """
        old = self.sandbox
        assert old is not None
        self._swapping = True
        try:
            while not old.idle:
                if old.died_at_work:
                    self._take_back(old)
                await asyncio.sleep(_POLL_S)
            if hand_over is not None:
                await hand_over()
        finally:
            self._swapping = False
        self.sandbox = new
        # What its matcher cannot match may be what the new one wants.
        self.kinds.forget()
        self._forget_routes()
        self.on_room(new)
        await old.stop()
        if old.journal is not None and old.journal.entries:
            old.journal.give_up("its sandbox is replaced")

    def _take_back(self, sandbox: Sandbox) -> None:
        """What a dead process was given goes back into the queue, before all that waits."""
        for work in reversed(sandbox.take_back()):
            assert isinstance(work.pack, TablePack)
            self._begun[work.pack] = work.first_record
            self._queue.appendleft(work.pack)
            self.metrics.packs_received -= 1

    def _give(self, pack: TablePack) -> None:
        assert self.sandbox is not None
        self.metrics.packs_received += 1
        journal = self.sandbox.journal
        done_to = 0 if journal is None else journal.keeper.done_to(pack)
        self.sandbox.give(pack, done_to, first_record=self._begun.pop(pack, 0))

    def _may_have(self, pack: TablePack) -> bool:  # noqa: ARG002 -- for those who may not
        """Whether the sandbox may work on a pack now."""
        return True

    def _next(self) -> TablePack | None:
        """The first pack of the queue that the sandbox may work on."""
        for index, pack in enumerate(self._queue):
            if pack.is_rejected:
                self._reject_waiting()
                return self._next()
            if self._may_have(pack):
                del self._queue[index]
                return pack
        return None

    def _reject(self, pack: TablePack) -> None:
        """Count a pack of a rejected producer as dropped; its records go to the dead letters."""
        self.metrics.count_drop("malformed_pack", pack.count)
        put_away_rejected(self._dead_letters, pack)

    def _reject_waiting(self) -> None:
        """Remove the queued packs of rejected producers."""
        rejected = [pack for pack in self._queue if pack.is_rejected]
        for pack in rejected:
            self._queue.remove(pack)
            self._begun.pop(pack, None)
            self._reject(pack)
            pack.release()

    def _reject_work(self, sandbox: Sandbox) -> None:
        """Remove the packs of rejected producers from a dead process's work."""
        for number, work in list(sandbox.work.items()):
            assert isinstance(work.pack, TablePack)
            if work.pack.is_rejected:
                del sandbox.work[number]
                self._reject(work.pack)
                work.pack.release()
        journal = sandbox.journal
        if journal is not None and any(isinstance(e, Assignment) and _is_rejected(e) for e in journal.entries):
            journal.give_up("a pack that it has done cannot be done again: it is malformed")
        self._reject_waiting()

    def on_room(self, sandbox: Sandbox) -> None:
        """The sandbox would take more."""
        while sandbox is self.sandbox and self._may_give() and (pack := self._next()) is not None:
            self._give(pack)

    def _learn(self, work: Assignment, report: Report) -> None:
        """What a finished pack tells of all packs like it."""
        assert isinstance(work.pack, TablePack)
        self.metrics.records_received += report.matched
        self.kinds.learn(work.pack, never=bool(report.flags & NEVER_MATCHES))

    def _drop_never(self, like: TablePack) -> None:
        """Packs like this one never match: none of them need wait."""
        self._forget_routes()
        for pack in [pack for pack in self._queue if pack.shapes == like.shapes]:
            self._queue.remove(pack)
            self._begun.pop(pack, None)
            self.metrics.packs_skipped += 1
            self.release(pack)

    def on_failure(self, sandbox: Sandbox, text: str) -> None:
        """The first reason in a pack for which a record failed."""
        self.failures.note(text, f"{sandbox.plugin}.lua", sandbox.failure_line)
        _LOG.warning("Records failed.", component=self.name, reason=text)

    def on_quarantined(self, sandbox: Sandbox) -> None:  # noqa: ARG002 -- the owner's interface
        """The sandbox is not started again. A filter lets its packs pass by; an output's wait, and hold inputs back."""
        if self._may_miss:
            self.drop_all("quarantined")

    def drop_all(self, reason: str) -> None:
        """Give up on all that waits or is being worked on."""
        for pack in self._queue:
            self.metrics.count_drop(reason, pack.count)
            self.release(pack)
        self._queue.clear()
        self._begun.clear()
        if self.sandbox is not None:
            if self.sandbox.journal is not None and self.sandbox.journal.entries:
                self.sandbox.journal.give_up(reason)
            for work in self.sandbox.work.values():
                assert isinstance(work.pack, TablePack)
                self.metrics.count_drop(reason, work.pack.count)
                self.release(work.pack)
            self.sandbox.work.clear()


def _is_rejected(work: Assignment) -> bool:
    return isinstance(work.pack, TablePack) and work.pack.is_rejected


class FilterConsumer(Consumer):
    """A filter: what it injects goes back to the router.

    While much of what it injected is not done with, it gets nothing new from the inputs: that is the back-pressure. But
    it goes on with what other filters inject, or two that inject for each other would wait for each other for ever.
    """

    _may_miss = True

    route: Callable[[TablePack], None]
    restart: bool
    max_loops: int

    def _may_have(self, pack: TablePack) -> bool:
        if pack.loop_depth > 0 or self.sandbox is None:
            return True
        arena = self.sandbox.arena
        return arena.used_slots - arena.pinned_slots < _MANY_INJECTED

    def on_emit(self, sandbox: Sandbox, work: Assignment | None, report: Report) -> None:
        """The filter injected messages, or gave a record up."""
        if work is not None and report.kind == Emitted.DEAD_LETTERS:
            keep_dead_letters(self._dead_letters, sandbox, report, work.pack, self.failures)
            return
        if report.kind != Emitted.PACK:
            sandbox.kill("a filter sent what only decoders and encoders send")
            sandbox.release_slot(report.offset)
            return
        parent = work.pack if work is not None else None
        assert parent is None or isinstance(parent, TablePack)

        def room() -> None:
            if self._queue:
                self.on_room(sandbox)

        def free(offset: int) -> None:
            sandbox.release_slot(offset)
            room()

        pack = table_pack(
            sandbox,
            report,
            made_by=self.made_by,
            parent=parent,
            on_free=free,
            on_pin=room,
            deliveries=_deliveries(sandbox, parent),
        )
        if pack is None:
            sandbox.release_slot(report.offset)
            return
        self.metrics.records_injected += pack.count
        sandbox.loop_depth = Use(pack.loop_depth, max(pack.loop_depth, sandbox.loop_depth.highest))
        if pack.loop_depth > self.max_loops:
            self.metrics.count_drop("max_loops", pack.count)
            _LOG.warning("Injected messages were dropped: they loop.", filter=self.name)
            pack.release()
            return
        self.route(pack)

    def on_done(self, sandbox: Sandbox, work: Assignment, report: Report) -> None:
        """The filter is done with a pack."""
        self._learn(work, report)
        self.metrics.count_version(sandbox.version, report.matched)
        self.failures.count(report.matched, report.failed, sandbox.version)
        if report.failed:
            self.metrics.count_error("process_message", report.failed)
            self.metrics.letters_left_out += min(report.records, report.failed)
        pack = work.pack
        assert isinstance(pack, TablePack)
        if sandbox.journal is None or report.flags & NEVER_MATCHES:
            self.release(pack)
            return
        keeper = sandbox.journal.keeper
        keeper.pin(work, report)
        self._plain(pack)  # from now on it is held for the next snapshot only
        if keeper.wants_snapshot:
            sandbox.begin_snapshot()

    def on_terminated(self, sandbox: Sandbox, termination: Termination) -> bool:
        """The filter was ended."""
        self._reject_work(sandbox)
        _LOG.error(
            "A filter was ended.",
            filter=sandbox.name,
            limit=termination.limit,
            reason=termination.text,
        )
        self.failures.note_end(termination.text)
        again = self.restart or termination.limit == Limit.SIGNAL
        if not again:
            self.drop_all("terminated")
        return again


def _deliveries(sandbox: Sandbox, parent: TablePack | None) -> tuple[Deliveries, ...]:
    """Return the counts of undelivered messages to which a pack belongs that a filter injected."""
    inherited = () if parent is None else parent.deliveries
    own = None if sandbox.journal is None else sandbox.journal.keeper.deliveries
    return inherited if own is None or own in inherited else (*inherited, own)


class _Encoded:
    """What a version of an encoder has made of the records that it got."""

    __slots__ = ("is_told", "matched", "nothing", "version")

    def __init__(self, version: str) -> None:
        self.version = version
        self.matched = self.nothing = 0
        self.is_told = False


class OutputConsumer(Consumer):
    """An output: its sandbox encodes, its runner delivers."""

    runner: OutputRunner

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.comes_again: Callable[[TablePack], bool] = lambda pack: not pack.made_by and is_read_again(pack)
        """Returns True if the records of a pack come again when the host is started again."""
        self._batches: dict[int, tuple[TablePack, Sandbox, int]] = {}
        """Batches at the runner: pack, who encoded it, slot."""
        self._batch_numbers = itertools.count()
        self._watched = _Encoded("")

    @property
    def failures(self) -> Failures:
        """What fails at the encoder."""
        return self.metrics.encoder_failures

    @property
    def idle(self) -> bool:
        """Whether everything is delivered."""
        return super().idle and not self._batches

    def held_packs(self) -> dict[TablePack, None]:
        """Return also the packs whose batches are not delivered yet."""
        packs = {pack: None for pack, _, _ in self._batches.values()}
        packs.update(super().held_packs())
        return packs

    def _drop_oldest(self) -> bool:
        """Drop the oldest batch that is not being written; after these, packs that are not encoded yet."""
        return self.runner.drop_oldest("queue_full") or super()._drop_oldest()

    def drain(self) -> list[TablePack]:
        """Also what was encoded and not delivered. The runner must have been stopped."""
        packs: dict[TablePack, None] = {}
        for pack, sandbox, offset in self._batches.values():
            self._plain(pack)
            if pack in packs:
                pack.release()
            packs[pack] = None
            sandbox.release_slot(offset)
        self._batches.clear()
        for pack in super().drain():
            if pack in packs:
                pack.release()
            packs[pack] = None
        return list(packs)

    def on_emit(self, sandbox: Sandbox, work: Assignment | None, report: Report) -> None:
        """The encoder filled a batch."""
        if work is None or report.kind == Emitted.PACK:
            sandbox.kill("an encoder sent what only filters send")
            sandbox.release_slot(report.offset)
            return
        if report.kind == Emitted.DEAD_LETTERS:
            keep_dead_letters(self._dead_letters, sandbox, report, work.pack, self.failures)
            return
        start, size = report.offset, sandbox.arena.slot_bytes
        if report.used_bytes + 4 * report.records > size:
            sandbox.kill("it sent a malformed batch")
            sandbox.release_slot(start)
            return
        pack = work.pack
        assert isinstance(pack, TablePack)
        self._hold(pack)
        number = next(self._batch_numbers)
        self._batches[number] = (pack, sandbox, start)
        view = sandbox.arena.view

        def ends() -> array[int]:
            """End offsets stand at the end of the slot, the first one last."""
            found = array("I", bytes(view[start + size - 4 * report.records : start + size]))
            found.reverse()
            return found

        def done() -> None:
            del self._batches[number]
            sandbox.release_slot(start)
            self.release(pack)

        def given_up(final: bool) -> bool:
            if not final:
                return True  # `surrender` takes it
            if not self.comes_again(pack):
                return False
            # It stays held, so its input is not told that it was delivered; but nobody waits for it any more.
            del self._batches[number]
            sandbox.release_slot(start)
            pack.pin()
            return True

        self.runner.deliver(Batch(view[start : start + report.used_bytes], report.records, ends), done, given_up)

    def on_done(self, sandbox: Sandbox, work: Assignment, report: Report) -> None:
        """The encoder is done with a pack; batches of it may still be at the runner."""
        self._learn(work, report)
        self.metrics.count_version(sandbox.version, report.matched)
        self.failures.count(report.matched, report.failed, sandbox.version)
        if report.failed:
            self.metrics.count_drop("encode_failed", report.failed)
        self._learn_of_nothing(sandbox, report)
        assert isinstance(work.pack, TablePack)
        self.release(work.pack)

    def _learn_of_nothing(self, sandbox: Sandbox, report: Report) -> None:
        """Count records of which the encoder made nothing; warn once if it has made nothing of any."""
        self.metrics.records_skipped += min(report.records, report.matched)
        self.metrics.records_empty += min(report.offset, report.matched)
        if sandbox.version != self._watched.version:
            self._watched = _Encoded(sandbox.version)
        watched = self._watched
        watched.matched += report.matched
        watched.nothing += min(report.records + report.offset, report.matched)
        if watched.is_told or watched.matched < MANY_RECORDS or watched.nothing < watched.matched:
            return
        watched.is_told = True
        _LOG.warning(
            "The encoder has made nothing of all records so far. Does it suit these messages?",
            output=self.name,
            encoder=sandbox.plugin,
            records=watched.matched,
        )

    @property
    def makes_nothing(self) -> str:
        """A warning if the encoder has made nothing of all records so far; else empty."""
        watched = self._watched
        if not watched.matched or watched.nothing < watched.matched:
            return ""
        return f"The encoder has made nothing of {watched.matched:,} records."

    def on_terminated(self, sandbox: Sandbox, termination: Termination) -> bool:
        """The encoder was ended: it is always started again."""
        self._reject_work(sandbox)
        _LOG.error(
            "An encoder was ended.",
            output=sandbox.name,
            limit=termination.limit,
            reason=termination.text,
        )
        self.failures.note_end(termination.text)
        return True


def is_read_again(pack: TablePack) -> bool:
    """Return True if the source of a pack can be read again from any position."""
    return pack.origin is not None and bool(pack.origin.stream.reading)


def _is_short(pack: TablePack) -> bool:
    """Return True if the arenas that a pack came through have few slots left."""
    if pack.arena.free_slots < _MIN_FREE_SLOTS:
        return True
    return pack.origin is not None and pack.origin.arena.free_slots < _MIN_FREE_SLOTS
