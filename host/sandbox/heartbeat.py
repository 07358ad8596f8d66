"""The heartbeat: a page of memory where a sandbox says which record it is at."""

import mmap
import os
import struct
from typing import NamedTuple

_LAYOUT = struct.Struct("<QQQQ")


class Beat(NamedTuple):
    """What the page says. `calls` counts finished commands."""

    pack: int
    record: int
    busy: int
    calls: int


class Heartbeat:
    """The page, on the host's side."""

    def __init__(self) -> None:
        self.fd = os.memfd_create("hekate-heartbeat", os.MFD_CLOEXEC)
        os.ftruncate(self.fd, mmap.PAGESIZE)
        self._map = mmap.mmap(self.fd, mmap.PAGESIZE, access=mmap.ACCESS_READ)

    def read(self) -> Beat:
        """What the sandbox said last."""
        return Beat._make(_LAYOUT.unpack_from(self._map))

    def close(self) -> None:
        """Let the page go."""
        self._map.close()
        os.close(self.fd)
