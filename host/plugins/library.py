"""Finds Lua plugins: first the user's, then the shipped ones.

A plugin is one file, `<folder>/<kind>s/<name>.lua`. Its name is the file's name.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from host.config.model import PluginKind
from host.config.nodes import Node
from host.core import paths
from host.core.errors import ConfigError
from host.plugins import manifest
from host.plugins.manifest import Manifest

KINDS: tuple[PluginKind, ...] = ("decoder", "filter", "encoder")


class Plugin(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a plugin's file."""

    kind: PluginKind
    name: str
    path: str
    digest: str
    manifest: Manifest
    prose: str
    takes_any_option: bool = False
    """True for a script without front matter, written for Heka or Hindsight."""
    front_matter: Node | None = None
    """The manifest with its positions."""


class Library:
    """The plugins of one configuration."""

    def __init__(self, sandbox_dir: Path | None = None) -> None:
        """Search in `sandbox_dir` before the shipped plugins."""
        self.own = sandbox_dir
        self.folders = [folder for folder in (sandbox_dir, paths.shipped("sandboxes/lua")) if folder is not None]

    def path(self, kind: PluginKind, name: str) -> Path | None:
        """Return the file of a plugin, or None. The name may be untrusted; it cannot escape the folder."""
        if not name or name.startswith(".") or any(mark in name for mark in "/\\\0"):
            return None
        candidates = (folder / f"{kind}s" / f"{name}.lua" for folder in self.folders)
        return next((path for path in candidates if path.is_file()), None)

    def names(self, kind: PluginKind) -> list[str]:
        """Return the names of all plugins of a kind."""
        return sorted({path.stem for folder in self.folders for path in (folder / f"{kind}s").glob("*.lua")})

    def find(self, kind: PluginKind, name: str, errors: list[ConfigError]) -> Plugin | None:
        """Read a plugin. Return None if there is none, or if its header is not valid (reported in `errors`)."""
        path = self.path(kind, name)
        return None if path is None else load(path, kind, errors)

    def plugins(self, kind: PluginKind, errors: list[ConfigError]) -> Iterator[Plugin]:
        """Yield all plugins of a kind, sorted by name. Omit those whose header is not valid."""
        for name in self.names(kind):
            plugin = self.find(kind, name, errors)
            if plugin is not None:
                yield plugin


def load(path: Path, kind: PluginKind, errors: list[ConfigError]) -> Plugin | None:
    """Read one plugin's file.

    Args:
        path: The file.
        kind: The expected kind.
        errors: Errors are appended here.
    """
    try:
        source = path.read_bytes()
    except OSError as error:
        errors.append(ConfigError("", str(path), 0, f"Cannot read the plugin: {error.strerror}."))
        return None
    return of_source(source, path, kind, errors)


def of_source(source: bytes, path: Path, kind: PluginKind, errors: list[ConfigError]) -> Plugin | None:
    """Read a plugin from its text. `path` is the current or future file of that text."""
    try:
        text = source.decode()
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        errors.append(ConfigError("", str(path), line, "The plugin is not UTF-8 text.", "Save it as UTF-8."))
        return None
    is_plain = not manifest.has_front_matter(text)
    header: manifest.Header | None
    if is_plain:
        header = manifest.Header(manifest=manifest.of_plain_script(path.stem, kind), prose="")
    else:
        header = manifest.read(text, str(path), errors)
    if header is None or not _is_consistent(header.manifest, path, kind, errors):
        return None
    return Plugin(
        kind=kind,
        name=path.stem,
        path=str(path.resolve()),
        digest=hashlib.sha256(source).hexdigest(),
        manifest=header.manifest,
        prose=header.prose,
        takes_any_option=is_plain,
        front_matter=header.root,
    )


def _is_consistent(header: Manifest, path: Path, kind: PluginKind, errors: list[ConfigError]) -> bool:
    """Return True if the manifest agrees with the file's name and the expected kind; else append an error."""
    if header.kind != kind:
        message = f"This is a plugin of kind {header.kind}, but a {kind} is expected."
        errors.append(ConfigError("kind", str(path), 1, message, f"Put it into the folder {header.kind}s."))
        return False
    if header.name != path.stem:
        message = f"The front matter has `name: {header.name}`, but the file is {path.name}."
        errors.append(ConfigError("name", str(path), 1, message, f"Name the file {header.name}.lua."))
        return False
    return True
