"""The pipeline's environment in a replay: recordings as inputs, virtual time, and outputs that may only preview."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from host.config import model
from host.inputs.base import Input
from host.outputs.base import Output
from host.packs.ledger import Stream, TablePack
from host.pipeline.consumers.base import Consumer
from host.pipeline.environment import Environment
from host.replay.recording import Recording
from host.replay.recordings import Recordings
from host.replay.replay_input import ReplayInput
from host.router.router import Router
from host.telemetry.metrics import ComponentMetrics

_NS = 1_000_000_000
_SLOTS_PER_FILE = 10
"""Twice the number of slots that the smallest pack of the smallest records can need."""
_MAX_HELD_BACK = 100
"""Packs of one filter held back. A filter has few slots, and must get free ones to finish its work."""


class HoldingRouter(Router[Consumer]):
    """Holds packs back so that their order is deterministic. The scheduler delivers them with `deliver`."""

    def __init__(self, metrics: ComponentMetrics, recordings: Mapping[Stream, Recording]) -> None:
        super().__init__(metrics)
        self._recordings = recordings
        self._injected: dict[str, list[TablePack]] = {}

    def route(self, pack: TablePack) -> None:
        """Hold a pack back."""
        if pack.raw is not None:
            self._recordings[pack.raw.stream].add(pack)
            pack.release()
            return
        held_back = self._injected.setdefault(pack.made_by, [])
        if len(held_back) >= _MAX_HELD_BACK:
            self.deliver(pack)
        else:
            held_back.append(pack)

    def deliver(self, pack: TablePack) -> None:
        """Deliver a pack to all consumers that may want it, and release it."""
        super().route(pack)

    def take_injected(self, filters: Iterable[str]) -> list[TablePack]:
        """Return and forget the injected packs: the host's own, then those of each filter in order."""
        return [pack for name in ("", *filters) for pack in self._injected.pop(name, ())]


class ReplayEnvironment(Environment):
    """The environment of a replay.

    Args:
        recordings: The files to read.
        begin_ns: The virtual time before the first record.
        new_output: Creates outputs; None to use those of the configuration.
    """

    runs_timers = False
    on_idle: Callable[[], None] | None = None
    """Called when all consumers have finished the packs delivered so far."""

    def __init__(self, recordings: Recordings, begin_ns: int, new_output: Callable[..., Output] | None = None) -> None:
        self.recordings = recordings
        self.virtual_ns = begin_ns
        """The virtual time in nanoseconds since 1970."""
        self.changed = asyncio.Event()
        """Set when a sandbox has reported something."""
        self.on_change = self._on_change
        self._new_output = new_output
        self._inputs: list[ReplayInput] = []
        self._by_stream: dict[Stream, Recording] = {}

    def _on_change(self) -> None:
        self.changed.set()
        self.read_on()

    def read_on(self) -> None:
        """Wake the inputs: there may be room to read more."""
        for each in self._inputs:
            each.wake()

    def now_ns(self) -> int:
        """Return the virtual time."""
        return self.virtual_ns

    def facts(self) -> dict[str, Any]:
        """Return the sandbox settings that put it on virtual time."""
        return {"virtual_time_s": self.virtual_ns // _NS}

    def router(self, metrics: ComponentMetrics) -> HoldingRouter:
        """Return a router that waits for the scheduler."""
        return HoldingRouter(metrics, self._by_stream)

    def input_class(self, config: model.Input) -> Callable[..., Input]:
        """Return the constructor of the input that reads the recordings."""
        return partial(self._new_input, self.recordings.inputs[config.name])

    def _new_input(self, recordings: list[Recording], *arguments: Any, once: bool) -> Input:
        replay_input = ReplayInput(*arguments, once=once)
        replay_input.recordings, replay_input.by_stream, replay_input.by_time = (
            recordings,
            self._by_stream,
            self.recordings.by_time,
        )
        self._inputs.append(replay_input)
        return replay_input

    def more_decoder_slots(self, config: model.Input) -> int:
        """Return the additional slots. Each file holds some until it is known which record is next."""
        return _SLOTS_PER_FILE * len(self.recordings.inputs[config.name])

    def output_class(self, config: model.Output) -> Callable[..., Output]:
        """Return the constructor of outputs: previews or real ones."""
        return self._new_output or super().output_class(config)
