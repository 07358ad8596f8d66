"""Sandboxes: loading, changing, removing them; starting and stopping them; their versions and states."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from host.admin.api.route_spec import Call, LuaText, Page, Response, Routes
from host.admin.api.routes.sandboxes import KindQuery, Name, SandboxDetail, SandboxPath, detail
from host.admin.problems import Problem
from host.admin.services import front_matter
from host.admin.services.context import AdminContext
from host.admin.services.history import Version
from host.admin.services.index import PluginEntry
from host.config.model import PluginKind, Seconds
from host.core.problem_types import ProblemType
from host.pipeline import lifecycle, state_keeper
from host.pipeline.units.any_unit import FilterUnit
from host.plugins import manifest

routes = Routes("changing sandboxes", "Loading, changing and removing sandboxes, starting and stopping them.")


@routes.put("/api/v1/sandboxes/{name}", role="admin", scope="sandbox", statuses=(200, 201), problems=(409,))
async def put_sandbox(call: Call, path: SandboxPath, query: KindQuery, body: LuaText) -> Response[SandboxDetail]:
    """Load a script, or a new version of one; the body is the script.

    It is checked as `hekate validate` checks it, started once in a jail of its own, and its own cases are run. Then
    it is a file of the drop-in directory, in `filters/`, `decoders/` or `encoders/`. A new filter runs at once; a new
    version takes the place of the old one between two packs, wherever it is used. If anything is wrong, 400 lists the
    faults with their lines, and what ran before goes on.
    """
    loaded = await call.context.deployment.load(path.name, query.kind, bytes(body), call.caller)
    shown = await detail(call.context, loaded.entry)
    call.facts |= {"kind": shown.kind, "sha256": shown.sha256, "version": shown.version}
    return Response(shown, status=201 if loaded.is_new else 200)


@routes.delete("/api/v1/sandboxes/{name}", role="admin", scope="sandbox", problems=(409,))
async def delete_sandbox(call: Call, path: SandboxPath, query: KindQuery) -> None:
    """Remove a script from the drop-in directory; a filter stops. Its versions and its state stay."""
    entry = call.context.index.find(path.name, query.kind)
    call.facts |= {"kind": entry.kind}
    await call.context.deployment.remove(entry)


class LimitChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """New limits; null takes one back to the host's default. The host's maximums hold in any case."""

    memory_limit: int | UnsetType | None = UNSET
    cpu_limit: int | UnsetType | None = UNSET
    output_limit: int | UnsetType | None = UNSET
    max_message_size: int | UnsetType | None = UNSET
    max_message_fields: int | UnsetType | None = UNSET
    max_process_inject: int | UnsetType | None = UNSET
    max_timer_inject: int | UnsetType | None = UNSET
    max_loops: int | UnsetType | None = UNSET


class SandboxChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings to change; members left out keep their values."""

    limits: LimitChanges | UnsetType = UNSET
    config: dict[str, Any] | UnsetType = UNSET
    """New values of options that the script has."""
    message_matcher: str | UnsetType = UNSET
    ticker_interval: Seconds | UnsetType = UNSET


@routes.patch("/api/v1/sandboxes/{name}", role="admin", scope="sandbox", problems=(409,))
async def change_sandbox(call: Call, path: SandboxPath, query: KindQuery, body: SandboxChanges) -> SandboxDetail:
    """Change limits and options of a script in the drop-in directory.

    They are written into the script's front matter, as if somebody had edited it there: the limits, and the defaults
    of the options. So this makes a new version, and can be rolled back. What the configuration says of a sandbox
    wins, and is changed there.
    """
    entry = call.context.index.find(path.name, query.kind)
    source = (await _source(entry)).decode(errors="replace")
    changed = front_matter.change(source, _changes(source, entry, body))
    if changed is None:
        raise Problem(409, "The script has no front matter; what it is told stands in the configuration.")
    call.facts |= {"kind": entry.kind, "changes": msgspec.to_builtins(body)}
    loaded = await call.context.deployment.load(entry.name, entry.kind, changed.encode(), call.caller)
    return await detail(call.context, loaded.entry)


async def _source(entry: PluginEntry) -> bytes:
    try:
        return await asyncio.to_thread(entry.path.read_bytes)
    except OSError as error:
        raise Problem(409, f"Its file {entry.path} cannot be read: {error.strerror}.") from error


