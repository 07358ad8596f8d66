"""Checks of what is kept in `state_dir`, before it is used.

A damaged LMDB file ends the process that reads it: a page that is missing is a SIGBUS. So a child process reads all of
it first, and compares each value with its checksum. It also writes a compact copy, which has only the pages that were
checked; the host uses that one. A damaged file is moved aside as `NAME.damaged-TIME`, and the host begins without it.
"""

import contextlib
import errno
import os
import resource
import shutil
import signal
import stat
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import lmdb

from host.telemetry.logs import get_logger

Verify = Callable[[bytes, bytes], None]
"""Raises ValueError if a value cannot be what was written under a key."""

_DATA, _LOCK, _COPY = "data.mdb", "lock.mdb", "compact.tmp"
_MAX_CPU_S = 60
_MIN_BYTES = 2 * 4096
_SEAL = b"\0crc"
_SEAL_BYTES = len(_SEAL) + 8
_DAMAGED, _NO_COPY = 1, 2
_TRIES = 3

_log = get_logger(__name__, component="state_dir")


class DamagedError(ValueError):
    """A stored value is not what was written."""


def seal(key: bytes, data: bytes) -> bytes:
    """Add a checksum of key and data in front of data."""
    return b"%b%08x%b" % (_SEAL, zlib.crc32(data, zlib.crc32(key)), data)


def unseal(key: bytes, stored: bytes) -> bytes:
    """Return the data that was sealed.

    What an earlier version stored has no checksum and is returned as it is: JSON, or a state with a checksum of its
    own. Neither begins as what is sealed does.

    Raises:
        DamagedError: The checksum does not fit.
    """
    if not stored.startswith(_SEAL):
        if not stored.startswith((b"{", b"[")):
            raise DamagedError(f"the value of {key[:80]!r} is not what was written")
        return stored
    data = stored[_SEAL_BYTES:]
    if stored[len(_SEAL) : _SEAL_BYTES] != b"%08x" % zlib.crc32(data, zlib.crc32(key)):
        raise DamagedError(f"the checksum of {key[:80]!r} does not fit")
    return data


def prepare(folder: Path, consequence: str, verify: Verify) -> int:
    """Make a folder for an LMDB environment, and move aside what cannot be read there.

    Args:
        folder: Of the environment.
        consequence: What it means for delivery if the file is not used.
        verify: Checks single values.

    Returns:
        How many files were moved aside.

    Raises:
        OSError: The folder cannot be made, or something in it cannot be moved.
    """
    moved = keep_only(folder, stat.S_ISDIR, "it is no folder", consequence)
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / _DATA
    moved += keep_only(data, stat.S_ISREG, "it is no file", consequence)
    # The lock file only coordinates processes, and there is no other one.
    _remove(folder / _LOCK)
    if not data.exists():
        return moved
    if not os.access(data, os.R_OK | os.W_OK):
        raise PermissionError(errno.EACCES, "this user may not read and write it", str(data))
    fault = _checked_in_child(folder, verify)
    if fault:
        move_aside(data, fault, consequence)
        moved += 1
    else:
        with contextlib.suppress(FileNotFoundError):  # there was no space for a copy: the file itself is used
            (folder / _COPY / _DATA).replace(data)
    shutil.rmtree(folder / _COPY, ignore_errors=True)
    return moved


def keep_only(path: Path, is_wanted: Callable[[int], bool], fault: str, consequence: str) -> int:
    """Move a path aside if it is not of the kind it should be; return how many were moved."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        if not path.is_symlink():
            return 0
        mode = 0  # a link to nothing
    except NotADirectoryError:
        return 0  # a folder above it is no folder, which is found there
    if is_wanted(mode):
        return 0
    move_aside(path, fault, consequence)
    return 1


def move_aside(path: Path, fault: str, consequence: str) -> None:
    """Rename a damaged file, so that it can be looked at later, and tell of it."""
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    target, number = path.with_name(f"{path.name}.damaged-{stamp}"), 1
    while target.exists():
        number += 1
        target = path.with_name(f"{path.name}.damaged-{stamp}.{number}")
    path.rename(target)
    _log.error(
        f"A file in state_dir is damaged and was moved aside. {consequence}",
        file=str(path),
        moved_to=str(target),
        reason=fault,
    )


def _remove(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _checked_in_child(folder: Path, verify: Verify) -> str:
    """Read all of an environment in a child process; return what is wrong with it, or nothing."""
    if (folder / _DATA).stat().st_size < _MIN_BYTES:
        return "it is too short to be a database"
    for _ in range(_TRIES):
        code, fault = _run_child(folder, verify)
        if code != -signal.SIGKILL:  # somebody may have killed it
            break
    if code == _NO_COPY:
        _log.warning("A compact copy of a state file could not be written.", folder=str(folder), reason=fault)
        _remove(folder / _COPY / _DATA)
        return ""
    if code < 0:
        return f"it cannot be read to its end ({signal.Signals(-code).name})"
    return fault


def _run_child(folder: Path, verify: Verify) -> tuple[int, str]:
    _remove(folder / _COPY)
    (folder / _COPY).mkdir()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _check_and_exit(folder, verify, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        fault = pipe.read().decode(errors="replace")
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), fault


def _check_and_exit(folder: Path, verify: Verify, writer: int) -> None:
    """Check an environment, write a compact copy, and end this process."""
    code, fault = _DAMAGED, ""
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGBUS, signal.SIGSEGV, signal.SIGXCPU):
            signal.signal(number, signal.SIG_DFL)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # they are for the host
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (_MAX_CPU_S, 2 * _MAX_CPU_S))  # damaged pages may form a circle
        with lmdb.open(str(folder), readonly=True, lock=False) as env:
            _walk(env, verify)
            env.copy(str(folder / _COPY), compact=True)
            with lmdb.open(str(folder / _COPY), readonly=True, lock=False) as copy:
                _walk(copy, verify)
        code = 0
    except lmdb.DiskError as error:
        code, fault = _NO_COPY, str(error)
    except BaseException as error:  # noqa: BLE001 -- this process must end here, whatever happens
        fault = str(error) or type(error).__name__
    finally:
        with contextlib.suppress(OSError):
            os.write(writer, fault.encode()[:1000])
        os._exit(code)


def _walk(env: "lmdb.Environment", verify: Verify) -> None:
    entries, last = 0, b""
    with env.begin() as transaction, transaction.cursor() as cursor:
        for key, value in cursor:
            if entries and key <= last:
                raise DamagedError("its keys are not in order")
            verify(key, value)
            entries, last = entries + 1, key
        if entries != transaction.stat()["entries"]:
            raise DamagedError("some of its entries are missing")
