"""What the file inputs of a configuration would read, and from where; so also how much is left of a run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from host.config import model
from host.delivery.checkpoints import Checkpoint, stored
from host.inputs._file_finder import Finder, Found
from host.inputs._file_missed import base_path
from host.inputs._file_source import GzipSource, Source, last_line, open_source
from host.inputs._file_tail import checkpoint_key, is_same


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """One file."""

    input: str
    path: str
    size: int
    resume_at: int = 0
    status: str = "read from the beginning"
    is_packed: bool = False
    """Whether its size says nothing of how much there is to read."""


def planned(config: model.Config, *, once: bool = False) -> list[Planned]:
    """Return all files, in the order in which they would be read.

    Args:
        config: What would run.
        once: Whether `hekate run --once` would run it.

    Raises:
        StartError: The positions on disk cannot be read.
    """
    positions = stored(Path(config.hekate.state_dir))
    found = []
    for name, each in config.inputs.items():
        if each.type == "file":
            given = each.options.path
            finder = Finder(name, [given] if isinstance(given, str) else given, each.options.exclude)
            paths = {str(value["path"]) for key, value in positions.items() if key.startswith(f"{name}/file/")}
            plan = _Plan(name, each.options, positions, paths, reads_once=once or not each.options.follow)
            found += [plan.of(file) for file in finder.files()]
    return found


def bytes_left(config: model.Config) -> int | None:
    """Return how much `run --once` would read in all; None if that is not known."""
    if any(each.type != "file" for each in config.inputs.values()):
        return None
    files = planned(config, once=True)
    return None if any(file.is_packed for file in files) else sum(max(0, file.size - file.resume_at) for file in files)


class _Plan(NamedTuple):
    """What is known of the files of one input. `host.inputs._file_start` decides by the same rules."""

    name: str
    options: Any
    positions: Mapping[str, Checkpoint]
    known_paths: set[str]
    reads_once: bool

    def of(self, file: Found) -> Planned:
        """Return where reading would begin in a file."""
        plan = Planned(input=self.name, path=file.path, size=file.size)
        try:
            source = open_source(file.path)
        except OSError as error:
            return msgspec.structs.replace(plan, status=f"left out: {error.strerror}")
        try:
            return self._of_source(plan, file, source)
        finally:
            source.close()

    def _of_source(self, plan: Planned, file: Found, source: Source) -> Planned:
        is_packed = isinstance(source, GzipSource)
        plan = msgspec.structs.replace(plan, is_packed=is_packed)
        resumes = not self.reads_once or self.options.keep_position or f"{self.name}/file" in self.positions
        checkpoint = self.positions.get(checkpoint_key(self.name, file.identity)) if resumes else None
        if checkpoint is not None:
            position = int(checkpoint["position"])
            if is_same(checkpoint, source.head()) and (is_packed or file.size >= position):
                return msgspec.structs.replace(plan, resume_at=position, status="resumed")
            return plan
        is_new = base_path(file.path) not in self.known_paths
        if self.options.start_at == "end" and not self.reads_once and not is_packed and is_new:
            position = last_line(source.fd, file.size)
            return msgspec.structs.replace(plan, resume_at=position, status="followed from its end")
        return plan
