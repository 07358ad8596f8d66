"""One file of a replay, with its decoded packs that have not been delivered yet."""

from collections import deque
from itertools import accumulate
from typing import NamedTuple

from host.packs import cut
from host.packs.ledger import Stream, TablePack


class DecodedPack(NamedTuple):
    """A decoded pack with the time at each record. Times never decrease, even where those of the records do.

    Records and times are empty if the recording is not is_timed.
    """

    pack: TablePack
    records: cut.Records
    times: list[int]


class Recording:
    """A file, read in order.

    Args:
        path: Path of the file.
        size_bytes: Size of the file.
        order: Index among the files of the replay. It decides between records of equal time.
    """

    def __init__(self, path: str, size_bytes: int, order: int) -> None:
        self.path = path
        self.size_bytes = size_bytes
        self.order = order
        self.read_bytes = 0
        """Number of bytes read; of a compressed file, uncompressed bytes."""
        self.is_fully_read = False
        self.is_timed = True
        """True if the times of the records are needed."""
        self.stream: Stream | None = None
        self._packs: deque[DecodedPack] = deque()
        self._next = 0
        self._latest_ns: int | None = None

    @property
    def ahead(self) -> int:
        """Number of packs that were read but not delivered."""
        return len(self._packs) + (0 if self.stream is None else self.stream.undecoded)

    @property
    def is_ready(self) -> bool:
        """True if it is known what comes next: a record or the end."""
        return bool(self._packs) or (self.is_fully_read and not self.ahead)

    @property
    def is_over(self) -> bool:
        """True if there are no more records. Only valid if the recording is ready."""
        return not self._packs

    @property
    def next_ns(self) -> int:
        """The time of the next record."""
        return self._packs[0].times[self._next]

    def add(self, pack: TablePack) -> None:
        """Add a decoded pack.

        Raises:
            PackError: The pack violates the layout.
        """
        pack.retain()
        if not self.is_timed:
            self._packs.append(DecodedPack(pack, cut.Records([], []), []))
            return
        slot = pack.arena.view[pack.offset : pack.offset + pack.arena.slot_bytes]
        records = cut.records_of(slot, pack.used_bytes)
        latest = records.timestamps if self._latest_ns is None else [self._latest_ns, *records.timestamps]
        times = list(accumulate(latest, max))[-len(records.timestamps) :]
        self._latest_ns = times[-1]
        self._packs.append(DecodedPack(pack, records, times))

    @property
    def head(self) -> tuple[DecodedPack, int]:
        """The next pack, and the index of its first record that was not delivered."""
        return self._packs[0], self._next

    def advance(self, end: int) -> None:
        """Mark the records of the head up to `end` as delivered. Release the pack after its last record."""
        self._next = end
        decoded = self._packs[0]
        if end == decoded.pack.count:
            self._next = 0
            self._packs.popleft()
            decoded.pack.release()

    def drop(self) -> None:
        """Release all packs that were not delivered."""
        while self._packs:
            self._packs.popleft().pack.release()
