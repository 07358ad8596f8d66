"""Filters that run because their file lies in the drop-in directory: scripts with front matter, and `.cfg` files."""

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


class _Known(NamedTuple):
    """A file as it was when it was last read, and the filter that it last made without a fault."""

    mark: Mark
    filter_: model.Filter | None
    broken: bool
    """Whether it makes none as it is."""


class DropIns:
    """Reads the filters of a drop-in directory; a file that has not changed is not read again."""

    def __init__(self) -> None:
        self._read: dict[Path, _Known] = {}
        self._cfgs: dict[Path, tuple[Mark, Cfg | None]] = {}

    def filters(self, config: model.Config) -> tuple[dict[str, model.Filter], list[ConfigError]]:
        """The filters that run by themselves.

        Args:
            config: The configuration. A script that one of its filters uses already does not run a second time, and a
                name that it uses is its own.

        Returns:
            The filters, by name, and the faults of those files that were read just now. A file with a fault stands for
            the filter that it was before.
        """
        errors: list[ConfigError] = []
        found: dict[str, model.Filter] = {}
        if config.hekate.sandbox_dir is None:
            return found, errors
        seen: dict[Path, _Known] = {}
        for path, mark, make in self._candidates(Path(config.hekate.sandbox_dir), config, errors):
            known = self._read.get(path, _Known((), None, broken=False))
            if known.mark != mark:
                made = make()
                known = _Known(mark, made or known.filter_, broken=made is None)
            seen[path] = known
            if known.filter_ is not None and known.filter_.name not in config.filters:
                found[known.filter_.name] = known.filter_
        self._read = seen
        return found, errors

    @property
    def broken(self) -> list[str]:
        """The files that make no filter as they are."""
        return [str(path) for path, known in self._read.items() if known.broken]

    def _candidates(
        self, sandbox_dir: Path, config: model.Config, errors: list[ConfigError]
    ) -> Iterator[tuple[Path, Mark, Maker]]:
        """Each file that is a filter, with the mark of all that it is made of, and what makes it."""
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
    """What tells whether a file has changed; None if it has just gone."""
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_mtime_ns, status.st_size, status.st_ino)


def _of_cfg(
    cfg: Cfg | None, found: Library, settings: model.HostSettings, errors: list[ConfigError]
) -> model.Filter | None:
    return None if cfg is None else hindsight_cfg.to_filter(cfg, found, settings, errors)


def _of_script(path: Path, settings: model.HostSettings, errors: list[ConfigError]) -> model.Filter | None:
    """A script that says itself which messages it sees."""
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
                "A filter that runs by itself must say which messages it sees.",
                'Add `message_matcher: "TRUE"` or a better one to its front matter, or put a '
                f'{path.stem}.cfg beside it that says filename = "{path.name}" and message_matcher = "TRUE".',
            )
        )
        return None
    plugins = Plugins(Library(), settings, errors)
    sandbox = plugins.sandbox(plugin, plugin.name, {}, Node(None, str(path), 1), plugin.name, keys=model.SandboxKeys())
    if sandbox is None:
        return None
    return standalone_filter(plugin, sandbox, manifest.message_matcher)


def standalone_filter(plugin: Plugin, sandbox: model.Sandbox, message_matcher: str) -> model.Filter:
    """A filter that stands in no configuration."""
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
