"""Reads the manifest of a Lua plugin: the YAML front matter of its header comment.

    --[[
    ---
    name: nginx_access
    kind: decoder
    summary: Parses nginx access logs by the log_format string of the server's configuration.
    config:
      log_format: {type: string, required: true, description: The log_format string, as nginx has it.}
    ---
    Prose: the format it parses, an example configuration, an example message.
    --]]

It is read as text, without running the plugin. A script without front matter, as for Heka and Hindsight, takes any
option; its other settings are in the configuration.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from host.config import convert, nodes
from host.config.model import (
    Count,
    CpuLimit,
    GroupName,
    Loops,
    MemoryLimit,
    MessageFields,
    MessageSize,
    OutputLimit,
    PluginKind,
    Readout,
    Scalar,
    Seconds,
)
from host.config.nodes import FAULTY, Node
from host.core.errors import ConfigError
from host.plugins.case_schema import CaseKeys

OptionType = Literal["string", "integer", "number", "boolean", "list", "table"]
Value = Any

_PYTHON_TYPES: dict[OptionType, Any] = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "list": list[Scalar],
    "table": dict[str, Any] | list[Any],
}
MAX_FRONT_MATTER_BYTES = 64 * 1024

_HEADER = re.compile(r"\A(?:#![^\n]*\n)?\s*--\[(?P<level>=*)\[")
_RULE = re.compile(r"^---[ \t]*$", re.MULTILINE)


class Option(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One option of the plugin under `config`."""

    type: OptionType
    description: Annotated[str, Meta(min_length=10)]
    default: Any = None
    required: bool = False
    enum: list[Scalar] | None = None


class ManifestLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits that suit the plugin. Omitted limits come from the host's settings."""

    memory_limit: Annotated[MemoryLimit | None, Meta(description="Bytes of Lua memory.")] = None
    cpu_limit: Annotated[CpuLimit | None, Meta(description="Milliseconds of CPU per call.")] = None
    output_limit: Annotated[OutputLimit | None, Meta(description="Bytes that one call may produce.")] = None
    max_message_size: Annotated[
        MessageSize | None, Meta(description="Bytes of a message that the script creates or changes.")
    ] = None
    max_message_fields: Annotated[
        MessageFields | None, Meta(description="Fields of a message that the script creates or changes.")
    ] = None
    max_process_inject: Annotated[
        Count | None, Meta(description="Messages that one call of process_message may inject.")
    ] = None
    max_timer_inject: Annotated[Count | None, Meta(description="Messages that one call of timer_event may inject.")] = (
        None
    )
    max_loops: Annotated[
        Loops | None, Meta(description="Maximum loop depth of injected messages; deeper ones are dropped.")
    ] = None


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The front matter of a plugin."""

    name: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*$", description="Name of the plugin; its file is NAME.lua.")]
    kind: Annotated[PluginKind, Meta(description="Kind of the plugin.")]
    summary: Annotated[str, Meta(min_length=10, description="A sentence that describes the plugin.")]
    message_matcher: Annotated[str | None, Meta(description="Selects the messages of a filter.")] = None
    ticker_interval: Annotated[Seconds, Meta(description="Seconds between timer_event calls; 0 for none.")] = 0.0
    preserve_data: Annotated[bool, Meta(description="Keep global variables when the process or the host restarts.")] = (
        False
    )
    group: Annotated[GroupName | None, Meta(description="Filters of one group share processes.")] = None
    limits: ManifestLimits = ManifestLimits()
    config: Annotated[
        dict[str, Option],
        Meta(description="Options by name, each with type, description, default, required and enum."),
    ] = {}
    readouts: Annotated[
        dict[Annotated[str, Meta(pattern="^[a-z][a-z0-9_-]{0,63}$")], Readout],
        Meta(description="Script queries by name: see docs/admin-api.md."),
    ] = {}
    cases: Annotated[list[CaseKeys], Meta(description="Test cases, which run before a new version is loaded.")] = []


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """Manifest and prose of a plugin's file."""

    manifest: Manifest
    prose: str
    root: Node | None = None
    """The front matter with its positions."""


def has_front_matter(text: str) -> bool:
    """Return True if a script begins with front matter, even if it is not valid."""
    header = _HEADER.match(text)
    return header is not None and text[header.end() :].lstrip().partition("\n")[0].rstrip() == "---"


