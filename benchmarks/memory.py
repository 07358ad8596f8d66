"""Measures the memory of the host and the sandbox processes while they work."""

import contextlib
import re
import shutil
import signal
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

import psutil

from benchmarks import children
from benchmarks.failures import BenchmarkError
from benchmarks.jobs import Corpus, hekate
from benchmarks.results import Row, Table
from benchmarks.workspace import PIPELINES, REPOSITORY

HOST_LIMIT_MIB = 80.0
SANDBOX_LIMIT_MIB = 8.0
GROWTH_LIMIT_MIB = 1.0
"""Maximum growth of a process between the second and the last quarter of a run."""

LONG_RECORDS = 10_000_000
_EVERY_S = 0.1
_TIMEOUT_S = 600.0
_KIB = 1024

_MAPPING = re.compile(rb"^[0-9a-f]+-[0-9a-f]+ .*?(/\S.*)?$")
_PRIVATE = re.compile(rb"^Private_(?:Clean|Dirty): +(\d+) kB$")
_STATUS = re.compile(r"^(VmRSS|RssShmem):\s+(\d+) kB$", re.MULTILINE)


class Sample(NamedTuple):
    time_s: float
    mib: float


def rss_without_shared_mib(pid: int) -> float:
    """Return the resident memory of a process without shared memory, which is the arenas."""
    found = {name: int(kib) for name, kib in _STATUS.findall(Path(f"/proc/{pid}/status").read_text())}
    return (found["VmRSS"] - found["RssShmem"]) / _KIB


def private_mib(pid: int) -> float:
    """Return the private memory of a process. Arena pages that only it has touched so far do not count."""
    kib, of_arena = 0, False
    for line in Path(f"/proc/{pid}/smaps").read_bytes().splitlines():
        if private := _PRIVATE.match(line):
            kib += 0 if of_arena else int(private[1])
        elif mapping := _MAPPING.match(line):
            of_arena = (mapping[1] or b"").startswith(b"/memfd:")
    return kib / _KIB


class Watch:
    """Samples of every process of a run."""

    def __init__(self, pid: int) -> None:
        self._host = psutil.Process(pid)
        self.samples: dict[str, list[Sample]] = defaultdict(list)

    def sample(self) -> None:
        """Sample all processes once. Skip those that end meanwhile."""
        try:
            descendants = self._host.children(recursive=True)
            self._add("host", rss_without_shared_mib(self._host.pid))
        except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError, KeyError):
            return  # it has ended
        for process in descendants:
            try:
                name = process.name()
                if name.startswith("hk:"):
                    self._add(name, private_mib(process.pid))
            except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
                continue

    def _add(self, name: str, mib: float) -> None:
        self.samples[name].append(Sample(time.monotonic(), mib))


def _watch(source: Path, scratch: Path) -> Watch:
    state, output, log = scratch / "state", scratch / "output", scratch / "log"
    shutil.rmtree(state, ignore_errors=True)
    env = {"INPUT": str(source), "OUTPUT": str(output), "STATE_DIR": str(state)}
    config = PIPELINES / "file_nginx_all" / "config.yaml"
    process = children.start(hekate("run", "--once", config), env, REPOSITORY, log)
    watch = Watch(process.pid)
    deadline_s = time.monotonic() + _TIMEOUT_S
    while process.poll() is None:
        watch.sample()
        time.sleep(_EVERY_S)
        if time.monotonic() > deadline_s:
            process.send_signal(signal.SIGKILL)
            process.wait()
            raise BenchmarkError(f"The memory run took more than {_TIMEOUT_S:.0f} s.\n{children.last_lines(log)}")
    if process.returncode != 0:
        raise BenchmarkError(f"The memory run ended with {process.returncode}.\n{children.last_lines(log)}")
    return watch


@contextlib.contextmanager
def _repeated(path: Path, times: int) -> Iterator[Path]:
    """Write a file repeatedly into a large file on disk. Delete it afterwards."""
    if times == 1:
        yield path
        return
    long_path = path.with_suffix(".long")
    try:
        with long_path.open("wb") as target:
            for _ in range(times):
                with path.open("rb") as source:
                    shutil.copyfileobj(source, target)
        yield long_path
    finally:
        long_path.unlink()


def _growth_mib(samples: list[Sample]) -> float:
    """Return the growth from the second to the last quarter of the run. The first quarter fills pools and compiles."""
    quarter = len(samples) // 4
    if quarter == 0:
        return 0.0
    early, late = samples[quarter : 2 * quarter], samples[-quarter:]
    return median(sample.mib for sample in late) - median(sample.mib for sample in early)


def table(corpus: Corpus, scratch: Path, *, long: bool) -> Table:
    """Run the components of J1 to J3 in one pipeline and sample its processes."""
    repeat = max(1, LONG_RECORDS // corpus.lines) if long else 1
    with _repeated(corpus.access, repeat) as source:
        watch = _watch(source, scratch)
    rows = []
    for name, samples in sorted(watch.samples.items()):
        limit = HOST_LIMIT_MIB if name == "host" else SANDBOX_LIMIT_MIB
        peak, growth = max(sample.mib for sample in samples), _growth_mib(samples)
        what = "RSS without shared memory, peak" if name == "host" else "private memory, peak"
        rows.append(Row(name, what, f"{peak:.1f}", "", f"{limit:.0f}", peak <= limit))
        if long:
            flat = growth <= GROWTH_LIMIT_MIB
            rows.append(Row(name, "growth", f"{growth:+.1f}", "", f"{GROWTH_LIMIT_MIB:.0f}", flat))
    notes = [
        f"{corpus.lines * repeat:,} records through a decoder, a filter and two encoders.",
        "A sandbox's private memory is what /proc/PID/smaps calls private, without the arenas.",
    ]
    return Table("Memory", ("process", "what", "MiB", "", "at most", ""), rows, notes)
