"""Joins lines to multi-line records, as an input's splitter does that knows how a record starts."""

import re
from collections.abc import Iterable, Iterator, Sequence

EVENT = "<Event[ >]"
"""Start of a Windows event as XML."""
RECORD_STARTS = (
    r"\d{4}-\d\d-\d\d[T ]",
    r"\[\d{4}-\d\d-\d\d[T ]",
    r"\d{4}/\d\d/\d\d ",
    r"\d\d\.\d\d\.\d{4} ",
    r"\d\d/\d\d/\d{4} ",
    r"\[[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d ",
    r"\[\d\d-[A-Z][a-z]{2}-\d{4} ",
    r"[A-Z]{4,8} +\[[^\]\n]+\] +\d{4}-\d\d-\d\d",
    r"[A-Z]{4,8} +\d{4}-\d\d-\d\d[T ]",
    r"\[[A-Z]{4,8}\] +\[?\d{4}-\d\d-\d\d",
    r"[A-Z]{4,8}:[\w.]+:",
    EVENT,
)
"""Starts of records that do not occur inside a record: dates, levels before a date or a logger, XML elements."""
_MAX_BYTES = 64 * 1024


def find_record_start(texts: Sequence[str], share: float = 1.0) -> str:
    """Return the start that at least this share of the texts has; empty if none."""
    for start in RECORD_STARTS:
        if texts and sum(re.match(start, text) is not None for text in texts) >= share * len(texts):
            return start
    return ""


def splitter_yaml(record_start: str, *, crlf: bool) -> str:
    """Return the splitter, as YAML, that an input needs for such records; empty if the default will do."""
    if record_start:
        end = "\\r?\\n" if crlf else "\\n"
        return f"{{type: regex, delimiter: '{end}({record_start})', delimiter_eol: false}}"
    return '{type: token, delimiter: "\\r\\n"}' if crlf else ""


def join_lines(lines: Iterable[bytes], record_start: str) -> Iterator[tuple[int, bytes]]:
    """Yield each record with the number of its first line, from 1. Without a start, each line is a record.

    Records that are too long are truncated.
    """
    pattern = re.compile(record_start.encode())
    first = size = 0
    record: list[bytes] = []
    for number, line in enumerate(lines, 1):
        if record and pattern.match(line):
            yield first, b"\n".join(record)
            record, size = [], 0
        first = first if record else number
        if not record or size + len(line) < _MAX_BYTES:
            record.append(line)
            size += len(line)
    if record:
        yield first, b"\n".join(record)