def of_plain_script(name: str, kind: PluginKind) -> Manifest:
    """Return the default manifest of a script without front matter."""
    return Manifest(name=name, kind=kind, summary="A script without front matter. It takes any option.")


def read(text: str, file: str, errors: list[ConfigError]) -> Header | None:
    """Read the header of a plugin.

    Args:
        text: The Lua source.
        file: The name to show in errors.
        errors: Errors are appended here, with the line in the Lua file.

    Returns:
        The header; None if it is missing or not valid.
    """
    parts = front_matter(text)
    if parts is None:
        hint = "Start the file with `--[[`, then YAML with name, kind and summary between two lines of `---`."
        errors.append(ConfigError("", file, 1, "The header comment with front matter is missing.", hint))
        return None
    start, matter, prose = parts
    before = len(errors)
    if len(matter.encode()) > MAX_FRONT_MATTER_BYTES:
        message = f"The front matter has {len(matter.encode())} bytes; {MAX_FRONT_MATTER_BYTES} are allowed."
        errors.append(ConfigError("", file, 1, message, "Put large cases into a file of their own, NAME.cases.yaml."))
        return None
    # Empty lines in front keep the line numbers those of the Lua file.
    root = nodes.parse("\n" * text.count("\n", 0, start) + matter, file, errors)
    if root is None or root.mapping is None:
        if len(errors) == before:
            errors.append(ConfigError("", file, 1, "The front matter must be a mapping of keys to values."))
        return None
    manifest = convert.to_value(root, Manifest, "", errors)
    if manifest is FAULTY or not _check_options(manifest, root, errors):
        return None
    return Header(manifest=manifest, prose=prose, root=root)


def front_matter(text: str) -> tuple[int, str, str] | None:
    """Return the offset of the YAML, the YAML, and the prose after it; None if there is no front matter."""
    header = _HEADER.match(text)
    end = text.find(f"]{header['level']}]", header.end()) if header else -1
    if header is None or end < 0:
        return None
    rules = list(_RULE.finditer(text, header.end(), end))
    if len(rules) < 2:
        return None
    first, second = rules[:2]
    return first.end(), text[first.end() : second.start()], text[second.end() : end].rstrip("-\n ").strip()


def _check_options(manifest: Manifest, root: Node, errors: list[ConfigError]) -> bool:
    """Check defaults and choices against the types of their options. Return True if they are valid."""
    before = len(errors)
    options = (root.mapping or {})["config"].mapping or {} if manifest.config else {}
    for key, option in manifest.config.items():
        place = options[key]
        given = place.mapping or {}
        choices = given["enum"].value if option.enum else []
        assert isinstance(choices, list)
        for node in (given.get("default"), *choices):
            if node is not None and node.value is not None:
                convert.to_value(node, _PYTHON_TYPES[option.type], f"config.{key}", errors)
        if option.required and option.default is not None:
            message = "A required option cannot have a default."
            errors.append(ConfigError(f"config.{key}", place.file, place.line, message, "Remove one of the two."))
    return len(errors) == before


def read_config(
    where: Node, entries: Mapping[str, Node], manifest: Manifest, path: str, errors: list[ConfigError]
) -> dict[str, Value]:
    """Check a `config` mapping against the plugin's manifest.

    Args:
        where: The node to report missing options at.
        entries: The user's options.
        manifest: The plugin's manifest.
        path: Configuration path of the `config` mapping.
        errors: Errors are appended here.

    Returns:
        The values, with defaults filled in. Options without value and default are absent.
    """
    convert.unknown_keys(entries, manifest.config, path, errors)
    values: dict[str, Value] = {}
    for key, option in manifest.config.items():
        node = entries.get(key)
        if node is None or node.value is None:
            if option.required:
                message = f"`{key}` is missing."
                errors.append(ConfigError(path, where.file, where.line, message, convert.sentence(option.description)))
            elif option.default is not None:
                values[key] = _default(option)
            continue
        value = convert.to_value(node, _PYTHON_TYPES[option.type], convert.join(path, key), errors)
        if value is not FAULTY and option.enum and value not in option.enum:
            hint = f"One of: {', '.join(str(choice) for choice in option.enum)}."
            message = f"`{value}` is none of the possible values."
            errors.append(ConfigError(convert.join(path, key), node.file, node.line, message, hint))
        elif value is not FAULTY:
            values[key] = value
    return values


def _default(option: Option) -> Value:
    value: Value = msgspec.convert(option.default, _PYTHON_TYPES[option.type])
    return value
