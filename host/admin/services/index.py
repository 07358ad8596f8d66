"""All sandboxes by kind and name: those that run, and the files of the drop-in directory that nobody uses.

A sandbox is one script with its configuration: a filter; a decoder or an encoder, which may run in several places.
Its name is that of its definition in the configuration, or of its file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from host.admin.problems import Problem
from host.config import model
from host.config.model import PluginKind, sandboxes_of
from host.core import paths
from host.pipeline.pipeline import Pipeline
from host.pipeline.units.any_unit import InputUnit, OutputUnit, Unit
from host.plugins import library
from host.plugins.library import KINDS, Plugin

if TYPE_CHECKING:
    from host.core.errors import ConfigError


@dataclass
class PluginEntry:
    """One sandbox."""

    kind: PluginKind
    name: str
    path: Path
    plugin: str
    config: model.Sandbox | None = None
    """None if nobody uses it."""
    units: list[Unit] = field(default_factory=list)
    """Where it runs."""

    @property
    def key(self) -> str:
        """What the list is sorted by."""
        return f"{self.name}/{self.kind}"


class Index:
    """Finds sandboxes.

    Args:
        pipeline: What runs.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._plugins: dict[Path, tuple[tuple[int, int, int], Plugin | None, list[ConfigError]]] = {}

    @property
    def folder(self) -> Path | None:
        """The drop-in directory."""
        sandbox_dir = self._pipeline.config.hekate.sandbox_dir
        return Path(sandbox_dir) if sandbox_dir else None

    def entries(self, owns: Callable[[str], bool] = lambda _: True) -> list[PluginEntry]:
        """All sandboxes whose names a caller may see."""
        found: dict[tuple[PluginKind, str], PluginEntry] = {}
        for kind, name, sandbox, unit in self._used():
            entry = found.setdefault(
                (kind, name), PluginEntry(kind, name, Path(sandbox.path), sandbox.plugin, config=sandbox)
            )
            if unit not in entry.units:
                entry.units.append(unit)
        for kind, path in self._files():
            found.setdefault((kind, path.stem), self._unused(kind, path, found))
        return [entry for entry in found.values() if owns(entry.name)]

    def _used(self) -> Iterator[tuple[PluginKind, str, model.Sandbox, Unit]]:
        for input_ in self._pipeline.inputs.values():
            for sandbox in input_.config.decoder_chain:
                yield "decoder", sandbox.name, sandbox, input_
        for filter_ in self._pipeline.filters.values():
            yield "filter", filter_.config.name, filter_.config.sandbox, filter_
        for output in self._pipeline.outputs.values():
            yield "encoder", output.config.encoder.name, output.config.encoder, output

    def _files(self) -> Iterator[tuple[PluginKind, Path]]:
        for kind in KINDS if self.folder else ():
            assert self.folder is not None
            for path in sorted((self.folder / f"{kind}s").glob("*.lua")):
                if not path.name.startswith((".", "#", "~")):
                    yield kind, path

    @staticmethod
    def _unused(kind: PluginKind, path: Path, found: dict[tuple[PluginKind, str], PluginEntry]) -> PluginEntry:
        """A file that is no definition by itself; others may be of it."""
        entry = PluginEntry(kind, path.stem, path, path.stem)
        resolved = path.resolve()
        for other in found.values():
            if other.kind == kind and other.path == resolved:
                entry.config = other.config
                entry.units.extend(unit for unit in other.units if unit not in entry.units)
        return entry

    def find(self, name: str, kind: PluginKind | None) -> PluginEntry:
        """One sandbox.

        Raises:
            Problem: There is none of that name, or there are several.
        """
        found = [entry for entry in self.entries() if entry.name == name and kind in {None, entry.kind}]
        if not found:
            raise Problem(404, f"There is no {kind or 'sandbox'} `{name}`.")
        if len(found) > 1:
            kinds = " or ".join(f"`?kind={entry.kind}`" for entry in found)
            raise Problem(409, f"There are several sandboxes called `{name}`: add {kinds}.")
        return found[0]

    def known_plugin(self, entry: PluginEntry) -> tuple[Plugin | None, list[ConfigError]] | None:
        """The file of a sandbox and its faults, if it is known and has not changed since."""
        known = self._plugins.get(entry.path)
        return (known[1], known[2]) if known is not None and known[0] == _mark(entry.path) else None

    def plugin(self, entry: PluginEntry) -> tuple[Plugin | None, list[ConfigError]]:
        """The file of a sandbox as it is now, and its faults. Reads the disk."""
        mark = _mark(entry.path)
        if mark is None:
            return None, []
        errors: list[ConfigError] = []
        found = library.load(entry.path, entry.kind, errors)
        self._plugins[entry.path] = (mark, found, errors)
        return found, errors

    def is_dropped_in(self, entry: PluginEntry) -> bool:
        """Return True if the script's file is in the drop-in directory."""
        return self.folder is not None and entry.path.resolve().parent == (self.folder / f"{entry.kind}s").resolve()

    def origin(self, entry: PluginEntry) -> Literal["shipped", "drop-in", "file"]:
        """Return the origin of the script's file."""
        if self.is_dropped_in(entry):
            return "drop-in"
        return "shipped" if entry.path.is_relative_to(paths.shipped("sandboxes/lua")) else "file"


def _mark(path: Path) -> tuple[int, int, int] | None:
    """What tells whether a file has changed; None if there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_mtime_ns, status.st_size, status.st_ino)


def scripts_of(unit: Unit) -> tuple[model.Sandbox, ...]:
    """The scripts of a unit."""
    return sandboxes_of(unit.config)


def component_of(unit: Unit) -> str:
    """Return the component that runs a sandbox, such as `decoders.access`."""
    stage = "decoders" if isinstance(unit, InputUnit) else "encoders" if isinstance(unit, OutputUnit) else "filters"
    return f"{stage}.{unit.config.name}"


def state_of(unit: Unit) -> str:
    """The state of the sandboxes of a unit: the worst that one of its processes has."""
    states = [sandbox.state for sandbox in unit.sandboxes()]
    for worst in ("quarantined", "stopped", "backing_off", "starting"):
        if worst in states:
            return worst
    return "paused" if unit.held else "running"
