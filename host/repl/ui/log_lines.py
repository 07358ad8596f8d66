"""Opens logs and reads their lines, whose bytes need not be UTF-8."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, Self

from host.core import text_encoding
from host.core.errors import HekateError

_HEAD_BYTES = 4096


class LogLine(str):
    r"""Text in which each byte that is not UTF-8 is \xNN. Byte offsets still lead to the right place."""

    __slots__ = ("raw",)
    raw: bytes

    def __new__(cls, raw: bytes) -> Self:
        """Create the text from its bytes."""
        text = super().__new__(cls, raw.decode(errors="backslashreplace"))
        text.raw = raw
        return text

    def until(self, offset: int) -> str:
        """Return the part before a byte offset."""
        return self.raw[:offset].decode(errors="backslashreplace")

    def since(self, offset: int) -> str:
        """Return the part from a byte offset on."""
        return self.raw[offset:].decode(errors="backslashreplace")


class FileError(HekateError):
    """A file cannot be read."""

    exit_code = 1


class Log(NamedTuple):
    """An opened log, positioned behind its byte order mark if it has one."""

    file: BinaryIO
    crlf: bool
    """True if its lines end with CR LF."""
    advice: str
    """Advice about its encoding; empty if none is needed."""


def open_log(name: str) -> Log:
    """Open a log.

    Raises:
        FileError: It cannot be read, is not a regular file, or has an unsupported encoding.
    """
    file = open_file(name)
    head = os.pread(file.fileno(), _HEAD_BYTES, 0)
    if advice := text_encoding.utf16_advice(head):
        file.close()
        raise FileError(f"Cannot read {name}. {advice.replace('FILE', name)}")
    file.seek(text_encoding.mark_bytes(head))
    return Log(
        file, text_encoding.ends_lines_with_crlf(head), text_encoding.encoding_advice(head).replace("FILE", name)
    )


def open_file(name: str) -> BinaryIO:
    """Open a file.

    Raises:
        FileError: It cannot be read or is not a regular file.
    """
    path = Path(name).expanduser()
    try:
        if path.exists() and not path.is_file():
            raise FileError(
                f"Cannot read {name}: it is a {'directory' if path.is_dir() else 'pipe or a device'}, not a file."
            )
        return path.open("rb")
    except OSError as error:
        raise FileError(f"Cannot read {name}: {error.strerror}.") from error


def read_lines(file: BinaryIO, max_bytes: int) -> Iterator[bytes]:
    """Yield a file's lines with their line endings. Truncate a line longer than the limit and omit its ending."""
    while line := file.readline(max_bytes):
        yield line
        while len(line) == max_bytes and not line.endswith(b"\n"):
            line = file.readline(max_bytes)
