"""Locations of the benchmark's files: inputs in a persistent cache, outputs in memory."""

import contextlib
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import orjson

from benchmarks import make_logs, oracle

REPOSITORY = Path(__file__).resolve().parent.parent
PIPELINES = Path(__file__).resolve().parent / "pipelines"
EXAMPLE = REPOSITORY / "conf" / "examples" / "nginx_errors.yaml"

FEW_LINES = 5
_LINES_AT_ONCE = 20000
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 -- used only if it exists


def cache_folder() -> Path:
    """Return the folder of the cached inputs."""
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(caches) / "hekate-bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def access_log(lines: int) -> Path:
    """Return an nginx access log of `lines` lines. They are the same every time."""
    path = cache_folder() / f"access-{lines}.log"
    if not path.exists():
        _write(path, (line.encode() for line in make_logs.access_lines(lines)))
    return path


def access_json(lines: int) -> Path:
    """Return the same records as JSON lines."""
    path = cache_folder() / f"access-{lines}.jsonl"
    if not path.exists():
        records = (oracle.parse(line) for line in access_log(lines).open("rb"))
        _write(path, (orjson.dumps(record) + b"\n" for record in records))
    return path


def few_of(path: Path, folder: Path) -> Path:
    """Return a file with the first few lines, to measure the start-up."""
    few = folder / f"few-{path.name}"
    with path.open("rb") as file:
        few.write_bytes(b"".join(itertools.islice(file, FEW_LINES)))
    return few


def _write(path: Path, lines: Iterator[bytes]) -> None:
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        while some := b"".join(itertools.islice(lines, _LINES_AT_ONCE)):
            file.write(some)
    part.rename(path)


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """Create a folder for outputs and state, in memory if possible. Delete it afterwards."""
    parent = _SHARED_MEMORY if os.access(_SHARED_MEMORY, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="hekate-bench-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def is_in_memory(folder: Path) -> bool:
    """Return True if a scratch folder is on a file system in memory."""
    return folder.is_relative_to(_SHARED_MEMORY)
