"""Sandboxes: looking at them."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from host.admin import problems
from host.admin.api import paging
from host.admin.api.paging import Cursor, Limit
from host.admin.api.route_spec import Call, LuaText, Page, Response, Routes
from host.admin.problems import Fault, Problem
from host.admin.services import deploy, stats, views
from host.admin.services.context import AdminContext
from host.admin.services.event_log import FilterOutput, Line
from host.admin.services.index import PluginEntry, component_of, state_of
from host.admin.services.views import Instance, LimitUse, State
from host.config.model import PluginKind
from host.core.errors import ConfigError
from host.plugins.library import Plugin
from host.telemetry.failures import Condition
from host.telemetry.metrics import ComponentMetrics

routes = Routes(
    "sandboxes",
    "A sandbox is one script with its configuration: a filter; a decoder or encoder, which may run in several places.",
)

Name = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{1,64}$")]
_WORST: tuple[State, ...] = ("quarantined", "stopped", "backing_off", "starting", "paused")


class SandboxPath(msgspec.Struct, frozen=True):
    """Which sandbox: the name of its definition in the configuration, or of its file."""

    name: Name


class KindQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which one, where a decoder, a filter and an encoder have the same name."""

    kind: PluginKind | None = None


class SandboxQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which part of the list."""

    kind: PluginKind | None = None
    limit: Limit = 100
    cursor: Cursor = ""


class SandboxSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A sandbox in a list."""

    name: str
    kind: PluginKind
    plugin: str
    """The script's own name."""
    state: State
    """The worst of the places where it runs; `unused` if it runs nowhere."""
    version: int | None
    """Number of the script in its history; null for shipped scripts, which have none."""
    sha256: str
    """Of the script that runs; of the file, if it is unused."""
    file: str
    """The script's file."""
    origin: Literal["shipped", "drop-in", "file"]
    """Where the file lies: among what is shipped, in the drop-in directory, or elsewhere."""
    changeable: bool
    """Whether it can be replaced and removed here: its file lies in the drop-in directory."""
    components: list[str]
    """Where it runs, as `decoders.access`."""
    processes: int
    memory: LimitUse | None
    """Of the process that uses most; null if there is none."""
    cpu_ms: int
    resident_bytes: int
    records_received: int
    """That came to it: a filter's matcher let them through; what a decoder was given."""
    records_sent: int
    """Decoded or encoded."""
    records_failed: int
    condition: Condition
    """The worst of the places where it runs; see `failures` there."""
    records_injected: int
    restarts: int


class SandboxDetail(SandboxSummary, frozen=True, kw_only=True):
    """A sandbox with everything that is known of it."""

    summary: str
    """What the script says that it does."""
    message_matcher: str | None
    ticker_interval: float | None
    config: dict[str, Any]
    """Its options. Secrets are hidden."""
    modules: dict[str, str]
    """What it requires, with the SHA-256 of each text."""
    faults: list[Fault]
    """Of its file as it is now; what was loaded before goes on."""
    instances: list[Instance]


@routes.get("/api/v1/sandboxes", role="viewer", scope="sandbox")
async def list_sandboxes(call: Call, query: SandboxQuery) -> Page[SandboxSummary]:
    """List the sandboxes: all that run, and the files of the drop-in directory that nobody uses."""
    context = call.context
    entries = [entry for entry in context.index.entries(call.caller.owns) if query.kind in {None, entry.kind}]
    part = paging.page(entries, paging.PageQuery(limit=query.limit, cursor=query.cursor), lambda entry: entry.key)
    for entry in part.items:
        stats.refresh_units(entry.units)
    items = [SandboxSummary(**await _summary(context, entry)) for entry in part.items]
    return Page(items=items, next_cursor=part.next_cursor)


@routes.get("/api/v1/sandboxes/{name}", role="viewer", scope="sandbox", problems=(409,))
async def show_sandbox(call: Call, path: SandboxPath, query: KindQuery) -> SandboxDetail:
    """Show a sandbox: its state, use of limits, costs and terminations."""
    return await detail(call.context, call.context.index.find(path.name, query.kind))


async def detail(context: AdminContext, entry: PluginEntry) -> SandboxDetail:
    """Everything that is known of a sandbox."""
    stats.refresh_units(entry.units)
    plugin, errors = await _plugin(context, entry)
    manifest = None if plugin is None else plugin.manifest
    filter_ = context.pipeline.filters.get(entry.name) if entry.kind == "filter" else None
    return SandboxDetail(
        **await _summary(context, entry),
        summary=manifest.summary if manifest else "",
        message_matcher=filter_.config.message_matcher if filter_ else manifest.message_matcher if manifest else None,
        ticker_interval=filter_.config.ticker_interval if filter_ else manifest.ticker_interval if manifest else None,
        config=views.hidden(entry.config.config if entry.config else {}),
        modules={
            name: digest for unit in entry.units for each in unit.sandboxes() for name, digest in each.modules.items()
        },
        faults=[*problems.of_config_errors(errors), *_load_faults(context, entry)],
        instances=[views.instance(unit) for unit in entry.units],
    )


