"""Splits records at the matches of a regular expression."""

import re
import re._parser as parser  # type: ignore[import-not-found]  # the only way to learn how far a pattern looks
from collections.abc import Callable
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from host.core.linear_regex import Spans, compile_bytes, parse
from host.splitters.base import Cut, Oversize, Scan, Splitter, SplitterOptions

_PART_BYTES = 4096
"""How far a match is looked for at a time."""


def _instead(fault: str) -> str:
    """Say what to write instead of what RE2 lacks."""
    if "look-ahead" not in fault:
        return ""
    return ". Match the text, capture what belongs to the next record, and set delimiter_eol: false"


class RegexOptions(SplitterOptions, frozen=True, kw_only=True):
    """Options of the regex splitter."""

    delimiter: Annotated[
        str,
        Meta(
            min_length=1,
            description="Regular expression (Python syntax, over bytes) with at most one capture. What it matches "
            "divides two records and belongs to neither, except the capture: see delimiter_eol. It is searched in "
            "linear time, so there are no back-references and no look-around; the flags are (?i), (?m) and (?s).",
        ),
    ]
    delimiter_eol: Annotated[
        bool, Meta(description="The capture ends the preceding record. If false, it begins the following record.")
    ] = True
    lookahead_bytes: Annotated[
        int,
        Meta(
            ge=1,
            le=65536,
            description="Bytes that an unbounded repetition (+, *) in the delimiter may have to inspect. A delimiter "
            "near the end of the received data waits for that many bytes. {1,8} instead of + waits for less.",
        ),
    ] = 256

    def __post_init__(self) -> None:
        """Refuse expressions that cannot split a stream. msgspec reports the error."""
        try:
            groups = compile_bytes(self.delimiter.encode()).groups
        except ValueError as error:
            raise ValueError(f"delimiter cannot be used: {error}{_instead(str(error))}") from error
        if groups > 1:
            raise ValueError("delimiter has more than one capture; write (?:...) for the others")
        reach(self.delimiter.encode(), self.lookahead_bytes)


class RegexSplitter(Splitter):
    """Splits at the matches of a regular expression.

    The expression sees one record at a time and the bytes after it; `^` matches at the start of the record. A match
    counts only when all bytes that the expression can inspect have arrived, so the records do not depend on how the
    stream was cut.
    """

    type = "regex"
    Options = RegexOptions

    def __init__(self, options: Any, *, max_record_bytes: int, oversize: Oversize) -> None:
        super().__init__(options, max_record_bytes=max_record_bytes, oversize=oversize)
        pattern = compile_bytes(options.delimiter.encode())
        self._search, self._has_capture = pattern.search, pattern.groups > 0
        self._eol: bool = options.delimiter_eol
        self._ahead, self._behind = reach(options.delimiter.encode(), options.lookahead_bytes)
        # State of the unfinished record: the offset before which no delimiter begins, and True if it was already
        # delivered or refused because of its length.
        self._searched = 0
        self._skipping = False

    def split(self, view: memoryview, filled: int, final: bool) -> Cut:
        """Find the records in `view[:filled]`."""
        scan = self._scan_of(view)
        settled = filled if final else filled - self._ahead
        start = 0
        while (found := self._next(view[start:filled], settled - start)) is not None:
            end, following = found
            if not self._skipping:
                scan.add(start, start + end)
            start += following
            self._skipping = False
            self._searched = 0
        if final:
            if not self._skipping:
                self._last(scan, start, filled, filled - self._ahead)
            self._searched, self._skipping = 0, False
            return Cut(filled, scan.records, refused=tuple(scan.refused))
        return self._leave(scan, start, settled)

    def _next(self, record: memoryview, settled: int) -> tuple[int, int] | None:
        """Find the end of the record and the start of the next one; None if they are not certain yet."""
        at = self._searched
        while at <= settled:
            # Part by part: where each match would have to be looked for to the end of the buffer, time would be
            # quadratic in its size.
            edge = min(at + _PART_BYTES, settled)
            spans = self._find(record, at, edge)
            if spans is None:
                at = edge + 1
                continue
            end, following = self._divide(spans)
            if following:
                return end, following
            # Nothing would be consumed: this is how the record begins, not where it ends.
            at = max(spans[0][1], 1)
        self._searched = max(at, settled + 1)
        return None

    def _find(self, record: memoryview, at: int, edge: int) -> Spans | None:
        """Find the first match that begins between two positions."""
        limit = min(edge + self._ahead, len(record))
        spans = self._search(record, at, limit)
        if spans is None or spans[0][0] > edge:
            return None
        if spans[0][1] == limit < len(record):  # a repetition may go on
            spans = self._search(record, spans[0][0], len(record))
        return spans

    def _divide(self, spans: Spans) -> tuple[int, int]:
        begin, end = spans[0]
        if not self._has_capture:
            return begin, end
        first, last = spans[1]
        if first < 0:
            return begin, end
        if self._eol:
            return min(max(last, begin), end), end
        return begin, min(max(first, begin), end)

    def _leave(self, scan: Scan, start: int, settled: int) -> Cut:
        """Keep, truncate or skip the unfinished record at the end of the buffer."""
        if not self._skipping and settled - start > self._max_record_bytes:
            scan.overflow(start)
            self._skipping = True
        end = start
        if self._skipping:
            # Of a skipped record, keep the bytes that the expression can look back at, so that the search continues
            # as if the record were complete.
            end = max(start, start + self._searched - self._behind)
            self._searched -= end - start
        return Cut(end, scan.records, resume=start, refused=tuple(scan.refused))


