"""What stands behind the router: a filter or an output, each with a queue of its own."""

from __future__ import annotations

import time
from array import array
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from host.delivery.dead_letters import DeadLetters
from host.outputs.base import Batch
from host.outputs.runner import OutputRunner
from host.packs.ledger import TablePack
from host.packs.protocol import NEVER_MATCHES, Emitted, Report
from host.router.dead_desk import keep_dead_letters
from host.router.decoding import table_pack
from host.sandbox.sandbox import Sandbox, Termination, Work
from host.telemetry.logs import get_logger
from host.telemetry.metrics import ComponentMetrics

if TYPE_CHECKING:
    from host.config.model import Queue

_LOG = get_logger("host.router")

_MOST_KNOWN_SHAPES = 10_000
_MANY_INJECTED = 16
"""Slots of a filter in use at which it gets nothing new from the inputs."""


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
        self.never: set[bytes] = set()
        self._settings = queue
        self._queue: deque[TablePack] = deque()
        self._forget_routes = forget_routes
        self._dead_letters = dead_letters

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is being worked on."""
        return not self._queue and (self.sandbox is None or self.sandbox.idle)

    @property
    def queued(self) -> int:
        """Packs that wait."""
        return len(self._queue)

    def lag_ms(self) -> int:
        """Age of the oldest pack that waits."""
        return (time.monotonic_ns() - self._queue[0].seen_ns) // 1_000_000 if self._queue else 0

    def wants(self, pack: TablePack) -> bool:
        """Whether the pack may hold something for this consumer; asked once for each kind of pack."""
        return pack.shapes not in self.never and (not pack.made_by or pack.made_by != self.made_by)

    def take(self, pack: TablePack) -> None:
        """Put a pack into the queue."""
        assert self.sandbox is not None
        if self._may_miss and self.sandbox.state in {"stopped", "quarantined"}:
            self.metrics.count_drop("stopped", pack.count)
            return
        pack.hold()
        if not self._queue and self.sandbox.room and self._may_have(pack):
            self._give(pack)
            return
        self._queue.append(pack)
        if self._settings.policy == "drop_oldest" and len(self._queue) > self._settings.max_packs:
            oldest = self._queue.popleft()
            self.metrics.count_drop("queue_full", oldest.count)
            oldest.let_go()
        self.metrics.queue_packs = len(self._queue)
        self.metrics.queue_packs_max = max(self.metrics.queue_packs_max, len(self._queue))

    def _give(self, pack: TablePack) -> None:
        assert self.sandbox is not None
        self.metrics.packs_received += 1
        self.sandbox.give(pack)

    def _may_have(self, pack: TablePack) -> bool:  # noqa: ARG002 -- for those who may not
        """Whether the sandbox may work on a pack now."""
        return True

    def _next(self) -> TablePack | None:
        """The first pack of the queue that the sandbox may work on."""
        for index, pack in enumerate(self._queue):
            if self._may_have(pack):
                del self._queue[index]
                return pack
        return None

    def on_room(self, sandbox: Sandbox) -> None:
        """The sandbox would take more."""
        while sandbox.room and (pack := self._next()) is not None:
            self._give(pack)
        self.metrics.queue_packs = len(self._queue)

    def _learn(self, work: Work, report: Report) -> None:
        """What a finished pack tells of all packs like it."""
        assert isinstance(work.pack, TablePack)
        self.metrics.records_received += report.matched
        if report.flags & NEVER_MATCHES:
            if len(self.never) >= _MOST_KNOWN_SHAPES:
                self.never.clear()
            self.never.add(work.pack.shapes)
            self._forget_routes()

    def on_failure(self, sandbox: Sandbox, text: str) -> None:  # noqa: ARG002 -- the owner's interface
        """The first reason in a pack for which a record failed."""
        _LOG.warning("Records failed.", component=self.name, reason=text)

    def drop_all(self, reason: str) -> None:
        """Give up on all that waits or is being worked on."""
        for pack in self._queue:
            self.metrics.count_drop(reason, pack.count)
            pack.let_go()
        self._queue.clear()
        if self.sandbox is not None:
            for work in self.sandbox.work.values():
                assert isinstance(work.pack, TablePack)
                self.metrics.count_drop(reason, work.pack.count)
                work.pack.let_go()
            self.sandbox.work.clear()


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
        return pack.loop_depth > 0 or self.sandbox is None or self.sandbox.arena.used_slots < _MANY_INJECTED

    def on_emit(self, sandbox: Sandbox, work: Work | None, report: Report) -> None:
        """The filter injected messages, or gave a record up."""
        if work is not None and report.kind == Emitted.DEAD_LETTERS:
            keep_dead_letters(self._dead_letters, sandbox, report, work.pack)
            return
        if report.kind != Emitted.PACK:
            sandbox.kill("a filter sent what only decoders and encoders send")
            return
        parent = work.pack if work is not None else None
        assert parent is None or isinstance(parent, TablePack)

        def free(offset: int) -> None:
            sandbox.release_slot(offset)
            if self._queue:
                self.on_room(sandbox)

        pack = table_pack(sandbox, report, made_by=self.made_by, parent=parent, on_free=free)
        if pack is None:
            return
        self.metrics.records_injected += pack.count
        if pack.loop_depth > self.max_loops:
            self.metrics.count_drop("max_loops", pack.count)
            _LOG.warning("Injected messages were dropped: they loop.", filter=self.name)
            pack.let_go()
            return
        self.route(pack)

    def on_done(self, sandbox: Sandbox, work: Work, report: Report) -> None:  # noqa: ARG002 -- the owner's interface
        """The filter is done with a pack."""
        self._learn(work, report)
        if report.failed:
            self.metrics.count_error("process_message", report.failed)
        work.pack.let_go()

    def on_terminated(self, sandbox: Sandbox, termination: Termination) -> bool:
        """The filter was ended."""
        _LOG.error(
            "A filter was ended.",
            filter=sandbox.name,
            limit=termination.limit,
            reason=termination.text,
        )
        again = self.restart or termination.limit == "signal"
        if not again:
            self.drop_all("terminated")
        return again


class OutputConsumer(Consumer):
    """An output: its sandbox encodes, its runner delivers."""

    runner: OutputRunner
    outstanding = 0
    """Batches at the runner."""

    @property
    def idle(self) -> bool:
        """Whether everything is delivered."""
        return super().idle and self.outstanding == 0

    def on_emit(self, sandbox: Sandbox, work: Work | None, report: Report) -> None:
        """The encoder filled a batch."""
        if work is None or report.kind == Emitted.PACK:
            sandbox.kill("an encoder sent what only filters send")
            return
        if report.kind == Emitted.DEAD_LETTERS:
            keep_dead_letters(self._dead_letters, sandbox, report, work.pack)
            return
        start, size = report.offset, sandbox.arena.slot_bytes
        if report.used_bytes + 4 * report.records > size:
            sandbox.kill("it sent a malformed batch")
            return
        pack = work.pack
        pack.hold()
        self.outstanding += 1
        view = sandbox.arena.view

        def ends() -> array[int]:
            """End offsets stand at the end of the slot, the first one last."""
            found = array("I", bytes(view[start + size - 4 * report.records : start + size]))
            found.reverse()
            return found

        def done() -> None:
            self.outstanding -= 1
            sandbox.release_slot(start)
            pack.let_go()

        self.runner.deliver(Batch(view[start : start + report.used_bytes], report.records, ends), done)

    def on_done(self, sandbox: Sandbox, work: Work, report: Report) -> None:  # noqa: ARG002 -- the owner's interface
        """The encoder is done with a pack; batches of it may still be at the runner."""
        self._learn(work, report)
        if report.failed:
            self.metrics.count_drop("encode_failed", report.failed)
        work.pack.let_go()

    def on_terminated(self, sandbox: Sandbox, termination: Termination) -> bool:
        """The encoder was ended: it is always started again."""
        _LOG.error(
            "An encoder was ended.",
            output=sandbox.name,
            limit=termination.limit,
            reason=termination.text,
        )
        return True
