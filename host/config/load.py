"""Loading a configuration: read, merge, interpolate, resolve. All faults come at once, as `ConfigErrors`."""

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


class Place(NamedTuple):
    """Where something stands."""

    file: str
    line: int


class Loaded(NamedTuple):
    """A configuration, and where each of its paths (`outputs.errors.path`) stands."""

    config: Config
    places: dict[str, Place]
    tests: dict[str, Node]
    """The `tests` section, checked; see `host.trial.pipeline_tests`."""


def load_config(paths: Iterable[str | Path], env: Mapping[str, str] = os.environ) -> Config:
    """Load a configuration.

    Args:
        paths: Files, and directories of `*.yaml` and `*.yml` files.
        env: Variables for `${...}`.

    Raises:
        ConfigErrors: All that is wrong with it.
    """
    return load(paths, env).config


def load(paths: Iterable[str | Path], env: Mapping[str, str] = os.environ) -> Loaded:
    """As `load_config`, and keep the places."""
    errors: list[ConfigError] = []
    sections = files.read(paths, errors)
    for section, entries in sections.items():
        for name, node in entries.items() if section != "tests" else ():  # which hold records as they are
            interpolate_tree(node, f"{section}.{name}", env, errors)
    config = _resolve(sections, errors)
    for name, node in sections["tests"].items():
        convert.to_value(node, TestKeys, f"tests.{name}", errors)
    if errors:
        raise ConfigErrors(errors)
    return Loaded(config, _places(sections), sections["tests"])


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
        # The rest is still checked, against the defaults; but the user's own plugins have to be found.
        folder = entries.get("sandbox_dir")
        given = HostSettings(sandbox_dir=folder.value if folder and isinstance(folder.value, str) else None)
    state_dir = Path(given.state_dir).expanduser().absolute()
    sandbox_dir = Path(given.sandbox_dir).expanduser().absolute() if given.sandbox_dir else None
    if sandbox_dir is not None and sandbox_dir.exists() and not sandbox_dir.is_dir():
        node = entries["sandbox_dir"]
        message = f"{sandbox_dir} is not a directory."
        errors.append(ConfigError("hekate.sandbox_dir", node.file, node.line, message, "Name another one."))
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
        message = "There is neither a filter nor an output: what is read would go nowhere."
        errors.append(ConfigError("outputs", "", 0, message, "Add one under `outputs`."))


def _places(sections: Sections) -> dict[str, Place]:
    places: dict[str, Place] = {}
    for section, entries in sections.items():
        for name, node in entries.items():
            _add_places(places, f"{section}.{name}", node)
    return places


def _add_places(places: dict[str, Place], path: str, node: Node) -> None:
    places[path] = Place(node.file, node.line)
    if isinstance(node.value, dict):
        for key, child in node.value.items():
            _add_places(places, f"{path}.{key}", child)
    elif isinstance(node.value, list):
        for index, child in enumerate(node.value):
            _add_places(places, f"{path}[{index}]", child)
