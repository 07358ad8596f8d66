"""The decoders of one input: one or more processes that run the same chain."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from host.delivery.dead_letters import DeadLetters
from host.packs.deliveries import Deliveries
from host.packs.ledger import RawPack, TablePack
from host.packs.protocol import Emitted, Report, read_pack_header
from host.pipeline.dead_letter_writer import keep_dead_letters
from host.pipeline.pack_queue import PackQueue
from host.sandbox.assignment import Assignment
from host.sandbox.sandbox import Sandbox
from host.sandbox.termination import Termination
from host.telemetry.logs import get_logger
from host.telemetry.metrics import ComponentMetrics

_LOG = get_logger("host.decoders")


class DecoderPool(PackQueue[RawPack]):
    """Gives raw packs to decoder processes, and decoded packs to the router in the order of each stream.

    Args:
        name: Name of the input.
        metrics: Metrics of its decoders.
        dead_letters: Stores the records that no decoder accepts.
        route: Takes a decoded pack.
        wake: Called when there may be room for another pack.
        input_metrics: Metrics of the input.
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
        super().__init__(name, metrics, dead_letters)
        self.sandboxes: list[Sandbox] = []
        self._route = route
        self._wake = wake
        self._input_metrics = input_metrics

    def has_room(self) -> bool:
        """Return True if a decoder would start on another pack soon. If not, records should wait at their source."""
        return not self._queue and bool(self._free())

    def _free(self) -> list[Sandbox]:
        """Return the sandboxes that could start on a pack now."""
        return [sandbox for sandbox in self.sandboxes if self._can_give(sandbox)]

    @property
    def idle(self) -> bool:
        """True if no pack waits or is being decoded."""
        return not self._queue and all(sandbox.idle for sandbox in self.sandboxes)

    def decode(self, pack: RawPack) -> None:
        """Take a raw pack."""
        self._queue.append(pack)
        self._give()

    def _give(self) -> None:
        while self._queue:
            free = self._free()
            if not free:
                return
            pack = self._queue.popleft()
            self.metrics.packs_received += 1
            self.metrics.bytes_received += pack.length
            decoder = min(free, key=lambda sandbox: len(sandbox.work))
            decoder.give(pack, now_ns=pack.stream.now_ns, first_record=self._begun.pop(pack, 0))

    def _all_sandboxes(self) -> Sequence[Sandbox]:
        return self.sandboxes

    def _replace(self, old: Sandbox, new: Sandbox) -> None:
        self.sandboxes[self.sandboxes.index(old)] = new

    def _uncount(self, pack: RawPack) -> None:
        self.metrics.packs_received -= 1
        self.metrics.bytes_received -= pack.length

    # ------------------------------------------------------------------ reports of the sandboxes

    def on_emit(self, sandbox: Sandbox, work: Assignment | None, report: Report) -> None:
        """Take a decoded pack, or dead letters."""
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
        """Count a decoded pack and release it."""
        pack = work.pack
        assert isinstance(pack, RawPack)
        self.metrics.count_version(sandbox.version, report.received)
        self.metrics.records_received += report.received
        # An input hands in bytes. The number of records in them is known only here.
        self._input_metrics.records_received += report.received
        self._input_metrics.records_sent += report.received
        self.metrics.records_truncated += report.records
        self.metrics.failures.count(report.received, report.failed, sandbox.version)
        self._input_metrics.failures.count(report.received)
        self.metrics.bytes_truncated += report.injected  # a decoder reports here the number of bytes that it cut off
        if report.failed:
            self.metrics.count_drop("decode_failed", report.failed)
        pack.decoded = True
        pack.stream.in_order(self._route)
        pack.release()

    def on_failure(self, sandbox: Sandbox, text: str) -> None:  # noqa: ARG002 -- part of SandboxListener
        """Note the reason of the first record of a pack that was not decoded."""
        self.metrics.failures.note(text)
        _LOG.warning("Records were not decoded; they are in the dead letters.", input=self.name, reason=text)

    def on_room(self, sandbox: Sandbox) -> None:  # noqa: ARG002 -- part of SandboxListener
        """Give out packs, and let the input read more."""
        self._give()
        self._wake()

    def on_terminated(self, sandbox: Sandbox, termination: Termination) -> bool:
        """Log a termination; return True, since a decoder always restarts."""
        _LOG.error(
            "A decoder was terminated.",
            input=self.name,
            sandbox=sandbox.name,
            limit=termination.limit,
            reason=termination.text,
        )
        self.metrics.failures.note_end(termination.text)
        return True

    def on_quarantined(self, sandbox: Sandbox) -> None:
        """Do nothing: the packs of a quarantined decoder wait and hold the input back."""


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
    """Return the pack in a slot that a sandbox filled. If its header is malformed, kill the sandbox and return None."""
    start = report.offset
    slot = sandbox.arena.view[start : start + sandbox.arena.slot_bytes]
    header = read_pack_header(slot, report.used_bytes)
    depth = 0 if raw is not None else 1 if parent is None else parent.loop_depth + 1
    is_sound = header is not None and header.record_count == report.records and header.loop_depth == depth
    if header is None or not is_sound or (raw is not None and header.raw_bytes != raw.length):
        sandbox.kill("it sent a malformed pack")
        return None
    shapes = bytes(slot[header.shapes_start : header.shapes_start + header.shapes_bytes])
    return TablePack(
        sandbox.arena, start, report.used_bytes, report.records, shapes, made_by, header.loop_depth, header.stream,
        header.position, raw, parent, on_free or sandbox.release_slot, time.monotonic_ns(), on_pin,
        sandbox.producer, deliveries,
    )  # fmt: skip
