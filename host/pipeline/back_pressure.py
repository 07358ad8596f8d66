"""Which component makes an input wait."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import NamedTuple

from host.packs.intake import Intake
from host.pipeline.consumers.base import Consumer
from host.pipeline.consumers.output import OutputConsumer

_MIN_WAIT_MS = 1_000
"""Shorter waits are how batches form."""


class Waiting(NamedTuple):
    """An input that waits for room."""

    for_ms: int
    held_by: str
    """The component that holds its oldest pack, as `outputs.errors`."""
    reason: str
    """Why that component does not go on, as far as is known."""


def waiting(intake: Intake, name: str, consumers: Iterable[Consumer]) -> Waiting | None:
    """Return for how long an input has been waiting, and for which component; None if it does not wait.

    Args:
        intake: Of the input.
        name: Of the input.
        consumers: All that may hold its packs.
    """
    if not intake.waiting_since_ns or intake.paused:
        return None
    for_ms = (time.monotonic_ns() - intake.waiting_since_ns) // 1_000_000
    if for_ms < _MIN_WAIT_MS:
        return None
    holder = _holder(intake, consumers)
    if holder is None:
        return Waiting(for_ms, f"decoders.{name}", "")
    stage = "outputs" if isinstance(holder, OutputConsumer) else "filters"
    reason = holder.runner.failing if isinstance(holder, OutputConsumer) else ""
    return Waiting(for_ms, f"{stage}.{holder.name}", reason or ("it is paused" if holder.held else ""))


def _holder(intake: Intake, consumers: Iterable[Consumer]) -> Consumer | None:
    """Return the consumer that holds the oldest pack of an input; an output before a filter that waits for it."""
    found: Consumer | None = None
    oldest = (0, False)
    for consumer in consumers:
        if not consumer.blocks:
            continue
        for pack in consumer.held_packs():
            if pack.origin is None or pack.origin.arena is not intake.arena:
                continue
            rank = (pack.origin.number, not isinstance(consumer, OutputConsumer))
            if found is None or rank < oldest:
                found, oldest = consumer, rank
    return found
