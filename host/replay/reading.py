"""The input of a replay: it reads the recordings as far as somebody wants to go on with them."""

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
"""Of each file: one that is given on, one that is decoded meanwhile."""


class ReplayInput(Input):
    """Reads files in the place of whatever the input would read, each a stream of its own."""

    type = "replay"

    recordings: Sequence[Recording]
    by_stream: dict[Stream, Recording]
    """Where it says which stream is whose."""
    by_time: bool
    """Whether all are needed at once, or one after the other."""

    def __init__(self, name: str, options: Any, *others: Any, once: bool) -> None:
        super().__init__(name, options, *others, once=once)
        self._wanted = asyncio.Event()
        self._open: dict[Recording, tuple[Source, Feeder]] = {}

    def want(self) -> None:
        """Something was given on: there is room for more."""
        self._wanted.set()

    async def open(self) -> None:
        """Nothing: each file is opened when it is its turn."""

    async def _opened(self, recording: Recording) -> tuple[Source, Feeder]:
        """What reads a file.

        Raises:
            OSError: It cannot be opened.
        """
        found = self._open.get(recording)
        if found is None:
            source = open_source(recording.path)
            stream: Stream = self.intake.open_stream(f"replay/{recording.order}", recording.path)
            recording.stream = stream
            # Records without a time get this one, and those without a year a year that goes with it.
            stream.now_ns = os.fstat(source.fd).st_mtime_ns
            self.by_stream[stream] = recording
            self.metrics.streams_open += 1
            position = text_encoding.mark_bytes(source.head())
            await source.seek(position)
            found = self._open[recording] = source, Feeder(self, stream, self.new_splitter(), position)
        return found

    async def run(self) -> None:
        """Read until the end of every file, or until cancelled."""
        while left := [each for each in self.recordings if not each.read_to_its_end]:
            wanting = [each for each in (left if self.by_time else left[:1]) if each.ahead < _PACKS_AHEAD]
            for recording in wanting:
                await self._read(recording)
            if not wanting:
                await self._wanted.wait()
            self._wanted.clear()

    async def _read(self, recording: Recording) -> None:
        """Read once."""
        got = 0
        try:
            source, feeder = await self._opened(recording)
            got = await feeder.feed(lambda view: source.read(view, feeder.read_position))
        except OSError as error:  # what was read of it is good
            self.metrics.count_error("unreadable file")
            self.log.error("The rest of a file cannot be read.", path=recording.path, error=error.strerror)  # noqa: TRY400
        recording.read_bytes += got
        if got == 0 or feeder.broken:
            await self._finish(recording)

    async def _finish(self, recording: Recording) -> None:
        source, feeder = self._open.pop(recording, (None, None))
        if source is not None and feeder is not None:
            await feeder.finish()
            source.close()
        recording.read_to_its_end = True

    async def close(self) -> None:
        """Close the files."""
        for recording, (source, feeder) in self._open.items():
            feeder.abandon()
            source.close()
            recording.read_to_its_end = True
        self._open.clear()
