"""Runs a pipeline over recordings from start to end, or until it is told to stop."""

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


class ReplaySession:
    """One replay.

    Args:
        config: A configuration with only the inputs that have recordings.
        recordings: The files that the inputs read.
        begin_ns: The virtual time before the first record.
        new_output: Creates outputs; None to use those of the configuration.
        lines: The lines of preview outputs.
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
        self.environment = ReplayEnvironment(recordings, begin_ns, new_output)
        self._lines = lines
        if lines is not None:
            self.environment.on_idle, lines.on_error = lines.write, self.handle_write_error
        self.pipeline = Pipeline(config, once=True, environment=self.environment)
        self.signal: signal.Signals | None = None
        """The signal that ended the replay, if any."""
        self.write_error: OSError | None = None
        """The error of standard output, if it can no longer be written."""
        self._scheduler: ReplayScheduler | None = None

    async def run(self, pace: Pace | None = None, span: Span | None = None) -> ReplayScheduler:
        """Run the replay to its end or until a signal, and return its scheduler.

        Raises:
            HekateError: The pipeline could not start, or the replay could not be completed.
        """
        try:
            await self.pipeline.start()
            scheduler = self._scheduler = ReplayScheduler(
                self.pipeline, self.environment, pace or Pace(None), span or Span()
            )
            loop = asyncio.get_running_loop()
            # A signal also stops the output in the middle of a large batch.
            with signals.handle_signals(partial(self._on_signal, loop)):
                try:
                    await scheduler.run()
                finally:
                    await self.pipeline.stop()
                    if self.environment.on_idle is not None:
                        self.environment.on_idle()
                    scheduler.close()
        finally:
            self.recordings.close()
        return scheduler

    def handle_write_error(self, error: OSError) -> None:
        """Stop the replay: standard output can no longer be written."""
        self.write_error = self.write_error or error
        self._stop()

    def _on_signal(self, loop: asyncio.AbstractEventLoop, number: signal.Signals) -> None:
        self.signal = self.signal or number
        if self._lines is not None:
            self._lines.is_over = True
        loop.call_soon_threadsafe(self._stop)

    def _stop(self) -> None:
        if self._scheduler is not None:
            self._scheduler.stop()
