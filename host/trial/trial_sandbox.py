"""One sandbox of a trial: it is given one pack at a time, and what it makes of it is kept."""

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
from host.trial.model import Result


class TooMuchError(Exception):
    """The trial has made more than it may."""


class Stage:
    """The owner of one sandbox.

    Args:
        spend: Counts bytes of output; raises TooMuchError.
        keep_packs: Whether packs are wanted as packs, for the next stage, and not as messages.
    """

    sandbox: Sandbox

    def __init__(self, spend: Callable[[int], None], *, keep_packs: bool) -> None:
        self.termination: Termination | None = None
        self._result = Result()
        self._packs: list[TablePack] = []
        self._fault: Exception | None = None
        self._spend = spend
        self._keep_packs = keep_packs
        self._finished = asyncio.Event()

    async def start(self) -> None:
        """Start the process. That it does not load its script is an outcome: see `termination`.

        Raises:
            SandboxError: There is no process.
        """
        starting = asyncio.ensure_future(self.sandbox.start())
        ended = asyncio.ensure_future(self._finished.wait())  # it may be killed without a word
        try:
            await asyncio.wait({starting, ended}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                await starting
        except SandboxError:
            self.termination = self.sandbox.termination
            if self.termination is None:
                raise
        finally:
            for task in (starting, ended):
                task.cancel()
            await asyncio.gather(starting, ended, return_exceptions=True)

    async def give(self, pack: RawPack | TablePack, result: Result) -> None:
        """Have it work on a pack, and wait for the end of that, or of the process; result is what comes of it."""
        before_us = self._begin(result)
        self.sandbox.give(pack)
        await self._finished.wait()
        self._end(before_us)

    async def tick(self, now_ns: int, result: Result, *, shutdown: bool) -> None:
        """Have it call timer_event."""
        before_us = self._begin(result)
        await self.sandbox.tick(now_ns, last=shutdown)
        self._end(before_us)

    def _begin(self, result: Result) -> float:
        self._finished.clear()
        self._result = result
        return self.cpu_us()

    def _end(self, before_us: float) -> None:
        if self._fault is not None:
            raise self._fault
        self._result.cpu_us += max(0.0, round(self.cpu_us() - before_us, 1))

    def cpu_us(self) -> float:
        """CPU time that the process has used so far; 0 if it is gone."""
        return (self.sandbox.cpu_ns() or 0) / 1000

    def take_packs(self) -> list[TablePack]:
        """What it has decoded, for the next stage."""
        packs, self._packs = self._packs, []
        return packs

    async def close(self) -> None:
        """End the process, and let go of what it left undone."""
        for pack in [*self.take_packs(), *(work.pack for work in self.sandbox.work.values())]:
            pack.let_go()
        self.sandbox.work.clear()
        await self.sandbox.stop()

    # ---------------------------------------------------------------- what the sandbox says

    def on_emit(self, sandbox: Sandbox, work: Assignment | None, report: Report) -> None:
        """The sandbox filled a slot."""
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
            sandbox.kill(f"it sent what it must not: {error}")
        if not kept:
            sandbox.release_slot(start)

    def _keep_pack(self, sandbox: Sandbox, work: Assignment | None, report: Report, slot: memoryview) -> bool:
        """Keep a pack, or its messages; whether it is the slot that is kept."""
        raw = work.pack if work is not None and isinstance(work.pack, RawPack) else None
        parent = work.pack if work is not None and isinstance(work.pack, TablePack) else None
        on_free = sandbox.release_slot if self._keep_packs else _nothing
        pack = table_pack(sandbox, report, made_by="trial", raw=raw, parent=parent, on_free=on_free)
        if pack is None:
            return False  # it has been killed for it, and the termination says so
        if self._keep_packs:
            self._packs.append(pack)
            return True
        raw_bytes = raw.arena.view[raw.offset : raw.offset + raw.length] if raw is not None else b""
        try:
            self._result.messages.extend(reader.read(slot, raw_bytes))
        finally:
            pack.let_go()
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

    def on_done(self, sandbox: Sandbox, work: Assignment, report: Report) -> None:  # noqa: ARG002 -- the owner's interface
        """The sandbox is done with the pack."""
        self._result.matched = self._result.matched or report.matched > 0
        work.pack.let_go()
        self._finished.set()

    def on_failure(self, sandbox: Sandbox, text: str) -> None:  # noqa: ARG002 -- the owner's interface
        """Why the record failed."""
        self._result.failure = self._result.failure or text

    def on_room(self, sandbox: Sandbox) -> None:
        """Nothing: it is given the next pack when it is done with this one."""

    def on_terminated(self, sandbox: Sandbox, termination: Termination) -> bool:  # noqa: ARG002 -- as above
        """The process has ended: that is an outcome, and it is not started again."""
        self.termination = termination
        self._finished.set()
        return False

    def on_quarantined(self, sandbox: Sandbox) -> None:
        """Never: it is not started again."""


def _nothing(offset: int) -> None:
    """What is to be done with a slot that is released as soon as it was read."""
