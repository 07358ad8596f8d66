"""What can be read off a running pipeline: whether each component works, and what is measured only when asked for."""

from __future__ import annotations

from collections.abc import Iterator

import psutil

from host.pipeline.pipeline import Pipeline
from host.pipeline.units import InputUnit, OutputUnit, Unit
from host.sandbox.sandbox import Sandbox
from host.sandbox.supervisor import cpu_ms
from host.telemetry.metrics import ComponentMetrics

_STAGE_OF_KIND = {"decoder": "decoders", "filter": "filters", "encoder": "encoders"}


def readiness(pipeline: Pipeline) -> Iterator[tuple[str, str]]:
    """Of each component, why it does not do its work; empty if it does."""
    if not pipeline.started:
        yield "host", "starting"
    for name, input_ in pipeline.inputs.items():
        yield f"inputs.{name}", _input_fault(input_)
    for unit in units(pipeline):
        reasons = [fault for sandbox in unit.sandboxes() if (fault := _sandbox_fault(sandbox))]
        if unit.held:
            reasons.append("paused")
        yield component_of_sandbox(unit), "; ".join(dict.fromkeys(reasons))
    for name, output in pipeline.outputs.items():
        yield f"outputs.{name}", output.runner.failing


def _input_fault(unit: InputUnit) -> str:
    if unit.intake.paused:
        return "paused"
    if unit.fault is not None:
        return f"failed: {unit.fault}"
    return ""


def _sandbox_fault(sandbox: Sandbox) -> str:
    if sandbox.state == "running":
        return ""
    termination = sandbox.termination
    return f"{sandbox.state}: {termination.text.splitlines()[0]}" if termination else sandbox.state


def units(pipeline: Pipeline) -> list[Unit]:
    """All units, in the order in which records flow."""
    return [*pipeline.inputs.values(), *pipeline.filters.values(), *pipeline.outputs.values()]


def component_of_sandbox(unit: Unit) -> str:
    """What the sandboxes of a unit are called: `decoders.access` are those of the input access."""
    stage = "decoders" if isinstance(unit, InputUnit) else "encoders" if isinstance(unit, OutputUnit) else "filters"
    return f"{stage}.{unit.config.name}"


def refresh(pipeline: Pipeline) -> None:
    """Bring up to date what costs something to measure: ages, CPU, memory."""
    for unit in units(pipeline):
        metrics = sandbox_metrics(unit)
        metrics.cpu_ms = round(sum(spent_ms(sandbox) for sandbox in unit.sandboxes()))
        if not isinstance(unit, InputUnit):
            unit.metrics.lag_ms = unit.consumer.lag_ms()
            unit.metrics.queue_packs = unit.consumer.queued
            unit.metrics.queue_records = unit.consumer.queued_records


def sandbox_metrics(unit: Unit) -> ComponentMetrics:
    """Where what the sandboxes of a unit do is counted."""
    return unit.decoding.metrics if isinstance(unit, InputUnit) else unit.metrics


def spent_ms(sandbox: Sandbox) -> float:
    """CPU time of a sandbox's process since it was started."""
    return (cpu_ms(sandbox.pid) or 0.0) if sandbox.pid else 0.0


def resident_bytes(sandbox: Sandbox) -> int:
    """Memory of a sandbox's process that is in RAM, shared memory included."""
    try:
        return int(psutil.Process(sandbox.pid).memory_info().rss) if sandbox.pid else 0
    except psutil.Error:
        return 0
