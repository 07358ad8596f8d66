"""Splits records at a fixed delimiter: a line feed, a NUL, or any string of bytes."""

from typing import Annotated, Any

from msgspec import Meta

from host.splitters.base import Cut, Oversize, Scan, Splitter, SplitterOptions

_SEARCH_BYTES = 4096


class TokenOptions(SplitterOptions, frozen=True, kw_only=True):
    """Options of the token splitter."""

    delimiter: Annotated[
        str, Meta(min_length=1, description="One or more characters that end a record. They are not part of it.")
    ] = "\n"
    count: Annotated[int, Meta(ge=1, description="Number of delimiters that end a record.")] = 1


class TokenSplitter(Splitter):
    """Splits at a fixed delimiter.

    With a delimiter of one byte and count 1, it finds only the last delimiter of the buffer. The decoder's process
    finds the others (`records=None`), so this class does no work per record.
    """

    type = "token"
    Options = TokenOptions

    def __init__(self, options: Any, *, max_record_bytes: int, oversize: Oversize) -> None:
        super().__init__(options, max_record_bytes=max_record_bytes, oversize=oversize)
        self._token: bytes = options.delimiter.encode()
        self._count: int = options.count
        if len(self._token) == 1 and self._count == 1:
            self.delimiter = self._token[0]
            self.tail_bytes = 1
        self._reset()

    def _reset(self) -> None:
        # State of the unfinished record at the front of the next buffer: the searched bytes, the delimiters inside it
        # (if count > 1), and True if it was already delivered or refused because of its length.
        self._searched = 0
        self._found = 0
        self._skipping = False

    def split(self, view: memoryview, filled: int, final: bool) -> Cut:
        """Find the records in `view[:filled]`."""
        if self.delimiter is None or self._skipping:
            return self._scan(view, filled, final)
        end = rfind(view, self._token, self._searched, filled) + 1
        if final:
            return self._finish(view, filled, end)
        self._searched = filled - end
        if end == 0 and filled > self._max_record_bytes:
            return self._scan(view, filled, final)
        return Cut(end, None)

    def _finish(self, view: memoryview, filled: int, end: int) -> Cut:
        if not self._deliver_incomplete_final and filled - end > self._max_record_bytes:
            return self._scan(view, filled, final=True)
        self._reset()
        if end == filled or not self._deliver_incomplete_final:
            return Cut(end, None)
        view[filled] = self._token[0]
        return Cut(filled + 1, None)

    def _scan(self, view: memoryview, filled: int, final: bool) -> Cut:
        """Find the records one by one, for longer delimiters and for records that are too long."""
        scan = self._scan_of(view)
        data = bytes(view[:filled])
        token, width, start, at = self._token, len(self._token), 0, self._searched
        while (hit := data.find(token, at)) >= 0:
            at = hit + width
            self._found += 1
            if self._found == self._count:
                if self._skipping:
                    self._pass_over(hit - start)
                else:
                    scan.add(start, hit)
                start, self._found, self._skipping = at, 0, False
        if final:
            if self._skipping:
                self._pass_over(filled - start)
            else:
                self._last(scan, start, filled, filled - width + 1)
            self._reset()
            return Cut(filled, scan.records, refused=tuple(scan.refused))
        return self._leave(scan, start, max(at, filled - width + 1), filled)

    def _leave(self, scan: Scan, start: int, searched: int, filled: int) -> Cut:
        """Keep, truncate or skip the unfinished record at the end of the buffer."""
        # The buffer may end in a part of a delimiter. Only the bytes before it certainly belong to the record.
        certain = min(searched, filled)
        if not self._skipping and certain - start > self._max_record_bytes:
            scan.overflow(start)
            self._skipping = True
            self._pass_over(certain - start - self._max_record_bytes)
        elif self._skipping:
            self._pass_over(certain - start)
        end = certain if self._skipping else start
        self._searched = max(searched - end, 0)
        return Cut(end, scan.records, resume=start, refused=tuple(scan.refused))


def rfind(view: memoryview, token: bytes, start: int, end: int) -> int:
    """Find the last one-byte token in `view[start:end]`, searching backwards in chunks; -1 if there is none."""
    while end > start:
        begin = max(start, end - _SEARCH_BYTES)
        at = bytes(view[begin:end]).rfind(token)
        if at >= 0:
            return begin + at
        end = begin
    return -1
