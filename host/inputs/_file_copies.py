"""Recognises rotated files: renamed while the host was stopped, copied, or compressed."""

import os
import time
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import Any, NamedTuple

from host.delivery.checkpoints import Checkpoint, Checkpoints
from host.inputs._file_finder import Found, look_at
from host.inputs._file_source import HEAD_BYTES, GzipSource, Source, digest, open_source
from host.inputs._file_tail import Identity, Tail, base_name, checkpoint_key, is_same

_FORGET_AFTER_S = 30 * 24 * 3600
_SETTLED_AFTER_S = 2.0
_MIN_SHORT_BYTES = 48


class Start(NamedTuple):
    """The position at which reading a file begins."""

    position: int
    released: int
    """The position at which reading begins after a crash."""
    past: dict[str, Any] | None = None
    """The state of the file before it was truncated, as far as it is known."""
    reading: str = ""
    """The name of the reading of these bytes that continues; empty for a new one."""
    copy_of: Tail | None = None
    """The tail that read these bytes up to the position, before its file was truncated."""


class Copies:
    """Recognises files that we know under another inode or another name.

    A file counts as a copy of another one only if its name is the other's with something behind it
    (`access.log.1`, `access.log-20240501.gz`) and its whole first KiB is the same. A compressed file may also be a
    copy of another rotation of the same log (`access.log.3.gz` of `access.log.1`), and of a file that was shorter
    than 1 KiB. When in doubt it is not a copy: records would be delivered twice,
    but none would be lost.

    All look-ups go by name or by the digest of the first KiB, so their cost does not grow with the number of files.
    """

    def __init__(self, checkpoints: Checkpoints, input_name: str) -> None:
        self._checkpoints = checkpoints
        self._prefix = checkpoint_key(input_name, (0, 0)).removesuffix("0-0")
        self._undecided: dict[Identity, tuple[int, float]] = {}
        self._short: dict[str, str | Checkpoint] = {}
        """Short files that are not open, by the digest of their bytes: their key, or what they were if the checkpoint
        of that key is of another file by now."""
        self._short_lengths: set[int] = set()
        self._named: dict[str, dict[Tail, None]] = {}
        """Open files by each name that they were found under, and by the name before rotation."""
        self._names: dict[Tail, set[str]] = {}
        self._open_keys: set[str] = set()
        self._closed: dict[str, dict[str, Checkpoint | None]] = {}
        """Files that are not open, by the digest of their first KiB: their keys, and what they were if the checkpoint
        of that key is of another file by now."""

    # What there is to compare with.

    def load(self) -> None:
        """Learn what the checkpoints on disk say."""
        for key, checkpoint in self._checkpoints.items(self._prefix):
            self._learn(key, checkpoint, frozen=False)
            past = checkpoint.get("past")
            if past is not None:
                self._learn(key, past | {"position": past["released"]}, frozen=True)

    def _learn(self, key: str, checkpoint: Checkpoint, *, frozen: bool) -> None:
        if int(checkpoint["head_bytes"]) == HEAD_BYTES:
            known = self._closed.setdefault(checkpoint["head"], {})
            known[f"{key} was" if frozen else key] = checkpoint if frozen else None
        elif int(checkpoint["head_bytes"]) >= _MIN_SHORT_BYTES:
            self._short[checkpoint["head"]] = checkpoint if frozen else key
            self._short_lengths.add(int(checkpoint["head_bytes"]))

    def opened(self, tail: Tail) -> None:
        """A file was opened, or an open one was found under another name."""
        names = {name for known in tail.all_names() for name in (known, base_name(known))}
        for name in names - self._names.setdefault(tail, set()):
            self._named.setdefault(name, {})[tail] = None
        self._names[tail] |= names
        self._open_keys.add(self._key(tail.identity))

    def closed(self, tail: Tail) -> None:
        """A file was closed; what is known of it is in the checkpoints."""
        for name in self._names.pop(tail, ()):
            tails = self._named[name]
            del tails[tail]
            if not tails:
                del self._named[name]
        key = self._key(tail.identity)
        self._open_keys.discard(key)
        if len(tail.head) == HEAD_BYTES:
            self._closed.setdefault(digest(tail.head), {})[key] = None
        elif len(tail.head) >= _MIN_SHORT_BYTES:
            self._short[digest(tail.head)] = key
            self._short_lengths.add(len(tail.head))

    def displaced(self, key: str, checkpoint: Checkpoint) -> None:
        """Another file has the inode of one that we know: its checkpoint is about to be overwritten."""
        self._learn(key, checkpoint, frozen=True)

    # Files that were rotated.

    def was_read(self, file: Found) -> bool:
        """Return True if the content of a file was read, wholly or in part, under any name."""
        try:
            source = open_source(file.path)
        except OSError:
            # No pattern matches the file, so the user did not ask for it. Do not warn.
            return False
        try:
            return self._checkpoint_of(file, source) is not None
        finally:
            source.close()

    def has_unread(self, file: Found) -> bool:
        """Return True if a file holds bytes that were not delivered under any name."""
        try:
            source = open_source(file.path)
        except OSError:
            return False
        try:
            checkpoint = self._checkpoint_of(file, source)
            return checkpoint is None or source.holds_more(int(checkpoint["position"]))
        finally:
            source.close()

    def _checkpoint_of(self, file: Found, source: Source) -> Checkpoint | None:
        """Return the checkpoint that says how far the content of a file was delivered; None if it was never read."""
        head, is_packed = source.head(), isinstance(source, GzipSource)
        checkpoint = self._checkpoints.get(self._key(file.identity))
        if checkpoint is not None and is_same(checkpoint, head):
            return checkpoint
        name = PurePath(file.path).name
        checkpoint = _best(self._matching("", name, head, is_packed=is_packed))
        return checkpoint if checkpoint is not None or not is_packed else self._short_copy(name, head)

    def checkpoints(self) -> Iterator[tuple[str, Checkpoint]]:
        """Return all checkpoints of this input's files."""
        return self._checkpoints.items(self._prefix)

    def renamed(self, files: list[Found]) -> Iterator[Found]:
        """Yield files with a checkpoint that no pattern matches any more, and in which something is left to read."""
        matched = {file.identity for file in files}
        folders = Folders()
        for key, checkpoint in list(self._checkpoints.items(self._prefix)):
            device, _, inode = key.removeprefix(self._prefix).partition("-")
            identity = (int(device), int(inode))
            if identity in matched:
                continue
            file = folders.search(os.path.dirname(checkpoint["path"]), identity)  # noqa: PTH120 -- of thousands
            if file is not None and goes_on(file, checkpoint):
                yield file
            elif time.time() - checkpoint["updated_s"] > _FORGET_AFTER_S:
                self._checkpoints.delete(key)

    # Files that were copied.

    def start_of(self, file: Found, head: bytes, *, is_packed: bool) -> Start | None:
        """Return the start in a copy of a file that was truncated or is gone; None if it is no such copy."""
        name = PurePath(file.path).name
        if len(head) < HEAD_BYTES:
            return self._start_of_short(name, head) if is_packed else None
        for tail in self._candidates(name, is_packed=is_packed):
            past = tail.past
            # Another file may have got its inode, under any name.
            if past is not None and _is_copy(past, head):
                position, released = int(past["position"]), int(past["released"])
                return Start(position, released, reading=past.get("reading", ""), copy_of=tail)
        best = _best(self._matching(self._key(file.identity), name, head, is_packed=is_packed))
        if best is None:
            return self._start_of_short(name, head) if is_packed else None
        position = int(best["position"])
        return Start(position, position, reading=best.get("reading", ""))

    def _start_of_short(self, name: str, head: bytes) -> Start | None:
        """Return the start in a compressed file that was short when it was last read, and may have grown since."""
        checkpoint = self._short_copy(name, head)
        if checkpoint is None:
            return None
        # Another file may begin with the same few bytes: one file has one copy.
        del self._short[checkpoint["head"]]
        position = int(checkpoint["position"])
        return Start(position, position, reading=checkpoint.get("reading", ""))

    def _short_copy(self, name: str, head: bytes) -> Checkpoint | None:
        for length in sorted(self._short_lengths, reverse=True):
            known = self._short.get(digest(head[:length])) if length <= len(head) else None
            if known is None or (isinstance(known, str) and known in self._open_keys):
                continue
            checkpoint = self._checkpoints.get(known) if isinstance(known, str) else known
            if checkpoint is None or checkpoint["head_bytes"] != length or not is_same(checkpoint, head):
                continue
            if _is_copy_name(name, PurePath(checkpoint["path"]).name, is_packed=True):
                return checkpoint
        return None

    def _matching(self, own_key: str, name: str, head: bytes, *, is_packed: bool) -> Iterator[Checkpoint]:
        for key, frozen in self._closed.get(digest(head), {}).items():
            if key == own_key or (frozen is None and key in self._open_keys):
                continue
            checkpoint = frozen or self._checkpoints.get(key)
            if checkpoint is None or not _is_copy(checkpoint, head):
                continue
            if _is_copy_name(name, PurePath(checkpoint["path"]).name, is_packed=is_packed):
                yield checkpoint

    def is_waiting(self, file: Found, head: bytes, *, is_packed: bool) -> bool:
        """Return True if the file is, or may yet turn out to be, a copy of a file that is being read."""
        for tail in self._candidates(PurePath(file.path).name, is_packed=is_packed):
            if not tail.head:
                continue
            if head == tail.head and (len(head) == HEAD_BYTES or (is_packed and len(head) >= _MIN_SHORT_BYTES)):
                tail.has_copy = True
                return True
            if len(head) < HEAD_BYTES and tail.head.startswith(head):
                return self._is_growing(file)
        self._undecided.pop(file.identity, None)
        return False

    def _candidates(self, name: str, *, is_packed: bool) -> Iterable[Tail]:
        """Open files of which a file of that name may be a copy."""
        return [
            tail
            for tail in {tail: None for tails in self._named_like(name) for tail in tails}
            if any(_is_copy_name(name, known, is_packed=is_packed) for known in tail.all_names())
        ]

    def _named_like(self, name: str) -> Iterator[dict[Tail, None]]:
        for length in range(1, len(name)):
            tails = self._named.get(name[:length])
            if tails is not None:
                yield tails

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


