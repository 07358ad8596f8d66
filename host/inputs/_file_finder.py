"""Expands the patterns of a file input to the files that match now."""

import glob
import os
import stat
import time
from pathlib import Path, PurePath
from typing import NamedTuple

from host.core import file_patterns
from host.core.errors import StartError
from host.core.file_patterns import fnmatch

_MANY = 1000


class Found(NamedTuple):
    """A file that a pattern matched."""

    path: str
    identity: tuple[int, int]
    size: int
    mtime_ns: int


class Look(NamedTuple):
    """The result of one scan of all patterns."""

    files: list[Found]
    folders: dict[str, set[str]]
    """Folders in which files may appear, with the patterns of the names in each."""
    cpu_s: float


class Finder:
    """Expands the patterns of one input.

    Args:
        name: The input's name, for messages.
        paths: Paths and patterns.
        exclude: Patterns of paths to leave out.
    """

    def __init__(self, name: str, paths: list[str], exclude: tuple[str, ...]) -> None:
        self._place = f"inputs.{name}.path"
        # Not `~`: a service has no home that a reader of its configuration could guess.
        self._patterns = [str(Path(path).absolute()) for path in paths]
        self._exclude = exclude
        self.is_quick = not any(glob.has_magic(pattern) for pattern in self._patterns)
        """True if a scan takes so little time that no thread is needed."""

    def check(self, *, must_exist: bool) -> None:
        """Refuse patterns that cannot mean what was intended.

        Raises:
            StartError: A folder is missing or unreadable, or a path is a folder, or a file must exist and does not.
        """
        for pattern in self._patterns:
            folder = _fixed_folder(pattern)
            if not folder.is_dir():
                raise StartError(f"{self._place}: the folder {folder} does not exist. Create it, or correct the path.")
            if not os.access(folder, os.R_OK | os.X_OK):
                raise StartError(
                    f"{self._place}: the folder {folder} cannot be read. Give this user read and search permission."
                )
            if not glob.has_magic(pattern):
                self._check_file(Path(pattern), must_exist=must_exist)

    def _check_file(self, path: Path, *, must_exist: bool) -> None:
        if path.is_dir():
            raise StartError(f"{self._place}: {path} is a folder. Write {path}/*.log, or whatever files are meant.")
        if path.exists() and not path.is_file():
            kind = "a named pipe" if path.is_fifo() else "no regular file"
            raise StartError(
                f"{self._place}: {path} is {kind}. The file input reads regular files only; use `type: stdin` with "
                f"`< {path}`, or have the program write to a file or a socket."
            )
        if must_exist and not path.exists():
            raise StartError(f"{self._place}: the file {path} does not exist. Create it, or correct the path.")
        if must_exist and not os.access(path, os.R_OK):
            raise StartError(f"{self._place}: the file {path} cannot be read. Give this user read permission.")

    def files(self) -> list[Found]:
        """All regular files that match: pattern by pattern, oldest first."""
        found: dict[tuple[int, int], Found] = {}
        for pattern in self._patterns:
            paths = file_patterns.glob(pattern, recursive=True) if glob.has_magic(pattern) else [pattern]
            wanted = [path for path in paths if not self.is_excluded(path)]
            files = [file for path in wanted if (file := look_at(path)) is not None]
            for file in sorted(files, key=lambda file: (file.mtime_ns, file.path)):
                found.setdefault(file.identity, file)
        return list(found.values())

    def look(self) -> Look:
        """Expand all patterns. This takes a while with many files, so it is called in a thread."""
        start_s = time.thread_time()
        files, folders = self.files(), self._folders()
        self.is_quick = len(files) + len(folders) < _MANY
        return Look(files, folders, time.thread_time() - start_s)

    def is_excluded(self, path: str) -> bool:
        """Return True if a path is left out although a pattern matches it."""
        return any(fnmatch(path, excluded) for excluded in self._exclude)

    def _folders(self) -> dict[str, set[str]]:
        folders: dict[str, set[str]] = {}
        for pattern in self._patterns:
            name = PurePath(pattern).name
            parent = os.path.dirname(pattern)  # noqa: PTH120 -- a pattern, not a path
            if glob.has_magic(parent):
                folders.setdefault(str(_fixed_folder(pattern)), set())
                for path in file_patterns.glob(parent, recursive=True):
                    folders.setdefault(path.rstrip("/"), set()).add(name)
            else:
                folders.setdefault(parent, set()).add(name)
        return {folder: names for folder, names in folders.items() if os.path.isdir(folder)}  # noqa: PTH112


def covers(patterns: set[str], name: str) -> bool:
    """Return True if one of the patterns matches a name in a folder, as `glob` would."""
    return any(
        fnmatch(name, pattern) and (pattern.startswith(".") or not name.startswith(".") or name == pattern)
        for pattern in patterns
    )


def look_at(path: str) -> Found | None:
    """A regular file, or None if there is none at that path."""
    try:
        status = os.stat(path)  # noqa: PTH116 -- for thousands of files at a time
    except OSError:
        # Gone between the listing and now, or a dangling link: there is nothing to read.
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return Found(path, (status.st_dev, status.st_ino), status.st_size, status.st_mtime_ns)


def _fixed_folder(pattern: str) -> Path:
    folder = Path(pattern).parent
    while glob.has_magic(str(folder)):
        folder = folder.parent
    return folder
