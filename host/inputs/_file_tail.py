"""One file that is being read: where we are in it, what it is known by, whether it is still the same."""

import os
import re
import secrets
import time
from collections.abc import Callable
from functools import partial
from pathlib import PurePath
from typing import Any

from host.core import text_encoding
from host.inputs._file_source import GzipSource, Source, digest
from host.inputs.base import Feeder, Input

Identity = tuple[int, int]
"""Device and inode."""
_ROTATED = re.compile(r"(?:[.\-_]\d[\d\-_.T:]*|\.(?:gz|old|bak))+$")
"""The suffixes that rotation appends to a file's name."""


def base_name(name: str) -> str:
    """Return the name that a rotated file had before."""
    return _ROTATED.sub("", name) or name


def checkpoint_key(input_name: str, identity: Identity) -> str:
    """Return the key of the checkpoint of a file."""
    return f"{input_name}/file/{identity[0]}-{identity[1]}"


def is_same(checkpoint: dict[str, Any], head: bytes) -> bool:
    """Return True if a file begins like the file that a checkpoint was made of."""
    length = int(checkpoint["head_bytes"])
    return len(head) >= length and digest(head[:length]) == checkpoint["head"]


def is_replaced(path: str) -> bool:
    """Return True if a file is at the path that a file at `path` had before rotation."""
    folder, name = os.path.split(path)
    return os.path.lexists(os.path.join(folder, base_name(name)))  # noqa: PTH118 -- of thousands