def _changes(source: str, entry: PluginEntry, body: SandboxChanges) -> dict[str, Any]:
    if not manifest.has_front_matter(source):
        return {}
    now = front_matter.read(source)
    changes: dict[str, Any] = {}
    if body.limits is not UNSET:
        limits = dict(now.get("limits") or {}) | msgspec.to_builtins(body.limits)
        changes["limits"] = {name: value for name, value in limits.items() if value is not None} or None
    if body.config is not UNSET:
        changes["config"] = _with_defaults(now.get("config") or {}, body.config, entry)
    for key in ("message_matcher", "ticker_interval"):
        value = getattr(body, key)
        if value is not UNSET:
            changes[key] = value
    return changes


def _with_defaults(options: dict[str, Any], values: dict[str, Any], entry: PluginEntry) -> dict[str, Any]:
    unknown = sorted(values.keys() - options.keys())
    if unknown:
        known = ", ".join(options) or "none"
        raise Problem(400, f"{entry.name} has no option `{unknown[0]}`; it has: {known}.")
    changed = dict(options)
    for name, value in values.items():
        # An option with a default is not required any more.
        changed[name] = {key: kept for key, kept in options[name].items() if key != "required"} | {"default": value}
    return changed


# ---------------------------------------------------------------------- running


@routes.post("/api/v1/sandboxes/{name}/stop", role="operator", scope="sandbox", problems=(409,))
async def stop_sandbox(call: Call, path: SandboxPath, query: KindQuery) -> SandboxDetail:
    """End the processes of a sandbox, after the packs that they have.

    A filter says its last (`timer_event(ns, true)`), keeps its state, and what it would have seen passes it by,
    counted as dropped. The records of a decoder or encoder wait, and hold their inputs back. It is started again by
    `start`, by a new version, or with the host.
    """
    entry = _running(call.context, path, query)
    for unit in entry.units:
        await lifecycle.stop(call.context.pipeline, unit)
    return await detail(call.context, entry)


@routes.post("/api/v1/sandboxes/{name}/start", role="operator", scope="sandbox", problems=(409,))
async def start_sandbox(call: Call, path: SandboxPath, query: KindQuery) -> SandboxDetail:
    """Start what was stopped, or what is quarantined because it died too often. What runs is left alone."""
    entry = _running(call.context, path, query)
    for unit in entry.units:
        await lifecycle.start(call.context.pipeline, unit)
    return await detail(call.context, entry)


@routes.post("/api/v1/sandboxes/{name}/restart", role="operator", scope="sandbox", problems=(409,))
async def restart_sandbox(call: Call, path: SandboxPath, query: KindQuery) -> SandboxDetail:
    """Put new processes in the place of the old ones, between two packs; a filter's state is handed over."""
    entry = _running(call.context, path, query)
    for unit in entry.units:
        await lifecycle.restart(call.context.pipeline, unit)
    return await detail(call.context, entry)


@routes.post("/api/v1/sandboxes/{name}/pause", role="operator", scope="sandbox", problems=(409,))
async def pause_sandbox(call: Call, path: SandboxPath, query: KindQuery) -> SandboxDetail:
    """Give a sandbox nothing more to do; records wait before it, and hold the inputs back once the queues are full."""
    entry = _running(call.context, path, query)
    for unit in entry.units:
        lifecycle.pause(unit)
    return await detail(call.context, entry)


@routes.post("/api/v1/sandboxes/{name}/resume", role="operator", scope="sandbox", problems=(409,))
async def resume_sandbox(call: Call, path: SandboxPath, query: KindQuery) -> SandboxDetail:
    """Let a paused sandbox go on."""
    entry = _running(call.context, path, query)
    for unit in entry.units:
        lifecycle.resume(unit)
    return await detail(call.context, entry)


def _running(context: AdminContext, path: SandboxPath, query: KindQuery) -> PluginEntry:
    entry = context.index.find(path.name, query.kind)
    if not entry.units:
        raise Problem(409, f"Nothing uses the {entry.kind} `{entry.name}`, so it does not run.")
    return entry


# ---------------------------------------------------------------------- versions


class VersionPath(msgspec.Struct, frozen=True):
    """Which version of which sandbox."""

    name: Name
    version: Annotated[int, Meta(ge=1, le=999_999)]


