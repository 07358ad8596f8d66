"""Delivers records in the order of their times, and advances the virtual time between them.

All steps are sequential. A part of a pack goes to all filters and outputs, then the packs that filters injected. The
next part follows only when all of these are done. A pack is cut where something is due between two of its records: a
timer event, or a record of another file. So results that depend on order and time are the same in each replay.
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
from host.replay.recording import DecodedPack, Recording
from host.telemetry.logs import get_logger

_LOG = get_logger("host.replay")

_NS = 1_000_000_000
_MAX_TICKS = 100_000
"""Timer events of one filter between two records."""
_POLL_S = 0.005


class Span(NamedTuple):
    """Selects the records to deliver, and how they are ordered."""

    since_ns: float = -math.inf
    """Time of the first record, in nanoseconds since 1970."""
    until_ns: float = math.inf
    """Time of the last record, inclusive."""
    slice_ns: int = 100_000_000
    """Precision of the order between files. Records of one file stay together within a slice."""


class ReplayScheduler:
    """Schedules one replay.

    Args:
        pipeline: The started pipeline. It must use this environment.
        environment: The replay's environment.
        pace: The speed.
        span: The records to deliver.
    """

    def __init__(self, pipeline: Pipeline, environment: ReplayEnvironment, pace: Pace, span: Span) -> None:
        assert isinstance(pipeline.router, HoldingRouter)
        self.first_ns: int | None = None
        """The time of the first record that was delivered."""
        self.records = 0
        """Number of records delivered so far."""
        self._pipeline, self._environment, self._router = pipeline, environment, pipeline.router
        self._pace, self._span = pace, span
        self._recordings = environment.recordings.all
        self._by_time = environment.recordings.by_time
        self._cuts = Arena("replay-cuts", SANDBOX_SLOT_BYTES, 2, host_writes=True)
        self._due: list[tuple[int, int, str]] = []
        self._orders = {name: order for order, name in enumerate(pipeline.filters)}
        self._stopped = False

    def stop(self) -> None:
        """Stop delivering records. Records already delivered are finished."""
        self._stopped = True
        self._pace.stop()
        self._environment.changed.set()

    async def run(self) -> None:
        """Replay all recordings.

        Raises:
            SandboxError: A decoder or an encoder has stopped running.
        """
        while (recording := await self._next()) is not None:
            await (self._deliver_records(recording) if self._by_time else self._deliver_pack(recording))
        if not self._stopped:
            await self._settle()
            for name in self._pipeline.filters:
                await self._call(name, last=True)
        for recording in self._recordings:
            recording.drop()

    async def _next(self) -> Recording | None:
        """Return the file with the next record; None if there are no more."""
        if not self._by_time:
            return await self._next_in_order()
        await self._wait_until(lambda: self._stopped or all(recording.is_ready for recording in self._recordings))
        left = [] if self._stopped else [recording for recording in self._recordings if not recording.is_over]
        first = min(left, key=lambda recording: (recording.next_ns, recording.order), default=None)
        return None if first is None or first.next_ns > self._span.until_ns else first

    async def _next_in_order(self) -> Recording | None:
        """Return the first file that still has records."""
        while self._recordings and not self._stopped:
            first = self._recordings[0]
            await self._wait_until(lambda: self._stopped or first.is_ready)  # noqa: B023 -- awaited within the loop
            if not first.is_over:
                return None if self._stopped else first
            self._recordings.pop(0)
        return None

    # ------------------------------------------------------------------ records

    async def _deliver_pack(self, recording: Recording) -> None:
        """Deliver the next pack of a file."""
        decoded, _ = recording.head
        self.records += decoded.pack.count
        decoded.pack.retain()
        self._router.deliver(decoded.pack)
        recording.advance(decoded.pack.count)
        await self._settle()
        self._environment.read_on()

    async def _deliver_records(self, recording: Recording) -> None:
        """Deliver as many next records of a file as may go together."""
        decoded, first = recording.head
        start_ns = recording.next_ns
        if start_ns < self._span.since_ns:
            recording.advance(bisect_left(decoded.times, self._span.since_ns, first))
        else:
            await self._advance_time(start_ns)
            await self._pace.wait_until(start_ns)
            if self._stopped:
                return
            end = self._end(recording, decoded, first)
            self._environment.virtual_ns = max(self._environment.virtual_ns, decoded.times[end - 1])
            self._router.deliver(self._part(decoded, first, end))
            self.records += end - first
            recording.advance(end)
            await self._settle()
        self._environment.read_on()

    def _end(self, recording: Recording, decoded: DecodedPack, first: int) -> int:
        """Return the end of the records of a pack that may be delivered together."""
        times = decoded.times
        before = [self._pace.horizon_ns(times[first]), *([self._due[0][0]] if self._due else [])]
        end = min(bisect_left(times, min(before), first), bisect_right(times, self._span.until_ns, first))
        for other in self._recordings:
            if other is not recording and not other.is_over:
                # Cut at slices, not at single records of busy files: each part is a copy.
                slice_ns = self._span.slice_ns
                other_ns = (other.next_ns // slice_ns + (recording.order < other.order)) * slice_ns
                end = min(end, bisect_left(times, max(other_ns, times[first] + 1), first))
        return max(end, first + 1)

    def _part(self, decoded: DecodedPack, first: int, end: int) -> TablePack:
        """Return some records of a pack as a pack."""
        pack = decoded.pack
        if end - first == pack.count:
            pack.retain()
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

    async def _advance_time(self, to_ns: int) -> None:
        """Advance the virtual time and call the timer_event of each filter when it is due."""
        if self.first_ns is None:
            self._begin_time(to_ns)
        while self._due and self._due[0][0] <= to_ns and not self._stopped:
            due_ns, order, name = heappop(self._due)
            due_ns = self._skip_ticks(name, due_ns, to_ns)
            await self._pace.wait_until(due_ns)
            self._environment.virtual_ns = due_ns
            heappush(self._due, (due_ns + self._interval_ns(name), order, name))
            await self._call(name, last=False)
        self._environment.virtual_ns = max(self._environment.virtual_ns, to_ns)

    def _begin_time(self, now_ns: int) -> None:
        self.first_ns = self._environment.virtual_ns = now_ns
        self._pace.begin(now_ns)
        for name in self._pipeline.filters:
            if interval_ns := self._interval_ns(name):
                heappush(self._due, (now_ns + interval_ns, self._orders[name], name))

    def _interval_ns(self, name: str) -> int:
        return round(self._pipeline.filters[name].config.ticker_interval * _NS)

    def _skip_ticks(self, name: str, due_ns: int, to_ns: int) -> int:
        """Return the time of the next timer event. In a long gap, skip all but the last one."""
        interval_ns = self._interval_ns(name)
        skipped = (to_ns - due_ns) // interval_ns
        if skipped < _MAX_TICKS:
            return due_ns
        self._pipeline.filters[name].metrics.count_error("timer events left out", skipped)
        _LOG.warning(
            "Skipped timer events in a long gap between records.",
            filter=name,
            skipped=skipped,
            max=_MAX_TICKS,
        )
        return due_ns + skipped * interval_ns

    async def _call(self, name: str, *, last: bool) -> None:
        """Call a filter's timer_event, and deliver the packs that it injects."""
        await self._pipeline.filters[name].sandbox.tick(self._environment.virtual_ns, last=last)
        await self._settle()

    # ------------------------------------------------------------------ waiting

    async def _settle(self) -> None:
        """Wait until all consumers have finished the delivered packs and everything derived from them."""
        filters, outputs = self._pipeline.filters.values(), self._pipeline.outputs.values()
        while True:
            await self._wait_until(lambda: all(map(_is_idle, filters)))
            injected = self._router.take_injected(self._pipeline.filters)
            if not injected:
                break
            for pack in injected:
                self._router.deliver(pack)
        await self._wait_until(lambda: all(map(_is_idle, outputs)))
        if self._environment.on_idle is not None:
            self._environment.on_idle()

    async def _wait_until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            if stuck := list(self._pipeline.stuck()):
                names = ", ".join(f"{sandbox.name} is {sandbox.state}" for sandbox in stuck)
                raise SandboxError(f"The replay cannot continue: {names}. See the log for the cause.")
            self._environment.changed.clear()
            # An output that waits for something external does not signal a change.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_POLL_S):
                    await self._environment.changed.wait()

    def close(self) -> None:
        """Free the memory. Its packs must not be used any more."""
        self._cuts.close()


def _is_idle(unit: ConsumerUnit) -> bool:
    """Return True if the unit has no work and its process is ready for the next pack, not restarting."""
    return unit.idle and unit.sandbox.state not in {"starting", "backing_off"}
