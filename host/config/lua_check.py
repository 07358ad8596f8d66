"""Checks of a configuration that need Lua: plugins must compile, and matchers must parse.

This loads LuaJIT into the process, so the running host runs these checks in a separate process.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from host.config.dropins import DropIns
from host.config.load import LoadedConfig, SourcePosition
from host.config.model import Config, Filter, Sandbox
from host.core.errors import ConfigError
from host.plugins import compiler
from host.plugins.library import KINDS


def check_lua(loaded: LoadedConfig, on_plugin: Callable[[], None] = lambda: None) -> list[ConfigError]:
    """Compile every plugin that is used or is in `sandbox_dir`, and parse every matcher.

    This includes the drop-in filters and their `.cfg` files.

    Args:
        loaded: The configuration.
        on_plugin: Called before each plugin.
    """
    drop_ins, errors = DropIns().filters(loaded.config)
    return [*_plugin_errors(loaded.config, on_plugin), *_matcher_errors(loaded), *errors, *_drop_in_errors(drop_ins)]


def _plugin_errors(config: Config, on_plugin: Callable[[], None]) -> Iterator[ConfigError]:
    for path in sorted(plugin_files(config)):
        on_plugin()
        try:
            problem = compiler.check(Path(path).read_bytes())
        except OSError as error:
            yield ConfigError("", path, 0, f"Cannot read the plugin: {error.strerror}.")
            continue
        if problem is not None:
            message = f"Lua does not compile: {problem.message}."
            yield ConfigError("", path, problem.line, message, "Correct the syntax.")


def plugin_files(config: Config) -> set[str]:
    """Return the paths of the plugins that are used and of those in `sandbox_dir`."""
    drop_ins: set[str] = set()
    if config.hekate.sandbox_dir:
        folder = Path(config.hekate.sandbox_dir)
        drop_ins = {str(path.resolve()) for kind in KINDS for path in (folder / f"{kind}s").glob("*.lua")}
    return drop_ins | {sandbox.path for sandbox in sandboxes(config)}


def sandboxes(config: Config) -> Iterator[Sandbox]:
    """Yield every sandbox of a configuration."""
    for component in config.inputs.values():
        yield from component.decoder_chain
    for filter_ in config.filters.values():
        yield filter_.sandbox
    for output in config.outputs.values():
        yield output.encoder


def _matcher_errors(loaded: LoadedConfig) -> Iterator[ConfigError]:
    from host.plugins import matcher_check

    matchers = [(f"filters.{name}", filter_.message_matcher) for name, filter_ in loaded.config.filters.items()]
    matchers += [(f"outputs.{name}", output.message_matcher) for name, output in loaded.config.outputs.items()]
    for owner, expression in matchers:
        path = f"{owner}.message_matcher"
        problem = matcher_check.check(expression)
        if problem is not None:
            position = loaded.positions.get(path) or loaded.positions.get(owner) or SourcePosition("", 0)
            yield ConfigError(path, position.file, position.line, f"The matcher is not valid: {problem}")


def _drop_in_errors(drop_ins: dict[str, Filter]) -> Iterator[ConfigError]:
    from host.plugins import matcher_check

    for name, filter_ in drop_ins.items():
        problem = matcher_check.check(filter_.message_matcher)
        if problem is not None:
            path = Path(filter_.sandbox.path)
            settings = path.with_name(f"{name}.cfg")
            file = settings if settings.is_file() else path
            yield ConfigError("message_matcher", str(file), 0, f"The matcher is not valid: {problem}")
