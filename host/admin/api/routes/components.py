"""The components of the pipeline by stage: looking at them, pausing and resuming them."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from host.admin.api import paging
from host.admin.api.paging import PageQuery
from host.admin.api.route_spec import Call, Page, Routes
from host.admin.problems import not_found
from host.admin.services import stats, views
from host.admin.services.context import AdminContext
from host.admin.services.views import Component
from host.pipeline import lifecycle
from host.pipeline.units.any_unit import InputUnit, Unit

routes = Routes("components", "Inputs, their decoders, filters, the encoders of outputs, and outputs.")

Stage = Literal["inputs", "decoders", "filters", "encoders", "outputs"]
Name = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{1,64}$")]


class StagePath(msgspec.Struct, frozen=True):
    """Which components."""

    stage: Stage


class ComponentPath(msgspec.Struct, frozen=True):
    """Which component. Decoders have the name of their input, encoders that of their output."""

    stage: Stage
    name: Name


@routes.get("/api/v1/{stage}", role="viewer", scope="host")
async def list_components(call: Call, path: StagePath, query: PageQuery) -> Page[Component]:
    """List the components of a stage, with states, queues, pools and counters."""
    stats.refresh(call.context.pipeline)
    found = _units(call.context, path.stage)
    return paging.page([views.component(unit, path.stage) for unit in found], query, lambda each: each.name)


@routes.get("/api/v1/{stage}/{name}", role="viewer", scope="host")
async def show_component(call: Call, path: ComponentPath) -> Component:
    """Show a component."""
    stats.refresh(call.context.pipeline)
    return views.component(_unit(call.context, path), path.stage)


@routes.post("/api/v1/{stage}/{name}/pause", role="operator", scope="host")
async def pause_component(call: Call, path: ComponentPath) -> Component:
    """Pause a component; it stays so until it is resumed, replaced, or the host stops.

    A paused input reads nothing more: what it would read stays where it is (datagrams are lost once the kernel's
    buffer is full). Before the others, records wait; when queues and pools are full, the inputs wait too. Nothing is
    lost. To let records pass a filter by, stop its sandbox instead.
    """
    unit = _unit(call.context, path)
    if path.stage == "inputs":
        assert isinstance(unit, InputUnit)
        lifecycle.pause_input(unit)
    else:
        lifecycle.pause(unit)
    return views.component(unit, path.stage)


@routes.post("/api/v1/{stage}/{name}/resume", role="operator", scope="host")
async def resume_component(call: Call, path: ComponentPath) -> Component:
    """Resume a paused component."""
    unit = _unit(call.context, path)
    if path.stage == "inputs":
        assert isinstance(unit, InputUnit)
        lifecycle.resume_input(unit)
    else:
        lifecycle.resume(unit)
    return views.component(unit, path.stage)


def _units(context: AdminContext, stage: Stage) -> list[Unit]:
    return [unit for unit in stats.units(context.pipeline) if stage in stats.stages_of(unit)]


def _unit(context: AdminContext, path: ComponentPath) -> Unit:
    for unit in _units(context, path.stage):
        if unit.config.name == path.name:
            return unit
    raise not_found(f"`{path.name}` among the {path.stage}")
