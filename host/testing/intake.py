"""An intake in memory, which collects the records that an input submits.

    intake = MemoryIntake()
    lines = FileInput("lines", options, intake, intake.new_splitter, checkpoints, metrics, once=True)
    await lines.open()
    await lines.run()
    await lines.close()
    assert intake.records == [b"one", b"two"]

It behaves like the real one. A submitted slot is overwritten at once, so an input that keeps a reference to it fails
its test. `hold()` and `resume()` simulate back-pressure. `release()` delivers; by default packs are delivered at once.
"""

import asyncio
from array import array
from collections.abc import Callable
from typing import NamedTuple

from host.splitters.base import Splitter
from host.splitters.token import TokenOptions, TokenSplitter


class MemoryStream:
    """A stream that an input has opened."""

    def __init__(self, key: str, label: str, on_released: Callable[[int], None] | None) -> None:
        self.key = key
        self.label = label
        self.on_released = on_released
        self.closed = False


class MemorySlot:
    """A buffer for one pack."""

    def __init__(self, slot_bytes: int) -> None:
        self.view = memoryview(bytearray(slot_bytes))


class MemoryPack(NamedTuple):
    """One submitted pack."""

    stream: MemoryStream
    position: int
    next_position: int
    records: tuple[bytes, ...]


class Rejected(NamedTuple):
    """One call of `reject`."""

    stream: MemoryStream
    position: int
    data: bytes
    reason: str


class MemoryIntake:
    """Collects the packs that an input submits.

    Args:
        slot_bytes: Size of a pack.
        max_record_bytes: Longest record of `new_splitter`.
        delimiter: The delimiter of records in packs without a table of records.
        auto_release: True if a pack counts as delivered as soon as it is submitted.
    """

    def __init__(
        self,
        slot_bytes: int = 64 * 1024,
        max_record_bytes: int = 16 * 1024,
        delimiter: bytes = b"\n",
        *,
        auto_release: bool = True,
    ) -> None:
        self.slot_bytes = slot_bytes
        self.max_record_bytes = max_record_bytes
        self.delimiter = delimiter
        self.auto_release = auto_release
        self.streams: list[MemoryStream] = []
        self.packs: list[MemoryPack] = []
        self.rejected: list[Rejected] = []
        self.slots_out = 0
        self.waiting = 0
        """Number of callers of `slot` that wait because of `hold`."""
        self._released = 0
        self._open = asyncio.Event()
        self._open.set()
        self._changed = asyncio.Event()

    @property
    def records(self) -> list[bytes]:
        """All records, in the order in which they were submitted."""
        return [record for pack in self.packs for record in pack.records]

    def new_splitter(self) -> Splitter:
        """Return the splitter that most inputs use: lines."""
        return TokenSplitter(TokenOptions(), max_record_bytes=self.max_record_bytes, oversize="truncate")

    def hold(self) -> None:
        """Let callers of `slot` wait from now on."""
        self._open.clear()

    def resume(self) -> None:
        """Hand out slots again."""
        self._open.set()

    def release(self, count: int | None = None) -> None:
        """Deliver the oldest undelivered packs: `count` of them, or all."""
        until = len(self.packs) if count is None else min(self._released + count, len(self.packs))
        while self._released < until:
            pack = self.packs[self._released]
            self._released += 1
            if pack.stream.on_released is not None:
                pack.stream.on_released(pack.next_position)

    async def until(self, condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
        """Wait until a condition is true. It is tested on each submission and every 5 ms."""
        async with asyncio.timeout(timeout_s):
            while not condition():
                self._changed.clear()
                try:
                    await asyncio.wait_for(self._changed.wait(), 0.005)
                except TimeoutError:
                    continue

    async def until_records(self, count: int, timeout_s: float = 20.0) -> list[bytes]:
        """Wait for at least `count` records, and return all records."""
        await self.until(lambda: len(self.records) >= count, timeout_s)
        return self.records

    # The interface for inputs.

    def open_stream(
        self, key: str, label: str, on_released: Callable[[int], None] | None = None, reading: str = ""
    ) -> MemoryStream:
        """Announce a stream."""
        del reading  # no state is kept here
        stream = MemoryStream(key, label, on_released)
        self.streams.append(stream)
        self._changed.set()
        return stream

    def close_stream(self, stream: MemoryStream) -> None:
        """Close a stream; nothing more may be submitted for it."""
        assert not stream.closed, f"{stream.key} was closed before"
        stream.closed = True
        self._changed.set()

    async def slot(self) -> MemorySlot:
        """Wait for a free slot."""
        if not self._open.is_set():
            self.waiting += 1
            try:
                await self._open.wait()
            finally:
                self.waiting -= 1
        self.slots_out += 1
        return MemorySlot(self.slot_bytes)

    def give_back(self, slot: MemorySlot) -> None:
        """Return a slot unused."""
        self.slots_out -= 1
        _wipe(slot)

    def submit(
        self,
        slot: MemorySlot,
        stream: MemoryStream,
        *,
        position: int,
        next_position: int,
        length: int,
        records: "array[int] | None",
    ) -> None:
        """Hand in a slot."""
        assert not stream.closed, f"{stream.key} is closed"
        assert 0 < length <= self.slot_bytes
        self.slots_out -= 1
        found = self._split(bytes(slot.view[:length]), records)
        self.packs.append(MemoryPack(stream, position, next_position, tuple(found)))
        _wipe(slot)
        if self.auto_release:
            self.release()
        self._changed.set()

    def reject(self, stream: MemoryStream, position: int, data: bytes, reason: str) -> None:
        """Report bytes that do not become a record."""
        self.rejected.append(Rejected(stream, position, data, reason))
        self._changed.set()

    def _split(self, data: bytes, records: "array[int] | None") -> list[bytes]:
        if records is None:
            assert data.endswith(self.delimiter), "a pack without a table must end in the delimiter"
            return [record[: self.max_record_bytes] for record in data[: -len(self.delimiter)].split(self.delimiter)]
        assert len(records), "a pack without records must be given back"
        assert len(records) % 2 == 0, "the table is pairs of start and end"
        return [data[records[i] : records[i + 1]] for i in range(0, len(records), 2)]


def _wipe(slot: MemorySlot) -> None:
    slot.view[:] = b"\xff" * len(slot.view)
    slot.view.release()
