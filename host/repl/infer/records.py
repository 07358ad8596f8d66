"""Makes records of lines, as the splitter of an input does that knows how a record begins."""

import re
from collections.abc import Iterable, Iterator, Sequence

EVENT = "<Event[ >]"
"""An event of Windows, as XML."""
BEGINNINGS = (
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
"""With what records begin, and lines in the midst of one do not: dates, levels before a date or a logger, elements."""
_MAX_BYTES = 64 * 1024


def common_beginning(texts: Sequence[str], share: float = 1.0) -> str:
    """With which of these so many texts begin; empty if with none."""
    for begins in BEGINNINGS:
        if texts and sum(re.match(begins, text) is not None for text in texts) >= share * len(texts):
            return begins
    return ""


def splitter(begins: str, *, crlf: bool) -> str:
    """What an input needs to make such records, as YAML; empty if it is what it does by itself."""
    if begins:
        end = "\\r?\\n" if crlf else "\\n"
        return f"{{type: regex, delimiter: '{end}({begins})', delimiter_eol: false}}"
    return '{type: token, delimiter: "\\r\\n"}' if crlf else ""


def joined(lines: Iterable[bytes], begins: str) -> Iterator[tuple[int, bytes]]:
    """Records, and the number of the first line of each, from 1; without a beginning each line is one.

    Of one that is too long there is only the beginning.
    """
    pattern = re.compile(begins.encode())
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
