"""Runs a pipeline over recordings, from start to end, until it is told to stop."""

import asyncio
import signal
from collections.abc import Callable
from functools import partial

from host.config import model
from host.core import signals
from host.outputs.base import Output
from host.pipeline.pipeline import Pipeline
from host.replay.environment import ReplayEnvironment
from host.replay.output_preview import Lines
from host.replay.pace import Pace
from host.replay.recordings import Recordings
from host.replay.scheduler import ReplayScheduler, Span


class Session:
    """One run.

    Args:
        config: With just the inputs that have recordings.
        recordings: What they read.
        begin_ns: What time it is before the first record.
        new_output: What makes outputs; None for those of the configuration.
        lines: What these show.
    """

    def __init__(
        self,
        config: model.Config,
        recordings: Recordings,
        *,
        begin_ns: int = 0,
        new_output: Callable[..., Output] | None = None,
        lines: Lines | None = None,
    ) -> None:
        self.recordings = recordings
        self.world = ReplayEnvironment(recordings, begin_ns, new_output)
        self._lines = lines
        if lines is not None:
            self.world.at_rest, lines.on_fault = lines.write, self.on_fault
        self.pipeline = Pipeline(config, once=True, world=self.world)
        self.signal: signal.Signals | None = None
        """Which one has ended it."""
        self.write_fault: OSError | None = None
        """Why standard output takes nothing more."""
        self._scheduler: ReplayScheduler | None = None

    async def run(self, pace: Pace | None = None, span: Span | None = None) -> ReplayScheduler:
        """Run it to its end, or until a signal; answers who conducted it.

        Raises:
            HekateError: It could not be started, or not be brought to its end.
        """
        try:
            await self.pipeline.start()
            scheduler = self._scheduler = ReplayScheduler(self.pipeline, self.world, pace or Pace(None), span or Span())
            loop = asyncio.get_running_loop()
            # In the midst of a batch, too, which may be many records to show.
            with signals.told(partial(self._on_signal, loop)):
                try:
                    await scheduler.run()
                finally:
                    await self.pipeline.stop()
                    if self.world.at_rest is not None:
                        self.world.at_rest()
                    scheduler.close()
        finally:
            self.recordings.close()
        return scheduler

    def on_fault(self, fault: OSError) -> None:
        """Standard output takes nothing more: nobody reads it, or the disk is full."""
        self.write_fault = self.write_fault or fault
        self._stop()

    def _on_signal(self, loop: asyncio.AbstractEventLoop, number: signal.Signals) -> None:
        self.signal = self.signal or number
        if self._lines is not None:
            self._lines.is_over = True
        loop.call_soon_threadsafe(self._stop)

    def _stop(self) -> None:
        if self._scheduler is not None:
            self._scheduler.stop()
