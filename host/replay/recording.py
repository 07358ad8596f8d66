"""One file of a replay: what of it has been decoded, and not been given on yet."""

from collections import deque
from itertools import accumulate
from typing import NamedTuple

from host.packs import cut
from host.packs.ledger import Stream, TablePack


class Decoded(NamedTuple):
    """A pack, and how far time had come at each of its records: it does not go back where records do.

    Without records and times, if nobody asks for them.
    """

    pack: TablePack
    records: cut.Records
    times: list[int]


class Recording:
    """A file, read in order.

    Args:
        path: Where it is.
        size_bytes: How large.
        order: Its place among the files of the replay, which decides where times are equal.
    """

    def __init__(self, path: str, size_bytes: int, order: int) -> None:
        self.path = path
        self.size_bytes = size_bytes
        self.order = order
        self.read_bytes = 0
        """How much of it was read; of a packed file, unpacked."""
        self.read_to_its_end = False
        self.timed = True
        """Whether anybody asks for the times of its records."""
        self.stream: Stream | None = None
        self._packs: deque[Decoded] = deque()
        self._next = 0
        self._latest_ns: int | None = None

    @property
    def ahead(self) -> int:
        """Packs that were read and not given on."""
        return len(self._packs) + (0 if self.stream is None else self.stream.undecoded)

    @property
    def ready(self) -> bool:
        """Whether it is known what comes next: a record, or the end."""
        return bool(self._packs) or (self.read_to_its_end and not self.ahead)

    @property
    def over(self) -> bool:
        """Whether there is nothing more of it; only if it is ready."""
        return not self._packs

    @property
    def next_ns(self) -> int:
        """When its next record was."""
        return self._packs[0].times[self._next]

    def add(self, pack: TablePack) -> None:
        """A pack was decoded.

        Raises:
            PackError: It does not keep to the layout.
        """
        pack.hold()
        if not self.timed:
            self._packs.append(Decoded(pack, cut.Records([], []), []))
            return
        slot = pack.arena.view[pack.offset : pack.offset + pack.arena.slot_bytes]
        records = cut.records_of(slot, pack.used_bytes)
        latest = records.timestamps if self._latest_ns is None else [self._latest_ns, *records.timestamps]
        times = list(accumulate(latest, max))[-len(records.timestamps) :]
        self._latest_ns = times[-1]
        self._packs.append(Decoded(pack, records, times))

    @property
    def head(self) -> tuple[Decoded, int]:
        """The pack that is next, and the number of its first record that was not given on."""
        return self._packs[0], self._next

    def advance(self, end: int) -> None:
        """The records of the head up to `end` have been given on; a pack without any left is let go."""
        self._next = end
        decoded = self._packs[0]
        if end == decoded.pack.count:
            self._next = 0
            self._packs.popleft()
            decoded.pack.let_go()

    def drop(self) -> None:
        """Let go of what was not given on."""
        while self._packs:
            self._packs.popleft().pack.let_go()
