"""A pack file in a replay. Its records are already decoded and are delivered unchanged."""

import time
from collections.abc import Iterator
from pathlib import Path

from host.core.errors import PackError
from host.packs import pack_file
from host.packs.arena import Arena
from host.packs.ledger import RawPack, Stream, TablePack
from host.packs.protocol import read_pack_header
from host.pipeline.context import SANDBOX_SLOT_BYTES
from host.replay.recording import Recording

_SLOTS = 2
"""One pack that is being processed, and the next one."""


class PackRecording(Recording):
    """A pack file, read one pack at a time.

    Raises:
        PackError: The file is not a pack file, or it is truncated.
        OSError: The file cannot be read.
    """

    def __init__(self, path: str, size_bytes: int, order: int) -> None:
        super().__init__(path, size_bytes, order)
        self._file = Path(path).open("rb")  # noqa: SIM115 -- `close` does
        entries = list(pack_file.entries(self._file, path))
        if any(entry.size != SANDBOX_SLOT_BYTES for entry in entries):
            raise PackError(f"{path} was written by a version of Hekate whose packs have another size.")
        self._left: Iterator[pack_file.Entry] = iter(entries)
        self._tables = Arena("replay-packs", SANDBOX_SLOT_BYTES, _SLOTS, host_writes=True)
        most = max((entry.raw for entry in entries), default=0)
        self._raws = Arena("replay-raw", most + 1, _SLOTS, host_writes=True)
        self.stream = Stream(f"replay/{order}", path, None)

    @property
    def is_ready(self) -> bool:
        """Load the next pack if needed. Always true: the next record is always known."""
        if self.is_over and not self.is_fully_read:
            entry = next(self._left, None)
            if entry is None:
                self.is_fully_read = True
            else:
                self._load(entry)
        return True

    def _load(self, entry: pack_file.Entry) -> None:
        at, raw_at = self._tables.acquire(), self._raws.acquire()
        assert at is not None, "the previous pack is released"
        assert raw_at is not None, "its raw bytes are released"
        slot = self._tables.view[at : at + SANDBOX_SLOT_BYTES]
        pack_file.load(self._file, entry, slot, self._raws.view[raw_at : raw_at + self._raws.slot_bytes])
        header = read_pack_header(slot, entry.front)
        assert header is not None, "the pack was just loaded"
        shapes = bytes(slot[header.shapes_start : header.shapes_start + header.shapes_bytes])
        assert self.stream is not None
        raw = RawPack(self._raws, raw_at, entry.raw, self.stream, entry.at, entry.end, None, _ignore_free)
        self.stream.add(raw)
        table = TablePack(
            self._tables, at, entry.front, header.record_count, shapes, "", 0, header.stream, header.position, raw,
            None, self._tables.release, time.monotonic_ns(),
        )  # fmt: skip
        self.add(table)
        table.release()
        raw.decoded = True
        self.stream.in_order(TablePack.release)
        raw.release()
        self.read_bytes = entry.end

    def close(self) -> None:
        """Close the file and free the memory. Its packs must not be used any more."""
        self._file.close()
        self._tables.close()
        self._raws.close()


def _ignore_free() -> None:
    """Do nothing when a slot is freed: no reader waits for it."""
