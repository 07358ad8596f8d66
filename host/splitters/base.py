"""What a splitter is.

A splitter finds the records in bytes that arrive in pieces. It never copies them: it answers with offsets into
the buffer that it was shown, and says how much of the buffer it is done with; the rest is shown again, at the
front of the next buffer. The records depend on the bytes only, never on where the pieces were cut.

There is one instance per stream, since a splitter remembers what it has looked at.
"""

from abc import ABC, abstractmethod
from array import array
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import msgspec
from msgspec import Meta

Oversize = Literal["truncate", "dead_letter", "drop"]

OVERSIZE_REASON = "longer than max_record_bytes"


class SplitterOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options that every splitter has."""

    deliver_incomplete_final: Annotated[
        bool, Meta(description="At the end of a stream, deliver what stands after the last delimiter as a record.")
    ] = True


class Refused(NamedTuple):
    """Bytes that do not become a record."""

    start: int
    """Where they begin in the buffer."""
    data: bytes
    reason: str


class Cut:
    """What a splitter found in a buffer.

    Attributes:
        end: The buffer is done with up to here; what follows must be shown again.
        records: Start and end of each record, in turn; or None if `buffer[:end]` is nothing but records that
            each end in the splitter's one-byte `delimiter`.
        resume: Where a new splitter would have to begin in order to find the records that follow. It is `end`,
            unless the buffer ends inside of a record of which a part was already delivered or refused.
        refused: Records that broke a rule. They are in neither of the above.
        broken: Not empty if nothing after `end` can be understood any more, with the reason.
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
    """The byte that ends each record where `split` answers `records=None`."""
    tail_bytes: int = 0
    """Bytes that must stay free behind the data in a buffer: `split` may complete the last record there."""
    whole_reads: bool = False
    """Each read is one record."""

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
            view: The buffer. It begins where the last cut ended.
            filled: How much of it is data; `tail_bytes` behind it are free.
            final: Whether the stream ends here. Afterwards the splitter is as new.
        """

    def _last(self, scan: "Scan", start: int, filled: int, certain: int) -> None:
        """Deal with what stands behind the last delimiter of the stream.

        What is too long is so whether the stream ends here or not, and would have been dealt with as such if
        it had arrived in smaller pieces; `certain` is up to where that would have been known.
        """
        if start < filled and (self._deliver_incomplete_final or certain - start > self._max_record_bytes):
            scan.add(start, filled)


class Scan:
    """Collects the spans of one buffer and applies the oversize policy to them.

    A splitter calls `add` for each record whose end it knows, and `overflow` for one that is too long already
    though its end is not in sight.
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
        """A record that ends here."""
        if end - start <= self._max:
            self.records.append(start)
            self.records.append(end)
        else:
            self.overflow(start)
            if self._truncate:
                self._owner.truncated_bytes += end - start - self._max

    def overflow(self, start: int) -> None:
        """A record that is longer than allowed."""
        end = start + self._max
        if self._truncate:
            self._owner.truncated_records += 1
            self.records.append(start)
            self.records.append(end)
        else:
            self.refused.append(Refused(start, bytes(self._view[start:end]), OVERSIZE_REASON))
