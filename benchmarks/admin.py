"""Measures the CPU cost of the admin API and its response times while J1 runs.

Each open page follows the graph, as a page of the admin UI does. The taps have ten different matchers. The clients run
in this process, whose CPU time does not count.
"""

import asyncio
import contextlib
import hashlib
import itertools
import re
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from statistics import median, quantiles

import psutil

from benchmarks import children
from benchmarks.failures import BenchmarkError
from benchmarks.jobs import Corpus, hekate
from benchmarks.results import Row, Table
from benchmarks.workspace import EXAMPLE, REPOSITORY

PAGES = 200
TAPS = 50
COST_LIMIT = 0.03
ANSWER_LIMIT_MS = 20.0
COPIES = 4
"""Copies of the corpus in one file, so that a run lasts for some seconds."""
ROUNDS = 7

_TOKEN = "token-of-the-benchmark"  # noqa: S105 -- valid only for the host that the benchmark starts
_PATIENCE_S = 60.0
_POLL_S = 0.01
_ASK_EVERY_S = 0.01
_MATCHERS = [f"Fields[status]+>=+{status}" for status in range(200, 700, 50)]
_ROUTES = (
    "/health",
    "/ready",
    "/metrics",
    "/api/v1/sandboxes",
    "/api/v1/sandboxes/nginx_access",
    "/api/v1/inputs",
    "/api/v1/outputs/errors",
    "/api/v1/graph",
    "/api/v1/config",
    "/api/v1/dead-letters",
)
_CONFIG = f"""
admin:
  listen: 127.0.0.1:0
  tokens: [{{name: benchmark, role: viewer, sha256: {hashlib.sha256(_TOKEN.encode()).hexdigest()}}}]
  limits: {{requests_per_second: 100000, burst: 100000}}
"""


class Host:
    """A running J1 that waits for its input."""

    def __init__(self, scratch: Path, *, with_api: bool) -> None:
        self._scratch = scratch
        self.input, self.output, self._log = scratch / "admin.log", scratch / "admin.jsonl", scratch / "log"
        for path in (self.input, self.output):
            path.unlink(missing_ok=True)
        shutil.rmtree(scratch / "state", ignore_errors=True)
        configs = [EXAMPLE]
        if with_api:
            configs.append(scratch / "admin.yaml")
            configs[-1].write_text(_CONFIG)
        env = {"INPUT": str(self.input), "OUTPUT": str(self.output), "STATE_DIR": str(scratch / "state")}
        self._process = children.start(hekate("run", *configs), env, REPOSITORY, self._log)
        self._wait_for("Running.")

    def _wait_for(self, text: str) -> None:
        deadline_s = time.monotonic() + _PATIENCE_S
        while text not in self._log.read_text():
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                raise BenchmarkError(f"Hekate did not start.\n{children.last_lines(self._log)}")
            time.sleep(_POLL_S)

    @property
    def port(self) -> int:
        """The port of the API."""
        found = re.search(r"address=http://127\.0\.0\.1:(\d+)", self._log.read_text())
        assert found is not None
        return int(found[1])

    def cpu_s(self) -> float:
        """Return the CPU time of all its processes so far."""
        total = 0.0
        host = psutil.Process(self._process.pid)
        for process in [host, *host.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system
        return total

    async def process(self, source: Path, expected_bytes: int) -> float:
        """Let it read a file. Return the CPU time until the output is complete."""
        before_s = self.cpu_s()
        shutil.move(source, self.input)
        deadline_s = time.monotonic() + _PATIENCE_S
        while not self.output.exists() or self.output.stat().st_size < expected_bytes:
            await asyncio.sleep(_POLL_S)
            if time.monotonic() > deadline_s:
                raise BenchmarkError(f"Hekate did not finish.\n{children.last_lines(self._log)}")
        spent_s = self.cpu_s() - before_s
        shutil.move(self.input, source)
        return spent_s

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextlib.contextmanager
def _host(scratch: Path, *, with_api: bool) -> Iterator[Host]:
    host = Host(scratch, with_api=with_api)
    try:
        yield host
    finally:
        host.stop()


# ---------------------------------------------------------------------- clients


def _request(path: str) -> bytes:
    lines = (f"GET {path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {_TOKEN}", "", "")
    return "\r\n".join(lines).encode()


async def _follow(port: int, path: str, begun: asyncio.Semaphore) -> None:
    """Read a stream to its end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(_request(path))
        if b"200" not in await reader.readline():
            raise BenchmarkError(f"{path} was refused.")
        begun.release()
        while await reader.read(1 << 16):
            pass
    finally:
        writer.close()


@contextlib.asynccontextmanager
async def _clients(port: int) -> AsyncIterator[None]:
    """Open pages and taps."""
    begun = asyncio.Semaphore(0)
    paths = ["/api/v1/graph/stream"] * PAGES
    paths += [f"/api/v1/tap?match={matcher}" for matcher in itertools.islice(itertools.cycle(_MATCHERS), TAPS)]
    tasks = [asyncio.create_task(_follow(port, path, begun)) for path in paths]
    try:
        for _ in paths:
            await asyncio.wait_for(begun.acquire(), _PATIENCE_S)
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _ask(port: int, taken_ms: list[float]) -> None:
    """Send requests one after the other over one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for path in itertools.cycle(_ROUTES):
            began_s = time.monotonic()
            writer.write(_request(path))
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"Content-Length: (\d+)", head)
            if b" 200 " not in head.partition(b"\r\n")[0] or length is None:
                raise BenchmarkError(f"{path}: {head.decode(errors='replace')}")
            await reader.readexactly(int(length[1]))
            taken_ms.append((time.monotonic() - began_s) * 1000)
            await asyncio.sleep(_ASK_EVERY_S)
    finally:
        writer.close()


