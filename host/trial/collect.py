"""Finds the cases of plugins and the tests of configurations for `hekate test`."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import cast

import msgspec

from host.config import load, model
from host.config.model import PluginKind
from host.core import paths
from host.core.errors import ConfigError, ConfigErrors
from host.plugins import compiler, library, manifest
from host.plugins.library import KINDS
from host.trial import pipeline_tests
from host.trial.cases import SUFFIX, Case, CaseReader
from host.trial.pipeline_tests import Test

_TESTS = re.compile(rb"^tests:", re.MULTILINE)
_FOLDERS: dict[str, PluginKind] = {f"{kind}s": kind for kind in KINDS}


class Collection(msgspec.Struct, kw_only=True):
    """The cases and tests found, and the faults in them."""

    cases: list[Case] = []
    tests: list[Test] = []
    files: list[Path] = []
    """All files that were examined."""
    errors: list[ConfigError] = []


def collect(targets: Iterable[Path], sandbox_dir: Path | None) -> Collection:
    """Find all cases and tests.

    Args:
        targets: Plugins, cases files, configurations, and directories of them. If empty, everything shipped.
        sandbox_dir: Directory of the decoders and modules that cases use; by default the plugin's own directory.
    """
    found = Collection()
    for path in targets:
        if path.is_dir():
            for file in sorted(_files_of(path)):
                _add(file, found, sandbox_dir, is_named=False)
        else:
            _add(path, found, sandbox_dir, is_named=True)
    return found


def shipped_paths() -> list[Path]:
    """Return the directories of the shipped plugins and example configurations."""
    return [paths.shipped("sandboxes/lua"), paths.shipped("conf/examples")]


def _files_of(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and path.suffix in {".lua", ".yaml", ".yml"} and path.is_file():
            yield path


def _add(path: Path, found: Collection, sandbox_dir: Path | None, *, is_named: bool) -> None:
    if path.name.endswith(SUFFIX):
        if not is_named:
            return  # the plugin in the same directory reads it
        path = path.with_name(path.name.removesuffix(SUFFIX) + ".lua")
    found.files.append(path)
    try:
        source = path.read_bytes()
    except OSError as error:
        found.errors.append(ConfigError("", str(path), 0, f"Cannot read the file: {error.strerror}."))
        return
    if path.suffix == ".lua":
        _add_plugin(path, source, found, sandbox_dir, is_named=is_named)
    elif is_named or _TESTS.search(source):
        _add_config(path, found)


def _add_plugin(path: Path, source: bytes, found: Collection, sandbox_dir: Path | None, *, is_named: bool) -> None:
    kind = _kind_of(path, source.decode(errors="replace"))
    if kind is None:
        if is_named:
            message = "Not a plugin: it has no front matter and is not in a plugin directory."
            hint = f"Move it into one of {', '.join(_FOLDERS)}, or add front matter."
            found.errors.append(ConfigError("", str(path), 1, message, hint))
        return
    plugin = library.of_source(source, path, kind, found.errors)
    if plugin is None:
        return
    if fault := compiler.check(source):
        message = f"Lua does not compile: {fault.message}."
        found.errors.append(ConfigError("", str(path), fault.line, message, "Correct the syntax."))
        return
    folder = sandbox_dir or (path.resolve().parent.parent if path.parent.name in _FOLDERS else None)
    settings = model.HostSettings(sandbox_dir=str(folder) if folder else None)
    found.cases += CaseReader(settings, found.errors).read_plugin(plugin, source)


def _kind_of(path: Path, text: str) -> PluginKind | None:
    if manifest.has_front_matter(text):
        match = re.search(r"^kind:\s*(\w+)", text, re.MULTILINE)
        if match and match[1] in KINDS:
            return cast("PluginKind", match[1])
    return _FOLDERS.get(path.resolve().parent.name)


def _add_config(path: Path, found: Collection) -> None:
    try:
        found.tests += pipeline_tests.read(load.load([path]), found.errors)
    except ConfigErrors as error:
        found.errors += error.errors
