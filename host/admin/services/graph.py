"""The pipeline as a graph: what it consists of, what flows where, how fast, and what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from host.admin.services import stats, views
from host.admin.services.throughput import Throughput
from host.admin.services.views import LastError, State
from host.core import graph_formats
from host.pipeline.pipeline import Pipeline
from host.pipeline.units.any_unit import FilterUnit, InputUnit, OutputUnit, Unit

ROUTER = "router"
Health = Literal["ok", "stuck", "lossy", "failing", "dead", "paused"]


class GraphNode(msgspec.Struct, frozen=True, kw_only=True):
    """A component."""

    id: str
    """As `outputs.errors`; `router` is the one in the middle."""
    stage: str
    name: str
    type: str
    state: State
    health: Health
    """`stuck`: records wait and none goes on; `lossy`: some were dropped or failed lately, or an encoder makes nothing;
    `failing`: four of five recent records failed, or more; `dead`: it does not run."""
    reason: str
    """Description of the problem; empty if there is none."""
    message_matcher: str | None
    received_per_second: float
    sent_per_second: float
    errors_per_second: float
    dropped_per_second: float
    failed_share: float
    """The part of the recent records that failed, from 0 to 1."""
    last_error: LastError | None
    lag_ms: int
    """Age of the oldest pack that waits for it."""
    queue_packs: int
    waiting_ms: int
    """Of an input: for how long it has been waiting for room; 0 if it does not wait."""
    held_by: str
    """The component that it waits for, as `outputs.errors`; empty if it does not wait."""
    sandboxes: list[str]
    cpu_ms: int
    """Of its sandboxes' processes, since they were started."""
    memory_bytes: int
    """Of Lua, in that process of its sandboxes which uses most."""
    memory_limit: int
    """At most so many bytes; 0 if it has no sandbox."""


class GraphEdge(msgspec.Struct, frozen=True, kw_only=True):
    """Flow of records from one component to another."""

    source: str
    target: str
    records_per_second: float


class Graph(msgspec.Struct, frozen=True, kw_only=True):
    """The whole pipeline. Rates are those of the last five seconds."""

    nodes: list[GraphNode]
    edges: list[GraphEdge]
    read_ns: int
    """Time at which the host last read its files. Request `/api/v1/graph/warnings` again when it changes."""


def graph(pipeline: Pipeline, rates: Throughput, read_ns: int) -> Graph:
    """Make it of what runs now, and was read from files at `read_ns`."""
    nodes = [_router(rates)]
    edges = []
    for unit in stats.units(pipeline):
        nodes += [_node(unit, stage, rates) for stage in stats.stages_of(unit)]
        edges += list(_edges(unit, rates))
    return Graph(nodes=nodes, edges=edges, read_ns=read_ns)


def _router(rates: Throughput) -> GraphNode:
    flow = rates.of("router", "router")
    return GraphNode(
        id=ROUTER, stage="router", name="router", type="router", state="running", health="ok", reason="",
        message_matcher=None, received_per_second=flow["received"], sent_per_second=flow["received"],
        errors_per_second=flow["errors"], dropped_per_second=flow["dropped"],
        failed_share=0.0, last_error=None, lag_ms=0, queue_packs=0, waiting_ms=0, held_by="", sandboxes=[],
        cpu_ms=0, memory_bytes=0, memory_limit=0,
    )  # fmt: skip


def _node(unit: Unit, stage: str, rates: Throughput) -> GraphNode:
    shown = views.component(unit, stage)
    kind = "outputs" if stage == "encoders" else stage
    flow = rates.of(kind, unit.config.name)
    queue = views.queue(unit) if stage in {"filters", "encoders"} else None
    lag_ms = queue.lag_ms if queue else 0
    warning = unit.consumer.makes_nothing if stage == "encoders" and isinstance(unit, OutputUnit) else ""
    health = _health(shown, flow, lag_ms, warning)
    processes = unit.sandboxes() if stage in {"decoders", "filters", "encoders"} else []
    memory = [views.memory(unit, sandbox) for sandbox in processes]
    return GraphNode(
        id=f"{stage}.{unit.config.name}",
        stage=stage,
        name=unit.config.name,
        type=shown.type,
        state=shown.state,
        health=health,
        reason=shown.reason or _why(health, lag_ms, shown.failures.summary or warning),
        message_matcher=shown.message_matcher,
        received_per_second=flow["received"],
        sent_per_second=flow["injected"] if stage == "filters" else flow["sent"],
        errors_per_second=flow["errors"],
        dropped_per_second=flow["dropped"],
        failed_share=shown.failures.recent_share,
        last_error=shown.failures.last_error,
        lag_ms=lag_ms,
        queue_packs=queue.packs if queue else 0,
        waiting_ms=shown.waiting.for_ms if shown.waiting else 0,
        held_by=shown.waiting.held_by if shown.waiting else "",
        sandboxes=shown.sandboxes if processes else [],
        cpu_ms=round(sum(stats.spent_ms(sandbox) for sandbox in processes)),
        memory_bytes=max((use.current for use in memory), default=0),
        memory_limit=max((use.limit for use in memory), default=0),
    )


_STUCK_MS = 5000


def _health(shown: views.Component, flow: dict[str, float], lag_ms: int, warning: str) -> Health:
    if shown.state == "paused":
        return "paused"
    if shown.state in {"stopped", "quarantined", "failed"}:
        return "dead"
    if lag_ms > _STUCK_MS and not flow["received"]:
        return "stuck"
    if shown.waiting is not None or (shown.stage == "outputs" and shown.reason):
        return "stuck"
    if shown.failures.condition == "failing":
        return "failing"
    is_lossy = flow["errors"] or flow["dropped"] or warning or shown.failures.condition == "warning"
    return "lossy" if is_lossy else "ok"


def _why(health: Health, lag_ms: int, failures: str) -> str:
    if health == "stuck":
        return f"Nothing goes on, and the oldest pack has waited for {lag_ms} ms."
    if health in {"failing", "lossy"}:
        return failures or "Records were dropped or failed during the last seconds."
    return ""


def _edges(unit: Unit, rates: Throughput) -> Iterator[GraphEdge]:
    name = unit.config.name
    if isinstance(unit, InputUnit):
        flow = rates.of("decoders", name)
        yield _edge(f"inputs.{name}", f"decoders.{name}", flow["received"])
        yield _edge(f"decoders.{name}", ROUTER, flow["sent"])
    elif isinstance(unit, FilterUnit):
        flow = rates.of("filters", name)
        yield _edge(ROUTER, f"filters.{name}", flow["received"])
        yield _edge(f"filters.{name}", ROUTER, flow["injected"])
    else:
        flow = rates.of("outputs", name)
        yield _edge(ROUTER, f"encoders.{name}", flow["received"])
        yield _edge(f"encoders.{name}", f"outputs.{name}", flow["sent"])


def _edge(source: str, target: str, rate: float) -> GraphEdge:
    return GraphEdge(source=source, target=target, records_per_second=rate)


def dot(shown: Graph) -> str:
    """Return the graph for Graphviz."""
    return graph_formats.dot(*_drawn(shown))


def mermaid(shown: Graph) -> str:
    """Return the graph for Mermaid."""
    return graph_formats.mermaid(*_drawn(shown))


def _drawn(shown: Graph) -> tuple[list[tuple[str, str]], list[graph_formats.Edge]]:
    nodes: list[tuple[str, str]] = [(node.id, "" if node.health == "ok" else node.health) for node in shown.nodes]
    edges = [graph_formats.Edge(edge.source, edge.target, f"{edge.records_per_second:g}/s") for edge in shown.edges]
    return nodes, edges
