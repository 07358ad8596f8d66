"""What the kernel of a sandbox is told when it starts, made from the configuration."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from host.config import model
from host.core import paths
from host.core.errors import StartError
from host.sandbox.process import Order

_KERNEL_LIMITS = ("output_limit", "max_message_size", "max_message_fields")
"""Limits that the kernel itself watches; the scripts of a chain share them."""
_GARBAGE_KIB_IN_GROUPS = 64
"""Lua memory that may lie about before it is collected: little, where it counts a thousand times."""
_SYSLOG_LEVELS = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3}


class Decodes(Protocol):
    """What is asked of an input, or of a trial, about its decoders."""

    @property
    def name(self) -> str: ...  # noqa: D102 -- as in model.Input
    @property
    def decoder_chain(self) -> tuple[model.Sandbox, ...]: ...  # noqa: D102
    @property
    def decoder_strategy(self) -> str: ...  # noqa: D102
    @property
    def max_record_bytes(self) -> int: ...  # noqa: D102
    @property
    def oversize(self) -> str: ...  # noqa: D102
    @property
    def logger(self) -> str: ...  # noqa: D102
    @property
    def message_type(self) -> str: ...  # noqa: D102


class Encodes(Protocol):
    """What is asked of an output, or of a trial, about its encoder."""

    @property
    def name(self) -> str: ...  # noqa: D102 -- as in model.Output
    @property
    def encoder(self) -> model.Sandbox: ...  # noqa: D102
    @property
    def message_matcher(self) -> str: ...  # noqa: D102


WORKSPACE_BYTES = 16 * 1024 * 1024
"""Of Lua memory beside the script's own, for looking into a grammar: one with marks in it is far larger."""


def _host_keys(name: str, sandbox: model.Sandbox, hostname: str, more: dict[str, Any]) -> dict[str, Any]:
    """What `read_config` answers beside the script's options, under the names of Hindsight."""
    keys = {
        "Hostname": hostname,
        "Logger": name,
        "Pid": os.getpid(),
        "filename": Path(sandbox.path).name,
        "log_level": _SYSLOG_LEVELS.get(logging.getLogger("host").getEffectiveLevel(), 6),
        "memory_limit": sandbox.limits.memory_limit,
        "output_limit": sandbox.limits.output_limit,
        "cpu_limit": sandbox.limits.cpu_limit,
        **more,
    }
    return {key: value for key, value in keys.items() if key not in sandbox.declared}


def _script(sandbox: model.Sandbox, host_keys: dict[str, Any]) -> dict[str, Any]:
    path = Path(sandbox.path)
    try:
        text = path.read_bytes().decode() if sandbox.text is None else sandbox.text
    except OSError as error:
        raise StartError(f"Cannot read {path}: {error.strerror}.") from error
    return {"name": sandbox.name, "file": path.name, "text": text, "config": host_keys | sandbox.config}


def _common(name: str, kind: str, sandboxes: tuple[model.Sandbox, ...], hostname: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "kind": kind,
        "hostname": hostname,
        **{name: max(getattr(sandbox.limits, name) for sandbox in sandboxes) for name in _KERNEL_LIMITS},
        "scripts": [_script(sandbox, _host_keys(name, sandbox, hostname, more)) for sandbox in sandboxes],
    }


def decoder(config: Decodes, delimiter: int | None, hostname: str) -> dict[str, Any]:
    """Of the decoders of an input."""
    spec = _common(config.name, "decoder", config.decoder_chain, hostname)
    return spec | {
        "strategy": config.decoder_strategy,
        "max_record_bytes": config.max_record_bytes,
        "oversize": config.oversize,
        "logger": config.logger,
        "message_type": config.message_type,
        **({} if delimiter is None else {"delimiter": delimiter}),
    }


def filter_(config: model.Filter, hostname: str) -> dict[str, Any]:
    """Of a filter."""
    facts = {"message_matcher": config.message_matcher, "ticker_interval": config.ticker_interval}
    facts |= {"process_message_inject_limit": config.sandbox.limits.max_process_inject}
    facts |= {"timer_event_inject_limit": config.sandbox.limits.max_timer_inject}
    spec = _common(config.name, "filter", (config.sandbox,), hostname, **facts)
    return spec | {
        "message_matcher": config.message_matcher,
        **({} if config.group is None else {"garbage_kib": _GARBAGE_KIB_IN_GROUPS}),
        "max_process_inject": config.sandbox.limits.max_process_inject,
        "max_timer_inject": config.sandbox.limits.max_timer_inject,
        "readouts": sorted({readout.function for readout in config.sandbox.readouts.values()}),
    }


def encoder(config: Encodes, hostname: str) -> dict[str, Any]:
    """Of the encoder of an output."""
    matcher = {"message_matcher": config.message_matcher}
    return _common(config.name, "encoder", (config.encoder,), hostname, **matcher) | matcher


def grammar(script: model.Sandbox, hostname: str) -> dict[str, Any]:
    """Of a grammar that is tried out."""
    return _common(script.name, "grammar", (script,), hostname)


def repl(script: model.Sandbox, hostname: str) -> dict[str, Any]:
    """Of a process in which Lua and grammars are tried out line by line."""
    return {**_common(script.name, "repl", (script,), hostname), "workspace_bytes": WORKSPACE_BYTES}


def order(
    name: str, sandboxes: tuple[model.Sandbox, ...], pack_bytes: int, *, keeps_state: bool, allow_unjailed: bool
) -> Order:
    """What the zygote needs to know."""
    memory_limit = sum(sandbox.limits.memory_limit for sandbox in sandboxes)
    return Order(name, memory_limit, pack_bytes, memory_limit // 2 if keeps_state else 0, allow_unjailed)


def cpu_limit_ms(sandboxes: tuple[model.Sandbox, ...]) -> int:
    """CPU that one record may take in a chain of sandboxes."""
    return sum(sandbox.limits.cpu_limit for sandbox in sandboxes)


def module_reader(sandbox_dir: str | None) -> Callable[[str], str]:
    """Reads what a script requires: from the user's modules, then from the shipped ones.

    The function raises KeyError, with a reason, if there is no such module.
    """
    folders = [paths.shipped("sandbox_stdlib")]
    if sandbox_dir:
        folders.insert(0, Path(sandbox_dir) / "modules")

    def read(name: str) -> str:
        if not name or not all(part.isidentifier() for part in name.replace("-", "_").split(".")):
            raise KeyError("a module's name consists of letters, digits, '_' and '.'")
        relative = name.replace(".", "/") + ".lua"
        for folder in folders:
            path = folder / relative
            if path.is_file():
                return path.read_text(encoding="utf-8")
        raise KeyError("it is in none of " + ", ".join(str(folder) for folder in folders))

    return read
