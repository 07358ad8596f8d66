"""The progress line of a run, on a terminal."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

if TYPE_CHECKING:
    from host.pipeline.pipeline import Pipeline

_INTERVAL_S = 0.2


class Progress:
    """Shows records in and out, rate, drops and the time left, several times a second.

    Args:
        pipeline: The running pipeline.
        stream: A terminal.
        total_bytes: Bytes to read; None if unknown or endless.
    """

    def __init__(self, pipeline: Pipeline, stream: TextIO, total_bytes: int | None) -> None:
        self._pipeline = pipeline
        self._total_bytes = total_bytes
        self._begun_s = time.monotonic()
        self._live = Live(console=Console(file=stream), refresh_per_second=5, transient=True)
        self._task: asyncio.Task[None] | None = None
        self._last = (time.monotonic(), 0)

    def start(self) -> None:
        """Show the line."""
        self._live.start()
        self._task = asyncio.get_running_loop().create_task(self._run(), name="progress")

    async def stop(self) -> None:
        """Remove the line."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._live.stop()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_INTERVAL_S)
            self._live.update(self._line())

    def _line(self) -> Text:
        metrics = self._pipeline.metrics
        records = metrics.total("records_received", "decoders")
        sent = metrics.total("records_sent", "outputs")
        now = time.monotonic()
        since, before = self._last
        rate = (records - before) / (now - since)
        self._last = (now, records)
        dropped = sum(sum(component.drops.values()) for component in metrics.components() if component.kind != "router")
        text = f"{records:,} records in, {sent:,} out, {rate:,.0f} records/s"
        return Text(text + (f", {dropped:,} dropped" if dropped else "") + self._left(now))

    def _left(self, now_s: float) -> str:
        """Return the share that is read, and the estimated time for the rest."""
        read = self._pipeline.metrics.total("bytes_received", "inputs")
        if not self._total_bytes or not read:
            return ""
        share = min(1.0, read / self._total_bytes)
        left_s = round((now_s - self._begun_s) * (1 - share) / share)
        return f", {share:.0%}, {left_s // 60}:{left_s % 60:02d} left"
