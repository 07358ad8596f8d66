"""Records how much was written to each file. After a crash, this finds a half-written end of our own."""

import errno
import os
import stat
from pathlib import Path
from typing import Any, NamedTuple

import lmdb
import orjson

from host.core.errors import StartError
from host.delivery import state_files

_MAP_BYTES = 1 << 20
_DAMAGED = "A half-written last line of this output's files may stay; no record is missed."


class Written(NamedTuple):
    """One file that we wrote to."""

    path: str
    identity: tuple[int, int]
    size: int
    """All bytes up to here are delivered. The bytes behind were being written when the host ended."""


class FileState:
    """Sizes of the files of one output.

    A put survives the end of the process, and not a power cut, just as the file's own data without `fsync`.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self.damaged = state_files.keep_only(folder.parent, stat.S_ISDIR, "it is no folder", _DAMAGED)
            """Number of files that were damaged and moved aside."""
            self.damaged += state_files.prepare(folder, _DAMAGED, _verify)
            self._env = _open(folder)
        except (OSError, lmdb.Error) as error:
            raise StartError(
                f"state_dir: cannot keep the state of an output in {folder}: {error}. "
                "Give a state_dir on a local disk that this user may write to."
            ) from error

    def put(self, path: str, identity: tuple[int, int], size: int) -> None:
        """All of a file up to a size is delivered.

        Raises:
            OSError: That could not be written.
        """
        key = _key(identity)
        value = state_files.seal(key, orjson.dumps([path, size]))
        try:
            try:
                self._put(key, value)
            except lmdb.MapFullError:
                self._make_room()
                self._put(key, value)
        except lmdb.Error as error:
            raise OSError(errno.EIO, f"the output's state in state_dir cannot be written: {error}") from error

    def _put(self, key: bytes, value: bytes) -> None:
        with self._env.begin(write=True) as transaction:
            transaction.put(key, value)

    def _make_room(self) -> None:
        """Grow, and forget files that are gone, so that the state grows only with the files that there are."""
        self._env.set_mapsize(self._env.info()["map_size"] * 2)
        self.files()

    def get(self, identity: tuple[int, int]) -> int | None:
        """Return the position up to which a file was delivered; None if this output did not write it."""
        with self._env.begin() as transaction:
            value = transaction.get(_key(identity))
        return None if value is None else _written(_key(identity), value).size

    def files(self) -> list[Written]:
        """All files that are still there. The others are forgotten."""
        found = []
        with self._env.begin(write=True) as transaction:
            for key, value in list(transaction.cursor()):
                written = _written(key, value)
                if _identity(written.path) == written.identity:
                    found.append(written)
                else:
                    transaction.delete(key)
        return found

    def close(self) -> None:
        """Close the state."""
        self._env.close()


def _open(folder: Path) -> "lmdb.Environment":
    # No writemap, though it is faster: a full disk would then end the process instead of failing a call.
    settings: dict[str, Any] = {"map_size": _MAP_BYTES, "sync": False, "metasync": False, "lock": False}
    return lmdb.open(str(folder), **settings)


def _verify(key: bytes, value: bytes) -> None:
    _written(key, value)


def _written(key: bytes, value: bytes) -> Written:
    path, size = orjson.loads(state_files.unseal(key, value))
    device, _, inode = key.decode().partition("-")
    return Written(str(path), (int(device), int(inode)), int(size))


def _key(identity: tuple[int, int]) -> bytes:
    return f"{identity[0]}-{identity[1]}".encode()


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 -- beside the descriptors that it is compared with
    except OSError:
        # Deleted or moved by somebody: not ours to repair any more.
        return None
    return status.st_dev, status.st_ino
