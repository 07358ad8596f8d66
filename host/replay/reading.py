"""The input of a replay: it reads the recordings as far as somebody wants to go on with them."""

import asyncio
import os
from collections.abc import Sequence
from typing import Any

from host.errors import StartError
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

    def __init__(self, name: str, options: Any, *others: Any, once: bool) -> None:
        super().__init__(name, options, *others, once=once)
        self._wanted = asyncio.Event()
        self._sources: dict[Recording, Source] = {}
        self._feeders: dict[Recording, Feeder] = {}

    def want(self) -> None:
        """Something was given on: there is room for more."""
        self._wanted.set()

    async def open(self) -> None:
        """Open the files.

        Raises:
            StartError: One cannot be read.
        """
        for recording in self.recordings:
            try:
                source = self._sources[recording] = open_source(recording.path)
            except OSError as fault:
                raise StartError(f"Cannot read {recording.path}: {fault.strerror}.") from fault
            stream: Stream = self.intake.open_stream(f"replay/{recording.order}", recording.path)
            recording.stream = stream
            # Records without a time get this one, and those without a year a year that goes with it.
            stream.now_ns = os.fstat(source.fd).st_mtime_ns
            self.by_stream[stream] = recording
            self.metrics.streams_open += 1
            self._feeders[recording] = Feeder(self, stream, self.new_splitter())

    async def run(self) -> None:
        """Read until the end of every file, or until cancelled."""
        while left := [each for each in self.recordings if not each.read_to_its_end]:
            wanting = [each for each in left if each.ahead < _PACKS_AHEAD]
            for recording in wanting:
                await self._read(recording)
            if not wanting:
                await self._wanted.wait()
            self._wanted.clear()

    async def _read(self, recording: Recording) -> None:
        """Read once."""
        feeder, source = self._feeders[recording], self._sources[recording]
        try:
            got = await feeder.feed(lambda view: source.read(view, feeder.read_position))
        except OSError as fault:  # what was read of it is good
            self.metrics.count_error("unreadable file")
            self.log.warning("The rest of a file cannot be read.", path=recording.path, error=fault.strerror)
            got = 0
        recording.read_bytes += got
        if got == 0 or feeder.broken:
            await feeder.finish()
            recording.read_to_its_end = True

    async def close(self) -> None:
        """Close the files."""
        for recording in self.recordings:
            if not recording.read_to_its_end and recording in self._feeders:
                self._feeders[recording].abandon()
                recording.read_to_its_end = True
        for source in self._sources.values():
            source.close()