def _load_faults(context: AdminContext, entry: PluginEntry) -> list[Fault]:
    """Why what is in the files does not run."""
    faults = {} if context.reloader.loader is None else context.reloader.loader.faults
    names = [place for unit in entry.units for place in deploy.places_of(unit)] or [f"{entry.kind}s.{entry.name}"]
    return [fault for place in names if place in faults for fault in deploy.faults_of(faults[place], entry.path)]


async def _summary(context: AdminContext, entry: PluginEntry) -> dict[str, Any]:
    processes = [(unit, sandbox) for unit in entry.units for sandbox in unit.sandboxes()]
    memory = [views.memory(unit, sandbox) for unit, sandbox in processes]
    digest = entry.config.digest if entry.config else await _digest(context, entry)
    is_dropped_in = context.index.is_dropped_in(entry)
    counted = [stats.sandbox_metrics(unit) for unit in entry.units]
    return {
        "name": entry.name,
        "kind": entry.kind,
        "plugin": entry.plugin,
        "state": _worst([state_of(unit) for unit in entry.units]),
        "version": context.history.number_of(entry.kind, entry.path.stem, digest) if is_dropped_in else None,
        "sha256": digest,
        "file": str(entry.path),
        "origin": context.index.origin(entry),
        "changeable": is_dropped_in and entry.path.stem == entry.name,
        "components": [component_of(unit) for unit in entry.units],
        "processes": len(processes),
        "memory": max(memory, key=lambda use: use.current, default=None),
        "cpu_ms": round(sum(stats.spent_ms(sandbox) for _, sandbox in processes)),
        "resident_bytes": sum(stats.resident_bytes(sandbox) for _, sandbox in processes),
        "records_received": sum(metrics.records_received for metrics in counted),
        "records_sent": sum(metrics.records_sent for metrics in counted),
        "records_failed": sum(_failed(metrics) for metrics in counted),
        "condition": _condition(entry),
        "records_injected": sum(metrics.records_injected for metrics in counted),
        "restarts": sum(metrics.restarts for metrics in counted),
    }


def _condition(entry: PluginEntry) -> Condition:
    found = {stats.failures_of(unit, component_of(unit).partition(".")[0]).condition for unit in entry.units}
    return "failing" if "failing" in found else "warning" if "warning" in found else "ok"


def _failed(metrics: ComponentMetrics) -> int:
    return metrics.errors["process_message"] + metrics.drops["decode_failed"] + metrics.drops["encode_failed"]


def _worst(states: list[str]) -> State:
    if not states:
        return "unused"
    return next((state for state in _WORST if state in states), "running")


async def _plugin(context: AdminContext, entry: PluginEntry) -> tuple[Plugin | None, list[ConfigError]]:
    """The file of a sandbox; read in a thread if it is not known."""
    known = context.index.known_plugin(entry)
    return known if known is not None else await asyncio.to_thread(context.index.plugin, entry)


async def _digest(context: AdminContext, entry: PluginEntry) -> str:
    plugin, _ = await _plugin(context, entry)
    return plugin.digest if plugin else ""


@routes.get(
    "/api/v1/sandboxes/{name}/source", role="viewer", scope="sandbox", problems=(409,),
    media_types=(LuaText.MEDIA_TYPE,),
)  # fmt: skip
async def show_source(call: Call, path: SandboxPath, query: KindQuery) -> Response[bytes]:
    """Show the script, as its file is now."""
    entry = call.context.index.find(path.name, query.kind)
    try:
        data = await asyncio.to_thread(entry.path.read_bytes)
    except OSError as error:
        raise Problem(404, f"Its file {entry.path} cannot be read: {error.strerror}.") from error
    return Response(data, media_type=LuaText.MEDIA_TYPE)


@routes.get("/api/v1/sandboxes/{name}/logs", role="viewer", scope="sandbox", problems=(409,))
async def show_logs(call: Call, path: SandboxPath, query: KindQuery) -> Page[Line]:
    """Show what the script has printed lately, oldest first; so many lines are kept for each place where it runs."""
    entry = call.context.index.find(path.name, query.kind)
    lines = [line for unit in entry.units for line in call.context.recent.lines(entry.kind, unit.config.name)]
    return Page(items=sorted(lines, key=lambda line: line.time_ns))


class SandboxOutputs(msgspec.Struct, frozen=True, kw_only=True):
    """What a filter has made for people to see."""

    items: list[FilterOutput]
    skipped_packs: int
    """Packs that were not looked at because they followed each other too fast."""


@routes.get("/api/v1/sandboxes/{name}/outputs", role="viewer", scope="sandbox", problems=(409,))
async def show_outputs(call: Call, path: SandboxPath, query: KindQuery) -> SandboxOutputs:
    """Show the last payloads that a filter injected, one of each name: circular buffers (`cbuf`), tables, text."""
    entry = call.context.index.find(path.name, query.kind)
    items, skipped = call.context.recent.outputs(entry.name) if entry.kind == "filter" else ([], 0)
    return SandboxOutputs(items=items, skipped_packs=skipped)
