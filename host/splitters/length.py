"""Splits records that are prefixed with their length, the usual framing of binary protocols."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from host.splitters.base import Cut, Oversize, Refused, Scan, Splitter, SplitterOptions


class LengthOptions(SplitterOptions, frozen=True, kw_only=True):
    """Options of the length splitter."""

    header_bytes: Annotated[Literal[1, 2, 4, 8], Meta(description="Size of the length prefix of each record.")] = 4
    byte_order: Annotated[
        Literal["big", "little"], Meta(description="Byte order of the length; network order is big.")
    ] = "big"
    length_includes_header: Annotated[bool, Meta(description="The length includes its own bytes.")] = False
    deliver_incomplete_final: Annotated[
        bool, Meta(description="Deliver a record that the end of the stream truncates, instead of refusing it.")
    ] = False


class LengthSplitter(Splitter):
    """Reads records with a length prefix."""

    type = "length"
    Options = LengthOptions

    def __init__(self, options: Any, *, max_record_bytes: int, oversize: Oversize) -> None:
        super().__init__(options, max_record_bytes=max_record_bytes, oversize=oversize)
        self._header_bytes: int = options.header_bytes
        self._byte_order: Literal["big", "little"] = options.byte_order
        self._includes_header: bool = options.length_includes_header
        self._to_skip = 0  # Bytes still to arrive of a record that was too long.

    def split(self, view: memoryview, filled: int, final: bool) -> Cut:
        """Find the records in `view[:filled]`."""
        scan = self._scan_of(view)
        skipped = min(self._to_skip, filled)
        self._to_skip -= skipped
        self._pass_over(skipped)
        at = skipped
        while not self._to_skip and (length := self._length(view, at, filled)) is not None:
            start = at + self._header_bytes
            if length < 0:
                return self._give_up(scan, view, at, filled)
            if start + length <= filled:
                scan.add(start, start + length)
                at = start + length
            elif length > self._max_record_bytes and filled - start >= self._max_record_bytes:
                scan.overflow(start)
                self._to_skip = start + length - filled
                self._pass_over(filled - start - self._max_record_bytes)
                return self._end(scan, at, filled, final)
            else:
                break
        if final and at < filled:
            self._cut_short(scan, view, at, filled)
            at = filled
        resume = 0 if self._to_skip else at
        return self._reset(Cut(at, scan.records, resume, tuple(scan.refused)), final)

    def _length(self, view: memoryview, at: int, filled: int) -> int | None:
        start = at + self._header_bytes
        if start > filled:
            return None
        length = int.from_bytes(view[at:start], self._byte_order)
        return length - self._header_bytes if self._includes_header else length

    def _end(self, scan: Scan, at: int, filled: int, final: bool) -> Cut:
        return self._reset(Cut(filled, scan.records, at, tuple(scan.refused)), final)

    def _reset(self, cut: Cut, final: bool) -> Cut:
        if final:
            self._to_skip = 0
        return cut

    def _cut_short(self, scan: Scan, view: memoryview, at: int, filled: int) -> None:
        start = at + self._header_bytes
        if self._deliver_incomplete_final and start < filled:
            scan.add(start, filled)
        else:
            scan.refused.append(Refused(at, bytes(view[at:filled]), "the stream ended inside of a record"))

    def _give_up(self, scan: Scan, view: memoryview, at: int, filled: int) -> Cut:
        # If a length is smaller than its own header, the next record cannot be found.
        scan.refused.append(Refused(at, bytes(view[at:filled]), "a length that is shorter than its own header"))
        self._to_skip = 0
        return Cut(filled, scan.records, refused=tuple(scan.refused), broken="a length shorter than its own header")