class Tail:
    """An open file of the file input.

    Attributes:
        path: Its last known path.
        paths: All paths that it was ever found under.
        names: File names that it was ever found under.
        head: The first bytes of its content, as far as they are known.
        after: A file that is to be read to its end before this one.
        gone_since_s: When it was last seen to be matched no more; None while it is.
        released: Up to where everything was delivered.
        reading: Names this reading of the file, as long as its positions mean the same bytes, also after a crash.
        finished: Nothing more will be read from it.
        has_copy: Whether another file is a copy of it, which goes on where this one ends.
    """

    def __init__(self, owner: Input, source: Source, path: str, identity: Identity, head: bytes) -> None:
        self._owner = owner
        self._source = source
        self._generation = 0
        self._known: dict[str, Any] = {}
        self._checked = True
        self._feeder: Feeder | None = None
        self.identity = identity
        self.path = path
        self.paths = {path}
        self.names = {PurePath(path).name}
        self.head = head
        self.after: Tail | None = None
        self.gone_since_s: float | None = None
        self.active_s = time.monotonic()
        self.released = 0
        self.reading = ""
        self.finished = False
        self.unlinked = False
        self.has_copy = False
        self.past: dict[str, Any] | None = None
        """The beginning of the file before it was last truncated, and the position up to which it was read."""
        self._past_generation = -1
        self._copy: Tail | None = None
        """The copy that continues the content of the file before it was last truncated."""
        self.on_delivered: Callable[[], None] | None = None
        """Called when the file is finished and all of it was delivered."""

    @property
    def feeder(self) -> Feeder:
        """The feeder that reads the file now. It exists once `start` was called."""
        assert self._feeder is not None
        return self._feeder

    @property
    def fd(self) -> int:
        """The open file."""
        return self._source.fd

    @property
    def read_position(self) -> int:
        """The position of the next read."""
        return self.feeder.read_position

    @property
    def is_packed(self) -> bool:
        """True if this is a gzip file, which is read once."""
        return isinstance(self._source, GzipSource)

    @property
    def is_complete(self) -> bool:
        """True if this is a gzip file that has been read to its end."""
        return isinstance(self._source, GzipSource) and self._source.complete

    @property
    def is_delivered(self) -> bool:
        """True if all of it was read and delivered."""
        return self.finished and self.released >= self.feeder.submitted

    @property
    def is_in_doubt(self) -> bool:
        """True if the file must be checked before the next read."""
        return not self._checked

    @property
    def is_caught_up(self) -> bool:
        """True if all whole records that were read are delivered."""
        return self.released >= self.feeder.submitted

    @property
    def is_settled(self) -> bool:
        """True if its checkpoint says all that is known of it, so that it can be closed and opened again."""
        past = self.past
        past_is_settled = past is None or past["released"] >= past["position"]
        return self.is_caught_up and past_is_settled and not (self.has_copy or self.is_in_doubt or self.is_packed)

    @property
    def checkpoint(self) -> dict[str, Any]:
        """The checkpoint of the file as of now."""
        return self._checkpoint(self.released)

    def all_names(self) -> set[str]:
        """Names that it was found under, and the one that it had before it was truncated."""
        return self.names if self.past is None else {*self.names, PurePath(self.past["path"]).name}

    async def start(self, position: int, released: int | None = None, reading: str = "") -> None:
        """Begin to read at a position; after a crash, reading would begin at `released`.

        Args:
            position: Where.
            released: Up to where everything was delivered; by default the same.
            reading: The reading that is gone on with; empty for a new one.
        """
        await self._source.seek(position)
        self.reading = reading or secrets.token_hex(8)
        self._open_stream(position)
        self._released(self._generation, position if released is None else released)

    def found_at(self, path: str) -> None:
        """The file was found under a path, maybe a new one."""
        self.gone_since_s = None
        if path != self.path:
            self.path = path
            self.paths.add(path)
            self.names.add(PurePath(path).name)
            self._known = {}

    def touch(self) -> None:
        """Something happened to the file: look whether it is still the same before the next read."""
        self._checked = False

    def has_more(self) -> bool:
        """Return True if the file's size says that bytes are unread, or that it was truncated."""
        return not self.is_complete if self.is_packed else os.fstat(self.fd).st_size != self.read_position

    async def read(self) -> int:
        """Read once, and return how many bytes."""
        if not self._checked:
            self._checked = True
            if self._was_rewritten():
                await self._begin_again()
        if self.read_position == 0:
            await self._look_at_beginning()
        got = await self.feeder.feed(self._read_what_is_known)
        if got:
            self.active_s = time.monotonic()
        return got

    def _read_what_is_known(self, view: memoryview) -> int:
        """Read, and only then look whether it was the same file still: it may be rewritten at any moment."""
        got = self._source.read(view, self.read_position)
        if got and self._was_rewritten():
            self._checked = False
            return 0
        return got

    async def finish(self) -> None:
        """Submit what is left, and close the file."""
        await self.feeder.finish()
        self.finished = True
        self._source.close()
        self._settle()

    def abandon(self) -> None:
        """Close the file; it will be read again from the last position that was released."""
        if not self.finished:
            self.finished = True
            if self._feeder is not None:
                self._feeder.abandon()
            self._source.close()

    def _was_rewritten(self) -> bool:
        if self.is_packed:
            return False
        if os.fstat(self.fd).st_size < self.read_position:
            return True
        head = self._source.head()
        same = head.startswith(self.head)
        if same and len(head) > len(self.head):
            self._learn(head)
            self._keep()  # by its head, a copy is known also after a crash
        return not same

    async def _begin_again(self) -> None:
        self._owner.log.info("The file was truncated; it is read from its beginning.", path=self.path)
        # An unfinished last line is read from the copy, if there is one: there it may have an end.
        self.past = None
        self.past = self._checkpoint(self.feeder.submitted) | {"released": self.released}
        if self.has_copy:
            self.feeder.abandon()
        else:
            await self.feeder.finish()
        self._past_generation, self._copy = self._generation, None
        self._generation += 1
        self.reading = secrets.token_hex(8)
        self._learn(self._source.head())
        self._open_stream(0)
        self._released(self._generation, 0)

    async def _look_at_beginning(self) -> None:
        """Pass over a byte order mark, which is no part of the first record; say so of text that nobody will decode."""
        head = self._source.head()
        if advice := text_encoding.utf16_advice(head):
            self._owner.log.warning("A file will not be decoded.", path=self.path, hint=advice)
        if mark_bytes := text_encoding.mark_bytes(head):
            await self.feeder.finish()
            await self._source.seek(mark_bytes)
            self._generation += 1
            self._open_stream(mark_bytes)
            self._released(self._generation, mark_bytes)

    def _learn(self, head: bytes) -> None:
        self.head = head
        self._known = {}

    def _open_stream(self, position: int) -> None:
        key = checkpoint_key(self._owner.name, self.identity)
        if self._generation:
            key = f"{key}#{self._generation}"
        released = partial(self._released, self._generation)
        self._feeder = self._owner.new_feeder(key, self.path, position, released, self.reading)

    def _released(self, generation: int, position: int) -> None:
        # What was read before a truncation is not in the file any more, but maybe in a copy.
        if generation != self._generation:
            if generation == self._past_generation:
                self._released_of_past(position)
            return
        self.released = position
        self._keep()
        self._settle()

    def _keep(self) -> None:
        self._owner.checkpoints.put(checkpoint_key(self._owner.name, self.identity), self._checkpoint(self.released))

    def goes_on_in(self, copy: "Tail") -> None:
        """Continue the content before the truncation in a copy. The position on disk is then that of the copy."""
        assert self.past is not None
        self._copy = copy
        self._released_of_past(self.past["released"])

    def _released_of_past(self, position: int) -> None:
        assert self.past is not None
        self.past["released"] = position = min(position, self.past["position"])
        copy = self._copy
        if copy is None:
            self._keep()  # a copy may be found by the next run only
        elif position > copy.released:
            copy._released(copy._generation, position)

    def _checkpoint(self, position: int) -> dict[str, Any]:
        if not self._known:
            self._known = {"path": self.path, "head_bytes": len(self.head), "head": digest(self.head)}
        past = {"past": self.past} if self.past is not None and self._copy is None else {}
        return {**self._known, "position": position, "reading": self.reading, "updated_s": int(time.time()), **past}

    def _settle(self) -> None:
        if not self.is_delivered:
            return
        # Rotation may have compressed a deleted file: the checkpoint tells that its copy is read.
        if self.unlinked and not self.has_copy and not is_replaced(self.path):
            self._owner.checkpoints.delete(checkpoint_key(self._owner.name, self.identity))
        if self.on_delivered is not None:
            tell, self.on_delivered = self.on_delivered, None
            tell()
