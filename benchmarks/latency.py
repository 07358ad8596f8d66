"""Measures the latency from a tailed file to the output, when idle and under load."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

from benchmarks import children
from benchmarks.failures import BenchmarkError
from benchmarks.jobs import Corpus, hekate
from benchmarks.results import Row, Table
from benchmarks.workspace import PIPELINES, REPOSITORY

IDLE_LINES = 50
IDLE_LIMIT_MS = 20.0
IDLE_PAUSE_S = 0.1
LOAD_RATE = 50_000
LOAD_LIMIT_MS = 50.0
LOAD_S = 10.0
LOAD_EVERY_S = 0.005
"""Interval at which lines are appended. The lines of one interval have the same time stamp."""

_WARM_UP_LINES = 2_000
_PATIENCE_S = 10.0
_POLL_S = 0.0002
_STAMP = re.compile(rb'"/stamp/(\d+)"')
_LINE = (
    b'192.0.2.7 - - [01/May/2024:12:00:00 +0000] "GET /stamp/%d HTTP/1.1" 200 512 '
    b'"https://www.example.com/" "curl/7.88.1"\n'
)


class Tail:
    """A running Hekate that follows a file, with access to its input and output."""

    def __init__(self, source: Path, output: Path) -> None:
        self._source = os.open(source, os.O_WRONLY | os.O_APPEND)
        self._output = os.open(output, os.O_RDONLY)
        self._at = 0
        self._rest = b""

    def append(self, count: int, stamp: int) -> None:
        """Append lines with a time stamp."""
        os.write(self._source, _LINE % stamp * count)

    def arrived(self) -> list[int]:
        """Return the time stamps of the output lines since the last call."""
        data = os.pread(self._output, 1 << 22, self._at)
        if not data:
            return []
        self._at += len(data)
        data = self._rest + data
        end = data.rfind(b"\n") + 1
        self._rest = data[end:]
        return [int(stamp) for stamp in _STAMP.findall(data[:end])]

    def wait(self, count: int) -> None:
        """Wait for `count` more lines of output."""
        deadline_s = time.monotonic() + _PATIENCE_S
        while count > 0:
            count -= len(self.arrived())
            time.sleep(_POLL_S)
            if time.monotonic() > deadline_s:
                raise BenchmarkError(f"{count} lines were not written within {_PATIENCE_S:.0f} s.")

    def close(self) -> None:
        os.close(self._source)
        os.close(self._output)


def _wait_for_file(path: Path, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline_s = time.monotonic() + _PATIENCE_S
    while not path.exists() or not path.stat().st_size:
        if process.poll() is not None or time.monotonic() > deadline_s:
            raise BenchmarkError(f"Hekate did not write its output.\n{children.last_lines(log)}")
        time.sleep(0.01)


@contextlib.contextmanager
def _tail(scratch: Path) -> Iterator[Tail]:
    source, output, log = scratch / "tailed.log", scratch / "tailed.jsonl", scratch / "log"
    shutil.rmtree(scratch / "state", ignore_errors=True)
    output.unlink(missing_ok=True)
    source.write_bytes(_LINE % 0)
    env = {"INPUT": str(source), "OUTPUT": str(output), "STATE_DIR": str(scratch / "state")}
    config = PIPELINES / "tail_nginx_file" / "config.yaml"
    process = children.start(hekate("run", config), env, REPOSITORY, log)
    try:
        _wait_for_file(output, process, log)
        tail = Tail(source, output)
        tail.append(_WARM_UP_LINES, 0)
        tail.wait(_WARM_UP_LINES + 1)
        yield tail
        tail.close()
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        source.unlink()


def _at_idle(tail: Tail) -> list[float]:
    """Return the latency in milliseconds of lines that are appended one by one."""
    taken_ms = []
    for _ in range(IDLE_LINES):
        time.sleep(IDLE_PAUSE_S)
        stamp = time.monotonic_ns()
        tail.append(1, stamp)
        tail.wait(1)
        taken_ms.append((time.monotonic_ns() - stamp) / 1e6)
    return taken_ms


def _under_load(tail: Tail) -> list[float]:
    """Return the latency in milliseconds of lines at a steady rate."""
    taken_ms: list[float] = []
    at_once = round(LOAD_RATE * LOAD_EVERY_S)
    turns = round(LOAD_S / LOAD_EVERY_S)
    start_s = time.monotonic()
    sent = 0
    while len(taken_ms) < turns * at_once:
        now_s = time.monotonic()
        # Late lines get the time at which they were due.
        due = min(turns, int((now_s - start_s) / LOAD_EVERY_S) + 1)
        for turn in range(sent, due):
            tail.append(at_once, int((start_s + turn * LOAD_EVERY_S) * 1e9))
        sent = max(sent, due)
        stamps = tail.arrived()
        now_ns = time.monotonic_ns()
        taken_ms += [(now_ns - stamp) / 1e6 for stamp in stamps]
        if not stamps:
            time.sleep(_POLL_S)
        if now_s > start_s + LOAD_S + _PATIENCE_S:
            raise BenchmarkError(f"Only {len(taken_ms)} of {turns * at_once} lines were written in time.")
    return taken_ms


def table(_corpus: Corpus, scratch: Path) -> Table:
    """Measure the latency when idle and under load."""
    with _tail(scratch) as tail:
        idle_ms = _at_idle(tail)
        load_ms = _under_load(tail)
    percentiles = quantiles(load_ms, n=100)
    rows = [
        Row("idle", "median of single lines", f"{median(idle_ms):.1f}", "", "", None),
        Row(
            "idle",
            f"slowest of {IDLE_LINES}",
            f"{max(idle_ms):.1f}",
            "",
            f"{IDLE_LIMIT_MS:.0f}",
            max(idle_ms) <= IDLE_LIMIT_MS,
        ),
        Row("load", "median", f"{percentiles[49]:.1f}", "", "", None),
        Row("load", "p99", f"{percentiles[98]:.1f}", "", f"{LOAD_LIMIT_MS:.0f}", percentiles[98] <= LOAD_LIMIT_MS),
        Row("load", "slowest", f"{max(load_ms):.1f}", "", "", None),
    ]
    notes = [
        "From before a line is appended to the tailed file until it can be read in the output: nginx_access, JSON.",
        f"Load: {LOAD_RATE:,} lines per second for {LOAD_S:.0f} s, appended every {LOAD_EVERY_S * 1e3:.0f} ms.",
    ]
    return Table("Latency", ("when", "what", "ms", "", "at most", ""), rows, notes)
