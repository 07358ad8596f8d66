"""A file of packs in a replay: what stands in it was decoded before, and goes on as it is."""

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
"""One that is given on, and one that comes next."""


class PackRecording(Recording):
    """A file of packs, of which one is read whenever one is needed.

    Raises:
        PackError: It is no file of packs, or it is cut short.
        OSError: It cannot be read.
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
    def ready(self) -> bool:
        """Whether it is known what comes next, which it always is."""
        if self.over and not self.read_to_its_end:
            entry = next(self._left, None)
            if entry is None:
                self.read_to_its_end = True
            else:
                self._load(entry)
        return True

    def _load(self, entry: pack_file.Entry) -> None:
        at, raw_at = self._tables.acquire(), self._raws.acquire()
        assert at is not None, "the pack before has been given on"
        assert raw_at is not None, "so have its raw bytes"
        slot = self._tables.view[at : at + SANDBOX_SLOT_BYTES]
        pack_file.load(self._file, entry, slot, self._raws.view[raw_at : raw_at + self._raws.slot_bytes])
        header = read_pack_header(slot, entry.front)
        assert header is not None, "it has been loaded"
        shapes = bytes(slot[header.shapes_start : header.shapes_start + header.shapes_bytes])
        assert self.stream is not None
        raw = RawPack(self._raws, raw_at, entry.raw, self.stream, entry.at, entry.end, None, _nothing)
        self.stream.add(raw)
        table = TablePack(
            self._tables, at, entry.front, header.record_count, shapes, "", 0, header.stream, header.position, raw,
            None, self._tables.release, time.monotonic_ns(),
        )  # fmt: skip
        self.add(table)
        table.let_go()
        raw.decoded = True
        self.stream.in_order(TablePack.let_go)
        raw.let_go()
        self.read_bytes = entry.end

    def close(self) -> None:
        """Let the file and the memory go; nobody may use its packs any more."""
        self._file.close()
        self._tables.close()
        self._raws.close()


def _nothing() -> None:
    """Nobody waits for its slots."""
