"""Files in `state_dir`, which only the host's user may read and write.

A link that another user planted there must not make the host read or write a file elsewhere.
"""

import contextlib
import errno
import os
import stat
from pathlib import Path

from host.core.errors import StartError

_SHARED_BITS = 0o077
_WRITABLE_BITS = 0o022
_OWN_FOLDERS = ("checkpoints", "dead_letters", "outputs", "versions")
_OWN_FILES = ("audit.jsonl*",)
_TOKEN_FILE = "admin-token"  # noqa: S105 -- a name of a file


def secure_state_dir(state_dir: Path) -> None:
    """Make `state_dir` and what the host keeps there accessible to the host's user only; create it if it is missing.

    Raises:
        StartError: It is a directory that others share, or there is a link where the host keeps something.
    """
    try:
        state_dir.mkdir(parents=True, mode=0o700, exist_ok=True)
        status = state_dir.stat()
        if status.st_mode & stat.S_ISVTX:
            raise StartError(f"state_dir: {state_dir} is shared by all users. Give the host a directory of its own.")
        _restrict(state_dir, status)
        for name in _OWN_FOLDERS:
            _secure(state_dir / name)
        # Others may have changed a token that they could write to, so it is refused later, and not made private here.
        _check_no_link(state_dir / _TOKEN_FILE)
        for pattern in _OWN_FILES:
            for path in state_dir.glob(pattern):
                _secure(path)
    except OSError as error:
        raise StartError(
            f"state_dir: cannot use {error.filename or state_dir}: {error.strerror}. "
            "Give a state_dir that this user may write to."
        ) from error


def _secure(path: Path) -> None:
    """Restrict a file, or a directory with all that is in it."""
    _check_no_link(path)
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    _restrict(path, status)
    if stat.S_ISDIR(status.st_mode):
        with os.scandir(path) as entries:
            for entry in entries:
                _secure(Path(entry.path))


def _check_no_link(path: Path) -> None:
    if path.is_symlink():
        raise StartError(f"state_dir: {path} is a symbolic link, which the host does not follow. Remove it.")


def _restrict(path: Path, status: os.stat_result) -> None:
    if status.st_mode & _SHARED_BITS and status.st_uid in {os.geteuid(), 0}:
        with contextlib.suppress(PermissionError):  # root's, and the host is not root: root decided so
            path.chmod(stat.S_IMODE(status.st_mode) & ~_SHARED_BITS)


def open_private(path: Path, flags: int) -> int:
    """Open a file that belongs to the host's user, and create it for that user only if `flags` say so.

    Raises:
        OSError: It cannot be opened, or is a link.
        PermissionError: It is no regular file, or another user owns it or may write to it.
    """
    fd = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
    try:
        _check_trust(path, os.fstat(fd))
    except BaseException:
        os.close(fd)
        raise
    return fd


def _check_trust(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise PermissionError(errno.EPERM, "it is no regular file", str(path))
    if status.st_uid not in {os.geteuid(), 0}:
        raise PermissionError(errno.EPERM, f"it belongs to the user with the id {status.st_uid}", str(path))
    if status.st_mode & _WRITABLE_BITS:
        raise PermissionError(errno.EPERM, "others may write to it; chmod it to 600 if its content is yours", str(path))


def write_new(path: Path, data: bytes) -> None:
    """Create a file with its whole content, or not at all; safe from a full disk and a power failure.

    Raises:
        OSError: It could not be written; there is no file of that name.
    """
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder_fd = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder_fd)
    finally:
        os.close(folder_fd)
