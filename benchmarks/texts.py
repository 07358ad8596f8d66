"""Reads files in texts of whole lines, as large as Hekate's packs."""

from collections.abc import Iterator
from pathlib import Path

TEXT_BYTES = 512 * 1024


def texts_of(path: Path) -> Iterator[bytes]:
    """Read a file in texts of whole lines.

    Args:
        path: The file; it ends in a line feed, and no line is longer than a text.

    Yields:
        At most `TEXT_BYTES` each.
    """
    rest = b""
    with path.open("rb") as file:
        while data := file.read(TEXT_BYTES - len(rest)):
            data = rest + data
            end = data.rfind(b"\n") + 1
            rest = data[end:]
            yield data[:end]