def reach(pattern: bytes, unbounded_bytes: int) -> tuple[int, int]:
    """Compute how far an expression can look.

    Args:
        pattern: The expression.
        unbounded_bytes: Length to assume for a repetition without an upper bound.

    Returns:
        The number of bytes that a match depends on: from its start onward, and before its start (at least 1).

    Raises:
        ValueError: The expression needs the end of the text, which a stream does not have.
    """
    parsed = parse(pattern)
    walk = _Walk(unbounded_bytes)
    return walk.sequence(parsed, parsed.state.flags), max(walk.behind, 1)


class _Walk:
    """Computes the reach of a parsed expression. The result is never too low and sometimes too high."""

    def __init__(self, unbounded_bytes: int) -> None:
        self._unbounded_bytes = unbounded_bytes
        self.behind = 0

    def sequence(self, items: Any, flags: int) -> int:
        return sum(self._item(str(op), argument, flags) for op, argument in items)

    def _item(self, op: str, argument: Any, flags: int) -> int:
        handler = self._HANDLERS.get(op)
        return self._unbounded_bytes if handler is None else handler(self, argument, flags)

    def _one(self, _argument: Any, _flags: int) -> int:
        return 1

    def _branch(self, argument: Any, flags: int) -> int:
        return max(self.sequence(branch, flags) for branch in argument[1])

    def _group(self, argument: Any, flags: int) -> int:
        _, added, removed, inner = argument
        return self.sequence(inner, (flags | added) & ~removed)

    def _at(self, argument: Any, flags: int) -> int:
        place = str(argument)
        if place == "AT_END_STRING" or (place == "AT_END" and not flags & re.MULTILINE):
            raise ValueError("delimiter needs the end of the text ($ or \\Z), which a stream does not have")
        self.behind = max(self.behind, 1)
        return 0 if place.startswith("AT_BEGINNING") else 1

    def _repeat(self, argument: Any, flags: int) -> int:
        _, most, inner = argument
        width = self.sequence(inner, flags)
        if most is parser.MAXREPEAT or width * int(most) > self._unbounded_bytes:
            return max(width, self._unbounded_bytes)
        return width * int(most)

    _HANDLERS: ClassVar[dict[str, Callable[["_Walk", Any, int], int]]] = {
        "LITERAL": _one,
        "NOT_LITERAL": _one,
        "ANY": _one,
        "IN": _one,
        "AT": _at,
        "BRANCH": _branch,
        "SUBPATTERN": _group,
        "MAX_REPEAT": _repeat,
        "MIN_REPEAT": _repeat,
    }
