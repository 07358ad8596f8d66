"""Rates of the components over the last seconds."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from host.pipeline.pipeline import Pipeline
from host.telemetry.metrics import ComponentMetrics

_INTERVAL_S = 1.0
_KEPT = 6
"""Samples: rates are over five seconds."""


class Counts(NamedTuple):
    """Counters of a component at one moment."""

    received: int
    sent: int
    injected: int
    bytes: int
    errors: int
    dropped: int


_NOTHING = Counts(0, 0, 0, 0, 0, 0)
Key = tuple[str, str]
_Sample = dict[Key, Counts]


class Throughput:
    """Takes a sample each second.

    Args:
        pipeline: What runs.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._samples: deque[tuple[float, _Sample]] = deque(maxlen=_KEPT)
        self._task: asyncio.Task[None] | None = None
        self.on_sample: list[Callable[[], None]] = []
        """Called after each sample."""

    def start(self) -> None:
        """Begin."""
        self._sample()
        self._task = asyncio.get_running_loop().create_task(self._run(), name="rates")

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_INTERVAL_S)
            self._sample()
            for told in self.on_sample:
                told()

    def _sample(self) -> None:
        found: _Sample = {
            (metrics.kind, metrics.name): _counts(metrics) for metrics in self._pipeline.metrics.components()
        }
        self._samples.append((time.monotonic(), found))

    def of(self, kind: str, name: str) -> dict[str, float]:
        """Return a component's recent rates per second, by the names of `Counts`."""
        (first_s, first), (last_s, last) = self._samples[0], self._samples[-1]
        now, then = last.get((kind, name), _NOTHING), first.get((kind, name), _NOTHING)
        elapsed_s = max(last_s - first_s, 1e-9)
        if last_s == first_s:
            return dict.fromkeys(Counts._fields, 0.0)
        each = zip(Counts._fields, now, then, strict=True)
        return {name: round(max(0, value - before) / elapsed_s, 1) for name, value, before in each}


def _counts(metrics: ComponentMetrics) -> Counts:
    return Counts(
        received=metrics.records_received,
        sent=metrics.records_sent,
        injected=metrics.records_injected,
        bytes=metrics.bytes_sent or metrics.bytes_received,
        errors=sum(metrics.errors.values()),
        dropped=sum(metrics.drops.values()),
    )
