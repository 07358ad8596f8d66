"""Counts the holders of each pack, frees its memory, and acknowledges the records of a stream in order.

A `RawPack` holds the bytes that an input read; a `TablePack` holds messages that a sandbox produced. The last release
frees the memory. A table pack then releases the raw pack that it derives from. When a raw pack is released, everything
derived from it is delivered, and its stream acknowledges it.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import deque
from collections.abc import Callable
from typing import Protocol

from host.packs.arena import Arena
from host.packs.deliveries import Deliveries


class Producer(Protocol):
    """The process that produced a pack: `host.packs.producer.PackProducer`."""

    name: str
    kind: str
    rejection_reason: str

    def record_death(self, pack: TablePack) -> bool:
        """Record that a consumer's process died at a pack; return True if the producer is rejected."""


class Stream:
    """One ordered source of bytes: a file, a connection, a socket.

    Attributes:
        key: A stable name, such as `access/file/2049-131/…`.
        label: A name for people: the path, the peer.
        on_released: Told, in order, up to which position all has been delivered.
        reading: Names, with the key, one reading of a source that can be read again from any position; empty if it
            cannot. A source that is read anew from its beginning, without need, has another one.
        released_position: Up to where all has been delivered.
        now_ns: What time it is for those who decode it; None for that of the day.
    """

    __slots__ = (
        "_held",
        "_routing",
        "closed",
        "key",
        "label",
        "now_ns",
        "number",
        "on_released",
        "reading",
        "released_position",
    )

    def __init__(self, key: str, label: str, on_released: Callable[[int], None] | None, reading: str = "") -> None:
        self.key = key
        self.label = label
        self.on_released = on_released
        self.reading = reading
        self.released_position = 0
        self.closed = False
        self.now_ns: int | None = None
        self.number = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "little")
        self._held: deque[RawPack] = deque()
        self._routing: deque[RawPack] = deque()

    def add(self, pack: RawPack) -> None:
        """Append a pack that was read from this stream."""
        self._held.append(pack)
        self._routing.append(pack)

    def released(self) -> None:
        """Acknowledge the released packs at the front of the stream, up to the first pack that is still needed."""
        position = None
        held = self._held
        while held and held[0].holders == 0:
            position = held.popleft().next_position
        if position is not None:
            self.released_position = position
            if self.on_released is not None:
                self.on_released(position)

    def in_order(self, route: Callable[[TablePack], None]) -> None:
        """Route decoded packs in the order of the stream, although several processes decode them."""
        queue = self._routing
        while queue:
            pack = queue[0]
            for table in pack.take_decoded():
                route(table)
            if not pack.decoded:
                return
            queue.popleft()

    @property
    def undecoded(self) -> int:
        """Number of packs that are not completely routed."""
        return len(self._routing)

    @property
    def outstanding(self) -> int:
        """Number of packs that are not released."""
        return len(self._held)


class RawPack:
    """A slot of raw bytes with the positions of its records."""

    __slots__ = (
        "_ready",
        "arena",
        "decoded",
        "holders",
        "length",
        "next_position",
        "number",
        "offset",
        "on_free",
        "on_pin",
        "pins",
        "position",
        "records",
        "stream",
    )

    def __init__(  # noqa: PLR0917 -- built in one place
        self,
        arena: Arena,
        offset: int,
        length: int,
        stream: Stream,
        position: int,
        next_position: int,
        records: array[int] | None,
        on_free: Callable[[], None],
        on_pin: Callable[[int], None] | None = None,
    ) -> None:
        self.arena = arena
        self.offset = offset
        self.length = length
        self.stream = stream
        self.position = position
        self.next_position = next_position
        self.records = records
        self.on_free = on_free
        self.on_pin = on_pin
        self.number = 0
        """The number of the pack among those of its input."""
        self.holders = 1
        self.pins = 0
        self.decoded = False
        self._ready: list[TablePack] = []

    def retain(self) -> None:
        """Add a holder."""
        self.holders += 1

    def release(self) -> None:
        """Remove a holder; the last one frees the memory."""
        self.holders -= 1
        if self.holders == 0:
            self.arena.release(self.offset)
            self.stream.released()
            self.on_free()

    def pin(self) -> None:
        """Pin a pack that is already retained: its holder waits only for a snapshot, or may drop the pack.

        A pinned pack does not count as in flight at its input.
        """
        self.pins += 1
        if self.pins == 1 and self.on_pin is not None:
            self.on_pin(1)

    def unpin(self) -> None:
        """Remove a pin; the caller's hold remains."""
        self.pins -= 1
        if self.pins == 0 and self.on_pin is not None:
            self.on_pin(-1)

    def add_decoded(self, table: TablePack) -> None:
        """Add a pack that a decoder produced from some of the records."""
        self._ready.append(table)

    def take_decoded(self) -> list[TablePack]:
        """Return the decoded packs that are not routed yet, and forget them."""
        ready, self._ready = self._ready, []
        return ready


