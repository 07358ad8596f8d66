"""The process that looks at packs for taps: it runs the kernel's own matchers, in a jail like any sandbox."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Sequence

import orjson

from host.config.model import HostSettings
from host.packs.arena import Arena
from host.packs.ledger import TablePack
from host.packs.protocol import Emitted, Report
from host.pipeline.pipeline import Pipeline
from host.sandbox.assignment import Assignment
from host.sandbox.process import Order
from host.sandbox.sandbox import Sandbox
from host.sandbox.termination import Termination
from host.telemetry.logs import get_logger
from host.telemetry.metrics import ComponentMetrics

_LOG = get_logger("host.admin")
_SLOT_BYTES = 64 * 1024
_SLOTS = 8
_PAIR = struct.Struct("<II")
_CPU_LIMIT_MS = 100
_LATE_S = 0.5
"""CPU that it may take for a pack, which nobody else can have meanwhile; and how long it may sleep over one."""

Expression = tuple[str, ...]
"""Matchers that must all accept a record."""
Found = Callable[[TablePack, list[tuple[int, int]]], None]


class TapProcess:
    """One process with a fixed list of matchers; it has at most one pack.

    Args:
        pipeline: Whose packs.
        matchers: What is looked for; those with a fault are in `problems` once it is started.
        found: Told of a pack which matcher accepts which of its records: pairs of the matcher's index and a place.
    """

    def __init__(self, pipeline: Pipeline, matchers: Sequence[Expression], found: Found) -> None:
        settings = pipeline.config.hekate
        self.matchers = {text: index for index, text in enumerate(matchers)}
        self.problems: dict[int, str] = {}
        self._found = found
        self._late: asyncio.TimerHandle | None = None
        arena = Arena("tap", _SLOT_BYTES, _SLOTS, host_writes=False)
        arena.on_closed = pipeline.forget_arena
        self.sandbox = Sandbox(
            "tap",
            order=Order("tap", settings.memory_limit, 0, 0, settings.allow_unjailed),
            spec=_spec(settings, matchers),
            arena=arena,
            housing=pipeline.zygote,
            owner=self,
            metrics=ComponentMetrics("router", "tap", "tap"),
            cpu_limit_ms=_CPU_LIMIT_MS,
            read_module=_no_module,
        )
        self.sandbox.on_print = self._printed

    async def start(self) -> None:
        """Start it.

        Raises:
            SandboxError: It does not start.
        """
        await self.sandbox.start()

    async def stop(self) -> None:
        """End it."""
        self._release_packs()
        await self.sandbox.stop()

    @property
    def is_free(self) -> bool:
        """True if the process can evaluate a pack immediately."""
        return self.sandbox.state == "running" and self.sandbox.idle

    @property
    def has_ended(self) -> bool:
        """True if the process has died."""
        return self.sandbox.state == "stopped"

    def cpu_ms(self) -> float:
        """CPU that it has taken."""
        return (self.sandbox.cpu_ns() or 0) / 1e6

    def give(self, pack: TablePack) -> None:
        """Have it look at a pack; only if it is free."""
        pack.retain()
        self.sandbox.give(pack)
        self._look_again(self.cpu_ms(), slept=False)

    def _look_again(self, before_ms: float, *, slept: bool) -> None:
        self._late = asyncio.get_running_loop().call_later(_LATE_S, self._look, before_ms, slept)

    def _look(self, before_ms: float, slept: bool) -> None:
        """It still has the pack. That is its own doing unless it has to wait for a core.

        Args:
            before_ms: The CPU that it had taken before.
            slept: Whether it slept when it was looked at before: it may just have said that it is done.
        """
        sleeps = self.sandbox.sleeps()
        if (sleeps and slept) or self.cpu_ms() - before_ms >= _LATE_S * 1000:
            self.sandbox.kill("it has a pack for too long")
        else:
            self._look_again(before_ms, slept=sleeps)

    def _release_packs(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
        for work in self.sandbox.work.values():
            assert isinstance(work.pack, TablePack)
            work.pack.release()
        self.sandbox.work.clear()

    def _printed(self, text: str) -> None:
        """It says which matcher it cannot compile."""
        try:
            said = orjson.loads(text)
            self.problems[int(said["matcher"])] = str(said["problem"])
        except (ValueError, KeyError, TypeError):
            _LOG.warning("The process of the taps said something strange.", text=text[:200])

    # ------------------------------------------------------------------ what the sandbox says

    def on_emit(self, sandbox: Sandbox, work: Assignment | None, report: Report) -> None:
        """It has found records."""
        size = _PAIR.size * report.records
        if work is None or report.kind != Emitted.BATCH or report.used_bytes != size:
            sandbox.kill("it sent what taps do not send")
            return
        pairs = list(_PAIR.iter_unpack(bytes(sandbox.arena.view[report.offset : report.offset + size])))
        sandbox.release_slot(report.offset)
        assert isinstance(work.pack, TablePack)
        self._found(work.pack, pairs)

    def on_done(self, sandbox: Sandbox, work: Assignment, report: Report) -> None:  # noqa: ARG002 -- the owner's interface
        """It has looked at a pack."""
        if self._late is not None:
            self._late.cancel()
            self._late = None
        assert isinstance(work.pack, TablePack)
        work.pack.release()

    def on_failure(self, sandbox: Sandbox, text: str) -> None:
        """There are no failures here."""

    def on_room(self, sandbox: Sandbox) -> None:
        """It gets the next pack that comes."""

    def on_terminated(self, sandbox: Sandbox, termination: Termination) -> bool:  # noqa: ARG002 -- the owner's interface
        """It died, maybe of a matcher; the next one begins anew."""
        _LOG.warning("The process of the taps was ended.", limit=termination.limit, reason=termination.text)
        self._release_packs()
        return False

    def on_quarantined(self, sandbox: Sandbox) -> None:
        """It is never started again by itself."""


def _spec(settings: HostSettings, matchers: Sequence[Expression]) -> dict[str, object]:
    return {
        "name": "tap",
        "kind": "tap",
        "hostname": "",
        "output_limit": settings.output_limit,
        "max_message_size": settings.max_message_size,
        "max_message_fields": settings.max_message_fields,
        "scripts": [],
        "matchers": list(matchers),
    }


def _no_module(name: str) -> str:
    raise KeyError(f"there is no module {name}")
