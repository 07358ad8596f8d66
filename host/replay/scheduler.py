"""Gives records on in the order of their times, and lets the time go by that lies between them.

One thing happens after the other: a part of a pack goes to all filters and outputs, then what the filters injected, and
only when all are done, the next. Packs are cut where something is due between two records: a timer event, or the
record of another file. So whatever depends on order and time comes out the same in each replay.
"""

import asyncio
import contextlib
import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from heapq import heappop, heappush
from typing import NamedTuple

from host.core.errors import SandboxError
from host.packs import cut
from host.packs.arena import Arena
from host.packs.ledger import TablePack
from host.pipeline.context import SANDBOX_SLOT_BYTES
from host.pipeline.pipeline import Pipeline
from host.pipeline.units.consumer_unit import ConsumerUnit
from host.replay.environment import HoldingRouter, ReplayEnvironment
from host.replay.pace import Pace
from host.replay.recording import Decoded, Recording
from host.telemetry.logs import get_logger

_LOG = get_logger("host.replay")

_NS = 1_000_000_000
_MAX_TICKS = 100_000
"""Timer events of one filter between two records."""
_POLL_S = 0.005


class Span(NamedTuple):
    """Which records are given on, and in which order."""

    since_ns: float = -math.inf
    """From when on, in nanoseconds since 1970."""
    until_ns: float = math.inf
    """Up to when, this time included."""
    slice_ns: int = 100_000_000
    """Files are put in order by time to this degree: within it, records of one file stay together."""


