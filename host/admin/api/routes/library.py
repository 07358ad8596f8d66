"""What a configuration may name and a script may require: for editors and playgrounds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from host.admin.api.route_spec import Call, LuaText, Page, Response, Routes
from host.admin.problems import not_found
from host.admin.services.context import AdminContext
from host.config import api_reference, catalogue
from host.config.catalogue import OptionInfo, PluginInfo
from host.config.model import STAGES, Stage
from host.core import paths
from host.pipeline import specs
from host.plugins.manifest import Manifest

routes = Routes("library", "What a configuration may name, and what a script may require.")

_FRESH_S = 10.0


class LibraryQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of which stage."""

    stage: Stage | None = None


class Module(msgspec.Struct, frozen=True, kw_only=True):
    """A module that scripts may require."""

    name: str
    origin: Literal["shipped", "drop-in"]
    summary: str
    """The first line of its head."""


class ModulePath(msgspec.Struct, frozen=True):
    """Which module, as `require` has it."""

    module: Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_-]*)*$", max_length=100)]


@routes.get("/api/v1/library", role="viewer", scope="open")
async def list_library(call: Call, query: LibraryQuery) -> Page[PluginInfo]:
    """List all types and plugins with their options, the shipped ones and those of the drop-in directory."""
    found = await _plugins(call.context)
    return Page(items=[plugin for plugin in found if query.stage in {None, plugin.stage}])


async def _plugins(context: AdminContext) -> list[PluginInfo]:
    made_s, found = context.library
    if time.monotonic() - made_s > _FRESH_S:
        found = await asyncio.to_thread(_read_plugins, context.index.folder)
        context.library = (time.monotonic(), found)
    return found


def _read_plugins(folder: Path | None) -> list[PluginInfo]:
    return [plugin for stage in STAGES for plugin in catalogue.describe(stage, folder, [])]


@routes.get("/api/v1/library/modules", role="viewer", scope="open")
async def list_modules(call: Call) -> Page[Module]:
    """List the modules that scripts may require: grammars, data structures, helpers."""
    folder = call.context.index.folder
    found = await asyncio.to_thread(lambda: {module.name: module for module in _modules(folder)})
    return Page(items=[found[name] for name in sorted(found)])


class Function(msgspec.Struct, frozen=True, kw_only=True):
    """A function that scripts may call."""

    name: str
    signature: str
    kinds: str
    """The kinds of sandboxes that have it."""
    prose: str


class Scripting(msgspec.Struct, frozen=True, kw_only=True):
    """What an editor of scripts can offer."""

    front_matter: list[OptionInfo]
    """Keys of the front matter; those of a mapping inside it as `limits.cpu_limit`."""
    functions: list[Function]


@routes.get("/api/v1/library/scripting", role="viewer", scope="open")
async def show_scripting(call: Call) -> Scripting:
    """Describe the front matter of scripts, and the functions that they may call: for editors."""
    return Scripting(
        front_matter=catalogue.struct_options(Manifest),
        functions=[
            Function(name=each.name, signature=each.signature, kinds=each.where, prose=each.prose)
            for each in api_reference.functions()
        ],
    )


@routes.get("/api/v1/library/modules/{module}", role="viewer", scope="open", media_types=(LuaText.MEDIA_TYPE,))
async def show_module(call: Call, path: ModulePath) -> Response[bytes]:
    """Show the text of a module."""
    folder = call.context.index.folder
    read = specs.module_reader(str(folder) if folder else None)
    try:
        text = await asyncio.to_thread(read, path.module)
    except KeyError as error:
        raise not_found(f"module `{path.module}`") from error
    return Response(text.encode(), media_type=LuaText.MEDIA_TYPE)


def _modules(sandbox_dir: Path | None) -> Iterator[Module]:
    """The user's own come last, since they take the place of shipped ones."""
    shipped = paths.shipped("sandbox_stdlib")
    for path in shipped.rglob("*.lua"):
        yield Module(name=_name(shipped, path), origin="shipped", summary=_summary(path))
    own = sandbox_dir / "modules" if sandbox_dir else None
    for path in own.rglob("*.lua") if own else ():
        assert own is not None
        yield Module(name=_name(own, path), origin="drop-in", summary=_summary(path))


def _name(folder: Path, path: Path) -> str:
    return ".".join(path.relative_to(folder).with_suffix("").parts)


def _summary(path: Path) -> str:
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines()[:10]:
        text = line.strip().lstrip("-[]= ").strip()
        if text:
            return text
    return ""