@routes.get("/api/v1/sandboxes/{name}/versions", role="viewer", scope="sandbox", problems=(409,))
async def list_versions(call: Call, path: SandboxPath, query: KindQuery) -> Page[Version]:
    """List the versions of a script, oldest first, also of one that was removed. The last fifty are kept."""
    kind = _kind(call.context, path.name, query.kind)
    return Page(items=call.context.history.versions(kind, path.name))


@routes.get(
    "/api/v1/sandboxes/{name}/versions/{version}", role="viewer", scope="sandbox", problems=(409,),
    media_types=(LuaText.MEDIA_TYPE,),
)  # fmt: skip
async def show_version(call: Call, path: VersionPath, query: KindQuery) -> bytes:
    """Show the script of a version."""
    return await _version(call.context, path, _kind(call.context, path.name, query.kind))


@routes.post(
    "/api/v1/sandboxes/{name}/versions/{version}/restore", role="admin", scope="sandbox", statuses=(200, 201),
    problems=(409,),
)  # fmt: skip
async def restore_version(call: Call, path: VersionPath, query: KindQuery) -> Response[SandboxDetail]:
    """Roll back to a version, or bring back a script that was removed: it is loaded like any other."""
    kind = _kind(call.context, path.name, query.kind)
    source = await _version(call.context, path, kind)
    loaded = await call.context.deployment.load(path.name, kind, source, call.caller)
    call.facts |= {"kind": kind, "restored": path.version}
    return Response(await detail(call.context, loaded.entry), status=201 if loaded.is_new else 200)


def _kind(context: AdminContext, name: str, kind: PluginKind | None) -> PluginKind:
    if kind is not None:
        return kind
    found = context.history.kinds_of(name)
    if len(found) > 1:
        kinds = " or ".join(f"`?kind={kind}`" for kind in found)
        raise Problem(409, f"There are several scripts called `{name}`: add {kinds}.")
    return found[0] if found else context.index.find(name, None).kind


async def _version(context: AdminContext, path: VersionPath, kind: PluginKind) -> bytes:
    source = await asyncio.to_thread(context.history.source, kind, path.name, path.version)
    if source is None:
        raise Problem(
            404,
            f"There is no version {path.version} of the {kind} `{path.name}`.",
            problem_type=ProblemType.NO_SUCH_VERSION,
        )
    return source


# ---------------------------------------------------------------------- state


class SandboxState(msgspec.Struct, frozen=True, kw_only=True):
    """The state that a filter preserves."""

    preserved: bool
    """True if the filter preserves its state (`preserve_data`)."""
    version: float | str | None
    """Its `_PRESERVATION_VERSION`, as in the last snapshot; null if there is none."""
    bytes: int
    """Of the last snapshot."""
    saved_ns: int
    """Time of the snapshot; 0 if there is none."""
    packs_since: int
    """That a crash now would have it do once more."""


@routes.get("/api/v1/sandboxes/{name}/state", role="viewer", scope="sandbox", problems=(409,))
async def show_state(call: Call, path: SandboxPath, query: KindQuery) -> SandboxState:
    """Show what is known of the state that a filter preserves."""
    unit = find_filter(call.context, path.name, query.kind)
    journal = unit.sandbox.journal
    snapshot = None if journal is None else journal.snapshot
    return SandboxState(
        preserved=unit.config.preserve_data,
        version=state_keeper.preservation_version(snapshot) if snapshot else None,
        bytes=len(snapshot or b""),
        saved_ns=journal.keeper.saved_ns if journal else 0,
        packs_since=len(journal.entries) if journal else 0,
    )


@routes.delete("/api/v1/sandboxes/{name}/state", role="admin", scope="sandbox", problems=(409,))
async def reset_state(call: Call, path: SandboxPath, query: KindQuery) -> None:
    """Have a filter begin anew, without the state that it has preserved."""
    await lifecycle.forget_state(call.context.pipeline, find_filter(call.context, path.name, query.kind))


def find_filter(context: AdminContext, name: str, kind: PluginKind | None) -> FilterUnit:
    """A filter that runs.

    Raises:
        Problem: There is none of that name.
    """
    entry = context.index.find(name, kind)
    for unit in entry.units:
        if isinstance(unit, FilterUnit):
            return unit
    raise Problem(409, f"`{name}` is no filter that runs.")
