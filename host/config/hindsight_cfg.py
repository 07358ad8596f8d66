"""Reads a filter from a Hindsight `.cfg` file.

    filename         = "http_status.lua"
    message_matcher  = "Type == 'logfile'"
    ticker_interval  = 60
    rows             = 1440    -- anything else is an option of the script

The file is read as data and never executed. Keys that only Hindsight's host needs are accepted without effect.
"""

from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from host.config import convert, lua_data, model
from host.config.lua import Plugins
from host.config.model import KIBIBYTE, MEBIBYTE, NAME, Count, CpuLimit, Seconds
from host.config.nodes import Node
from host.core.errors import ConfigError
from host.plugins import library
from host.plugins.library import Library

WITHOUT_EFFECT = frozenset({"instruction_limit", "restricted_headers", "thread"})
"""Accepted keys without effect: CPU time replaces the instruction limit, headers are always restricted, and every
filter has a process instead of a thread."""


class Cfg(NamedTuple):
    """A parsed .cfg file."""

    path: Path
    entries: dict[str, Node]

    @property
    def where(self) -> Node:
        """The file as a whole, for errors without a line."""
        return Node(None, str(self.path), 1)


class _CfgKeys(msgspec.Struct, frozen=True, kw_only=True):
    filename: Annotated[str, Meta(pattern=r"^[^/\\\0]+\.lua$", description="Name the script beside this file.")]
    message_matcher: Annotated[str, Meta(min_length=1, description="Set it to select messages; TRUE selects all.")]
    ticker_interval: Seconds = 0.0
    memory_limit: Annotated[int, Meta(ge=0)] = 0
    output_limit: Annotated[int, Meta(ge=0)] = 0
    cpu_limit: CpuLimit | None = None
    process_message_inject_limit: Count | None = None
    timer_event_inject_limit: Count | None = None
    preserve_data: bool = False
    shutdown_on_terminate: bool = False


_KNOWN = {field.name for field in msgspec.structs.fields(_CfgKeys)} | WITHOUT_EFFECT


def parse(path: Path, errors: list[ConfigError]) -> Cfg | None:
    """Read a file. Return None and append to `errors` if it is not valid."""
    try:
        source = path.read_bytes()
    except OSError as error:
        errors.append(ConfigError("", str(path), 0, f"Cannot read the file: {error.strerror}."))
        return None
    entries = lua_data.parse(source, str(path), errors)
    return None if entries is None else Cfg(path, entries)


def script_of(cfg: Cfg, library_: Library) -> Path | None:
    """Return the script that a file names: a file beside it, or a filter of the library."""
    node = cfg.entries.get("filename")
    name = node.value if node else None
    if not isinstance(name, str) or not name.endswith(".lua"):
        return None
    return library_.path("filter", name.removesuffix(".lua"))


def to_filter(
    cfg: Cfg, library_: Library, settings: model.HostSettings, errors: list[ConfigError]
) -> model.Filter | None:
    """Build the filter that a file describes. Return None and append to `errors` if it is not valid."""
    keys = convert.to_struct(cfg.where, cfg.entries, _CfgKeys, "", errors)
    script = None if keys is None else _check_script(cfg, keys, library_, errors)
    plugin = None if script is None else library.load(script, "filter", errors)
    if keys is None or plugin is None:
        return None
    name = cfg.path.stem
    options = {key: node for key, node in cfg.entries.items() if key not in _KNOWN}
    entries = {"config": Node(options, str(cfg.path), 1)}
    plugins = Plugins(library_, settings, errors)
    sandbox = plugins.sandbox(plugin, name, entries, cfg.where, name, keys=_limits(keys))
    if sandbox is None:
        return None
    return model.Filter(
        name=name,
        sandbox=sandbox,
        message_matcher=keys.message_matcher,
        ticker_interval=keys.ticker_interval,
        queue=model.Queue(),
        preserve_data=keys.preserve_data,
        group=None,
        on_terminate="restart",
    )


def _check_script(cfg: Cfg, keys: _CfgKeys, library_: Library, errors: list[ConfigError]) -> Path | None:
    """Return the script of a file. Return None and append an error if the file's name or keys are not valid."""
    script, name = script_of(cfg, library_), cfg.path.stem
    path, message, hint = "", "", ""
    if not NAME.fullmatch(name):
        message, hint = f"`{name}` is not a valid filter name.", "Use up to 64 letters, digits, `_` and `-`."
    elif script is None:
        path, message, hint = "filename", f"There is no script `{keys.filename}`.", "Put it beside this file."
    elif keys.shutdown_on_terminate:
        path, message = "shutdown_on_terminate", "A terminated filter cannot stop the host."
        hint = "Remove this line. A message of Type hekate.sandbox-terminated reports the termination."
    if not message:
        return script
    line = cfg.entries[path].line if path else 0
    errors.append(ConfigError(path, str(cfg.path), line, message, hint))
    return None


def _limits(keys: _CfgKeys) -> model.FilterKeys:
    """Return the limits: 0, unlimited in Hindsight, becomes the host's default; small limits become the minimum."""
    return model.FilterKeys(
        memory_limit=max(keys.memory_limit, MEBIBYTE) if keys.memory_limit else None,
        output_limit=max(keys.output_limit, KIBIBYTE) if keys.output_limit else None,
        cpu_limit=keys.cpu_limit,
        max_process_inject=keys.process_message_inject_limit,
        max_timer_inject=keys.timer_event_inject_limit,
    )
