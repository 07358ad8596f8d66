"""What we wrote to which file, so that after a crash a half-written end can be told from somebody else's."""

import errno
import os
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import lmdb
import orjson

from host.errors import StartError
from host.telemetry.logs import get_logger

_MAP_BYTES = 1 << 20

_log = get_logger(__name__, component="outputs")


class Written(NamedTuple):
    """One file that we wrote to."""

    path: str
    identity: tuple[int, int]
    size: int
    """Up to here all is delivered; what is behind was being written when we ended."""


class FileState:
    """Sizes of the files of one output.

    A put survives the end of the process, and not a power cut, just as the file's own data without `fsync`.
    """

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
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
        try:
            with self._env.begin(write=True) as transaction:
                transaction.put(_key(identity), orjson.dumps([path, size]))
        except lmdb.Error as error:
            raise OSError(errno.EIO, f"the output's state in state_dir cannot be written: {error}") from error

    def get(self, identity: tuple[int, int]) -> int | None:
        """Up to where a file was delivered; None if it is not ours."""
        with self._env.begin() as transaction:
            value = transaction.get(_key(identity))
        return None if value is None else int(orjson.loads(value)[1])

    def files(self) -> list[Written]:
        """All files that are still there. The others are forgotten."""
        found = []
        with self._env.begin(write=True) as transaction:
            for key, value in list(transaction.cursor()):
                device, _, inode = key.decode().partition("-")
                written = Written(orjson.loads(value)[0], (int(device), int(inode)), int(orjson.loads(value)[1]))
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
    try:
        return lmdb.open(str(folder), **settings)
    except (lmdb.CorruptedError, lmdb.InvalidError, lmdb.VersionMismatchError) as error:
        # After a power cut. The only consequence is that a half-written last line may stay.
        _log.warning("The state of an output was damaged and begins anew.", folder=str(folder), error=str(error))
        shutil.rmtree(folder)
        folder.mkdir()
        return lmdb.open(str(folder), **settings)


def _key(identity: tuple[int, int]) -> bytes:
    return f"{identity[0]}-{identity[1]}".encode()


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 -- beside the descriptors that it is compared with
    except OSError:
        # Deleted or moved by somebody: not ours to repair any more.
        return None
    return status.st_dev, status.st_ino
