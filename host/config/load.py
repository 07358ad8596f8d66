"""Loads a configuration: read, merge, interpolate, resolve. Raises all errors at once, as `ConfigErrors`."""

import os
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from host.config import admin, convert, files
from host.config.files import Sections
from host.config.interpolate import interpolate_tree
from host.config.lua import Plugins
from host.config.model import Config, HostSettings
from host.config.nodes import Node
from host.config.resolve import Resolver
from host.config.test_keys import TestKeys
from host.core.errors import ConfigError, ConfigErrors
from host.plugins.library import Library


class SourcePosition(NamedTuple):
    """A line of a configuration file."""

    file: str
    line: int


class LoadedConfig(NamedTuple):
    """A configuration, with the position of each configuration path such as `outputs.errors.path`."""

    config: Config
    positions: dict[str, SourcePosition]
    tests: dict[str, Node]
    """The `tests` section, checked; see `host.trial.pipeline_tests`."""


def load_config(paths: Iterable[str | Path], env: Mapping[str, str] = os.environ) -> Config:
    """Load a configuration.

    Args:
        paths: Files, and directories of `*.yaml` and `*.yml` files.
        env: Variables for `${...}`.

    Raises:
        ConfigErrors: The configuration is not valid. Holds all errors.
    """
    return load(paths, env).config


def load(paths: Iterable[str | Path], env: Mapping[str, str] = os.environ) -> LoadedConfig:
    """Load a configuration with its positions and tests. See `load_config`."""
    errors: list[ConfigError] = []
    sections = files.read(paths, errors)
    for section, entries in sections.items():
        for name, node in entries.items() if section != "tests" else ():  # tests hold literal records
            interpolate_tree(node, f"{section}.{name}", env, errors)
    config = _resolve(sections, errors)
    for name, node in sections["tests"].items():
        convert.to_value(node, TestKeys, f"tests.{name}", errors)
    if errors:
        raise ConfigErrors(errors)
    return LoadedConfig(config, _positions(sections), sections["tests"])


def _resolve(sections: Sections, errors: list[ConfigError]) -> Config:
    settings = _settings(sections["hekate"], errors)
    plugins = Plugins(Library(Path(settings.sandbox_dir) if settings.sandbox_dir else None), settings, errors)
    resolver = Resolver(sections, plugins, errors)
    inputs, filters, outputs = resolver.inputs(), resolver.filters(), resolver.outputs()
    access = admin.resolve(sections["admin"], errors) if "admin" in sections else None
    if not errors:
        _check_whole(sections, settings, errors)
    return Config(hekate=settings, admin=access, inputs=inputs, filters=filters, outputs=outputs)


def _settings(entries: dict[str, Node], errors: list[ConfigError]) -> HostSettings:
    known = [field.encode_name for field in msgspec.structs.fields(HostSettings)]
    convert.unknown_keys(entries, known, "hekate", errors)
    nowhere = Node(None, "", 0)
    given = convert.to_struct(nowhere, entries, HostSettings, "hekate", errors)
    if given is None:
        # Check the rest against the defaults, but with the user's plugins.
        folder = entries.get("sandbox_dir")
        given = HostSettings(sandbox_dir=folder.value if folder and isinstance(folder.value, str) else None)
    state_dir = Path(given.state_dir).expanduser().absolute()
    sandbox_dir = Path(given.sandbox_dir).expanduser().absolute() if given.sandbox_dir else None
    if sandbox_dir is not None and sandbox_dir.exists() and not sandbox_dir.is_dir():
        node = entries["sandbox_dir"]
        message = f"{sandbox_dir} is not a directory."
        errors.append(ConfigError("hekate.sandbox_dir", node.file, node.line, message, "Name a directory."))
    return msgspec.structs.replace(
        given,
        state_dir=str(state_dir),
        sandbox_dir=str(sandbox_dir) if sandbox_dir else None,
        hostname=given.hostname or socket.gethostname(),
    )


def _check_whole(sections: Sections, settings: HostSettings, errors: list[ConfigError]) -> None:
    if not sections["inputs"]:
        errors.append(ConfigError("inputs", "", 0, "There is no input.", "Add one under `inputs`."))
    if not sections["filters"] and not sections["outputs"] and not settings.sandbox_dir:
        message = "There is neither a filter nor an output: the records would be discarded."
        errors.append(ConfigError("outputs", "", 0, message, "Add one under `outputs`."))


def _positions(sections: Sections) -> dict[str, SourcePosition]:
    positions: dict[str, SourcePosition] = {}
    for section, entries in sections.items():
        for name, node in entries.items():
            _add_positions(positions, f"{section}.{name}", node)
    return positions


def _add_positions(positions: dict[str, SourcePosition], path: str, node: Node) -> None:
    positions[path] = SourcePosition(node.file, node.line)
    if isinstance(node.value, dict):
        for key, child in node.value.items():
            _add_positions(positions, f"{path}.{key}", child)
    elif isinstance(node.value, list):
        for index, child in enumerate(node.value):
            _add_positions(positions, f"{path}[{index}]", child)
