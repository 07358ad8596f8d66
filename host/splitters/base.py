"""The interface of splitters.

A splitter finds the records in bytes that arrive in pieces. It never copies them: it returns offsets into the buffer,
and the number of bytes it has consumed. The caller passes the rest again, at the front of the next buffer. The records
depend only on the bytes, never on the boundaries of the pieces.

Each stream has its own instance, because a splitter remembers how far it has searched.
"""

from abc import ABC, abstractmethod
from array import array
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import msgspec
from msgspec import Meta

Oversize = Literal["truncate", "dead_letter", "drop"]

OVERSIZE_REASON = "longer than max_record_bytes"


class SplitterOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of every splitter."""

    deliver_incomplete_final: Annotated[
        bool, Meta(description="At the end of a stream, deliver the bytes after the last delimiter as a record.")
    ] = True


class Refused(NamedTuple):
    """Bytes that do not become a record."""

    start: int
    """Their offset in the buffer."""
    data: bytes
    reason: str


class Cut:
    """The result of splitting a buffer.

    Attributes:
        end: Number of bytes consumed. The bytes after it must be passed again.
        records: Start and end of each record, in order; None if `buffer[:end]` consists only of records that each end
            in the splitter's one-byte `delimiter`.
        resume: Offset at which a new splitter must begin to find the following records. It equals `end`, unless the
            buffer ends inside a record that was already partly delivered or refused.
        refused: Records that broke a rule. They are not in `records`.
        broken: The reason why nothing after `end` can be split; empty if splitting can continue.
    """

    __slots__ = ("broken", "end", "records", "refused", "resume")

    def __init__(
        self,
        end: int,
        records: "array[int] | None",
        resume: int | None = None,
        refused: tuple[Refused, ...] = (),
        broken: str = "",
    ) -> None:
        self.end = end
        self.records = records
        self.resume = end if resume is None else resume
        self.refused = refused
        self.broken = broken


class Splitter(ABC):
    """Finds the records of one stream.

    Args:
        options: The options of the type.
        max_record_bytes: The longest record.
        oversize: What becomes of a longer one: `truncate` keeps its first `max_record_bytes`, the others refuse it.

    Attributes:
        truncated_records: How many records were cut.
        truncated_bytes: How many bytes were cut off.
    """

    Options: ClassVar[type[SplitterOptions]]
    type: ClassVar[str]

    delimiter: int | None = None
    """The byte that ends each record when `split` returns `records=None`."""
    tail_bytes: int = 0
    """Bytes that must stay free after the data in a buffer; `split` may write the end of the last record there."""
    whole_reads: bool = False
    """True if each read is one record."""

    def __init__(self, options: Any, *, max_record_bytes: int, oversize: Oversize) -> None:
        self._deliver_incomplete_final: bool = options.deliver_incomplete_final
        self._max_record_bytes = max_record_bytes
        self._oversize = oversize
        self.truncated_records = 0
        self.truncated_bytes = 0

    def _scan_of(self, view: memoryview) -> "Scan":
        return Scan(view, self._max_record_bytes, self._oversize, self)

    def _pass_over(self, count: int) -> None:
        """Bytes of a record that was cut are passed over."""
        if self._oversize == "truncate":
            self.truncated_bytes += count

    @abstractmethod
    def split(self, view: memoryview, filled: int, final: bool) -> Cut:
        """Find the records in `view[:filled]`.

        Args:
            view: The buffer. It begins at the `end` of the last cut.
            filled: Number of bytes of data; `tail_bytes` after them are free.
            final: True at the end of the stream. Afterwards the splitter is reset.
        """

    def _last(self, scan: "Scan", start: int, filled: int, certain: int) -> None:
        """Deliver the bytes after the last delimiter of the stream, or apply the oversize policy.

        The result must not depend on how the stream was cut. A record that exceeds the limit before `certain` would
        already have been recognised as oversized in smaller pieces.
        """
        if start < filled and (self._deliver_incomplete_final or certain - start > self._max_record_bytes):
            scan.add(start, filled)


class Scan:
    """Collects the records of one buffer and applies the oversize policy.

    A splitter calls `add` for each complete record, and `overflow` for a record that exceeds the limit before its end
    has arrived.
    """

    __slots__ = ("_max", "_owner", "_truncate", "_view", "records", "refused")

    def __init__(self, view: memoryview, max_record_bytes: int, oversize: Oversize, owner: Splitter) -> None:
        self._owner = owner
        self._view = view
        self._max = max_record_bytes
        self._truncate = oversize == "truncate"
        self.records = array("I")
        self.refused: list[Refused] = []

    def add(self, start: int, end: int) -> None:
        """Add a complete record."""
        if end - start <= self._max:
            self.records.append(start)
            self.records.append(end)
        else:
            self.overflow(start)
            if self._truncate:
                self._owner.truncated_bytes += end - start - self._max

    def overflow(self, start: int) -> None:
        """Truncate or refuse a record that exceeds the limit."""
        end = start + self._max
        if self._truncate:
            self._owner.truncated_records += 1
            self.records.append(start)
            self.records.append(end)
        else:
            self.refused.append(Refused(start, bytes(self._view[start:end]), OVERSIZE_REASON))
