"""A filter from the `.cfg` file that Hindsight would run it by.

    filename         = "http_status.lua"
    message_matcher  = "Type == 'logfile'"
    ticker_interval  = 60
    rows             = 1440    -- anything else is an option of the script

The file is read as data, never run. Keys that Hindsight's host has and this one does not need are accepted and do
nothing: what they are for happens anyway, or is measured otherwise here.
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
"""CPU time is limited instead of instructions, the headers of a filter are always its own, threads are processes."""


class Cfg(NamedTuple):
    """A file that was read."""

    path: Path
    entries: dict[str, Node]

    @property
    def where(self) -> Node:
        """The file as a whole, for faults without a line of their own."""
        return Node(None, str(self.path), 1)


class _Keys(msgspec.Struct, frozen=True, kw_only=True):
    filename: Annotated[str, Meta(pattern=r"^[^/\\\0]+\.lua$", description="Name the script beside this file.")]
    message_matcher: Annotated[str, Meta(min_length=1, description="Say which messages the filter sees; TRUE for all.")]
    ticker_interval: Seconds = 0.0
    memory_limit: Annotated[int, Meta(ge=0)] = 0
    output_limit: Annotated[int, Meta(ge=0)] = 0
    cpu_limit: CpuLimit | None = None
    process_message_inject_limit: Count | None = None
    timer_event_inject_limit: Count | None = None
    preserve_data: bool = False
    shutdown_on_terminate: bool = False


_KNOWN = {field.name for field in msgspec.structs.fields(_Keys)} | WITHOUT_EFFECT


def parse(path: Path, errors: list[ConfigError]) -> Cfg | None:
    """Read a file; None if it has a fault, which is added to `errors`."""
    try:
        source = path.read_bytes()
    except OSError as error:
        errors.append(ConfigError("", str(path), 0, f"Cannot read the file: {error.strerror}."))
        return None
    entries = lua_data.parse(source, str(path), errors)
    return None if entries is None else Cfg(path, entries)


def script_of(cfg: Cfg, found: Library) -> Path | None:
    """The script that a file names: one beside it, or a filter of the library."""
    node = cfg.entries.get("filename")
    name = node.value if node else None
    if not isinstance(name, str) or not name.endswith(".lua"):
        return None
    return found.path("filter", name.removesuffix(".lua"))


def to_filter(cfg: Cfg, found: Library, settings: model.HostSettings, errors: list[ConfigError]) -> model.Filter | None:
    """The filter that a file describes; None if it has a fault, which is added to `errors`."""
    given = convert.to_struct(cfg.where, cfg.entries, _Keys, "", errors)
    script = None if given is None else _script(cfg, given, found, errors)
    plugin = None if script is None else library.load(script, "filter", errors)
    if given is None or plugin is None:
        return None
    name = cfg.path.stem
    options = {key: node for key, node in cfg.entries.items() if key not in _KNOWN}
    entries = {"config": Node(options, str(cfg.path), 1)}
    plugins = Plugins(found, settings, errors)
    sandbox = plugins.sandbox(plugin, name, entries, cfg.where, name, keys=_limits(given))
    if sandbox is None:
        return None
    return model.Filter(
        name=name,
        sandbox=sandbox,
        message_matcher=given.message_matcher,
        ticker_interval=given.ticker_interval,
        queue=model.Queue(),
        preserve_data=given.preserve_data,
        group=None,
        on_terminate="restart",
    )


def _script(cfg: Cfg, given: _Keys, found: Library, errors: list[ConfigError]) -> Path | None:
    """The script, if what stands in the file can be done with it."""
    script, name = script_of(cfg, found), cfg.path.stem
    path, message, hint = "", "", ""
    if not NAME.fullmatch(name):
        message, hint = f"`{name}` cannot be the name of a filter.", "Use up to 64 letters, digits, `_` and `-`."
    elif script is None:
        path, message, hint = "filename", f"There is no script `{given.filename}`.", "Put it beside this file."
    elif given.shutdown_on_terminate:
        path, message = "shutdown_on_terminate", "A filter that ends never stops the host here."
        hint = "Remove this line; the message hekate.sandbox-terminated tells of the filter's end."
    if not message:
        return script
    line = cfg.entries[path].line if path else 0
    errors.append(ConfigError(path, str(cfg.path), line, message, hint))
    return None


def _limits(given: _Keys) -> model.FilterKeys:
    """0 is no limit in Hindsight and the host's own limit here; very small limits are the least that there is."""
    return model.FilterKeys(
        memory_limit=max(given.memory_limit, MEBIBYTE) if given.memory_limit else None,
        output_limit=max(given.output_limit, KIBIBYTE) if given.output_limit else None,
        cpu_limit=given.cpu_limit,
        max_process_inject=given.process_message_inject_limit,
        max_timer_inject=given.timer_event_inject_limit,
    )