class Folders:
    """Finds files by their inode. Each folder is listed once."""

    def __init__(self) -> None:
        self._listed: dict[str, dict[int, list[str]]] = {}

    def search(self, folder: str, identity: Identity) -> Found | None:
        """Find a file in a folder, under whatever name; None if it is not there."""
        if folder not in self._listed:
            self._listed[folder] = _by_inode(folder)
        for path in self._listed[folder].get(identity[1], ()):
            file = look_at(path)
            if file is not None and file.identity == identity:
                return file
        return None


def _by_inode(folder: str) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                found.setdefault(entry.inode(), []).append(entry.path)
    except OSError:
        # The folder is gone, and its files with it.
        return {}
    return found


def _is_copy_name(name: str, known: str, *, is_packed: bool) -> bool:
    if name == known:
        return False
    return name.startswith(known) or (is_packed and base_name(name) == base_name(known))


def _is_copy(known: Checkpoint, head: bytes) -> bool:
    return int(known["head_bytes"]) == HEAD_BYTES and is_same(known, head)


def _best(matches: Iterable[Checkpoint]) -> Checkpoint | None:
    """Return the checkpoint to continue from; None if there is none.

    Copies of one reading continue where the last one ended. Of different files that begin alike, choose the one of
    which less was read: records may then be delivered twice, but none is lost.
    """
    furthest: dict[str, Checkpoint] = {}
    for checkpoint in matches:
        reading = checkpoint.get("reading", "")
        if reading not in furthest or checkpoint["position"] > furthest[reading]["position"]:
            furthest[reading] = checkpoint
    return min(furthest.values(), key=lambda checkpoint: int(checkpoint["position"]), default=None)


def goes_on(file: Found, checkpoint: Checkpoint) -> bool:
    """Return True if a checkpoint belongs to a file and the file holds more than was delivered."""
    try:
        source = open_source(file.path)
    except OSError:
        # No pattern matches the file any more, so the user did not ask for it. Do not warn.
        return False
    try:
        return is_same(checkpoint, source.head()) and source.holds_more(int(checkpoint["position"]))
    finally:
        source.close()