class TablePack:
    """A pack of messages: records, shapes and heap in a sandbox's arena, and the raw bytes they point at.

    Injected messages do not point into their parent, the pack that caused them, and do not retain it.
    """

    __slots__ = (
        "arena",
        "count",
        "deliveries",
        "fault",
        "holders",
        "is_put_away",
        "loop_depth",
        "made_by",
        "offset",
        "on_free",
        "on_pin",
        "origin",
        "pins",
        "position",
        "producer",
        "raw",
        "seen_ns",
        "shapes",
        "stream_number",
        "used_bytes",
    )

    def __init__(  # noqa: PLR0917 -- built in one place
        self,
        arena: Arena,
        offset: int,
        used_bytes: int,
        count: int,
        shapes: bytes,
        made_by: str,
        loop_depth: int,
        stream_number: int,
        position: int,
        raw: RawPack | None,
        parent: TablePack | None,
        on_free: Callable[[int], None],
        seen_ns: int,
        on_pin: Callable[[], None] | None = None,
        producer: Producer | None = None,
        deliveries: tuple[Deliveries, ...] = (),
    ) -> None:
        self.arena = arena
        self.producer = producer
        self.fault: str | None = None
        """Description of the fault in the pack; empty if it is sound, None if not checked yet."""
        self.is_put_away = False
        """True if its records are in the dead letters because its producer is rejected."""
        self.offset = offset
        self.used_bytes = used_bytes
        self.count = count
        self.shapes = shapes
        self.made_by = made_by
        self.loop_depth = loop_depth
        self.stream_number = stream_number
        self.position = position
        self.raw = raw
        self.origin: RawPack | None = raw if raw is not None or parent is None else parent.origin
        """The raw pack this one derives from. It is acknowledged only after this pack is released."""
        self.on_free = on_free
        self.on_pin = on_pin
        self.seen_ns = seen_ns
        self.holders = 1
        self.pins = 0
        self.deliveries = deliveries
        """Counts of undelivered messages that include this pack: a filter with preserved state injected it, or what it
        was made from."""
        for each in deliveries:
            each.add()
        if self.origin is not None:
            self.origin.retain()

    @property
    def is_rejected(self) -> bool:
        """True if no consumer may read the pack: its producer made malformed packs."""
        return self.producer is not None and bool(self.producer.rejection_reason)

    def retain(self) -> None:
        """Add a holder."""
        self.holders += 1

    def release(self) -> None:
        """Remove a holder; the last one frees the memory."""
        self.holders -= 1
        if self.holders == 0:
            self.on_free(self.offset)
            if self.origin is not None:
                self.origin.release()
            for each in self.deliveries:
                each.settle()

    def pin(self) -> None:
        """Pin a pack that is already retained: its holder waits only for a snapshot, or may drop the pack.

        A pinned pack does not count as in flight at its input.
        """
        self.pins += 1
        if self.pins == 1:
            self.arena.pinned_slots += 1
            if self.origin is not None:
                self.origin.pin()
            if self.on_pin is not None:
                self.on_pin()

    def unpin(self) -> None:
        """Remove a pin and its hold."""
        self.pins -= 1
        if self.pins == 0:
            self.arena.pinned_slots -= 1
            if self.origin is not None:
                self.origin.unpin()
        self.release()
