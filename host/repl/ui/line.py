"""A line of a log as text, which may have been any bytes."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, Self

from host.core import text_encoding
from host.core.errors import HekateError

_LOOKED_AT_BYTES = 4096


class Line(str):
    r"""Text of bytes in which those that are no UTF-8 became \xNN; offsets of bytes still lead to the right place."""

    __slots__ = ("raw",)
    raw: bytes

    def __new__(cls, raw: bytes) -> Self:
        """From the bytes."""
        made = super().__new__(cls, raw.decode(errors="backslashreplace"))
        made.raw = raw
        return made

    def until(self, offset: int) -> str:
        """The part before an offset in bytes."""
        return self.raw[:offset].decode(errors="backslashreplace")

    def since(self, offset: int) -> str:
        """The part from an offset in bytes on."""
        return self.raw[offset:].decode(errors="backslashreplace")


class FileError(HekateError):
    """A file cannot be read."""

    exit_code = 1


class Log(NamedTuple):
    """A log that was opened, behind its byte order mark if it has one."""

    file: BinaryIO
    crlf: bool
    """Whether its lines end as on Windows."""
    advice: str
    """What to do about its encoding."""


def opened_log(name: str) -> Log:
    """A log that somebody has named.

    Raises:
        FileError: It is none, cannot be read, or nothing can be made of its encoding.
    """
    file = opened(name)
    head = os.pread(file.fileno(), _LOOKED_AT_BYTES, 0)
    if advice := text_encoding.utf16_advice(head):
        file.close()
        raise FileError(f"Cannot read {name}. {advice.replace('FILE', name)}")
    file.seek(text_encoding.mark_bytes(head))
    return Log(
        file, text_encoding.ends_lines_with_crlf(head), text_encoding.encoding_advice(head).replace("FILE", name)
    )


def opened(name: str) -> BinaryIO:
    """A file that somebody has named.

    Raises:
        FileError: It is none, or cannot be read.
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


def beginnings(file: BinaryIO, most_bytes: int) -> Iterator[bytes]:
    """The lines of a file, with their ends; of one that is longer only so much as may be, without."""
    while line := file.readline(most_bytes):
        yield line
        while len(line) == most_bytes and not line.endswith(b"\n"):
            line = file.readline(most_bytes)
