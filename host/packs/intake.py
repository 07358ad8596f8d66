"""The intake of one input: free slots in, packs out, and the wait between them that is the back-pressure."""

import asyncio
import time
from array import array
from collections import deque
from collections.abc import Callable

from host.packs.arena import Arena
from host.packs.ledger import RawPack, Stream
from host.telemetry.metrics import ComponentMetrics


class Slot:
    """Shared memory for one pack, the caller's until it is submitted or given back."""

    __slots__ = ("offset", "view")

    def __init__(self, offset: int, view: memoryview) -> None:
        self.offset = offset
        self.view = view


Reject = Callable[[Stream, int, bytes, str], None]

_PAIR_BYTES = 8
MAX_PINNED = 128
"""Packs that filters may keep for their next snapshot. Memory that they do not need is never touched."""
MAX_DROPPABLE = 256
"""Packs that queues with a policy of dropping may hold. They drop the oldest before an input has to wait for a slot."""


class Intake:
    """What an input hands its packs to.

    Args:
        name: The input's name.
        slot_bytes: Bytes of a pack; a table of record positions needs room beside them.
        slots: Packs in flight before the input waits. A pack does not count while a filter keeps it for its next
            snapshot, or while it is in a queue that may drop it.
        max_record_bytes: Longest record.
        has_room: Whether a decoder would start on another pack soon.
        decode: Takes a pack to the decoders.
        reject: Takes what the input or its splitter refused to the dead letters.
        metrics: Of the input.
    """

    def __init__(
        self,
        name: str,
        *,
        slot_bytes: int,
        slots: int,
        max_record_bytes: int,
        has_room: Callable[[], bool],
        decode: Callable[[RawPack], None],
        reject: Reject,
        metrics: ComponentMetrics,
    ) -> None:
        self.slot_bytes = max(slot_bytes, 2 * max_record_bytes)
        self.max_record_bytes = max_record_bytes
        # Behind the bytes there is room for the positions of as many records as there can be.
        self.arena = Arena(
            f"raw-{name}",
            self.slot_bytes + _table_bytes(self.slot_bytes),
            slots + MAX_PINNED + MAX_DROPPABLE,
            host_writes=True,
        )
        self._slots = slots
        self._has_room = has_room
        self._decode = decode
        self._reject = reject
        self._metrics = metrics
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.paused = False
        """Whether an operator has paused the input: it waits for slots, so what it would read stays where it is."""
        self.waiting_since_ns = 0
        """Since when the input has been waiting for a slot; 0 if it does not wait."""
        self._closing = False
        self.in_flight = 0
        self.pinned = 0

    def open_stream(
        self, key: str, label: str, on_released: Callable[[int], None] | None = None, reading: str = ""
    ) -> Stream:
        """Announce a stream."""
        return Stream(key, label, on_released, reading)

    def close_stream(self, stream: Stream) -> None:
        """Nothing more will be submitted for a stream; what was is delivered and released as ever."""
        stream.closed = True

    async def slot(self) -> Slot:
        """Wait for a free slot, and for room at the decoder."""
        while self._waiting or not self._may_have():
            self.waiting_since_ns = self.waiting_since_ns or time.monotonic_ns()
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                self._pass_on(turn)
                if not self._waiting:
                    self.waiting_since_ns = 0
                raise
            if self._may_have():
                break
        self.waiting_since_ns = 0
        offset = self.arena.acquire()
        assert offset is not None
        return Slot(offset, self.arena.view[offset : offset + self.slot_bytes])

    def _may_have(self) -> bool:
        """Return True if a slot may be lent. Packs that are only kept, or may be dropped, hold nothing back."""
        arena = self.arena
        room = arena.free_slots > 0 and arena.used_slots - self.pinned < self._slots
        return not self.paused and room and (self._closing or self._has_room())

    def _pass_on(self, turn: "asyncio.Future[None]") -> None:
        """A waiter was cancelled: its turn goes to the next one."""
        if turn in self._waiting:
            self._waiting.remove(turn)
        elif turn.done() and not turn.cancelled():
            self.wake()

    def wake(self) -> None:
        """A slot is free, or a decoder has room: the next waiter may look."""
        if not self._may_have():
            return
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # or its waiter was cancelled, and has not run since
                turn.set_result(None)
                return

    def take_rest(self) -> None:
        """Lend slots also while no decoder has room: what the input has received is to be kept without them."""
        self._closing = True
        for _ in range(len(self._waiting)):
            self.wake()

    def give_back(self, slot: Slot) -> None:
        """Return a slot unused."""
        slot.view.release()
        self.arena.release(slot.offset)
        self.wake()

    def submit(
        self,
        slot: Slot,
        stream: Stream,
        *,
        position: int,
        next_position: int,
        length: int,
        records: "array[int] | None",
    ) -> None:
        """Hand in a slot. See `host.inputs.base.Intake`."""
        slot.view.release()
        if records is not None:
            self._write_table(slot.offset + length, records)
        pack = RawPack(
            self.arena, slot.offset, length, stream, position, next_position, records, self._on_free, self._on_pin
        )
        self._metrics.packs_sent += 1
        pack.number = self._metrics.packs_sent
        self._metrics.bytes_received += length
        self.in_flight += 1
        stream.add(pack)
        self._decode(pack)

    def reject(self, stream: Stream, position: int, data: bytes, reason: str) -> None:
        """Report bytes that do not become a record."""
        self._reject(stream, position, data, reason)

    def _write_table(self, end: int, records: "array[int]") -> None:
        start = end + (-end) % _PAIR_BYTES
        data = records.tobytes()
        self.arena.view[start : start + len(data)] = data

    def _on_free(self) -> None:
        self.in_flight -= 1
        self.wake()

    def _on_pin(self, more: int) -> None:
        self.pinned += more
        if more > 0:
            self.wake()

    def close(self) -> None:
        """Let the memory go."""
        self.arena.close()


def _table_bytes(slot_bytes: int) -> int:
    """Room for the positions of as many records as bytes: address space, which is memory only where it is written."""
    return _PAIR_BYTES * (slot_bytes + 1)
