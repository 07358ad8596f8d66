"""An output as the router sees it."""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Callable
from typing import Any

from host.outputs.base import Batch
from host.outputs.runner import OutputRunner
from host.packs.ledger import TablePack
from host.packs.protocol import Emitted, Report
from host.pipeline.consumers.base import Consumer
from host.pipeline.dead_letter_writer import keep_dead_letters
from host.sandbox.assignment import Assignment
from host.sandbox.sandbox import Sandbox
from host.sandbox.termination import Termination
from host.telemetry.failures import Failures
from host.telemetry.logs import get_logger

_LOG = get_logger("host.router")

MIN_RECORDS_TO_WARN = 100
"""Number of matched records after which an encoder without any output causes a warning in the log."""


class _EncoderYield:
    """Counts the records that one version of an encoder got, and those it made nothing of."""

    __slots__ = ("has_warned", "matched", "version", "without_output")

    def __init__(self, version: str) -> None:
        self.version = version
        self.matched = self.without_output = 0
        self.has_warned = False


class OutputConsumer(Consumer):
    """An output: its sandbox encodes, its runner delivers.

    Args:
        arguments: Those of `Consumer`.
        runner: Delivers the batches.
        comes_again: Returns True if the next run of the host reads the records of a pack again.
        options: Those of `Consumer`.
    """

    def __init__(
        self, *arguments: Any, runner: OutputRunner, comes_again: Callable[[TablePack], bool], **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        self.runner = runner
        self._comes_again = comes_again
        self._is_removed = False
        self._batches: dict[int, tuple[TablePack, Sandbox, int]] = {}
        """Batches at the runner: the pack, its encoder, and the offset of the slot."""
        self._batch_numbers = itertools.count()
        self._yield = _EncoderYield("")

    @property
    def failures(self) -> Failures:
        """Failures of the encoder."""
        return self.metrics.encoder_failures

    @property
    def idle(self) -> bool:
        """True if everything is delivered."""
        return super().idle and not self._batches

    def held_packs(self) -> dict[TablePack, None]:
        """Return also the packs with batches that are not delivered yet."""
        packs = {pack: None for pack, _, _ in self._batches.values()}
        packs.update(super().held_packs())
        return packs

    def _drop_oldest(self) -> bool:
        """Drop the oldest batch that is not being written; after these, packs that are not encoded yet."""
        return self.runner.drop_oldest("queue_full") or super()._drop_oldest()

    def drain(self) -> list[TablePack]:
        """Give up also the packs with undelivered batches. The runner must have been stopped."""
        packs: dict[TablePack, None] = {}
        for pack, sandbox, offset in self._batches.values():
            self._hold_plainly(pack)
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

    async def put_away(self, reason: str, *, removed: bool = False) -> None:
        """Deliver nothing more: batches go to the dead letters, now and from now on.

        Args:
            reason: Stands in the dead letters.
            removed: True if the host goes on without this output. Its records are then never delivered, so that also
                those of sources that can be read again go to the dead letters.
        """
        self._is_removed = removed
        await self.runner.put_away(reason, "removal" if removed else "shutdown")

    def on_emit(self, sandbox: Sandbox, work: Assignment | None, report: Report) -> None:
        """Deliver a batch of the encoder, or store its dead letters."""
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
            """Return the end offsets. They stand at the end of the slot, the first one last."""
            offsets = array("I", bytes(view[start + size - 4 * report.records : start + size]))
            offsets.reverse()
            return offsets

        def done() -> None:
            del self._batches[number]
            sandbox.release_slot(start)
            self.release(pack)

        def given_up(final: bool) -> bool:
            if not final:
                return True  # `drain` takes it
            if self._is_removed or not self._comes_again(pack):
                return False
            # The pack stays held, so that its input never counts it as delivered. But nothing waits for it any more.
            del self._batches[number]
            sandbox.release_slot(start)
            pack.pin()
            return True

        self.runner.deliver(Batch(view[start : start + report.used_bytes], report.records, ends), done, given_up)

    def on_done(self, sandbox: Sandbox, work: Assignment, report: Report) -> None:
        """Count and release an encoded pack. Its batches may still be at the runner."""
        self._learn(work, report)
        self.metrics.count_version(sandbox.version, report.matched)
        self.failures.count(report.matched, report.failed, sandbox.version)
        if report.failed:
            self.metrics.count_drop("encode_failed", report.failed)
        self._count_without_output(sandbox, report)
        assert isinstance(work.pack, TablePack)
        self.release(work.pack)

    def _count_without_output(self, sandbox: Sandbox, report: Report) -> None:
        """Count records that the encoder made nothing of; warn once if it has made nothing of any record."""
        self.metrics.records_skipped += min(report.records, report.matched)
        self.metrics.records_empty += min(report.offset, report.matched)
        if sandbox.version != self._yield.version:
            self._yield = _EncoderYield(sandbox.version)
        counts = self._yield
        counts.matched += report.matched
        counts.without_output += min(report.records + report.offset, report.matched)
        if counts.has_warned or counts.matched < MIN_RECORDS_TO_WARN or counts.without_output < counts.matched:
            return
        counts.has_warned = True
        _LOG.warning(
            "The encoder has made nothing of all records so far. Does it suit these messages?",
            output=self.name,
            encoder=sandbox.plugin,
            records=counts.matched,
        )

    @property
    def makes_nothing(self) -> str:
        """A warning if the encoder has made nothing of all records so far; else empty."""
        counts = self._yield
        if not counts.matched or counts.without_output < counts.matched:
            return ""
        return f"The encoder has made nothing of {counts.matched:,} records."

    def on_terminated(self, sandbox: Sandbox, termination: Termination) -> bool:
        """Log a termination; return True, since an encoder always restarts."""
        self._reject_malformed_work(sandbox)
        _LOG.error(
            "An encoder was terminated.",
            output=sandbox.name,
            limit=termination.limit,
            reason=termination.text,
        )
        self.failures.note_end(termination.text)
        return True


def is_read_again(pack: TablePack) -> bool:
    """Return True if the source of a pack can be read again from any position."""
    return pack.origin is not None and bool(pack.origin.stream.reading)
