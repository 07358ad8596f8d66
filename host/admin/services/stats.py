"""Readiness of the components of a running pipeline, and metrics that are measured only on request."""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator
from pathlib import Path

from host.pipeline.pipeline import Pipeline
from host.pipeline.units.any_unit import InputUnit, OutputUnit, Unit
from host.sandbox.sandbox import STATES, Sandbox
from host.telemetry.failures import Failures
from host.telemetry.metrics import ComponentMetrics

_PAGE_BYTES = mmap.PAGESIZE


def readiness(pipeline: Pipeline) -> Iterator[tuple[str, str]]:
    """Of each component, why it does not do its work; empty if it does."""
    if not pipeline.started:
        yield "host", "starting"
    for unit in units(pipeline):
        for stage in stages_of(unit):
            yield f"{stage}.{unit.config.name}", reason_of(unit, stage)


def stages_of(unit: Unit) -> tuple[str, ...]:
    """The components that a unit consists of."""
    if isinstance(unit, InputUnit):
        return "inputs", "decoders"
    return ("encoders", "outputs") if isinstance(unit, OutputUnit) else ("filters",)


def reason_of(unit: Unit, stage: str) -> str:
    """Return the reason why a component is not working, or an empty text."""
    if stage == "inputs":
        assert isinstance(unit, InputUnit)
        return _input_fault(unit)
    if stage == "outputs":
        assert isinstance(unit, OutputUnit)
        return "paused" if unit.held else unit.runner.failing
    reasons = [fault for sandbox in unit.sandboxes() if (fault := _sandbox_fault(sandbox))]
    if unit.held:
        reasons.append("paused")
    return "; ".join(dict.fromkeys(reasons))


def waiting_reason(unit: Unit, stage: str) -> str:
    """Return a sentence that names the component an input waits for, or an empty text."""
    waiting = unit.waiting() if stage == "inputs" and isinstance(unit, InputUnit) else None
    if waiting is None:
        return ""
    why = f" ({waiting.reason})" if waiting.reason else ""
    return f"It has been waiting for {waiting.held_by} for {waiting.for_ms / 1000:.0f} s{why}."


def _input_fault(unit: InputUnit) -> str:
    if unit.fault is not None:
        return f"failed: {unit.fault}"
    return "paused" if unit.intake.paused else ""


def _sandbox_fault(sandbox: Sandbox) -> str:
    if sandbox.state == "running":
        return ""
    termination = sandbox.termination
    return f"{sandbox.state}: {termination.text.partition(chr(10))[0]}" if termination else sandbox.state


def failures_of(unit: Unit, stage: str) -> Failures:
    """Return the failures of a unit's component."""
    if stage == "decoders":
        assert isinstance(unit, InputUnit)
        return unit.decoding.metrics.failures
    return unit.metrics.encoder_failures if stage == "encoders" else unit.metrics.failures


def units(pipeline: Pipeline) -> list[Unit]:
    """All units, in the order in which records flow."""
    return [*pipeline.inputs.values(), *pipeline.filters.values(), *pipeline.outputs.values()]


def refresh(pipeline: Pipeline) -> None:
    """Bring up to date what costs something to measure: ages, CPU, memory."""
    refresh_units(units(pipeline))


def refresh_units(found: Iterable[Unit]) -> None:
    """The same for some units only."""
    for unit in found:
        metrics = sandbox_metrics(unit)
        read_sandboxes(metrics, unit.sandboxes())
        metrics.count_failures()
        unit.metrics.count_failures()
        if isinstance(unit, InputUnit):
            found_waiting = unit.waiting()
            unit.metrics.waits = {} if found_waiting is None else {found_waiting.held_by: found_waiting.for_ms}
        else:
            unit.metrics.lag_ms = unit.consumer.lag_ms()
            unit.metrics.queue_packs = unit.consumer.queued
            unit.metrics.queue_records = unit.consumer.queued_records
        if isinstance(unit, OutputUnit):
            unit.metrics.delivery_failing = int(bool(unit.runner.failing))


def read_sandboxes(metrics: ComponentMetrics, sandboxes: list[Sandbox]) -> None:
    """Update the states, CPU and memory of a component's sandboxes."""
    metrics.cpu_ms = round(sum(spent_ms(sandbox) for sandbox in sandboxes))
    metrics.private_bytes = sum(private_bytes(sandbox) for sandbox in sandboxes)
    memory = [sandbox.usage().limits["memory_limit"] for sandbox in sandboxes]
    metrics.memory_bytes = sum(use.current for use in memory)
    metrics.memory_bytes_max = max((use.highest for use in memory), default=0)
    for state in STATES:
        metrics.states[state] = sum(sandbox.state == state for sandbox in sandboxes)


def sandbox_metrics(unit: Unit) -> ComponentMetrics:
    """Return the metrics of a unit's sandboxes."""
    return unit.decoding.metrics if isinstance(unit, InputUnit) else unit.metrics


def spent_ms(sandbox: Sandbox) -> float:
    """CPU time of a sandbox's process since it was started."""
    return (sandbox.cpu_ns() or 0) / 1e6


def private_bytes(sandbox: Sandbox) -> int:
    """Memory of a sandbox's process that is in RAM and its own; of a shared process, its part."""
    resident, shared = _pages(sandbox)
    return (resident - shared) * _PAGE_BYTES // sandbox.members


def resident_bytes(sandbox: Sandbox) -> int:
    """Memory of a sandbox's process that is in RAM, shared memory included; of a shared process, its part."""
    return _pages(sandbox)[0] * _PAGE_BYTES // sandbox.members


def _pages(sandbox: Sandbox) -> tuple[int, int]:
    """Pages in RAM, and how many of them are shared. Read directly: this is done for each sandbox of a list."""
    if not sandbox.pid:
        return 0, 0
    try:
        parts = Path(f"/proc/{sandbox.pid}/statm").read_bytes().split()
    except OSError:
        return 0, 0  # it has just ended
    return int(parts[1]), int(parts[2])