# ---------------------------------------------------------------------- measurements


def _expected_bytes(scratch: Path, source: Path) -> int:
    """Run J1 once without the API and return the size of its output in bytes."""
    output = scratch / "admin.jsonl"
    env = {"INPUT": str(source), "OUTPUT": str(output), "STATE_DIR": str(scratch / "state")}
    command = hekate("run", "--once", EXAMPLE)
    children.measure(command, env=env, folder=REPOSITORY, log=scratch / "log", timeout_s=_PATIENCE_S)
    return output.stat().st_size


async def _without(scratch: Path, source: Path, expected_bytes: int) -> float:
    with _host(scratch, with_api=False) as host:
        return await host.process(source, expected_bytes)


async def _watched(scratch: Path, source: Path, expected_bytes: int) -> float:
    with _host(scratch, with_api=True) as host:
        async with _clients(host.port):
            return await host.process(source, expected_bytes)


async def _asked(scratch: Path, source: Path, expected_bytes: int) -> list[float]:
    taken_ms: list[float] = []
    with _host(scratch, with_api=True) as host:
        asking = asyncio.create_task(_ask(host.port, taken_ms))
        await host.process(source, expected_bytes)
        asking.cancel()
        found = await asyncio.gather(asking, return_exceptions=True)
    if isinstance(found[0], BenchmarkError):
        raise found[0]
    return taken_ms


async def _measure(scratch: Path, source: Path) -> tuple[list[float], list[float], list[float]]:
    plain_s, watched_s, taken_ms = [], [], []
    expected_bytes = _expected_bytes(scratch, source)
    for _ in range(ROUNDS):
        plain_s.append(await _without(scratch, source, expected_bytes))
        watched_s.append(await _watched(scratch, source, expected_bytes))
        taken_ms += await _asked(scratch, source, expected_bytes)
    return plain_s, watched_s, taken_ms


def table(corpus: Corpus, scratch: Path) -> Table:
    """Measure the cost of pages and taps for J1, and the API's response times while it runs."""
    source = scratch / "admin-source.log"
    with source.open("wb") as file:
        for _ in range(COPIES):
            with corpus.access.open("rb") as part:
                shutil.copyfileobj(part, file, 1 << 20)
    try:
        plain_s, watched_s, taken_ms = asyncio.run(_measure(scratch, source))
    finally:
        source.unlink(missing_ok=True)
    lines = corpus.lines * COPIES
    # Compare adjacent runs, because the speed of the machine varies.
    cost = median(watched / plain for plain, watched in zip(plain_s, watched_s, strict=True)) - 1
    percentiles = quantiles(taken_ms, n=100)
    what = f"J1 with {PAGES} open pages and {TAPS} taps"
    rows = [
        Row("plain", "J1 without the API", f"{median(plain_s) / lines * 1e6:.3f} µs", "", "", None),
        Row("watched", what, f"{median(watched_s) / lines * 1e6:.3f} µs", f"{cost:+.1%}", f"{COST_LIMIT:+.0%}",
            cost <= COST_LIMIT),
        Row("answers", "median", f"{percentiles[49]:.1f} ms", "", "", None),
        Row("answers", "p99", f"{percentiles[98]:.1f} ms", "", f"{ANSWER_LIMIT_MS:.0f} ms",
            percentiles[98] <= ANSWER_LIMIT_MS),
    ]  # fmt: skip
    notes = [
        f"CPU of all processes per record, over {lines:,} records, medians of {ROUNDS} rounds, also of their ratios.",
        f"Single rounds: {_spread(plain_s)} without, {_spread(watched_s)} with.",
        f"Responses: {len(taken_ms):,} of {len(_ROUTES)} routes, {_ASK_EVERY_S * 1e3:.0f} ms apart, under load.",
    ]
    return Table("Admin API", ("what", "", "value", "more", "at most", ""), rows, notes)


def _spread(times_s: list[float]) -> str:
    return f"{min(times_s):.2f} to {max(times_s):.2f} s"
