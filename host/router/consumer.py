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


class Consumer:
    """A queue, and the sandbox that works through it.

    Args:
        name: Of the filter or output.
        queue: Its policy.
        metrics: Of the filter or output.
        dead_letters: Where what fails goes.
        forget_routes: Called when a kind of pack turns out never to match.
    """

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
        if self.sandbox is None or self.sandbox.state in ("stopped", "quarantined"):
            self.metrics.count_drop("stopped", pack.count)
            return
        pack.hold()
        if not self._queue and self.sandbox.room:
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

    def on_room(self, sandbox: Sandbox) -> None:
        """The sandbox would take more."""
        while self._queue and sandbox.room:
            self._give(self._queue.popleft())
        self.metrics.queue_packs = len(self._queue)

    def _learn(self, work: Work, report: Report) -> None:
        """What a finished pack tells of all packs like it."""
        assert isinstance(work.pack, TablePack)
        self.metrics.records_received += report.received
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
    """A filter: what it injects goes back to the router."""

    route: Callable[[TablePack], None]
    restart: bool
    max_loops: int

    def on_emit(self, sandbox: Sandbox, work: Work | None, report: Report) -> None:
        """The filter injected messages."""
        if report.kind != Emitted.PACK:
            sandbox.kill("a filter sent what only decoders and encoders send")
            return
        parent = work.pack if work is not None else None
        assert parent is None or isinstance(parent, TablePack)
        pack = table_pack(sandbox, report, made_by=self.made_by, raw=None, parent=parent)
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
        self.metrics.records_sent += report.matched
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
