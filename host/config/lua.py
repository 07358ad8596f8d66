"""Resolves a configuration entry of a Lua plugin to a `Sandbox`."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from host.config import convert, limits
from host.config.model import HostSettings, PluginKind, Sandbox, SandboxKeys, SandboxParts
from host.config.nodes import FAULTY, Node
from host.core.errors import ConfigError
from host.plugins import library, manifest
from host.plugins.library import Library, Plugin

PARTS = tuple(field.encode_name for field in msgspec.structs.fields(SandboxParts))
LIMITS = tuple(field.encode_name for field in msgspec.structs.fields(SandboxKeys))


class Plugins:
    """The plugins of one configuration. Reads each file once, so that its errors are reported once."""

    def __init__(self, library_: Library, settings: HostSettings, errors: list[ConfigError]) -> None:
        self.library = library_
        self.settings = settings
        self._errors = errors
        self._read: dict[tuple[PluginKind, Path], Plugin | None] = {}

    def named(self, kind: PluginKind, name: str, node: Node, path: str) -> Plugin | None:
        """Return the plugin named `name`. If there is none, append an error at `node`."""
        file = self.library.path(kind, name)
        if file is None:
            self.miss(kind, name, node, path)
            return None
        return self._plugin(kind, file)

    def miss(self, kind: PluginKind, name: str, node: Node, path: str, others: Iterable[str] = ()) -> None:
        """Append the error that there is no such plugin. `others` are further names to suggest."""
        hint = convert.did_you_mean(name, {*others, *self.library.names(kind)})
        if (own := self.library.own) is not None:
            hint += f" Also searched {(own / f'{kind}s').resolve()}."
        message = f"There is no {kind} `{name}`."
        self._errors.append(ConfigError(path, node.file, node.line, message, hint.strip()))

    def from_file(self, kind: PluginKind, node: Node, path: str) -> Plugin | None:
        """Return the plugin in the file that `node` names, relative to the configuration file."""
        filename = convert.to_value(node, str, path, self._errors)
        if filename is FAULTY:
            return None
        file = Path(node.file).parent / Path(filename).expanduser()
        if not file.is_file():
            hint = f"Looked for {file.absolute()}."
            self._errors.append(ConfigError(path, node.file, node.line, f"There is no file `{filename}`.", hint))
            return None
        return self._plugin(kind, file)

    def _plugin(self, kind: PluginKind, file: Path) -> Plugin | None:
        if (kind, file) not in self._read:
            self._read[kind, file] = library.load(file, kind, self._errors)
        return self._read[kind, file]

    def choose(self, kind: PluginKind, name: str, entries: Mapping[str, Node], where: Node, path: str) -> Plugin | None:
        """Return the plugin that an entry selects by `type`, by `filename`, or by its own name."""
        if "type" in entries and "filename" in entries:
            node = entries["filename"]
            message = "`type` and `filename` exclude each other."
            self._errors.append(
                ConfigError(f"{path}.filename", node.file, node.line, message, "Remove one of the two.")
            )
            return None
        if "filename" in entries:
            return self.from_file(kind, entries["filename"], f"{path}.filename")
        if "type" not in entries:
            return self.named(kind, name, where, path)
        chosen = convert.to_value(entries["type"], str, f"{path}.type", self._errors)
        return None if chosen is FAULTY else self.named(kind, chosen, entries["type"], f"{path}.type")

    def unknown_keys(
        self, plugin: Plugin | None, entries: Mapping[str, Node], known: Collection[str], path: str
    ) -> None:
        """Report unknown keys. For a plugin option outside of `config`, suggest to move it."""
        options = plugin.manifest.config.keys() - set(known) if plugin else set()
        convert.unknown_keys(entries, {*known, *options}, path, self._errors)
        for key in entries.keys() & options:
            node = entries[key]
            message = f"`{key}` is an option of the plugin."
            self._errors.append(ConfigError(f"{path}.{key}", node.file, node.line, message, "Move it under `config`."))

    def sandbox(
        self,
        plugin: Plugin,
        name: str,
        entries: Mapping[str, Node],
        where: Node,
        path: str,
        *,
        keys: SandboxKeys | None,
    ) -> Sandbox | None:
        """Combine a plugin, its options and its limits. Return None if there was an error."""
        before = len(self._errors)
        given = entries.get("config", Node(None, where.file, where.line))
        options = given.mapping
        if options is None and given.value is not None and given.value is not FAULTY:
            message = "Expected a mapping of keys to values."
            self._errors.append(ConfigError(f"{path}.config", given.file, given.line, message))
        config = self._config(plugin, given, options or {}, f"{path}.config")
        if keys is None or len(self._errors) > before:
            return None
        return Sandbox(
            name=name,
            kind=plugin.kind,
            plugin=plugin.name,
            path=plugin.path,
            digest=plugin.digest,
            config=config,
            readouts=plugin.manifest.readouts,
            declared=tuple(sorted(plugin.manifest.config)),
            limits=limits.effective(self.settings, keys, plugin.manifest.limits),
        )

    def _config(self, plugin: Plugin, where: Node, entries: Mapping[str, Node], path: str) -> dict[str, Any]:
        if plugin.takes_any_option:
            return {key: node.plain() for key, node in entries.items() if node.value is not None}
        return manifest.read_config(where, entries, plugin.manifest, path, self._errors)
