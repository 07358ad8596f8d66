"""Splits Heka's framed messages.

A frame is 0x1E, the length of the header, the header, 0x1F, and the message, whose length is in the header.
"""

from array import array
from typing import Annotated, Any, NamedTuple

from msgspec import Meta

from host.splitters.base import OVERSIZE_REASON, Cut, Oversize, Refused, Splitter, SplitterOptions

_RECORD_SEPARATOR = 0x1E
_UNIT_SEPARATOR = 0x1F
_MESSAGE_LENGTH = 1
_VARINT, _BYTES = 0, 2
_FIXED_BYTES = {1: 8, 5: 4}
_LENGTH_LIMIT = 2**31

NO_FRAME = "bytes between frames"
BAD_FRAME = "a frame with a faulty header"
CUT_SHORT = "the stream ended inside of a frame"


class HekaOptions(SplitterOptions, frozen=True, kw_only=True):
    """Options of the heka splitter."""

    deliver_incomplete_final: Annotated[
        bool, Meta(description="Deliver a message that the end of the stream truncates, instead of refusing it.")
    ] = False


class _Frame(NamedTuple):
    start: int
    """Offset of the message."""
    length: int


class HekaSplitter(Splitter):
    """Reads framed Heka messages. A record is the message without its frame.

    Bytes that are not a frame are refused, and the search continues at the next 0x1E. A message that exceeds
    max_record_bytes is refused under either policy, because a truncated message cannot be decoded.
    """

    type = "heka"
    Options = HekaOptions

    def __init__(self, options: Any, *, max_record_bytes: int, oversize: Oversize) -> None:
        super().__init__(options, max_record_bytes=max_record_bytes, oversize=oversize)
        self._to_skip = 0  # Bytes still to arrive of a message that was too long.
        self._searching = False  # True if the bytes before the next 0x1E were already refused.

    def split(self, view: memoryview, filled: int, final: bool) -> Cut:
        """Find the records in `view[:filled]`."""
        scan = _Scan(bytes(view[:filled]), final)
        begin = at = self._skip(filled)
        while at < filled and not self._to_skip:
            begin = at
            next_at = self._step(scan, at)
            if next_at is None:
                break
            at = next_at
        resume = (begin if at > begin else 0) if self._to_skip else at
        if final:
            self._to_skip, self._searching = 0, False
        return Cut(at, scan.records, resume, tuple(scan.refused))

    def _skip(self, filled: int) -> int:
        skipped = min(self._to_skip, filled)
        self._to_skip -= skipped
        return skipped

    def _step(self, scan: "_Scan", at: int) -> int | None:
        """Consume one frame, or bytes that are not a frame. Return the next offset; None if more bytes are needed."""
        if self._searching or scan.data[at] != _RECORD_SEPARATOR:
            return self._no_frame(scan, at, at, NO_FRAME)
        try:
            frame = _read_frame(scan.data, at)
        except ValueError:
            return self._no_frame(scan, at, at + 1, BAD_FRAME)
        if frame is None:
            return self._no_frame(scan, at, at + 1, CUT_SHORT) if scan.final else None
        return self._message(scan, at, frame)

    def _message(self, scan: "_Scan", at: int, frame: _Frame) -> int | None:
        filled, end = len(scan.data), frame.start + frame.length
        too_long = frame.length > self._max_record_bytes
        if too_long and filled - frame.start >= self._max_record_bytes:
            start = frame.start
            scan.refused.append(Refused(start, scan.data[start : start + self._max_record_bytes], OVERSIZE_REASON))
            self._to_skip = max(end - filled, 0)
            return min(end, filled)
        if end <= filled:
            scan.records.extend((frame.start, end))
            return end
        if not scan.final:
            return None
        if self._deliver_incomplete_final and frame.start < filled:
            scan.records.extend((frame.start, filled))
            return filled
        return self._no_frame(scan, at, at + 1, CUT_SHORT)

    def _no_frame(self, scan: "_Scan", at: int, search_from: int, reason: str) -> int | None:
        """Refuse the bytes before the next 0x1E once, and keep at most max_record_bytes of them."""
        filled = len(scan.data)
        found = scan.data.find(_RECORD_SEPARATOR, search_from)
        end = found if found >= 0 else filled
        if not self._searching:
            if found < 0 and not scan.final and end - at < self._max_record_bytes:
                return None
            scan.refused.append(Refused(at, scan.data[at : min(end, at + self._max_record_bytes)], reason))
        self._searching = found < 0
        return end


class _Scan:
    """One buffer and the records found in it."""

    __slots__ = ("data", "final", "records", "refused")

    def __init__(self, data: bytes, final: bool) -> None:
        self.data = data
        self.final = final
        self.records = array("I")
        self.refused: list[Refused] = []


def _read_frame(data: bytes, at: int) -> _Frame | None:
    """Return the frame that begins at `data[at]`; None if its header is incomplete.

    Raises:
        ValueError: It is not a frame.
    """
    if at + 2 > len(data):
        return None
    header, end = at + 2, at + 2 + data[at + 1]
    if end + 1 > len(data):
        return None
    if data[end] != _UNIT_SEPARATOR:
        raise ValueError(BAD_FRAME)
    length = _message_length(data[header:end])
    if length is None or length >= _LENGTH_LIMIT:
        raise ValueError(BAD_FRAME)
    return _Frame(end + 1, length)


def _message_length(header: bytes) -> int | None:
    """Return the field `message_length` of a protobuf header. Skip other fields, such as a signature."""
    at, length = 0, None
    while at < len(header):
        key, at = _varint(header, at)
        if key & 7 == _VARINT:
            value, at = _varint(header, at)
            length = value if key >> 3 == _MESSAGE_LENGTH else length
        elif key & 7 == _BYTES:
            value, at = _varint(header, at)
            at += value
        elif key & 7 in _FIXED_BYTES:
            at += _FIXED_BYTES[key & 7]
        else:
            raise ValueError(BAD_FRAME)
    if at > len(header):
        raise ValueError(BAD_FRAME)
    return length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 64:
        value |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 128:
            return value, at
    raise ValueError(BAD_FRAME)
