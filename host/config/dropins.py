"""Filters that run because their file lies in the drop-in directory."""

from pathlib import Path

from host.config import model
from host.config.lua import Plugins
from host.config.nodes import Node
from host.errors import ConfigError
from host.sandbox import library
from host.sandbox.library import Library


class DropIns:
    """Reads the filters of a drop-in directory; a file that has not changed is not read again."""

    def __init__(self) -> None:
        self._read: dict[Path, tuple[tuple[int, int, int], model.Filter | None]] = {}

    def filters(self, config: model.Config) -> tuple[dict[str, model.Filter], list[ConfigError]]:
        """The filters that run by themselves.

        Args:
            config: The configuration. A file that one of its filters uses already does not run a second time, and a
                name that it uses is its own.

        Returns:
            The filters without faults, by name, and the faults of those files that were read just now.
        """
        errors: list[ConfigError] = []
        found: dict[str, model.Filter] = {}
        if config.hekate.sandbox_dir is None:
            return found, errors
        used = {filter_.sandbox.path for filter_ in config.filters.values()}
        seen: dict[Path, tuple[tuple[int, int, int], model.Filter | None]] = {}
        for path in sorted((Path(config.hekate.sandbox_dir) / "filters").glob("*.lua")):
            if path.name.startswith((".", "#", "~")) or str(path.resolve()) in used:
                continue
            try:
                status = path.stat()
            except OSError:
                continue  # it has just gone
            mark = (status.st_mtime_ns, status.st_size, status.st_ino)
            known = self._read.get(path)
            seen[path] = known if known is not None and known[0] == mark else (mark, _filter(path, config, errors))
            made = seen[path][1]
            if made is not None and made.name not in config.filters:
                found[made.name] = made
        self._read = seen
        return found, errors


def _filter(path: Path, config: model.Config, errors: list[ConfigError]) -> model.Filter | None:
    plugin = library.load(path, "filter", errors)
    if plugin is None:
        return None
    manifest, settings = plugin.manifest, config.hekate
    if not manifest.message_matcher:
        errors.append(
            ConfigError(
                "message_matcher",
                str(path),
                1,
                "A filter that runs by itself must say which messages it sees.",
                "Add `message_matcher: TRUE` or a better one to its front matter.",
            )
        )
        return None
    plugins = Plugins(Library(), settings, errors)
    sandbox = plugins.sandbox(plugin, plugin.name, {}, Node(None, str(path), 1), plugin.name, keys=model.SandboxKeys())
    if sandbox is None:
        return None
    limits = manifest.limits
    process_inject, timer_inject = limits.max_process_inject, limits.max_timer_inject
    return model.Filter(
        name=plugin.name,
        sandbox=sandbox,
        message_matcher=manifest.message_matcher,
        ticker_interval=manifest.ticker_interval,
        queue=model.Queue(),
        on_terminate="restart",
        max_process_inject=settings.max_process_inject if process_inject is None else process_inject,
        max_timer_inject=settings.max_timer_inject if timer_inject is None else timer_inject,
    )
