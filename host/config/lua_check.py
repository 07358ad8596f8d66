"""What only Lua can tell about a configuration: whether its plugins compile and its matchers parse.

Loads LuaJIT into this process, so the running host does this in a process of its own.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from host.config.dropins import DropIns
from host.config.load import Loaded, Place
from host.config.model import Config, Filter, Sandbox
from host.core.errors import ConfigError
from host.plugins import compiler
from host.plugins.library import KINDS


def check_lua(loaded: Loaded, looked_at: Callable[[], None] = lambda: None) -> list[ConfigError]:
    """Compile every plugin that is used, or that stands in `sandbox_dir`, and parse every matcher.

    The filters that run by themselves are looked at too, and the `.cfg` files among them.

    Args:
        loaded: The configuration.
        looked_at: Called after each plugin.
    """
    drop_ins, faults = DropIns().filters(loaded.config)
    return [*_plugin_faults(loaded.config, looked_at), *_matcher_faults(loaded), *faults, *_drop_in_faults(drop_ins)]


def _plugin_faults(config: Config, looked_at: Callable[[], None]) -> Iterator[ConfigError]:
    for path in sorted(plugin_files(config)):
        looked_at()
        try:
            fault = compiler.check(Path(path).read_bytes())
        except OSError as error:
            yield ConfigError("", path, 0, f"Cannot read the plugin: {error.strerror}.")
            continue
        if fault is not None:
            yield ConfigError("", path, fault.line, f"Lua does not compile: {fault.message}.", "Correct the syntax.")


def plugin_files(config: Config) -> set[str]:
    """The plugins that are used, and those in `sandbox_dir`."""
    dropped_in: set[str] = set()
    if config.hekate.sandbox_dir:
        folder = Path(config.hekate.sandbox_dir)
        dropped_in = {str(path.resolve()) for kind in KINDS for path in (folder / f"{kind}s").glob("*.lua")}
    return dropped_in | {sandbox.path for sandbox in sandboxes(config)}


def sandboxes(config: Config) -> Iterator[Sandbox]:
    """Every sandbox of a configuration."""
    for component in config.inputs.values():
        yield from component.decoder_chain
    for filter_ in config.filters.values():
        yield filter_.sandbox
    for output in config.outputs.values():
        yield output.encoder


def _matcher_faults(loaded: Loaded) -> Iterator[ConfigError]:
    from host.plugins import matcher_check

    matchers = [(f"filters.{name}", filter_.message_matcher) for name, filter_ in loaded.config.filters.items()]
    matchers += [(f"outputs.{name}", output.message_matcher) for name, output in loaded.config.outputs.items()]
    for owner, expression in matchers:
        path = f"{owner}.message_matcher"
        said = matcher_check.check(expression)
        if said is not None:
            place = loaded.places.get(path) or loaded.places.get(owner) or Place("", 0)
            yield ConfigError(path, place.file, place.line, f"The matcher is not valid: {said}")


def _drop_in_faults(drop_ins: dict[str, Filter]) -> Iterator[ConfigError]:
    from host.plugins import matcher_check

    for name, filter_ in drop_ins.items():
        said = matcher_check.check(filter_.message_matcher)
        if said is not None:
            path = Path(filter_.sandbox.path)
            settings = path.with_name(f"{name}.cfg")
            file = settings if settings.is_file() else path
            yield ConfigError("message_matcher", str(file), 0, f"The matcher is not valid: {said}")
