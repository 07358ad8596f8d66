"""Read-outs: functions that scripts offer to the outside."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from host.admin.api.route_spec import Call, Page, Parameters, Routes
from host.admin.api.routes.changes import find_filter
from host.admin.api.routes.sandboxes import KindQuery, Name, SandboxPath
from host.admin.problems import Problem, not_found
from host.config.model import Readout
from host.pipeline.units.any_unit import FilterUnit

routes = Routes("read-outs", "Functions that the scripts of filters offer to the outside, by their front matter.")

_MAX_TEXT = 1000
_MAX_ARGUMENTS = 20


class ReadoutPath(msgspec.Struct, frozen=True):
    """Which read-out of which filter."""

    name: Name
    readout: Annotated[str, Meta(pattern="^[a-z][a-z0-9_-]{0,63}$")]


class ReadoutShown(msgspec.Struct, frozen=True, kw_only=True):
    """A read-out."""

    name: str
    description: str
    changes: bool
    """True if the query modifies the script's state; the API then requires POST."""


class ReadoutAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Answer of a read-out."""

    value: Any
    """Whatever the script has made."""


@routes.get("/api/v1/sandboxes/{name}/readouts", role="viewer", scope="sandbox", problems=(409,))
async def list_readouts(call: Call, path: SandboxPath, query: KindQuery) -> Page[ReadoutShown]:
    """List what the script of a filter offers.

    Its front matter says so:

        readouts:
          top: {function: read_top, description: The ten most frequent addresses.}
          reset: {function: reset, description: Begins to count anew., changes: true}

    Each is a global function, called with a table of the request's arguments. What it answers is told as JSON: a
    number, text, a table; or `nil` and why not. It runs between two packs, within `cpu_limit`, and may inject
    messages as `timer_event` may.
    """
    unit = find_filter(call.context, path.name, query.kind)
    found = unit.config.sandbox.readouts
    items = [
        ReadoutShown(name=name, description=readout.description, changes=readout.changes)
        for name, readout in sorted(found.items())
    ]
    return Page(items=items)


@routes.get("/api/v1/sandboxes/{name}/readouts/{readout}", role="viewer", scope="sandbox", problems=(409,))
async def call_readout(call: Call, path: ReadoutPath, query: Parameters) -> ReadoutAnswer:
    """Call a read-out that changes nothing. All parameters of the query are handed to the function."""
    unit, readout = _find(call, path)
    if readout.changes:
        raise Problem(409, f"`{path.readout}` changes what the filter knows: call it with POST.")
    return ReadoutAnswer(value=await unit.sandbox.call(readout.function, _bounded(query)))


@routes.post("/api/v1/sandboxes/{name}/readouts/{readout}", role="operator", scope="sandbox", problems=(409,))
async def call_changing_readout(call: Call, path: ReadoutPath, body: dict[str, str] | None) -> ReadoutAnswer:
    """Call a read-out that changes what the filter knows. The body holds the arguments.

    If the filter preserves its state, a snapshot is taken before the answer is given, so that the change is not lost.
    """
    unit, readout = _find(call, path)
    if not readout.changes:
        raise Problem(409, f"`{path.readout}` changes nothing: call it with GET.")
    call.facts |= {"arguments": body or {}}
    value = await unit.sandbox.call(readout.function, _bounded(body or {}))
    if unit.sandbox.journal is not None:
        await unit.sandbox.snapshot()
    return ReadoutAnswer(value=value)


def _find(call: Call, path: ReadoutPath) -> tuple[FilterUnit, Readout]:
    unit = find_filter(call.context, path.name, "filter")
    readout = unit.config.sandbox.readouts.get(path.readout)
    if readout is None:
        raise not_found(f"read-out `{path.readout}` of the filter `{path.name}`")
    return unit, readout


def _bounded(arguments: dict[str, str]) -> dict[str, str]:
    too_long = any(len(text) > _MAX_TEXT for pair in arguments.items() for text in pair)
    if too_long or len(arguments) > _MAX_ARGUMENTS:
        raise Problem(400, f"There may be {_MAX_ARGUMENTS} arguments of {_MAX_TEXT} characters.")
    return arguments
