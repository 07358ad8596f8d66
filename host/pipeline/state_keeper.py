"""Keeps the counts of a filter exact: tracks which records each snapshot includes.

A pack that a filter is done with is held until a snapshot includes it, so its input is not acknowledged before. The
snapshot goes to disk together with the positions up to which it includes each stream, in a transaction that is never
behind the one with the input's position. When records are read again after a crash, those that the state includes
already pass the filter by.
"""

from __future__ import annotations

import struct
import time
import zlib
from typing import NamedTuple

import orjson

from host.packs.deliveries import Deliveries
from host.packs.ledger import Stream, TablePack
from host.packs.protocol import Report
from host.pipeline.state_commits import StateCommits
from host.sandbox.assignment import Assignment
from host.sandbox.journal import Keeper
from host.telemetry.logs import get_logger
from host.telemetry.metrics import ComponentMetrics

_LOG = get_logger("host.router")

_MIN_PINNED = 8
_MAX_PINNED = 120
"""Less than `host.packs.intake.MAX_PINNED`, so that no input waits for a snapshot that nobody takes."""
_STATE_BYTES_PER_PIN = 16 * 1024
"""The larger a state, the more packs are worth a snapshot."""
_NUMBER, _STRING = b"\x03", b"\x04"
_MAX_POSITIONS = 10_000
_MAX_RECORD_END = (1 << 32) - 1


class _Included(NamedTuple):
    """Up to where a state includes a stream."""

    position: int
    stream: Stream | None
    """None if it has not been read since the state was loaded."""


class StoredState(NamedTuple):
    """A state as it is on disk."""

    snapshot: bytes
    positions: dict[str, int]
    saved_ns: int


