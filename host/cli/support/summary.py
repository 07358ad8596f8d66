"""The summary at the end of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from host.pipeline.pipeline import Pipeline
    from host.telemetry.metrics import ComponentMetrics, Kind

_WIDE = 160
_STAGES: tuple[Kind, ...] = ("inputs", "decoders", "filters", "outputs")


def print_summary(pipeline: Pipeline, elapsed_s: float, stream: TextIO) -> None:
    """Print records in and out, the rate, drops with their reasons, and the places of the results."""
    # Without a terminal nothing is cut.
    console = Console(file=stream, highlight=False, width=None if stream.isatty() else _WIDE)
    table = Table(box=None, pad_edge=False)
    for heading in ("stage", "name", "type"):
        table.add_column(heading, overflow="fold")
    for heading in ("records in", "records out", "bytes"):
        table.add_column(heading, justify="right")
    table.add_column("dropped or failed")
    for stage in _STAGES:
        for component in pipeline.metrics.components(stage):
            table.add_row(stage, component.name, component.type, *_counts(component), _troubles(component))
    console.print(table)
    records = pipeline.metrics.total("records_received", "decoders")
    console.print(f"{records:,} records in {elapsed_s:.2f} s: {records / max(elapsed_s, 1e-9):,.0f} records/s")
    for name, unit in pipeline.outputs.items():
        console.print(f"{name}: {unit.output.describe()}", soft_wrap=True)
    if pipeline.dead_letters.count:
        console.print(
            f"dead letters: {pipeline.dead_letters.count:,} in {pipeline.dead_letters.folder}", soft_wrap=True
        )


def _counts(component: ComponentMetrics) -> tuple[str, str, str]:
    sent = component.records_injected if component.kind == "filters" else component.records_sent
    size = component.bytes_sent if component.kind == "outputs" else component.bytes_received
    return f"{component.records_received:,}", f"{sent:,}", f"{size:,}" if size else ""


def _troubles(component: ComponentMetrics) -> str:
    counts = [*component.drops.items(), *component.errors.items()]
    counts += [(words, count) for words, count in _nothing(component) if count]
    return ", ".join(f"{count:,} {reason}" for reason, count in counts)


def _nothing(component: ComponentMetrics) -> list[tuple[str, int]]:
    """Return the counts of records that matched but produced no output, without a failure."""
    return [
        ("skipped by the encoder", component.records_skipped),
        ("empty after encoding", component.records_empty),
        ("of them not in the dead letters", component.letters_left_out),
    ]
