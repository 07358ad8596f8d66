"""One sandbox of a trial. It works on one pack at a time and keeps the results."""

import asyncio
from collections.abc import Callable

import orjson

from host.core.errors import PackError, SandboxError
from host.packs import reader
from host.packs.ledger import RawPack, TablePack
from host.packs.protocol import Emitted, Report
from host.pipeline.decoder_pool import table_pack
from host.sandbox.assignment import Assignment
from host.sandbox.sandbox import Sandbox
from host.sandbox.termination import Termination
from host.trial.model import StepResult


class TooMuchError(Exception):
    """The trial has exceeded its output bound."""


class TrialSandbox:
    """Runs one sandbox process and collects its results.

    Args:
        spend: Counts bytes of output. Raises TooMuchError at the limit.
        keep_packs: True to keep the produced packs for the next sandbox, instead of reading their messages.
    """

    def __init__(self, spend: Callable[[int], None], *, keep_packs: bool) -> None:
        self.process: Sandbox
        """The process, set by the harness."""
        self.termination: Termination | None = None
        self._result = StepResult()
        self._packs: list[TablePack] = []
        self._fault: Exception | None = None
        self._spend = spend
        self._keep_packs = keep_packs
        self._finished = asyncio.Event()

    async def start(self) -> None:
        """Start the process. A script that does not load is an outcome: see `termination`.

        Raises:
            SandboxError: The process could not be started.
        """
        starting = asyncio.ensure_future(self.process.start())
        ended = asyncio.ensure_future(self._finished.wait())  # the process may be killed before it reports anything
        try:
            await asyncio.wait({starting, ended}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                await starting
        except SandboxError:
            self.termination = self.process.termination
            if self.termination is None:
                raise
        finally:
            for task in (starting, ended):
                task.cancel()
            await asyncio.gather(starting, ended, return_exceptions=True)

    async def give(self, pack: RawPack | TablePack, result: StepResult) -> None:
        """Process a pack. Wait until it is done or the process has ended, and add what it produced to `result`."""
        before_us = self._begin(result)
        self.process.give(pack)
        await self._finished.wait()
        self._end(before_us)

    async def tick(self, now_ns: int, result: StepResult, *, shutdown: bool) -> None:
        """Call timer_event and add what it produced to `result`."""
        before_us = self._begin(result)
        await self.process.tick(now_ns, last=shutdown)
        self._end(before_us)

    def _begin(self, result: StepResult) -> float:
        self._finished.clear()
        self._result = result
        return self.cpu_us()

    def _end(self, before_us: float) -> None:
        if self._fault is not None:
            raise self._fault
        self._result.cpu_us += max(0.0, round(self.cpu_us() - before_us, 1))

    def cpu_us(self) -> float:
        """Return the CPU time that the process has used so far; 0 after it has ended."""
        return (self.process.cpu_ns() or 0) / 1000

    def take_packs(self) -> list[TablePack]:
        """Return the produced packs and forget them."""
        packs, self._packs = self._packs, []
        return packs

    async def close(self) -> None:
        """Stop the process and release the packs that it had not finished."""
        for pack in [*self.take_packs(), *(work.pack for work in self.process.work.values())]:
            pack.release()
        self.process.work.clear()
        await self.process.stop()

    # ---------------------------------------------------------------- reports of the process

    def on_emit(self, sandbox: Sandbox, work: Assignment | None, report: Report) -> None:
        """Handle a filled slot."""
        start, kept = report.offset, False
        slot = sandbox.arena.view[start : start + sandbox.arena.slot_bytes]
        try:
            self._spend(report.used_bytes)
            if report.kind == Emitted.PACK:
                kept = self._keep_pack(sandbox, work, report, slot)
            elif report.kind == Emitted.BATCH:
                self._keep_batch(slot, report)
            else:
                self._keep_dead_letters(bytes(slot[: report.used_bytes]))
        except TooMuchError as error:
            self._fault = self._fault or error
            self._finished.set()
        except (PackError, ValueError) as error:
            sandbox.kill(f"it sent an invalid pack: {error}")
        if not kept:
            sandbox.release_slot(start)

    def _keep_pack(self, sandbox: Sandbox, work: Assignment | None, report: Report, slot: memoryview) -> bool:
        """Keep a pack or its messages. Return True if the slot itself is kept."""
        raw = work.pack if work is not None and isinstance(work.pack, RawPack) else None
        parent = work.pack if work is not None and isinstance(work.pack, TablePack) else None
        on_free = sandbox.release_slot if self._keep_packs else _ignore_release
        pack = table_pack(sandbox, report, made_by="trial", raw=raw, parent=parent, on_free=on_free)
        if pack is None:
            return False  # the pack was invalid; the process is killed with a termination
        if self._keep_packs:
            self._packs.append(pack)
            return True
        raw_bytes = raw.arena.view[raw.offset : raw.offset + raw.length] if raw is not None else b""
        try:
            self._result.messages.extend(reader.read(slot, raw_bytes))
        finally:
            pack.release()
        return False

    def _keep_batch(self, slot: memoryview, report: Report) -> None:
        ends_at = len(slot) - 4 * report.records
        if report.used_bytes > ends_at:
            raise PackError("A batch is larger than its slot.")
        ends = slot[ends_at:].cast("I").tolist()[::-1]
        starts = [0, *ends[:-1]]
        self._result.outputs.extend(bytes(slot[a:b]) for a, b in zip(starts, ends, strict=True))

    def _keep_dead_letters(self, lines: bytes) -> None:
        self._result.dead_letters.extend(str(orjson.loads(line).get("reason")) for line in lines.splitlines())

    def on_done(self, sandbox: Sandbox, work: Assignment, report: Report) -> None:  # noqa: ARG002 -- part of the interface
        """Handle a finished pack."""
        self._result.matched = self._result.matched or report.matched > 0
        work.pack.release()
        self._finished.set()

    def on_failure(self, sandbox: Sandbox, text: str) -> None:  # noqa: ARG002 -- part of the interface
        """Keep the reason why the record failed."""
        self._result.failure = self._result.failure or text

    def on_room(self, sandbox: Sandbox) -> None:
        """Do nothing: the next pack is given only after this one is done."""

    def on_terminated(self, sandbox: Sandbox, termination: Termination) -> bool:  # noqa: ARG002 -- part of the interface
        """Keep the termination as the outcome. Return False: the process is not restarted."""
        self.termination = termination
        self._finished.set()
        return False

    def on_quarantined(self, sandbox: Sandbox) -> None:
        """Do nothing: a process that is not restarted is never quarantined."""


def _ignore_release(offset: int) -> None:
    """Do nothing: the slot is released right after it was read."""
