"""Files that an input has read to their end and closed, until they change."""

import os
import time
from collections.abc import Iterable

from host.inputs._file_finder import Found, look_at
from host.inputs._file_tail import Identity, Tail

_FEWEST = 16


class _Closed:
    """Path, size and time of a file when it was closed."""

    __slots__ = ("gone_since_s", "mtime_ns", "path", "size")

    def __init__(self, path: str, size: int, mtime_ns: int) -> None:
        self.path = path
        self.size = size
        self.mtime_ns = mtime_ns
        self.gone_since_s: float | None = None


class ClosedFiles:
    """Remembers closed files by their identity. One takes a few hundred bytes and no descriptor."""

    def __init__(self) -> None:
        self._files: dict[Identity, _Closed] = {}

    def add(self, tail: Tail, status: os.stat_result) -> None:
        """Remember a file that was closed."""
        self._files[tail.identity] = _Closed(tail.path, status.st_size, status.st_mtime_ns)

    def __contains__(self, identity: Identity) -> bool:
        """Return True if a file was closed and not opened since."""
        return identity in self._files

    def pop(self, identity: Identity) -> None:
        """Forget a file: it is opened again."""
        self._files.pop(identity, None)

    def is_unchanged(self, file: Found) -> bool:
        """Return True if a file was closed and has not changed since."""
        closed = self._files.get(file.identity)
        if closed is None:
            return False
        closed.path, closed.gone_since_s = file.path, None
        return closed.size == file.size and closed.mtime_ns == file.mtime_ns

    def look_at(self, identity: Identity) -> Found | None:
        """Look at a closed file; None if it is not at its path any more."""
        closed = self._files.get(identity)
        file = look_at(closed.path) if closed is not None else None
        return file if file is not None and file.identity == identity else None

    def path(self, identity: Identity) -> str:
        """Return the last known path of a closed file."""
        return self._files[identity].path

    def missing(self, seen: set[Identity]) -> list[Identity]:
        """Return the files that are not among those that were seen."""
        return [identity for identity in self._files if identity not in seen]

    def is_gone_for(self, identity: Identity, seconds: float) -> bool:
        """Note that a file was not found; return True if that was so for a while."""
        closed, now_s = self._files[identity], time.monotonic()
        if closed.gone_since_s is None:
            closed.gone_since_s = now_s
        return now_s - closed.gone_since_s >= seconds


def longest_idle(tails: Iterable[Tail], surplus: int) -> list[Tail]:
    """Return the files to close so that there is room for others: some more than the surplus, longest idle first."""
    settled = sorted((tail for tail in tails if tail.is_settled), key=lambda tail: tail.active_s)
    return settled[: max(surplus, _FEWEST)]
