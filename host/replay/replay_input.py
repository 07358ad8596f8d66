"""The input of a replay. It reads the recordings as far as the scheduler needs them."""

import asyncio
import os
from collections.abc import Sequence
from typing import Any

from host.core import text_encoding
from host.inputs._file_source import Source, open_source
from host.inputs.base import Feeder, Input
from host.packs.ledger import Stream
from host.replay.recording import Recording

_PACKS_AHEAD = 2
"""Packs per file: one that is delivered, and one that is decoded meanwhile."""


class ReplayInput(Input):
    """Reads recordings instead of the input's own source. Each file is a stream of its own."""

    type = "replay"

    recordings: Sequence[Recording]
    by_stream: dict[Stream, Recording]
    """The recording of each stream; filled by the input."""
    by_time: bool
    """True if all files are read concurrently; False to read one after the other."""

    def __init__(self, name: str, options: Any, *others: Any, once: bool) -> None:
        super().__init__(name, options, *others, once=once)
        self._wake_event = asyncio.Event()
        self._open: dict[Recording, tuple[Source, Feeder]] = {}

    def wake(self) -> None:
        """Wake the reader: a pack was delivered, so there is room for more."""
        self._wake_event.set()

    async def open(self) -> None:
        """Do nothing: each file is opened when it is first read."""

    async def _open_file(self, recording: Recording) -> tuple[Source, Feeder]:
        """Return the source and feeder of a file, and open it the first time.

        Raises:
            OSError: The file cannot be opened.
        """
        opened = self._open.get(recording)
        if opened is None:
            source = open_source(recording.path)
            stream: Stream = self.intake.open_stream(f"replay/{recording.order}", recording.path)
            recording.stream = stream
            # The time of records that have none. Records without a year get their year from it.
            stream.now_ns = os.fstat(source.fd).st_mtime_ns
            self.by_stream[stream] = recording
            self.metrics.streams_open += 1
            position = text_encoding.mark_bytes(source.head())
            await source.seek(position)
            opened = self._open[recording] = source, Feeder(self, stream, self.new_splitter(), position)
        return opened

    async def run(self) -> None:
        """Read until the end of every file, or until cancelled."""
        while left := [each for each in self.recordings if not each.is_fully_read]:
            due = [each for each in (left if self.by_time else left[:1]) if each.ahead < _PACKS_AHEAD]
            for recording in due:
                await self._read(recording)
            if not due:
                await self._wake_event.wait()
            self._wake_event.clear()

    async def _read(self, recording: Recording) -> None:
        """Read a recording once."""
        got = 0
        try:
            source, feeder = await self._open_file(recording)
            got = await feeder.feed(lambda view: source.read(view, feeder.read_position))
        except OSError as error:  # the part that was read is good
            self.metrics.count_error("unreadable file")
            text = "Cannot read the rest of a file; continuing without it."
            self.log.error(text, path=recording.path, error=error.strerror)  # noqa: TRY400
        recording.read_bytes += got
        if got == 0 or feeder.broken:
            await self._finish(recording)

    async def _finish(self, recording: Recording) -> None:
        source, feeder = self._open.pop(recording, (None, None))
        if source is not None and feeder is not None:
            await feeder.finish()
            source.close()
        recording.is_fully_read = True

    async def close(self) -> None:
        """Close the files."""
        for recording, (source, feeder) in self._open.items():
            feeder.abandon()
            source.close()
            recording.is_fully_read = True
        self._open.clear()
