"""What rotation does with files behind our back: renames them while we are away, copies and compresses them."""

import os
import time
from pathlib import Path, PurePath
from typing import Any, NamedTuple

from host.delivery.checkpoints import Checkpoint, Checkpoints
from host.inputs._file_finder import Found, look_at
from host.inputs._file_source import HEAD_BYTES, open_source
from host.inputs._file_tail import Identity, Tail, checkpoint_key, is_same

_FORGET_AFTER_S = 30 * 24 * 3600
_SETTLED_AFTER_S = 2.0


class Start(NamedTuple):
    """Where to begin in a file."""

    position: int
    released: int
    """Where to begin after a crash."""
    past: dict[str, Any] | None = None
    """What the file was before it was truncated, as far as it is known."""
    reading: str = ""
    """Which reading of these bytes is gone on with; empty for a new one."""
    copy_of: Tail | None = None
    """What has read these bytes up to the position, before it was truncated."""


class Copies:
    """Recognises files that we know under another inode or another name.

    A file counts as a copy of another one only if its name is the other's with something behind it
    (`access.log.1`, `access.log-20240501.gz`) and its whole first KiB is the same. When in doubt it is not a
    copy: records would be delivered twice, but none would be lost.
    """

    def __init__(self, checkpoints: Checkpoints, input_name: str) -> None:
        self._checkpoints = checkpoints
        self._prefix = checkpoint_key(input_name, (0, 0)).removesuffix("0-0")
        self._undecided: dict[Identity, tuple[int, float]] = {}

    def renamed(self, files: list[Found]) -> list[Found]:
        """Files with a checkpoint that no pattern matches any more, and in which something is left to read."""
        matched = {file.identity for file in files}
        found = []
        for key, checkpoint in list(self._checkpoints.items(self._prefix)):
            device, _, inode = key.removeprefix(self._prefix).partition("-")
            identity = (int(device), int(inode))
            if identity in matched:
                continue
            file = _search(Path(checkpoint["path"]).parent, identity)
            if file is not None and file.size > checkpoint["position"] and _begins_as(file, checkpoint):
                found.append(file)
            elif time.time() - checkpoint["updated_s"] > _FORGET_AFTER_S:
                self._checkpoints.delete(key)
        return found

    def start_of(self, file: Found, head: bytes, tails: list[Tail]) -> Start | None:
        """Where to begin in a copy of a file that was truncated or is gone; None if it is no such copy."""
        name = PurePath(file.path).name
        for tail in tails:
            past = tail.past
            if past is None:
                continue
            # Another file may have got its inode, under any name.
            names = {*tail.names, PurePath(past["path"]).name}
            if _is_copy_name(name, names) and _is_copy(past, head):
                position, released = int(past["position"]), int(past["released"])
                return Start(position, released, reading=past.get("reading", ""), copy_of=tail)
        open_keys = {self._key(tail.identity) for tail in tails}
        for key, checkpoint in self._checkpoints.items(self._prefix):
            names = {PurePath(checkpoint["path"]).name}
            if key not in open_keys and _is_copy_name(name, names) and _is_copy(checkpoint, head):
                position = int(checkpoint["position"])
                return Start(position, position, reading=checkpoint.get("reading", ""))
        return None

    def is_waiting(self, file: Found, head: bytes, tails: list[Tail]) -> bool:
        """Whether the file is, or may yet turn out to be, a copy of a file that is being read."""
        name = PurePath(file.path).name
        for tail in tails:
            if not tail.head or not _is_copy_name(name, tail.names):
                continue
            if head == tail.head and len(head) == HEAD_BYTES:
                tail.has_copy = True
                return True
            if len(head) < HEAD_BYTES and tail.head.startswith(head):
                return self._is_growing(file)
        self._undecided.pop(file.identity, None)
        return False

    def _is_growing(self, file: Found) -> bool:
        now_s = time.monotonic()
        size, since_s = self._undecided.get(file.identity, (-1, now_s))
        if size != file.size:
            self._undecided[file.identity] = (file.size, now_s)
            return True
        if now_s - since_s < _SETTLED_AFTER_S:
            return True
        del self._undecided[file.identity]
        return False

    def _key(self, identity: Identity) -> str:
        return f"{self._prefix}{identity[0]}-{identity[1]}"


def _is_copy_name(name: str, names: set[str]) -> bool:
    return any(name != known and name.startswith(known) for known in names)


def _is_copy(known: Checkpoint, head: bytes) -> bool:
    return int(known["head_bytes"]) == HEAD_BYTES and is_same(known, head)


def _search(folder: Path, identity: Identity) -> Found | None:
    try:
        with os.scandir(folder) as entries:
            paths = [entry.path for entry in entries if entry.inode() == identity[1]]
    except OSError:
        # The folder is gone, and the file with it.
        return None
    for path in paths:
        file = look_at(path)
        if file is not None and file.identity == identity:
            return file
    return None


def _begins_as(file: Found, checkpoint: Checkpoint) -> bool:
    try:
        source = open_source(file.path)
    except OSError:
        # It matches no pattern any more, so nobody asked for it: not worth a warning.
        return False
    try:
        return is_same(checkpoint, source.head())
    finally:
        source.close()
