"""Filters of the drop-in directory: scripts with front matter, and `.cfg` files."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from host.config import hindsight_cfg, model
from host.config.hindsight_cfg import Cfg
from host.config.lua import Plugins
from host.config.nodes import Node
from host.core.errors import ConfigError
from host.plugins import library
from host.plugins.library import Library, Plugin

Mark = tuple[int, ...]
Maker = Callable[[], model.Filter | None]


class _FileState(NamedTuple):
    """The state of a file at its last read, and the last valid filter it defined."""

    mark: Mark
    filter_: model.Filter | None
    broken: bool
    """True if the current file does not define a valid filter."""


class DropIns:
    """Reads the filters of a drop-in directory. Files that have not changed are not read again."""

    def __init__(self) -> None:
        self._read: dict[Path, _FileState] = {}
        self._cfgs: dict[Path, tuple[Mark, Cfg | None]] = {}

    def filters(self, config: model.Config) -> tuple[dict[str, model.Filter], list[ConfigError]]:
        """Return the filters of the drop-in directory.

        Args:
            config: The configuration. It takes precedence: a script that one of its filters uses does not run a second
                time, and a name that it uses is not used again.

        Returns:
            The filters by name, and the errors of the files that this call read. An invalid file keeps its last valid
            filter.
        """
        errors: list[ConfigError] = []
        filters: dict[str, model.Filter] = {}
        if config.hekate.sandbox_dir is None:
            return filters, errors
        seen: dict[Path, _FileState] = {}
        for path, mark, make in self._candidates(Path(config.hekate.sandbox_dir), config, errors):
            known = self._read.get(path, _FileState((), None, broken=False))
            if known.mark != mark:
                filter_ = make()
                known = _FileState(mark, filter_ or known.filter_, broken=filter_ is None)
            seen[path] = known
            if known.filter_ is not None and known.filter_.name not in config.filters:
                filters[known.filter_.name] = known.filter_
        self._read = seen
        return filters, errors

    @property
    def broken(self) -> list[str]:
        """Paths of the files that currently do not define a valid filter."""
        return [str(path) for path, known in self._read.items() if known.broken]

    def _candidates(
        self, sandbox_dir: Path, config: model.Config, errors: list[ConfigError]
    ) -> Iterator[tuple[Path, Mark, Maker]]:
        """Yield each filter file with the mark of its sources and a function that builds the filter."""
        folder, settings = sandbox_dir / "filters", config.hekate
        library_ = Library(sandbox_dir)
        used = {filter_.sandbox.path for filter_ in config.filters.values()}
        for path, mark, cfg in self._cfg_files(folder, errors):
            script = None if cfg is None else hindsight_cfg.script_of(cfg, library_)
            used |= {str(each.resolve()) for each in (script, path.with_suffix(".lua")) if each}
            of_script = _mark_of(script) if script else None
            yield path, mark + (of_script or ()), partial(_of_cfg, cfg, library_, settings, errors)
        for path in _files(folder, "*.lua"):
            of_file = _mark_of(path)
            if of_file is not None and str(path.resolve()) not in used:
                yield path, of_file, partial(_of_script, path, settings, errors)

    def _cfg_files(self, folder: Path, errors: list[ConfigError]) -> Iterator[tuple[Path, Mark, Cfg | None]]:
        seen: dict[Path, tuple[Mark, Cfg | None]] = {}
        for path in _files(folder, "*.cfg"):
            mark = _mark_of(path)
            if mark is None:
                continue
            known = self._cfgs.get(path)
            seen[path] = known if known and known[0] == mark else (mark, hindsight_cfg.parse(path, errors))
            yield path, mark, seen[path][1]
        self._cfgs = seen


def _files(folder: Path, pattern: str) -> list[Path]:
    return sorted(path for path in folder.glob(pattern) if not path.name.startswith((".", "#", "~")))


def _mark_of(path: Path) -> Mark | None:
    """Return values that change whenever the file changes; None if the file no longer exists."""
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_mtime_ns, status.st_size, status.st_ino)


def _of_cfg(
    cfg: Cfg | None, library_: Library, settings: model.HostSettings, errors: list[ConfigError]
) -> model.Filter | None:
    return None if cfg is None else hindsight_cfg.to_filter(cfg, library_, settings, errors)


def _of_script(path: Path, settings: model.HostSettings, errors: list[ConfigError]) -> model.Filter | None:
    """Build a filter from a script whose front matter has a message_matcher."""
    plugin = library.load(path, "filter", errors)
    if plugin is None:
        return None
    manifest = plugin.manifest
    if not manifest.message_matcher:
        errors.append(
            ConfigError(
                "message_matcher",
                str(path),
                1,
                "A filter in the drop-in directory needs a message_matcher.",
                'Add one to its front matter (`message_matcher: "TRUE"` selects all messages), or add a '
                f'{path.stem}.cfg with filename = "{path.name}" and message_matcher = "TRUE".',
            )
        )
        return None
    plugins = Plugins(Library(), settings, errors)
    sandbox = plugins.sandbox(plugin, plugin.name, {}, Node(None, str(path), 1), plugin.name, keys=model.SandboxKeys())
    if sandbox is None:
        return None
    return standalone_filter(plugin, sandbox, manifest.message_matcher)


def standalone_filter(plugin: Plugin, sandbox: model.Sandbox, message_matcher: str) -> model.Filter:
    """Build a filter that no configuration file defines."""
    return model.Filter(
        name=plugin.name,
        sandbox=sandbox,
        message_matcher=message_matcher,
        ticker_interval=plugin.manifest.ticker_interval,
        queue=model.Queue(),
        preserve_data=plugin.manifest.preserve_data,
        group=plugin.manifest.group,
        on_terminate="restart",
    )