class StateKeeper:
    """The state of one filter, on the host's side.

    Args:
        name: Of the filter; its state is stored under it.
        commits: Stores the state; None to keep it in memory only.
        metrics: Of the filter.
    """

    def __init__(self, name: str, commits: StateCommits | None, metrics: ComponentMetrics) -> None:
        self._name = name
        self._commits = commits
        self.deliveries = None if commits is None else Deliveries(commits.commit_ready)
        """The messages injected since the last snapshot; None if the state is not stored."""
        self._metrics = metrics
        self._included: dict[str, _Included] = {}
        self._done_to: dict[str, int] = {}
        """Of streams that are being read again: up to where the state includes them."""
        self.pinned = 0
        """Number of packs that wait for a snapshot."""
        self._max_pinned = _MIN_PINNED
        self.saved_ns = 0
        """When the last snapshot was taken, or the loaded one had been; 0 if there is none."""

    def load(self) -> bytes | None:
        """Return the stored state; None if there is none or it is damaged."""
        stored = self._commits.latest(self._name) if self._commits is not None else None
        if stored is None:
            return None
        state = unpack(stored)
        if state is None:
            self._say_lost("what is stored is damaged")
            return None
        self._begin_with(state.snapshot, state.positions, state.saved_ns)
        return state.snapshot

    def adopt(self, other: Keeper, snapshot: bytes) -> None:
        """Continue from a snapshot of another keeper's state."""
        self._begin_with(snapshot, other.positions(), other.saved_ns)

    def positions(self) -> dict[str, int]:
        """Return the position up to which the state includes each stream."""
        return {key: seen.position for key, seen in self._included.items()}

    def _begin_with(self, snapshot: bytes, positions: dict[str, int], saved_ns: int) -> None:
        self._done_to = dict(positions)
        self._included = {key: _Included(position, None) for key, position in positions.items()}
        self.saved_ns = saved_ns
        self._size(snapshot)

    def _size(self, snapshot: bytes) -> None:
        self._metrics.state_bytes = len(snapshot)
        self._max_pinned = min(max(_MIN_PINNED, len(snapshot) // _STATE_BYTES_PER_PIN), _MAX_PINNED)

    # ------------------------------------------------------------------ packs

    def done_to(self, pack: TablePack) -> int:
        """Up to which end in its raw bytes a pack's records are in the state already; 0 for none."""
        key = _key(pack) if self._done_to else ""
        floor = self._done_to.get(key, 0)
        if floor <= pack.position:
            self._done_to.pop(key, None)
            return 0
        return min(floor - pack.position, _MAX_RECORD_END)

    def pin(self, work: Assignment, report: Report) -> None:
        """Pin a finished pack until a snapshot includes it."""
        pack = _table(work)
        key = _key(pack)
        position = pack.position + report.offset
        if key and position > (self._included[key].position if key in self._included else -1):
            assert pack.origin is not None
            self._included[key] = _Included(position, pack.origin.stream)
        self.pinned += 1
        pack.pin()

    @property
    def wants_snapshot(self) -> bool:
        """True if so many packs are pinned that a snapshot is due before its interval ends."""
        return self.pinned >= self._max_pinned

    # ------------------------------------------------------------------ what the journal says

    def on_snapshot(self, snapshot: bytes, included: list[Assignment]) -> None:
        """Submit a new snapshot and release the packs that it includes."""
        self.saved_ns = time.time_ns()
        self._size(snapshot)
        self._metrics.snapshots += 1
        if self._commits is None or self.deliveries is None:
            self.release(included)
            return
        self._forget_acknowledged()
        state = pack_state(StoredState(snapshot, self.positions(), self.saved_ns))
        self._commits.submit(self._name, state, [_table(work) for work in included], self.deliveries)
        if self.deliveries.undelivered:
            self.deliveries = Deliveries(self._commits.commit_ready)
        self.release(included)
        self._commits.commit_ready()

    def on_no_snapshot(self, reason: str, left_out: list[Assignment]) -> None:
        """Release packs that no snapshot will include, and report the failure."""
        self.release(left_out)
        if self._commits is None:
            return  # it was only for the case that another member of its group ends their process
        self._metrics.count_error("no_snapshot")
        _LOG.error(
            "No snapshot of the state could be taken; after a crash, what it did since the last one would be missing.",
            filter=self._name,
            reason=reason,
        )

    def on_state_lost(self, reason: str, lost: list[Assignment]) -> None:
        """The sandbox begins without the state that it had."""
        self._included.clear()
        self._done_to.clear()
        self._say_lost(reason)
        self.release(lost)

    def _say_lost(self, reason: str) -> None:
        self.saved_ns = 0
        self._metrics.state_bytes = 0
        self._metrics.count_error("state_discarded")
        _LOG.error("The filter begins without its state.", filter=self._name, reason=reason)

    def release(self, works: list[Assignment]) -> None:
        """Release packs that no snapshot needs any more."""
        for work in works:
            _table(work).unpin()
        self.pinned -= len(works)

    def _forget_acknowledged(self) -> None:
        """Positions that their inputs will not go behind any more: what they have put before is on disk no later."""
        for key, (position, stream) in list(self._included.items()):
            if stream is not None and stream.released_position >= position:
                del self._included[key]
        while len(self._included) > _MAX_POSITIONS:
            del self._included[next(iter(self._included))]


def _table(work: Assignment) -> TablePack:
    assert isinstance(work.pack, TablePack)
    return work.pack


def preservation_version(snapshot: bytes) -> float | str | None:
    """The `_PRESERVATION_VERSION` of a snapshot, as kernel/state.lua has written it; None if it has none."""
    tag, rest = snapshot[4:5], snapshot[5:]
    if tag == _NUMBER:
        return float(struct.unpack_from("<d", rest)[0])
    if tag == _STRING:
        return rest[4 : 4 + struct.unpack_from("<I", rest)[0]].decode(errors="replace")
    return None


def _key(pack: TablePack) -> str:
    """Names what a position counts in: a stream that can be read again, or what a filter makes of one; else empty."""
    if pack.origin is None or not pack.origin.stream.reading:
        return ""
    return f"{pack.origin.stream.reading}/{pack.made_by}" if pack.made_by else pack.origin.stream.reading


def pack_state(state: StoredState) -> bytes:
    """A state in one piece: a line of JSON about it, then the snapshot."""
    about = {
        "positions": state.positions,
        "saved_ns": state.saved_ns,
        "bytes": len(state.snapshot),
        "crc32": zlib.crc32(state.snapshot),
    }
    return orjson.dumps(about) + b"\n" + state.snapshot


def unpack(stored: bytes) -> StoredState | None:
    """The other way round; None if it is damaged."""
    line, _, snapshot = stored.partition(b"\n")
    try:
        about = orjson.loads(line)
        sound = about["bytes"] == len(snapshot) and about["crc32"] == zlib.crc32(snapshot)
        positions = {str(key): int(position) for key, position in about["positions"].items()}
        return StoredState(snapshot, positions, int(about["saved_ns"])) if sound else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
