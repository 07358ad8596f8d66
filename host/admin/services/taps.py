"""Taps: a few of the records that pass a point of the pipeline, for people to see, while everything goes on.

One process looks at packs for all taps. It gets a pack only when it has nothing to do, so often at most for each
point, and so much that it takes half a hundredth of a core: all others pass by, and are counted. Each tap is sent so
many records a second, in bundles; what matched beyond that is counted too. Nobody waits for a tap.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections import deque
from typing import Any, Protocol

import msgspec
import orjson

from host.admin.services.tap_process import Expression, TapProcess
from host.core.errors import HekateError, PackError
from host.packs import reader
from host.packs.ledger import TablePack
from host.pipeline.pipeline import Pipeline
from host.telemetry.logs import get_logger, log_failure

_LOG = get_logger("host.admin")

ROUTER = "router"
_INTERVAL_NS = 50_000_000
"""Between two packs that are looked at for one point."""
_SHARE = 0.005
"""Of one core, for the process that looks."""
_SMALL_RECORDS = 64
"""A pack of no more is looked at whatever the large ones have taken."""
_FLUSH_S = 0.5
_BEATS_PER_STATUS = 4


class PointError(HekateError):
    """There is no such point, or no such matcher."""


class Passed:
    """Counts of the records that passed a point and of those that were evaluated."""

    __slots__ = ("looked_packs", "looked_records", "next_ns", "packs", "records")

    def __init__(self) -> None:
        self.packs = self.records = 0
        self.looked_packs = self.looked_records = 0
        self.next_ns = 0


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """A record that a tap has seen."""

    message: dict[str, Any]
    raw: bytes
    """The bytes that it came of; empty if a filter made it."""


class Sink(Protocol):
    """Receives the bundles of a tap."""

    @property
    def is_free(self) -> bool:
        """True if the client has received everything sent so far."""

    def push(self, made: bytes) -> None:
        """Send a bundle."""

    def made(self, bundle: bytes) -> bytes:
        """A bundle as it is sent."""


class Tap:
    """One who watches.

    Args:
        point: Where: `router`, `decoders.access`, `filters.counts`, `outputs.errors`.
        expression: What it wants to see there, the output's matcher included.
        rate: Records a second.
    """

    def __init__(self, point: str, expression: Expression, rate: int, passed: Passed) -> None:
        self.point = point
        self.expression = expression
        self.waiting: deque[tuple[bytes, Sighting]] = deque()
        self.shown = 0
        self.dropped = 0
        self._most = max(1, round(rate * _FLUSH_S))
        self.sink: Sink | None = None
        """Takes the bundles; without one, what is seen waits to be taken."""
        self._passed = passed
        self._before = (passed.packs, passed.records, passed.looked_packs, passed.looked_records)
        self._full: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def room(self) -> int:
        """Number of further records that fit into the current bundle."""
        return self._most - len(self.waiting)

    def add(self, text: bytes, sighting: Sighting) -> None:
        """A record for it."""
        self.waiting.append((text, sighting))
        if self.room <= 0 and not self._full.done():
            self._full.set_result(None)

    async def full(self) -> None:
        """Wait until it has as much as it takes."""
        await asyncio.shield(self._full)

    def bundle(self) -> bytes:
        """Return the records since the last bundle, and the count of those left out, as JSON."""
        texts = [text for text, _ in self.waiting]
        self.waiting.clear()
        self.shown += len(texts)
        packs, records, looked_packs, looked_records = self._before
        passed = self._passed
        counts = {
            "shown_records": self.shown,
            "dropped_records": self.dropped,
            "passed_packs": passed.packs - packs,
            "passed_records": passed.records - records,
            "skipped_packs": passed.packs - packs - (passed.looked_packs - looked_packs),
            "skipped_records": passed.records - records - (passed.looked_records - looked_records),
        }
        return b'{"records":[' + b",".join(texts) + b'],"counts":' + orjson.dumps(counts) + b"}"


class Taps:
    """All taps of a host.

    Args:
        pipeline: What runs.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._taps: set[Tap] = set()
        self._passed: dict[str, Passed] = {}
        self._points: frozenset[str] = frozenset()
        self._process: TapProcess | None = None
        self._changing = asyncio.Lock()
        self._next_ns = 0
        self._given: tuple[str, float, int] | None = None
        """Of the pack that is looked at: its point, the CPU time before, its records."""
        self._decoders: dict[int, str] = {}
        """Points by the arenas of their inputs."""
        self._beat: asyncio.Task[None] | None = None
        self._hungry: set[str] = set()
        """Points at which somebody has room for records."""

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._taps)

    # ------------------------------------------------------------------ coming and going

    async def open(self, point: str, matcher: str, rate: int) -> Tap:
        """Begin to watch.

        Raises:
            PointError: There is no such point, or the matcher has a fault.
        """
        expression = self._expression(point, matcher)
        place = ROUTER if point.startswith("outputs.") else point
        tap = Tap(place, expression, rate, self._passed.setdefault(place, Passed()))
        self._taps.add(tap)
        try:
            async with self._changing:
                await self._see_to_process()
            self._check_matcher(tap, matcher)
        except BaseException:
            self.close(tap)
            raise
        self._recount()
        if self._beat is None or self._beat.done():
            self._beat = asyncio.get_running_loop().create_task(self._run(), name="taps")
            self._beat.add_done_callback(log_failure)
        return tap

    def close(self, tap: Tap) -> None:
        """Watch no more."""
        self._taps.discard(tap)
        self._recount()

    def _expression(self, point: str, matcher: str) -> Expression:
        stage, _, name = point.partition(".")
        known: dict[str, Any] = {
            "decoders": self._pipeline.inputs,
            "filters": self._pipeline.filters,
            "outputs": self._pipeline.outputs,
        }
        if point == ROUTER:
            return (matcher,)
        if name not in known.get(stage, {}):
            raise PointError(f"There is no point `{point}`: {ROUTER}, decoders.NAME, filters.NAME or outputs.NAME.")
        return (matcher, known[stage][name].config.message_matcher) if stage == "outputs" else (matcher,)

    def _recount(self) -> None:
        self._points = frozenset(tap.point for tap in self._taps)
        self._decoders = {unit.intake.arena.number: f"decoders.{name}" for name, unit in self._pipeline.inputs.items()}
        for point in [point for point in self._passed if point not in self._points]:
            del self._passed[point]
        self._see_who_is_hungry()

    # ------------------------------------------------------------------ the process

    async def _see_to_process(self) -> None:
        """Have a process that knows all matchers, and none if there are no taps."""
        wanted = {tap.expression for tap in self._taps}
        old = self._process
        if old is not None and not old.has_ended and wanted <= old.matchers.keys() and wanted:
            return
        new = None
        if wanted:
            new = TapProcess(self._pipeline, sorted(wanted), self._found)
            await new.start()
        self._process, self._given = new, None
        if old is not None:
            await old.stop()

    def _check_matcher(self, tap: Tap, matcher: str) -> None:
        process = self._process
        problem = process.problems.get(process.matchers[tap.expression]) if process is not None else None
        if problem is not None:
            raise PointError(f"The matcher `{matcher}` is not valid: {problem}")

    async def _run(self) -> None:
        """As long as anybody watches: send bundles; and from time to time start the process anew if it died."""
        beats = 0
        while self._taps:
            await asyncio.sleep(_FLUSH_S)
            beats += 1
            self._send(everybody=beats % _BEATS_PER_STATUS == 0)
            if beats % _BEATS_PER_STATUS == 0:
                self._recount()
                await self._check_process()
        await self._check_process()

    def _send(self, *, everybody: bool) -> None:
        """Send bundles to those for whom there is something, or to everybody, for the counts."""
        for tap in self._taps:
            if tap.sink is not None and (tap.waiting or everybody) and tap.sink.is_free:
                tap.sink.push(tap.sink.made(tap.bundle()))
        self._see_who_is_hungry()

    def _see_who_is_hungry(self) -> None:
        self._hungry = {tap.point for tap in self._taps if tap.room > 0}

    async def _check_process(self) -> None:
        async with self._changing:
            with contextlib.suppress(HekateError):  # it is tried again
                await self._see_to_process()

    async def stop(self) -> None:
        """End all."""
        self._taps.clear()
        if self._beat is not None:
            self._beat.cancel()
            await asyncio.gather(self._beat, return_exceptions=True)
        async with self._changing:
            await self._see_to_process()

    # ------------------------------------------------------------------ packs

    def see(self, pack: TablePack) -> None:
        """A pack is on its way. This is called for each, so it does little."""
        if not self._points:
            return
        if pack.made_by:
            point = f"filters.{pack.made_by}"
        else:
            point = self._decoders.get(pack.raw.arena.number, "") if pack.raw is not None else ""
        for each in (ROUTER, point):
            passed = self._passed.get(each)
            if passed is not None:
                passed.packs += 1
                passed.records += pack.count
                self._maybe_look(pack, each, passed)

    def _maybe_look(self, pack: TablePack, point: str, passed: Passed) -> None:
        process, now_ns = self._process, time.monotonic_ns()
        if process is None or now_ns < passed.next_ns or point not in self._hungry or not process.is_free:
            return
        if now_ns < self._next_ns and pack.count > _SMALL_RECORDS:
            return
        self._account(now_ns)
        passed.next_ns = now_ns + _INTERVAL_NS
        passed.looked_packs += 1
        passed.looked_records += pack.count
        self._given = (point, process.cpu_ms(), pack.count)
        process.give(pack)

    def _account(self, now_ns: int) -> None:
        """The CPU that the last look has taken is saved up before the next one."""
        process = self._process
        if self._given is not None and process is not None:
            spent_ms = max(0.0, process.cpu_ms() - self._given[1])
            self._next_ns = max(self._next_ns, now_ns) + int(spent_ms * 1e6 / _SHARE)
        self._given = None

    def _found(self, pack: TablePack, pairs: list[tuple[int, int]]) -> None:
        """Some records of a pack match: those are read that somebody has room for."""
        process, given = self._process, self._given
        if process is None or given is None:
            return
        places: dict[int, list[int]] = {}
        for index, place in pairs:
            places.setdefault(index, []).append(place)
        wanted: dict[int, list[Tap]] = {}
        for tap in self._taps:
            if tap.point == given[0]:
                found = places.get(process.matchers.get(tap.expression, -1), [])
                room = max(0, tap.room)
                tap.dropped += max(0, len(found) - room)
                for place in itertools.islice(found, room):
                    wanted.setdefault(place, []).append(tap)
        if wanted:
            self._read(pack, wanted)
            self._see_who_is_hungry()

    @staticmethod
    def _read(pack: TablePack, wanted: dict[int, list[Tap]]) -> None:
        slot = pack.arena.view[pack.offset : pack.offset + pack.arena.slot_bytes]
        raw = pack.raw
        records: memoryview | bytes = b""
        if raw is not None:
            records = raw.arena.view[raw.offset : raw.offset + raw.length]
        order = sorted(wanted)
        try:
            for place, (message, bytes_) in zip(order, reader.read_at(slot, records, order), strict=False):
                sighting = Sighting(message=message, raw=bytes_)
                text = orjson.dumps(message, default=_text)
                for tap in wanted[place]:
                    tap.add(text, sighting)
        except PackError as error:
            _LOG.warning("A pack cannot be read.", reason=str(error))


def _text(value: object) -> str:
    """Bytes that are no UTF-8."""
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)
