"""What a pipeline has from outside: the time, the router, and the plugins that read and deliver."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from host.config import model, registry
from host.inputs.base import Input
from host.outputs.base import Output
from host.pipeline.consumers.base import Consumer
from host.router.router import Router
from host.telemetry.metrics import ComponentMetrics


class Environment:
    """The real one. A replay has another, in which the time is that of the records."""

    runs_timers = True
    """Whether filters are called by the clock, and have their states written down by it."""
    on_change: Callable[[], None] | None = None
    """Told whenever a sandbox has done something, by those who wait for that."""

    def now_ns(self) -> int:
        """What time it is for sandboxes, in nanoseconds since 1970."""
        return time.time_ns()

    def facts(self) -> dict[str, Any]:
        """What the kernel of a sandbox is told of it."""
        return {}

    def router(self, metrics: ComponentMetrics) -> Router[Consumer]:
        """Make the router."""
        return Router(metrics)

    def input_class(self, config: model.Input) -> Callable[..., Input]:
        """What makes the plugin of an input."""
        found = registry.find("inputs", config.type)
        assert found is not None
        made: Callable[..., Input] = found.cls
        return made

    def more_decoder_slots(self, config: model.Input) -> int:  # noqa: ARG002 -- for those who need some
        """How many slots a decoder of an input needs beside the usual ones, for packs that wait long."""
        return 0

    def output_class(self, config: model.Output) -> Callable[..., Output]:
        """What makes the plugin of an output."""
        found = registry.find("outputs", config.type)
        assert found is not None
        made: Callable[..., Output] = found.cls
        return made
