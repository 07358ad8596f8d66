"""Rotated files that no pattern matches, but that hold lines which were never read.

With `path: app.log`, a rotation while the host is stopped leaves what is not read yet in `app.log.1`, and further
rotations leave whole files that were never seen. They are found by name and by fingerprint.
"""

import os
import re
from collections.abc import Callable, Iterable
from pathlib import PurePath
from typing import NamedTuple

from host.delivery.checkpoints import Checkpoint
from host.inputs._file_finder import Found, look_at
from host.inputs._file_tail import base_name

_TRIES = 3
_NUMBER = re.compile(r"^\.(\d{1,4})(?:\.gz)?$")
_DATE = re.compile(r"^[.\-_](\d{6,}[\d\-_.T:]*?)(?:\.gz)?$")


class Missed(NamedTuple):
    """The rotated files of one path that were not read."""

    path: str
    files: list[Found]
    """Files with unread lines, oldest first."""
    last: Checkpoint | None
    """The checkpoint of the file that was read last, if that file is not found any more."""


class RotatedFiles:
    """Finds what rotation made of the files of an input. Each folder is listed once.

    Args:
        is_known: Returns True if a file was read already, wholly or in part, under whatever name.
    """

    def __init__(self, is_known: Callable[[Found], bool]) -> None:
        self._is_known = is_known
        self._listed: dict[str, dict[str, list[str]]] = {}

    def missed(self, path: str, last: Checkpoint) -> Missed:
        """Find the rotated files of a path that hold lines which were never read.

        Args:
            path: A path whose file was replaced since it was read.
            last: The checkpoint of the file that was read last under this path.
        """
        rotated = _oldest_first(path, self._siblings(path))
        known = [number for number, file in enumerate(rotated) if self._is_known(file)]
        if known:
            # What is older than a file that was read was there before anything was read, or was read too.
            return Missed(path, rotated[known[0] :], None)
        since_ns = int(last["updated_s"]) * 1_000_000_000
        return Missed(path, [file for file in rotated if file.mtime_ns >= since_ns], last)

    def forget(self, path: str) -> None:
        """List the folder of a path anew when it is needed again."""
        self._listed.pop(os.path.dirname(path), None)  # noqa: PTH120 -- of thousands

    def _siblings(self, path: str) -> list[Found]:
        folder, name = os.path.split(path)
        found: list[Found] = []
        for _ in range(_TRIES):
            if folder not in self._listed:
                self._listed[folder] = _by_base_name(folder)
            names = self._listed[folder].get(name, ())
            looked = [look_at(os.path.join(folder, sibling)) for sibling in names]  # noqa: PTH118 -- of thousands
            found = [file for file in looked if file is not None]
            # A compressed file beside its original is still being written.
            found = [file for file in found if not _is_being_packed(file)]
            if None not in looked:
                break
            del self._listed[folder]  # one was renamed or compressed since
        return found


def _is_being_packed(file: Found) -> bool:
    return file.path.endswith(".gz") and look_at(file.path.removesuffix(".gz")) is not None


def base_path(path: str) -> str:
    """Return the path that a rotated file had before."""
    folder, name = os.path.split(path)
    return os.path.join(folder, base_name(name))  # noqa: PTH118 -- of thousands


def _by_base_name(folder: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    try:
        names = os.listdir(folder)  # noqa: PTH208 -- of thousands
    except OSError:
        # The folder is gone, and its files with it.
        return {}
    for name in names:
        base = base_name(name)
        if base != name:
            found.setdefault(base, []).append(name)
    return found


def _oldest_first(path: str, files: Iterable[Found]) -> list[Found]:
    """Sort by what rotation put behind the name: compression may have changed the times."""
    name = PurePath(path).name
    suffixes = {file: PurePath(file.path).name.removeprefix(name) for file in files}
    numbers = {file: match for file, suffix in suffixes.items() if (match := _NUMBER.match(suffix))}
    if len(numbers) == len(suffixes):
        return sorted(suffixes, key=lambda file: -int(numbers[file][1]))
    dates = {file: match for file, suffix in suffixes.items() if (match := _DATE.match(suffix))}
    if len(dates) == len(suffixes):
        return sorted(suffixes, key=lambda file: dates[file][1])
    return sorted(suffixes, key=lambda file: file.mtime_ns)


def last_checkpoints(items: Iterable[tuple[str, Checkpoint]]) -> dict[str, Checkpoint]:
    """Return for each path the checkpoint of the file that was read last under it, without names of rotated files."""
    found: dict[str, Checkpoint] = {}
    for _, checkpoint in items:
        path = checkpoint["path"]
        name = PurePath(path).name
        if base_name(name) != name:
            continue
        if path not in found or checkpoint["updated_s"] >= found[path]["updated_s"]:
            found[path] = checkpoint
    return found
