"""Decides the position at which reading begins in a file that is opened."""

from host.delivery.checkpoints import Checkpoint, Checkpoints
from host.inputs._file_copies import Copies, Start
from host.inputs._file_finder import Found
from host.inputs._file_options import FileOptions
from host.inputs._file_source import GzipSource, Source, last_line
from host.inputs._file_tail import checkpoint_key, is_same


class Starts:
    """Decides where to begin in the files of an input."""

    def __init__(
        self, name: str, options: FileOptions, checkpoints: Checkpoints, copies: Copies, *, reads_once: bool
    ) -> None:
        self._name = name
        self._options = options
        self._checkpoints = checkpoints
        self._copies = copies
        self._reads_once = reads_once

    def of(self, file: Found, source: Source, head: bytes, *, resumes: bool, at_end: bool) -> Start | None:
        """Return where to begin in a file; None if that cannot be said yet.

        Args:
            file: The file.
            source: The same, opened.
            head: The first bytes of its content.
            resumes: Whether reading goes on where an earlier run ended.
            at_end: Whether `start_at: end` applies to the file, if it was never read before.
        """
        key = checkpoint_key(self._name, file.identity)
        checkpoint = self._checkpoints.get(key) if resumes else None
        if checkpoint is None:
            return Start(0, 0) if self._reads_once else self._start_of_new(file, source, head, at_end=at_end)
        position = int(checkpoint["position"])
        if is_same(checkpoint, head) and (isinstance(source, GzipSource) or file.size >= position):
            return Start(position, position, _delivered(checkpoint.get("past")), checkpoint.get("reading", ""))
        # The file was truncated, or it has got the inode of another one.
        checkpoint.pop("past", None)
        self._copies.displaced(key, checkpoint)
        past = checkpoint | {"released": position}
        copied = None if self._reads_once else self._start_of_copy(file, source, head)
        return Start(0, 0, past=past) if copied is None else copied._replace(past=past)

    def _start_of_copy(self, file: Found, source: Source, head: bytes) -> Start | None:
        is_packed = isinstance(source, GzipSource)
        copied = self._copies.start_of(file, head, is_packed=is_packed)
        if copied is None or is_packed:
            return copied
        # It may have been made before all of it was read.
        return copied._replace(position=min(copied.position, file.size), released=min(copied.released, file.size))

    def _start_of_new(self, file: Found, source: Source, head: bytes, *, at_end: bool) -> Start | None:
        is_packed = isinstance(source, GzipSource)
        if (copied := self._start_of_copy(file, source, head)) is not None:
            return copied
        if self._copies.is_waiting(file, head, is_packed=is_packed):
            return None
        # If all positions were lost, what was not read yet may be anywhere in the files.
        if at_end and self._options.start_at == "end" and not is_packed and not self._checkpoints.damaged:
            position = last_line(source.fd, file.size)
            return Start(position, position)
        return Start(0, 0)


def _delivered(past: Checkpoint | None) -> Checkpoint | None:
    """Return the state before a truncation as another run sees it: undelivered bytes have to be read again."""
    return None if past is None else past | {"position": past["released"]}
