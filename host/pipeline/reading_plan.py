"""What the file inputs of a configuration would read, and from where; so also how much is left of a run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from host.config import model
from host.delivery.checkpoints import Checkpoint, stored
from host.inputs._file_finder import Finder, Found
from host.inputs._file_source import GzipSource, open_source
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


def planned(config: model.Config) -> list[Planned]:
    """All files, in the order in which they would be read.

    Raises:
        StartError: The positions on disk cannot be read.
    """
    positions = stored(Path(config.hekate.state_dir))
    found = []
    for name, each in config.inputs.items():
        if each.type == "file":
            given = each.options.path
            finder = Finder(name, [given] if isinstance(given, str) else given, each.options.exclude)
            found += [_planned(name, file, each.options, positions) for file in finder.files()]
    return found


def bytes_left(config: model.Config) -> int | None:
    """How much there is to read in all; None if nobody knows."""
    if any(each.type != "file" for each in config.inputs.values()):
        return None
    files = planned(config)
    return None if any(file.is_packed for file in files) else sum(max(0, file.size - file.resume_at) for file in files)


def _planned(name: str, file: Found, options: Any, positions: Mapping[str, Checkpoint]) -> Planned:
    plan = Planned(input=name, path=file.path, size=file.size)
    resumes = options.follow or options.keep_position or f"{name}/file" in positions
    checkpoint = positions.get(checkpoint_key(name, file.identity)) if resumes else None
    try:
        source = open_source(file.path)
    except OSError as fault:
        return msgspec.structs.replace(plan, status=f"left out: {fault.strerror}")
    try:
        is_packed = isinstance(source, GzipSource)
        known = checkpoint is not None and "head" in checkpoint and is_same(checkpoint, source.head())
    finally:
        source.close()
    plan = msgspec.structs.replace(plan, is_packed=is_packed)
    if known and checkpoint is not None:
        return msgspec.structs.replace(plan, resume_at=int(checkpoint["position"]), status="resumed")
    if options.start_at == "end" and options.follow:
        return msgspec.structs.replace(plan, resume_at=file.size, status="followed from its end")
    return plan
