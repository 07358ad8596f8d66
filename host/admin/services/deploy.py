"""Loading scripts over the API: they become files of the drop-in directory, like those that somebody puts there.

A script is first checked as `hekate validate` checks it, and started once in a jail of its own; then it is written,
and loaded by the hot loader, which runs its cases. If it is not what runs in the end, the file becomes again what it
was.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from host.admin import problems
from host.admin.problems import Fault, Problem
from host.admin.services.history import History
from host.admin.services.index import Index, PluginEntry, component_of, scripts_of
from host.admin.types import Caller
from host.config import model
from host.config.dropins import standalone_filter
from host.config.lua import Plugins
from host.config.model import PluginKind
from host.config.nodes import Node
from host.core.errors import ConfigError
from host.plugins import library, manifest
from host.plugins.library import KINDS, Library, Plugin
from host.sandbox.zygote_client import child_environment
from host.trial import engine
from host.trial.model import Decoder, Encoder, Trial

if TYPE_CHECKING:
    from host.hotload.loader import HotLoader
    from host.hotload.reloader import Reloader
    from host.pipeline.pipeline import Pipeline
    from host.pipeline.units.any_unit import Unit

_PLACE = re.compile(r"(?P<file>[A-Za-z0-9_-]+\.lua):(?P<line>\d+): (?P<message>.*)", re.DOTALL)
_COMPILE = (
    "import sys; from host.plugins.compiler import check; fault = check(sys.stdin.buffer.read()); "
    "print(f'{fault.line} {fault.message}' if fault else '', end='')"
)
_FILE_MODE = 0o640


class LoadedScript(NamedTuple):
    """Result of loading a script."""

    entry: PluginEntry
    is_new: bool


class Deployment:
    """Loads, replaces and removes scripts.

    Args:
        pipeline: The pipeline that runs the scripts.
        reloader: Holds the hot loader of the drop-in directory.
        index: Finds the scripts that the host knows.
        history: Stores the versions of the scripts.
    """

    def __init__(self, pipeline: Pipeline, reloader: Reloader, index: Index, history: History) -> None:
        self._pipeline = pipeline
        self._reloader = reloader
        self._index = index
        self._history = history
        self.busy = asyncio.Lock()
        """One change after the other: each is checked against what the one before has left. While it is held, a file
        may hold what will be refused."""

    async def load(self, name: str, kind: PluginKind | None, source: bytes, caller: Caller) -> LoadedScript:
        """Load a new script, or a new version of one.

        Args:
            name: Its name, which its front matter must have too.
            kind: Needed where neither the front matter nor a script of that name tells.
            source: Its text.
            caller: Who loads it; for the history, and the sandboxes and groups that are theirs.

        Raises:
            Problem: It has faults, or may not be loaded here; nothing has changed.
        """
        async with self.busy:
            folder = self._folder()
            kind = kind or self._kind_of(name, source)
            path = folder / f"{kind}s" / f"{name}.lua"
            self._check_place(name, kind, path)
            await self._check(source, path, kind, caller)
            old = await asyncio.to_thread(_read, path)
            digest = hashlib.sha256(source).hexdigest()
            if old is not None:
                await self._note(kind, name, old, "file")
            await asyncio.to_thread(_write, path, source)
            fault = await self._apply(kind, name, digest)
            if fault:
                await asyncio.to_thread(_write_back, path, old)
                await self._apply(kind, name, "")
                raise Problem(400, "The script was not loaded; what ran before goes on.", faults_of(fault, path))
            await self._note(kind, name, source, caller.name)
            return LoadedScript(self._index.find(name, kind), old is None)

    async def remove(self, entry: PluginEntry) -> None:
        """Remove a script's file. Its versions and its state stay.

        Raises:
            Problem: It may not be removed here.
        """
        async with self.busy:
            self._folder()
            if not self._index.is_dropped_in(entry) or entry.path.stem != entry.name:
                raise Problem(409, f"Its file, {entry.path}, does not lie in the drop-in directory.")
            if entry.kind == "filter" and entry.name in self._pipeline.config.filters:
                raise Problem(409, f"The configuration names it, under filters.{entry.name}: remove it there first.")
            shipped = Library().path(entry.kind, entry.name)
            if entry.kind != "filter" and entry.units and shipped is None:
                users = ", ".join(unit.config.name for unit in entry.units)
                raise Problem(409, f"It is used by {users}: change the configuration first.")
            source = await asyncio.to_thread(_read, entry.path)
            if source is not None:
                await self._note(entry.kind, entry.name, source, "file")
            entry.path.unlink(missing_ok=True)
            await self._loader().apply()
            if entry.kind == "filter" and entry.name in self._pipeline.filters:
                raise Problem(409, "The file is gone, but the filter still runs; the log of the host says why.")

    # ------------------------------------------------------------------ where

    def _folder(self) -> Path:
        folder = self._index.folder
        if folder is None:
            raise Problem(409, "There is no drop-in directory: set `hekate.sandbox_dir` and start the host anew.")
        return folder

    def _loader(self) -> HotLoader:
        loader = self._reloader.loader
        if loader is None:
            raise Problem(409, "The host has not started yet, or was started without `hekate.sandbox_dir`.")
        return loader

    def _kind_of(self, name: str, source: bytes) -> PluginKind:
        text = source.decode(errors="replace")
        found = re.search(r"^kind:[ \t]*[\"']?(\w+)", text, re.MULTILINE) if manifest.has_front_matter(text) else None
        if found is not None and found[1] in KINDS:
            return found[1]
        known = [entry.kind for entry in self._index.entries() if entry.name == name]
        if len(known) == 1:
            return known[0]
        raise Problem(400, "Say the kind: `kind:` in the front matter or, where there is none, as `?kind=filter`.")

    def _check_place(self, name: str, kind: PluginKind, path: Path) -> None:
        config = self._pipeline.config.filters.get(name) if kind == "filter" else None
        if config is not None and Path(config.sandbox.path).stem != path.stem:
            where = f"The configuration has a filter `{name}`, with the script {config.sandbox.path}"
            raise Problem(409, f"{where}: give this one another name.")

    # ------------------------------------------------------------------ whether

    async def _check(self, source: bytes, path: Path, kind: PluginKind, caller: Caller) -> None:
        errors: list[ConfigError] = []
        settings = self._pipeline.config.hekate
        plugin = await asyncio.to_thread(library.of_source, source, path, kind, errors)
        if plugin is None:
            raise Problem(400, "The script was not loaded: its header has faults.", problems.of_config_errors(errors))
        group = plugin.manifest.group
        if group is not None and not caller.owns(group):
            # Members of a group share a process, without a wall between them.
            begins = " or ".join(f"`{prefix}`" for prefix in caller.prefixes or ())
            raise Problem(403, f"The group `{group}` is not among yours: its name must begin with {begins}.")
        wants_matcher = kind == "filter" and not path.with_suffix(".cfg").is_file() and not self._is_configured(plugin)
        if wants_matcher and not plugin.manifest.message_matcher:
            hint = 'Add `message_matcher: "TRUE"` or a better one to its front matter.'
            fault = Fault(message="A filter must say which messages it sees.", file=str(path), line=1, hint=hint)
            raise Problem(400, "The script was not loaded.", [fault])
        made = Plugins(Library(Path(settings.sandbox_dir or ".")), settings, errors)
        sandbox = made.sandbox(plugin, plugin.name, {}, Node(None, str(path), 1), plugin.name, keys=model.SandboxKeys())
        if sandbox is None:  # an option is missing that the configuration gives, or will give
            fault_text = await _syntax_fault(source, path)
        else:
            fault_text = await self._start_once(plugin, msgspec.structs.replace(sandbox, text=source.decode()))
        if fault_text:
            raise Problem(400, "The script was not loaded: it does not start.", faults_of(fault_text, path))

    def _is_configured(self, plugin: Plugin) -> bool:
        return plugin.name in self._pipeline.config.filters

    async def _start_once(self, plugin: Plugin, sandbox: model.Sandbox) -> str:
        """Return the reason why a script does not start, or an empty text."""
        settings = self._pipeline.config.hekate
        of: Decoder | model.Filter | Encoder
        if plugin.kind == "decoder":
            of = Decoder(name=plugin.name, decoder_chain=(sandbox,))
        elif plugin.kind == "encoder":
            of = Encoder(name=plugin.name, encoder=sandbox)
        else:
            of = standalone_filter(plugin, sandbox, plugin.manifest.message_matcher or "TRUE")
        outcome = await engine.run(
            Trial(of=of, steps=(), sandbox_dir=settings.sandbox_dir, allow_unjailed=settings.allow_unjailed),
            self._pipeline.zygote,
        )
        if outcome.ending is not None:
            return outcome.ending.text
        return "It takes too long to start." if outcome.stopped else ""

    async def _apply(self, kind: PluginKind, name: str, digest: str) -> str:
        """Have the hot loader see the file; why what should run it does not, or empty."""
        loader = self._loader()
        await loader.apply()
        wrong = []
        for entry in self._index.entries():
            if digest and (entry.kind, entry.path.stem) == (kind, name) and self._index.is_dropped_in(entry):
                wrong += [unit for unit in entry.units if not _runs(unit, entry.path, digest)]
                if kind == "filter" and not entry.units:
                    return loader.faults.get(f"filters.{name}", "The host has not loaded it; its log says why.")
        for unit in wrong:
            found = [loader.faults[place] for place in places_of(unit) if place in loader.faults]
            return found[0] if found else "The configuration does not fit it; the log of the host says why."
        return ""

    async def _note(self, kind: PluginKind, name: str, source: bytes, who: str) -> None:
        digest = hashlib.sha256(source).hexdigest()
        await asyncio.to_thread(self._history.note, kind, name, source, digest, who)


def faults_of(text: str, path: Path) -> list[Fault]:
    """Return the faults of a script that failed to start, with their lines."""
    found = _PLACE.search(text)
    if found is None:
        return [Fault(message=text, file=str(path))]
    file = path.parent / found["file"]
    return [Fault(message=found["message"], file=str(file), line=int(found["line"]))]


def places_of(unit: Unit) -> list[str]:
    """Return the hot loader's names for a unit."""
    stage = {"decoders": "inputs", "encoders": "outputs"}.get(component_of(unit).partition(".")[0], "filters")
    return [f"{stage}.{unit.config.name}"]


def _runs(unit: Unit, path: Path, digest: str) -> bool:
    return all(script.digest == digest for script in scripts_of(unit) if Path(script.path) == path.resolve())


async def _syntax_fault(source: bytes, path: Path) -> str:
    """Compile a script in a process of its own, which is all that can be done with it."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-c", _COMPILE, env=child_environment(),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, _ = await child.communicate(source)
    line, _, message = said.decode(errors="replace").partition(" ")
    return f"{path.name}:{line}: {message}" if line else ""


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _write(path: Path, source: bytes) -> None:
    """Put a file in its place at once: whoever looks sees the old one or the new one, as a whole."""
    temporary = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _FILE_MODE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(source)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise Problem(409, f"{path} cannot be written: {error.strerror}.") from error


def _write_back(path: Path, old: bytes | None) -> None:
    if old is None:
        path.unlink(missing_ok=True)
    else:
        _write(path, old)
