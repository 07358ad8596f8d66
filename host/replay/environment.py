"""What a pipeline has from outside in a replay: recordings, the time of the records, outputs that may only show."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from host.config import model
from host.inputs.base import Input
from host.outputs.base import Output
from host.packs.ledger import Stream, TablePack
from host.pipeline.environment import Environment
from host.replay.reading import ReplayInput
from host.replay.recording import Recording
from host.replay.recordings import Recordings
from host.router.router import Router
from host.telemetry.metrics import ComponentMetrics

_NS = 1_000_000_000
_SLOTS_PER_FILE = 10
"""Twice what becomes of the smallest pack of the smallest records."""
_MAX_HELD_BACK = 100
"""Packs of one filter. Its slots are limited, and it must be able to finish what it is at."""


class HoldingRouter(Router):
    """Gives nothing on by itself, so that the order is not left to chance: `give` does, when it is time."""

    def __init__(self, metrics: ComponentMetrics, recordings: Mapping[Stream, Recording]) -> None:
        super().__init__(metrics)
        self._recordings = recordings
        self._injected: dict[str, list[TablePack]] = {}

    def route(self, pack: TablePack) -> None:
        """Keep a pack until it is time."""
        if pack.raw is not None:
            self._recordings[pack.raw.stream].add(pack)
            pack.let_go()
            return
        held_back = self._injected.setdefault(pack.made_by, [])
        if len(held_back) >= _MAX_HELD_BACK:
            self.give(pack)
        else:
            held_back.append(pack)

    def give(self, pack: TablePack) -> None:
        """Give a pack to all who may want it, and let go of it."""
        super().route(pack)

    def take_injected(self, filters: Iterable[str]) -> list[TablePack]:
        """What was injected since: the host's own first, then that of each filter, in their order."""
        return [pack for name in ("", *filters) for pack in self._injected.pop(name, ())]


class ReplayEnvironment(Environment):
    """The world of a replay.

    Args:
        recordings: The files.
        begin_ns: What time it is before the first record.
        new_output: What makes outputs; None for those of the configuration.
    """

    runs_timers = False
    at_rest: Callable[[], None] | None = None
    """Called whenever everybody is done with what was given on."""

    def __init__(self, recordings: Recordings, begin_ns: int, new_output: Callable[..., Output] | None = None) -> None:
        self.recordings = recordings
        self.virtual_ns = begin_ns
        """What time it is."""
        self.changed = asyncio.Event()
        """Set whenever a sandbox has done something."""
        self.on_change = self._on_change
        self._new_output = new_output
        self._inputs: list[ReplayInput] = []
        self._by_stream: dict[Stream, Recording] = {}

    def _on_change(self) -> None:
        self.changed.set()
        self.read_on()

    def read_on(self) -> None:
        """There may be room to read on."""
        for each in self._inputs:
            each.want()

    def now_ns(self) -> int:
        """How far the records have come."""
        return self.virtual_ns

    def facts(self) -> dict[str, Any]:
        """That the host says what time it is."""
        return {"virtual_time_s": self.virtual_ns // _NS}

    def router(self, metrics: ComponentMetrics) -> HoldingRouter:
        """Make a router that waits for the conductor."""
        return HoldingRouter(metrics, self._by_stream)

    def input_class(self, config: model.Input) -> Callable[..., Input]:
        """What reads the recordings."""
        return partial(self._new_input, self.recordings.inputs[config.name])

    def _new_input(self, recordings: list[Recording], *arguments: Any, once: bool) -> Input:
        made = ReplayInput(*arguments, once=once)
        made.recordings, made.by_stream, made.by_time = recordings, self._by_stream, self.recordings.by_time
        self._inputs.append(made)
        return made

    def more_decoder_slots(self, config: model.Input) -> int:
        """Some for each file: all of them wait until it is known which is next."""
        return _SLOTS_PER_FILE * len(self.recordings.inputs[config.name])

    def output_class(self, config: model.Output) -> Callable[..., Output]:
        """What delivers, or only shows."""
        return self._new_output or super().output_class(config)
