"""The decoders of one input: one or more processes that run the same chain."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

from host.delivery.dead_letters import DeadLetters
from host.packs.deliveries import Deliveries
from host.packs.ledger import RawPack, TablePack
from host.packs.protocol import Emitted, Report, read_pack_header
from host.pipeline.dead_letter_writer import keep_dead_letters
from host.sandbox.assignment import Assignment
from host.sandbox.sandbox import Sandbox
from host.sandbox.termination import Termination
from host.telemetry.logs import get_logger
from host.telemetry.metrics import ComponentMetrics

_LOG = get_logger("host.decoders")
_POLL_S = 0.002


class DecoderPool:
    """Gives raw packs to decoder processes, and what they made of them to the router, in the order of each stream.

    Args:
        name: Of the input.
        metrics: Of its decoders.
        dead_letters: Where records go that no decoder accepts.
        route: Takes a decoded pack.
        wake: Called when there may be room for another pack.
        input_metrics: Of the input.
    """

    def __init__(  # noqa: PLR0917 -- built in one place
        self,
        name: str,
        metrics: ComponentMetrics,
        dead_letters: DeadLetters,
        route: Callable[[TablePack], None],
        wake: Callable[[], None],
        input_metrics: ComponentMetrics,
    ) -> None:
        self.name = name
        self.metrics = metrics
        self.sandboxes: list[Sandbox] = []
        self._dead_letters = dead_letters
        self._route = route
        self._wake = wake
        self._input_metrics = input_metrics
        self._waiting: deque[RawPack] = deque()
        self._begun: dict[RawPack, int] = {}
        """Packs that a process had begun and will not finish: from which record on they are to be done."""
        self._retiring: Sandbox | None = None
        self.held = False
        """Whether an operator has paused it: what comes waits, and holds the input back."""

    def has_room(self) -> bool:
        """Whether another pack would be started on soon. If not, records had better collect at their source."""
        return not self._waiting and bool(self._free())

    def _free(self) -> list[Sandbox]:
        """Who could start on a pack now."""
        return [] if self.held else [each for each in self.sandboxes if each.room and each is not self._retiring]

    @property
    def idle(self) -> bool:
        """Whether nothing is being decoded or waits for it."""
        return not self._waiting and all(sandbox.idle for sandbox in self.sandboxes)

    def decode(self, pack: RawPack) -> None:
        """Take a raw pack."""
        self._waiting.append(pack)
        self._give()

    def _give(self) -> None:
        while self._waiting:
            free = self._free()
            if not free:
                return
            pack = self._waiting.popleft()
            self.metrics.packs_received += 1
            self.metrics.bytes_received += pack.length
            decoder = min(free, key=lambda sandbox: len(sandbox.work))
            decoder.give(pack, now_ns=pack.stream.now_ns, first_record=self._begun.pop(pack, 0))

    async def swap(self, old: Sandbox, new: Sandbox) -> None:
        """Put another process, which runs already, in the place of one: between two packs, so that none is lost.

        One that dies in the meantime leaves the rest of its packs to the new one. It may be about to die of each record
        that is left, and somebody waits for the version that does not.
        """
        self._retiring = old
        try:
            while not old.idle:
                if old.died_at_work:
                    self._take_back(old)
                await asyncio.sleep(_POLL_S)
            self.sandboxes[self.sandboxes.index(old)] = new
        finally:
            self._retiring = None
        self.on_room(new)
        await old.stop()

    def drain(self) -> list[tuple[RawPack, int]]:
        """Give up everything that is not decoded; return each pack, and which of its records is the first undone."""
        undone: list[tuple[RawPack, int]] = []
        for sandbox in self.sandboxes:
            for work in sandbox.work.values():
                assert isinstance(work.pack, RawPack)
                undone.append((work.pack, work.first_record))
            sandbox.work.clear()
        undone += [(pack, self._begun.pop(pack, 0)) for pack in self._waiting]
        self._waiting.clear()
        return undone

    def _take_back(self, sandbox: Sandbox) -> None:
        """What a dead process was given goes before all that waits."""
        for work in reversed(sandbox.take_back()):
            assert isinstance(work.pack, RawPack)
            self._begun[work.pack] = work.first_record
            self._waiting.appendleft(work.pack)
            self.metrics.packs_received -= 1
            self.metrics.bytes_received -= work.pack.length

    # What the sandboxes say.

    def on_emit(self, sandbox: Sandbox, work: Assignment | None, report: Report) -> None:
        """A decoder filled a slot."""
        if work is None or not isinstance(work.pack, RawPack):
            sandbox.kill("it sent something for no pack")
            sandbox.release_slot(report.offset)
            return
        if report.kind == Emitted.DEAD_LETTERS:
            keep_dead_letters(self._dead_letters, sandbox, report, work.pack, self.metrics.failures)
            return
        table = table_pack(sandbox, report, raw=work.pack)
        if table is None:
            sandbox.release_slot(report.offset)
            return
        self.metrics.records_sent += table.count
        self.metrics.packs_sent += 1
        work.pack.add_decoded(table)
        work.pack.stream.in_order(self._route)

    def on_done(self, sandbox: Sandbox, work: Assignment, report: Report) -> None:
        """A decoder is done with a pack."""
        pack = work.pack
        assert isinstance(pack, RawPack)
        self.metrics.count_version(sandbox.version, report.received)
        self.metrics.records_received += report.received
        # An input hands in bytes; how many records they are is known only here.
        self._input_metrics.records_received += report.received
        self._input_metrics.records_sent += report.received
        self.metrics.records_truncated += report.records
        self.metrics.failures.count(report.received, report.failed, sandbox.version)
        self._input_metrics.failures.count(report.received)
        self.metrics.bytes_truncated += report.injected  # a decoder says here how many bytes it cut off
        if report.failed:
            self.metrics.count_drop("decode_failed", report.failed)
        pack.decoded = True
        pack.stream.in_order(self._route)
        pack.release()

    def on_failure(self, sandbox: Sandbox, text: str) -> None:  # noqa: ARG002 -- the owner's interface
        """The first reason in a pack for which a record was not decoded."""
        self.metrics.failures.note(text)
        _LOG.warning("Records were not decoded; they are in the dead letters.", input=self.name, reason=text)

    def on_room(self, sandbox: Sandbox) -> None:  # noqa: ARG002 -- the owner's interface
        """A decoder would take another pack."""
        self._give()
        self._wake()

    def on_terminated(self, sandbox: Sandbox, termination: Termination) -> bool:
        """A decoder was ended: it is always started again."""
        _LOG.error(
            "A decoder was ended.",
            input=self.name,
            sandbox=sandbox.name,
            limit=termination.limit,
            reason=termination.text,
        )
        self.metrics.failures.note_end(termination.text)
        return True

    def on_quarantined(self, sandbox: Sandbox) -> None:
        """A decoder is not started again: its packs wait, and hold the input back."""


def table_pack(
    sandbox: Sandbox,
    report: Report,
    *,
    made_by: str = "",
    raw: RawPack | None = None,
    parent: TablePack | None = None,
    on_free: Callable[[int], None] | None = None,
    on_pin: Callable[[], None] | None = None,
    deliveries: tuple[Deliveries, ...] = (),
) -> TablePack | None:
    """The pack in a slot that a sandbox filled, if its header is sound. If not, the sandbox is ended."""
    start = report.offset
    slot = sandbox.arena.view[start : start + sandbox.arena.slot_bytes]
    header = read_pack_header(slot, report.used_bytes)
    depth = 0 if raw is not None else 1 if parent is None else parent.loop_depth + 1
    sound = header is not None and header.record_count == report.records and header.loop_depth == depth
    if header is None or not sound or (raw is not None and header.raw_bytes != raw.length):
        sandbox.kill("it sent a malformed pack")
        return None
    shapes = bytes(slot[header.shapes_start : header.shapes_start + header.shapes_bytes])
    return TablePack(
        sandbox.arena, start, report.used_bytes, report.records, shapes, made_by, header.loop_depth, header.stream,
        header.position, raw, parent, on_free or sandbox.release_slot, time.monotonic_ns(), on_pin,
        sandbox.producer, deliveries,
    )  # fmt: skip