class ReplayScheduler:
    """Conducts one replay.

    Args:
        pipeline: It has started, in this world.
        world: Its world.
        pace: How fast.
        span: Which records, and in which order.
    """

    def __init__(self, pipeline: Pipeline, world: ReplayEnvironment, pace: Pace, span: Span) -> None:
        assert isinstance(pipeline.router, HoldingRouter)
        self.first_ns: int | None = None
        """When the first record was that was given on."""
        self.records = 0
        """Given on so far."""
        self._pipeline, self._world, self._router = pipeline, world, pipeline.router
        self._pace, self._span = pace, span
        self._recordings = world.recordings.all
        self._by_time = world.recordings.by_time
        self._cuts = Arena("replay-cuts", SANDBOX_SLOT_BYTES, 2, host_writes=True)
        self._due: list[tuple[int, int, str]] = []
        self._orders = {name: order for order, name in enumerate(pipeline.filters)}
        self._stopped = False

    def stop(self) -> None:
        """Give nothing more on; what was is brought to its end."""
        self._stopped = True
        self._pace.stop()
        self._world.changed.set()

    async def run(self) -> None:
        """Replay all.

        Raises:
            SandboxError: A decoder or an encoder does not run any more.
        """
        while (recording := await self._next()) is not None:
            await (self._give_on(recording) if self._by_time else self._give_whole(recording))
        if not self._stopped:
            await self._settle()
            for name in self._pipeline.filters:
                await self._call(name, last=True)
        for recording in self._recordings:
            recording.drop()

    async def _next(self) -> Recording | None:
        """The file whose record is next; None if there is none."""
        if not self._by_time:
            return await self._next_in_order()
        await self._settled(lambda: self._stopped or all(recording.ready for recording in self._recordings))
        left = [] if self._stopped else [recording for recording in self._recordings if not recording.over]
        found = min(left, key=lambda recording: (recording.next_ns, recording.order), default=None)
        return None if found is None or found.next_ns > self._span.until_ns else found

    async def _next_in_order(self) -> Recording | None:
        """The first file that is not over yet."""
        while self._recordings and not self._stopped:
            first = self._recordings[0]
            await self._settled(lambda: self._stopped or first.ready)  # noqa: B023 -- it is awaited here
            if not first.over:
                return None if self._stopped else first
            self._recordings.pop(0)
        return None

    # ------------------------------------------------------------------ records

    async def _give_whole(self, recording: Recording) -> None:
        """Give on the next pack of a file."""
        decoded, _ = recording.head
        self.records += decoded.pack.count
        decoded.pack.hold()
        self._router.give(decoded.pack)
        recording.advance(decoded.pack.count)
        await self._settle()
        self._world.read_on()

    async def _give_on(self, recording: Recording) -> None:
        """Give on the next records of a file, as many as may go together."""
        decoded, first = recording.head
        start_ns = recording.next_ns
        if start_ns < self._span.since_ns:
            recording.advance(bisect_left(decoded.times, self._span.since_ns, first))
        else:
            await self._let_time_go_by(start_ns)
            await self._pace.until(start_ns)
            if self._stopped:
                return
            end = self._end(recording, decoded, first)
            self._world.virtual_ns = max(self._world.virtual_ns, decoded.times[end - 1])
            self._router.give(self._part(decoded, first, end))
            self.records += end - first
            recording.advance(end)
            await self._settle()
        self._world.read_on()

    def _end(self, recording: Recording, decoded: Decoded, first: int) -> int:
        """Up to where the records of a pack may be given on at once."""
        times = decoded.times
        before = [self._pace.horizon_ns(times[first]), *([self._due[0][0]] if self._due else [])]
        end = min(bisect_left(times, min(before), first), bisect_right(times, self._span.until_ns, first))
        for other in self._recordings:
            if other is not recording and not other.over:
                # Not record by record, where two files are busy: each part is a copy.
                slice_ns = self._span.slice_ns
                other_ns = (other.next_ns // slice_ns + (recording.order < other.order)) * slice_ns
                end = min(end, bisect_left(times, max(other_ns, times[first] + 1), first))
        return max(end, first + 1)

    def _part(self, decoded: Decoded, first: int, end: int) -> TablePack:
        """Some records of a pack, as a pack."""
        pack = decoded.pack
        if end - first == pack.count:
            pack.hold()
            return pack
        offset = self._cuts.acquire()
        assert offset is not None, "there is one part at a time"
        slot = pack.arena.view[pack.offset : pack.offset + SANDBOX_SLOT_BYTES]
        target = self._cuts.view[offset : offset + SANDBOX_SLOT_BYTES]
        cut.cut(slot, pack.used_bytes, decoded.records, range(first, end), target)
        return TablePack(
            self._cuts, offset, pack.used_bytes, end - first, pack.shapes, "", 0, pack.stream_number, pack.position,
            pack.raw, None, self._cuts.release, pack.seen_ns,
        )  # fmt: skip

    # ------------------------------------------------------------------ time

    async def _let_time_go_by(self, to_ns: int) -> None:
        """Call the timer_event of all filters for which that is due up to a time."""
        if self.first_ns is None:
            self._begin_time(to_ns)
        while self._due and self._due[0][0] <= to_ns and not self._stopped:
            due_ns, order, name = heappop(self._due)
            due_ns = self._skipped_to(name, due_ns, to_ns)
            await self._pace.until(due_ns)
            self._world.virtual_ns = due_ns
            heappush(self._due, (due_ns + self._interval_ns(name), order, name))
            await self._call(name, last=False)
        self._world.virtual_ns = max(self._world.virtual_ns, to_ns)

    def _begin_time(self, now_ns: int) -> None:
        self.first_ns = self._world.virtual_ns = now_ns
        self._pace.begin(now_ns)
        for name in self._pipeline.filters:
            if interval_ns := self._interval_ns(name):
                heappush(self._due, (now_ns + interval_ns, self._orders[name], name))

    def _interval_ns(self, name: str) -> int:
        return round(self._pipeline.filters[name].config.ticker_interval * _NS)

    def _skipped_to(self, name: str, due_ns: int, to_ns: int) -> int:
        """When the next timer event is; of endless many only the last one is called."""
        interval_ns = self._interval_ns(name)
        missing = (to_ns - due_ns) // interval_ns
        if missing < _MAX_TICKS:
            return due_ns
        self._pipeline.filters[name].metrics.count_error("timer events left out", missing)
        _LOG.warning(
            "There is a gap in the records: timer events in it were left out.",
            filter=name,
            left_out=missing,
            most=_MAX_TICKS,
        )
        return due_ns + missing * interval_ns

    async def _call(self, name: str, *, last: bool) -> None:
        """Call a filter's timer_event, and give on what it injects."""
        await self._pipeline.filters[name].sandbox.tick(self._world.virtual_ns, last=last)
        await self._settle()

    # ------------------------------------------------------------------ waiting

    async def _settle(self) -> None:
        """Wait until everybody is done with what was given, and with what came of it."""
        filters, outputs = self._pipeline.filters.values(), self._pipeline.outputs.values()
        while True:
            await self._settled(lambda: all(map(_at_rest, filters)))
            injected = self._router.take_injected(self._pipeline.filters)
            if not injected:
                break
            for pack in injected:
                self._router.give(pack)
        await self._settled(lambda: all(map(_at_rest, outputs)))
        if self._world.at_rest is not None:
            self._world.at_rest()

    async def _settled(self, condition: Callable[[], bool]) -> None:
        while not condition():
            if stuck := list(self._pipeline.stuck()):
                names = ", ".join(f"{sandbox.name} is {sandbox.state}" for sandbox in stuck)
                raise SandboxError(f"The replay cannot go on: {names}; the log says why.")
            self._world.changed.clear()
            # What an output waits for outside says nothing when it is there.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_POLL_S):
                    await self._world.changed.wait()

    def close(self) -> None:
        """Let the memory go; nobody may use it any more."""
        self._cuts.close()


def _at_rest(unit: ConsumerUnit) -> bool:
    """Whether it has nothing to do, and would not miss what comes next while its process begins anew."""
    return unit.idle and unit.sandbox.state not in {"starting", "backing_off"}
