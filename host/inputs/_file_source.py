"""Bytes of one open file, by position: plain, or unpacked from gzip."""

import asyncio
import errno
import hashlib
import os
import zlib
from abc import ABC, abstractmethod

HEAD_BYTES = 1024
"""Length of the beginning of a file that distinguishes it from another file with its inode."""

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WBITS = 31
_GZIP_SIZE_BYTES = 4
_CHUNK_BYTES = 64 * 1024


class PackedAfterAllError(Exception):
    """Raised when a file that was empty when it was opened turns out to be gzip."""


class Source(ABC):
    """Reads one file."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    @abstractmethod
    def read(self, view: memoryview, position: int) -> int:
        """Fill a buffer with what stands at a position. Positions are asked for in order, without gaps."""

    @abstractmethod
    def head(self) -> bytes:
        """The first bytes of the content."""

    @abstractmethod
    def holds_more(self, position: int) -> bool:
        """Return False if the content is known to end at `position`."""

    @abstractmethod
    async def seek(self, position: int) -> None:
        """Get ready to read from a position, before the first read."""

    def identity(self) -> tuple[int, int]:
        """Device and inode of the file that was opened, whatever has its name by now."""
        status = os.fstat(self.fd)
        return status.st_dev, status.st_ino

    def close(self) -> None:
        """Close the file."""
        os.close(self.fd)


class PlainSource(Source):
    """A file as it is."""

    def read(self, view: memoryview, position: int) -> int:
        """Fill a buffer with what stands at a position.

        Raises:
            PackedAfterAllError: Nothing was in the file when it was opened, and now it is gzip.
        """
        got = os.preadv(self.fd, [view], position)
        if position == 0 and view[: len(_GZIP_MAGIC)] == _GZIP_MAGIC and got >= len(_GZIP_MAGIC):
            raise PackedAfterAllError
        return got

    def head(self) -> bytes:
        """The first bytes of the content."""
        return os.pread(self.fd, HEAD_BYTES, 0)

    def holds_more(self, position: int) -> bool:
        """Return True if the file is longer than `position`."""
        return os.fstat(self.fd).st_size > position

    async def seek(self, position: int) -> None:
        """Do nothing: each read names its position."""


class GzipSource(Source):
    """A gzip file, of one or more members; positions count unpacked bytes."""

    def __init__(self, fd: int) -> None:
        super().__init__(fd)
        self._offset = 0
        self._packed = b""
        self._unpack = zlib.decompressobj(_GZIP_WBITS)

    @property
    def complete(self) -> bool:
        """True if the bytes read end with the end of a member, so that nothing is missing."""
        return self._unpack.eof

    def read(self, view: memoryview, position: int) -> int:  # noqa: ARG002 -- always where the last read ended
        """Fill a buffer with what comes next."""
        data = self._next(len(view))
        view[: len(data)] = data
        return len(data)

    def head(self) -> bytes:
        """The first bytes of the content."""
        unpack = zlib.decompressobj(_GZIP_WBITS)
        try:
            return unpack.decompress(os.pread(self.fd, HEAD_BYTES * 4, 0), HEAD_BYTES)
        except zlib.error:
            return b""

    def holds_more(self, position: int) -> bool:
        """Return False if the size at the end of the gzip data, modulo 2^32, equals `position`.

        The size is that of the last member. A file of several members may therefore be unpacked once more.
        """
        size = os.pread(self.fd, _GZIP_SIZE_BYTES, max(os.fstat(self.fd).st_size - _GZIP_SIZE_BYTES, 0))
        return int.from_bytes(size, "little") != position % 2**32

    async def seek(self, position: int) -> None:
        """Unpack and throw away what is before a position."""
        while position > 0 and (data := self._next(min(position, _CHUNK_BYTES))):
            position -= len(data)
            await asyncio.sleep(0)

    def _next(self, most: int) -> bytes:
        try:
            while True:
                if self._unpack.eof:
                    self._next_member()
                if not self._packed:
                    self._packed = os.pread(self.fd, _CHUNK_BYTES, self._offset)
                    self._offset += len(self._packed)
                if not self._packed:
                    return b""
                data = self._unpack.decompress(self._packed, most)
                self._packed = self._unpack.unconsumed_tail
                if data:
                    return data
        except zlib.error as error:
            raise OSError(errno.EIO, f"no valid gzip data: {error}") from error

    def _next_member(self) -> None:
        # Padding with zeros between or behind the members is customary.
        rest = self._unpack.unused_data.lstrip(b"\0")
        if not rest:
            rest = os.pread(self.fd, _CHUNK_BYTES, self._offset)
            self._offset += len(rest)
            rest = rest.lstrip(b"\0")
        if rest:
            self._unpack = zlib.decompressobj(_GZIP_WBITS)
            self._packed = rest


def open_source(path: str) -> Source:
    """Open a file.

    Raises:
        OSError: It cannot be read.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        packed = os.pread(fd, len(_GZIP_MAGIC), 0) == _GZIP_MAGIC
    except OSError:
        os.close(fd)
        raise
    return GzipSource(fd) if packed else PlainSource(fd)


def digest(head: bytes) -> str:
    """A short name for the beginning of a file."""
    return hashlib.blake2b(head, digest_size=12).hexdigest()


def last_line(fd: int, size: int) -> int:
    """Return the position of the unfinished last line, or `size`. Search only the last 64 KiB."""
    begin = max(size - _CHUNK_BYTES, 0)
    at = os.pread(fd, size - begin, begin).rfind(b"\n")
    return size if at < 0 else begin + at + 1
