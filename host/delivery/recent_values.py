"""Checkpoints of the last half second, which survive the end of the process but not of the machine.

The database of the checkpoints is synced to the disk with each transaction, so it is written seldom. What was put since
is appended to this file often, without a sync: the kernel has it, however the process ends. After a restart of the
machine the file means nothing, since other files may have lost more; so it names the boot that it belongs to.

Each frame is complete or it is ignored, with all frames behind it. Values of a frame stand in the order of the puts.
"""

import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from host.telemetry.logs import get_logger

_FRAME = struct.Struct("<II")
"""Bytes and CRC-32 of what follows."""
_ENTRY = struct.Struct("<HIB")
"""Bytes of the key, bytes of the value, kind of the value."""
_DELETED, _CHECKPOINT, _STATE = range(3)
_MAX_BYTES = 64 << 20
"""Without a successful transaction of the database, the file does not grow beyond this."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_NAME = "recent"

_log = get_logger(__name__, component="checkpoints")


class RecentValues:
    """Values put since the last transaction of the database.

    Args:
        folder: Of the checkpoints.
    """

    def __init__(self, folder: Path) -> None:
        self._head = _head()
        self._fd = os.open(folder / _NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        self._size = 0
        self._fails = False

    def append(self, values: Mapping[str, Any]) -> None:
        """Add values. If that fails, only the database has them, later."""
        if not values or self._fails:
            return
        frame = _framed(values)
        data = frame if self._size else self._head + frame
        if self._size + len(data) > _MAX_BYTES:
            # Nothing may follow a gap: a position without the state that was put before it would lose records.
            self._fails = True
            return
        try:
            written = os.pwrite(self._fd, data, self._size)
        except OSError as error:
            self._fail(error.strerror or str(error))
            return
        if written < len(data):
            self._fail("the disk is full")
            return
        self._size += written

    def replace(self, values: Mapping[str, Any]) -> None:
        """Forget everything that the database has by now; keep only these values."""
        self._fails = False
        self._size = 0
        try:
            os.ftruncate(self._fd, 0)
        except OSError as error:
            self._fail(error.strerror or str(error))
            return
        self.append(values)

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)

    def _fail(self, reason: str) -> None:
        # A part of a frame may stand there. It is ignored, and nothing is put behind it.
        self._fails = True
        _log.warning("The latest positions are not written; a kill repeats more records.", reason=reason)


def read(folder: Path) -> dict[str, Any]:
    """Return the values that the database may lack; empty if there are none of this boot."""
    try:
        data = (folder / _NAME).read_bytes()
    except OSError:
        return {}
    head = _head()
    if not data.startswith(head):
        return {}
    found: dict[str, Any] = {}
    at = len(head)
    while at + _FRAME.size <= len(data):
        size, checksum = _FRAME.unpack_from(data, at)
        at += _FRAME.size
        body = data[at : at + size]
        if len(body) < size or zlib.crc32(body) != checksum:
            break
        found.update(_entries(body))
        at += size
    return found


def _head() -> bytes:
    return b"hekate recent 1 " + _BOOT_ID.read_bytes().strip() + b"\n"


def _framed(values: Mapping[str, Any]) -> bytes:
    parts = []
    for key, value in values.items():
        name = key.encode()
        if value is None:
            kind, data = _DELETED, b""
        elif isinstance(value, bytes):
            kind, data = _STATE, value
        else:
            kind, data = _CHECKPOINT, orjson.dumps(value)
        parts += [_ENTRY.pack(len(name), len(data), kind), name, data]
    body = b"".join(parts)
    return _FRAME.pack(len(body), zlib.crc32(body)) + body


def _entries(body: bytes) -> Iterator[tuple[str, Any]]:
    at = 0
    while at < len(body):
        name_bytes, value_bytes, kind = _ENTRY.unpack_from(body, at)
        at += _ENTRY.size
        name = body[at : at + name_bytes].decode()
        value = body[at + name_bytes : at + name_bytes + value_bytes]
        at += name_bytes + value_bytes
        yield name, None if kind == _DELETED else value if kind == _STATE else orjson.loads(value)
