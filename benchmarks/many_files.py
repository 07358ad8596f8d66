"""Many followed files: time until all are read, memory, how soon a signal is answered, and what idle files cost."""

import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen
from typing import Any, NamedTuple

import psutil
import yaml

from benchmarks import children
from benchmarks.failures import BenchmarkError
from benchmarks.jobs import Corpus, hekate
from benchmarks.memory import rss_without_shared_mib
from benchmarks.results import Row, Table
from benchmarks.workspace import REPOSITORY

SIZES = (1_000, 5_000, 20_000, 50_000)
MAX_S = {20_000: 20.0}
"""From the start of the process until every line is in the output."""
MAX_RATIO_PER_FILE = 2.0
"""A file among 20,000 may take so many times what a file among 5,000 does."""
MAX_GROWTH_MIB = 64.0
"""Maximum growth of the host from 1,000 to 20,000 files."""
MAX_ANSWER_S = 1.0
MAX_IDLE_PERCENT = 2.0
_IDLE_FILES = 50_000
_IDLE_S = 30.0
_PATIENCE_S = 180.0
_EVERY_S = 0.02


class _Read(NamedTuple):
    took_s: float
    peak_mib: float
    answer_s: float
    idle_percent: float


class _Run:
    """One host that follows a folder of files."""

    def __init__(self, folder: Path, files: int) -> None:
        self._logs, self._output = folder / "logs", folder / "output"
        self._log = folder / "log"
        self._files = files
        config = {
            "hekate": {"state_dir": str(folder / "state")},
            "inputs": {"files": {"type": "file", "path": str(self._logs / "*.log")}},
            "outputs": {
                "all": {"type": "file", "path": str(self._output), "message_matcher": "TRUE", "encoder": "payload"}
            },
        }
        self._config = folder / "config.yaml"
        self._config.write_text(yaml.safe_dump(config))
        self._peak_mib = 0.0

    def start(self) -> "Popen[Any]":
        self._process = children.start(hekate("run", str(self._config)), {}, REPOSITORY, self._log)
        return self._process

    def until(self, condition: Callable[[], bool], what: str) -> float:
        """Wait for something, and return how long that took; sample memory meanwhile."""
        start_s = time.monotonic()
        while not condition():
            if self._process.poll() is not None or time.monotonic() - start_s > _PATIENCE_S:
                raise BenchmarkError(f"{self._files:,} files: no {what}.\n{children.last_lines(self._log)}")
            self._peak_mib = max(self._peak_mib, rss_without_shared_mib(self._process.pid))
            time.sleep(_EVERY_S)
        return time.monotonic() - start_s

    def says(self, text: str) -> bool:
        return self._log.exists() and text in self._log.read_text(errors="replace")

    def measure_reading(self) -> tuple[float, float]:
        """Time until all lines are written, and the most memory until then."""
        bytes_in_all = sum(len(_line(number)) for number in range(self._files))
        took_s = self.until(lambda: self._output.exists() and self._output.stat().st_size >= bytes_in_all, "last line")
        lines = sorted(self._output.read_bytes().split(b"\n")[:-1])
        if lines != [_line(number)[:-1] for number in range(self._files)]:
            raise BenchmarkError(f"{self._files:,} files: the output is not what was in them.")
        return took_s, self._peak_mib

    def idle_percent(self) -> float:
        """CPU of the host and its sandboxes while nothing happens, as a share of one core."""
        before_s, start_s = self._cpu_s(), time.monotonic()
        time.sleep(_IDLE_S)
        return 100 * (self._cpu_s() - before_s) / (time.monotonic() - start_s)

    def _cpu_s(self) -> float:
        host = psutil.Process(self._process.pid)
        times = [process.cpu_times() for process in (host, *host.children(recursive=True))]
        return sum(each.user + each.system for each in times)

    def answer_s(self) -> float:
        """Return the seconds until a signal is answered."""
        self._process.send_signal(signal.SIGTERM)
        return self.until(lambda: self.says("Draining"), "answer to SIGTERM")

    def end(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
        self._process.wait()


def _line(number: int) -> bytes:
    return b"the only line of file %08d\n" % number


def _measure(files: int, scratch: Path) -> _Read:
    folder = scratch / f"many-{files}"
    (folder / "logs").mkdir(parents=True)
    for number in range(files):
        (folder / "logs" / f"{number:08d}.log").write_bytes(_line(number))
    try:
        answer_s = _answer_in_the_midst(folder, files)
        run = _Run(folder, files)
        run.start()
        try:
            took_s, peak_mib = run.measure_reading()
            idle_percent = run.idle_percent() if files == _IDLE_FILES else 0.0
        finally:
            run.end()
    finally:
        shutil.rmtree(folder)
    return _Read(took_s, peak_mib, answer_s, idle_percent)


def _answer_in_the_midst(folder: Path, files: int) -> float:
    """Send a signal while files are found and read."""
    run = _Run(folder, files)
    run.start()
    try:
        run.until(lambda: run.says("Running."), "start")
        return run.answer_s()
    finally:
        run.end()
        shutil.rmtree(folder / "state", ignore_errors=True)
        (folder / "log").unlink(missing_ok=True)
        (folder / "output").unlink(missing_ok=True)


def table(corpus: Corpus, scratch: Path) -> Table:
    """The curve over the number of files."""
    del corpus  # the files are made here
    found = {files: _measure(files, scratch) for files in SIZES}
    rows = []
    for files, read in found.items():
        limit = MAX_S.get(files)
        ok = None if limit is None else read.took_s <= limit
        name = f"{files:,} files"
        rows += [
            Row(
                name, "until every line is written", f"{read.took_s:.1f}", "s", f"{limit or '':g}" if limit else "", ok
            ),
            Row(name, "memory of the host, peak", f"{read.peak_mib:.0f}", "MiB", "", None),
            Row(
                name,
                "answer to SIGTERM while reading",
                f"{read.answer_s:.2f}",
                "s",
                f"{MAX_ANSWER_S:g}",
                read.answer_s <= MAX_ANSWER_S,
            ),
        ]
    ratio = (found[20_000].took_s / 20_000) / (found[5_000].took_s / 5_000)
    growth = found[20_000].peak_mib - found[1_000].peak_mib
    idle = found[_IDLE_FILES].idle_percent
    rows += [
        Row(
            "a file",
            "among 20,000 to among 5,000",
            f"{ratio:.2f}",
            "",
            f"{MAX_RATIO_PER_FILE:g}",
            ratio <= MAX_RATIO_PER_FILE,
        ),
        Row(
            "memory",
            "20,000 files more than 1,000",
            f"{growth:.0f}",
            "MiB",
            f"{MAX_GROWTH_MIB:g}",
            growth <= MAX_GROWTH_MIB,
        ),
        Row(
            "50,000 files",
            "CPU while all are idle, of one core",
            f"{idle:.2f}",
            "%",
            f"{MAX_IDLE_PERCENT:g}",
            idle <= MAX_IDLE_PERCENT,
        ),
    ]
    notes = ["Each file has one line. Times are from the start of the process, which itself takes about a second."]
    return Table("Many files", ("what", "of what", "value", "", "at most", ""), rows, notes)
