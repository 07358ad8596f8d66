"""Where the benchmark's files are: inputs in a cache that outlives it, outputs in memory."""

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
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 -- looked for, not assumed


def cache_folder() -> Path:
    """Where inputs are kept between runs."""
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(caches) / "hekate-bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def access_log(lines: int) -> Path:
    """An nginx access log of so many lines; the same ones every time."""
    path = cache_folder() / f"access-{lines}.log"
    if not path.exists():
        _write(path, (line.encode() for line in make_logs.access_lines(lines)))
    return path


def access_json(lines: int) -> Path:
    """The same records as JSON lines."""
    path = cache_folder() / f"access-{lines}.jsonl"
    if not path.exists():
        records = (oracle.parse(line) for line in access_log(lines).open("rb"))
        _write(path, (orjson.dumps(record) + b"\n" for record in records))
    return path


def few_of(path: Path, folder: Path) -> Path:
    """The first few lines of a file: what a run costs that has nothing to do."""
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
    """A folder for outputs and state, in memory if there is such a file system; gone afterwards."""
    parent = _SHARED_MEMORY if os.access(_SHARED_MEMORY, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="hekate-bench-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def is_in_memory(folder: Path) -> bool:
    """Whether a scratch folder is on a file system in memory."""
    return folder.is_relative_to(_SHARED_MEMORY)
