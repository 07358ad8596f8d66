"""Finds what `hekate test` is to run: the cases of plugins, the tests of configurations."""

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
from host.trial.cases import SUFFIX, Case, Cases
from host.trial.pipeline_tests import Test

_TESTS = re.compile(rb"^tests:", re.MULTILINE)
_FOLDERS: dict[str, PluginKind] = {f"{kind}s": kind for kind in KINDS}


class Collected(msgspec.Struct, kw_only=True):
    """What was found."""

    cases: list[Case] = []
    tests: list[Test] = []
    files: list[Path] = []
    """All that were looked at."""
    errors: list[ConfigError] = []


def collect(given: Iterable[Path], sandbox_dir: Path | None) -> Collected:
    """Find all cases and tests.

    Args:
        given: Plugins, files of cases, configurations, and directories of them; without any, all that is shipped.
        sandbox_dir: Where decoders and modules are looked for that cases use; by default where the plugin is.
    """
    found = Collected()
    for path in given:
        if path.is_dir():
            for file in sorted(_files_of(path)):
                _add(file, found, sandbox_dir, is_named=False)
        else:
            _add(path, found, sandbox_dir, is_named=True)
    return found


def shipped() -> list[Path]:
    """The shipped plugins and example configurations."""
    return [paths.shipped("sandboxes/lua"), paths.shipped("conf/examples")]


def _files_of(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and path.suffix in {".lua", ".yaml", ".yml"} and path.is_file():
            yield path


def _add(path: Path, found: Collected, sandbox_dir: Path | None, *, is_named: bool) -> None:
    if path.name.endswith(SUFFIX):
        if not is_named:
            return  # it belongs to the plugin beside it, which is in the same folder
        path = path.with_name(path.name.removesuffix(SUFFIX) + ".lua")
    found.files.append(path)
    try:
        source = path.read_bytes()
    except OSError as error:
        found.errors.append(ConfigError("", str(path), 0, f"Cannot read it: {error.strerror}."))
        return
    if path.suffix == ".lua":
        _add_plugin(path, source, found, sandbox_dir, is_named=is_named)
    elif is_named or _TESTS.search(source):
        _add_config(path, found)


def _add_plugin(path: Path, source: bytes, found: Collected, sandbox_dir: Path | None, *, is_named: bool) -> None:
    kind = _kind_of(path, source.decode(errors="replace"))
    if kind is None:
        if is_named:
            message = "This is no plugin: it has no front matter, and lies in no folder of a kind."
            hint = f"Put it into one of {', '.join(_FOLDERS)}."
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
    found.cases += Cases(settings, found.errors).of_plugin(plugin, source)


def _kind_of(path: Path, text: str) -> PluginKind | None:
    if manifest.has_front_matter(text):
        said = re.search(r"^kind:\s*(\w+)", text, re.MULTILINE)
        if said and said[1] in KINDS:
            return cast("PluginKind", said[1])
    return _FOLDERS.get(path.resolve().parent.name)


def _add_config(path: Path, found: Collected) -> None:
    try:
        found.tests += pipeline_tests.read(load.load([path]), found.errors)
    except ConfigErrors as error:
        found.errors += error.errors
