"""A filter as the router sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from host.packs.deliveries import Deliveries
from host.packs.ledger import TablePack
from host.packs.protocol import NEVER_MATCHES, Emitted, Report
from host.pipeline.consumers.base import Consumer
from host.pipeline.dead_letter_writer import keep_dead_letters
from host.pipeline.decoder_pool import table_pack
from host.sandbox.assignment import Assignment
from host.sandbox.heartbeat import Use
from host.sandbox.sandbox import Sandbox
from host.sandbox.termination import Limit, Termination
from host.telemetry.logs import get_logger

_LOG = get_logger("host.router")

_MAX_INJECTED_SLOTS = 16
"""Used slots of a filter's arena from which on it gets no new packs from the inputs."""


class FilterConsumer(Consumer):
    """A filter: the router gets the packs that it injects.

    While many of its injected packs are unfinished, a filter gets no new packs from the inputs; this is its
    back-pressure. It still gets the packs of other filters, because two filters that inject for each other would
    otherwise deadlock.

    Args:
        arguments: Those of `Consumer`.
        route: Takes an injected pack.
        restarts: True if the filter restarts after a termination.
        max_loops: Highest loop depth of an injected message.
        options: Those of `Consumer`.
    """

    _drops_when_stopped = True

    def __init__(
        self, *arguments: Any, route: Callable[[TablePack], None], restarts: bool, max_loops: int, **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        self.max_loops = max_loops
        self._route = route
        self._restarts = restarts

    def _may_have(self, pack: TablePack) -> bool:
        if pack.loop_depth > 0 or self.sandbox is None:
            return True
        arena = self.sandbox.arena
        return arena.used_slots - arena.pinned_slots < _MAX_INJECTED_SLOTS

    def on_emit(self, sandbox: Sandbox, work: Assignment | None, report: Report) -> None:
        """Route injected messages, or store dead letters."""
        if work is not None and report.kind == Emitted.DEAD_LETTERS:
            keep_dead_letters(self._dead_letters, sandbox, report, work.pack, self.failures)
            return
        if report.kind != Emitted.PACK:
            sandbox.kill("a filter sent what only decoders and encoders send")
            sandbox.release_slot(report.offset)
            return
        parent = work.pack if work is not None else None
        assert parent is None or isinstance(parent, TablePack)

        def give_more() -> None:
            if self._queue:
                self.on_room(sandbox)

        def free(offset: int) -> None:
            sandbox.release_slot(offset)
            give_more()

        pack = table_pack(
            sandbox,
            report,
            made_by=self.made_by,
            parent=parent,
            on_free=free,
            on_pin=give_more,
            deliveries=_deliveries(sandbox, parent),
        )
        if pack is None:
            sandbox.release_slot(report.offset)
            return
        self.metrics.records_injected += pack.count
        sandbox.loop_depth = Use(pack.loop_depth, max(pack.loop_depth, sandbox.loop_depth.highest))
        if pack.loop_depth > self.max_loops:
            self.metrics.count_drop("max_loops", pack.count)
            _LOG.warning("Dropped injected messages: loop depth limit reached.", filter=self.name)
            pack.release()
            return
        self._route(pack)

    def on_done(self, sandbox: Sandbox, work: Assignment, report: Report) -> None:
        """Count and release a finished pack, or pin it until the next snapshot."""
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
        self._hold_plainly(pack)  # from now on it is held for the next snapshot only
        if keeper.wants_snapshot:
            sandbox.begin_snapshot()

    def on_terminated(self, sandbox: Sandbox, termination: Termination) -> bool:
        """Log a termination; return True if the filter restarts."""
        self._reject_malformed_work(sandbox)
        _LOG.error(
            "A filter was terminated.",
            filter=sandbox.name,
            limit=termination.limit,
            reason=termination.text,
        )
        self.failures.note_end(termination.text)
        restarts = self._restarts or termination.limit == Limit.SIGNAL
        if not restarts:
            self.drop_all("terminated")
        return restarts


def _deliveries(sandbox: Sandbox, parent: TablePack | None) -> tuple[Deliveries, ...]:
    """Return the counts of undelivered messages to which a pack belongs that a filter injected."""
    inherited = () if parent is None else parent.deliveries
    own = None if sandbox.journal is None else sandbox.journal.keeper.deliveries
    return inherited if own is None or own in inherited else (*inherited, own)
