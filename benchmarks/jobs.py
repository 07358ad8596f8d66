"""The jobs and their runner."""

import shutil
import socket
import sys
from pathlib import Path
from typing import NamedTuple

import yaml

from benchmarks import children, oracle, workspace
from benchmarks.children import Usage
from benchmarks.workspace import EXAMPLE, PIPELINES

_TIMEOUT_S = 300.0


class Job(NamedTuple):
    name: str
    what: str
    config: Path
    oracle: oracle.Oracle
    cpu_limit: float | None = None
    """Maximum CPU time, in floors."""
    wall_limit: float | None = None
    """Maximum wall time, in floors."""
    floor: str = "access"
    decoders: int = 1
    over_tcp: bool = False
    idle_filters: int = 0


def _pipeline(folder: str) -> Path:
    return PIPELINES / folder / "config.yaml"


JOBS = [
    Job("J1", "file → nginx_access → status >= 500 → JSON lines", EXAMPLE, oracle.errors, cpu_limit=3.0),
    Job("J1w", "J1 with two decoder processes", EXAMPLE, oracle.errors, cpu_limit=3.0, wall_limit=2.0, decoders=2),
    Job(
        "J2",
        "the same decode → Lua filter: counts by status and minute",
        _pipeline("file_nginx_counter_file"),
        oracle.counts,
        cpu_limit=3.6,
    ),
    Job(
        "J3",
        "raw lines → script adds a field → all as JSON lines",
        _pipeline("file_script_file"),
        oracle.raw_with_env,
        cpu_limit=2.6,
    ),
    Job(
        "J3b",
        "J1's decode → script adds a field → all as JSON lines",
        _pipeline("file_nginx_script_file"),
        oracle.all_with_env,
        cpu_limit=6.5,
    ),
    Job("J4", "TCP → payload → file", _pipeline("tcp_payload_file"), oracle.copy, cpu_limit=1.2, over_tcp=True),
    Job(
        "J5",
        "JSON lines → json → status >= 500 → JSON lines",
        _pipeline("file_json_file"),
        oracle.errors,
        cpu_limit=3.5,
        floor="json",
    ),
    Job("J6-1", "J1 beside 1 filter on another Type", EXAMPLE, oracle.errors, idle_filters=1),
    Job("J6-10", "J1 beside 10 filters on other Types", EXAMPLE, oracle.errors, idle_filters=10),
    Job("J6-50", "J1 beside 50 filters on other Types", EXAMPLE, oracle.errors, idle_filters=50),
]

MAX_FOR_IDLE_FILTERS = 1.10
"""Maximum CPU time of J1 beside 50 filters of other Types, as a multiple of J1."""


class Corpus(NamedTuple):
    """The input of the jobs: all lines, and the first few."""

    lines: int
    access: Path
    json: Path
    few_access: Path
    few_json: Path

    @classmethod
    def make(cls, lines: int, scratch: Path) -> "Corpus":
        """Return the corpus. Generate missing files."""
        access, json = workspace.access_log(lines), workspace.access_json(lines)
        return cls(lines, access, json, workspace.few_of(access, scratch), workspace.few_of(json, scratch))


def _idle_filters(count: int, folder: Path) -> Path:
    """Write a configuration with filters that never match."""
    script = str(PIPELINES / "file_nginx_idle" / "other.lua")
    filters = {
        f"other_{i}": {"filename": script, "message_matcher": f"Type == 'other.{i}' && Fields[status] >= 500"}
        for i in range(count)
    }
    path = folder / "idle_filters.yaml"
    path.write_text(yaml.safe_dump({"filters": filters}))
    return path


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def hekate(*arguments: str | Path) -> list[str | Path]:
    """Return a command line of Hekate."""
    return [sys.executable, "-m", "host", *arguments]


class Runner:
    """Runs jobs and checks their output."""

    def __init__(self, corpus: Corpus, scratch: Path) -> None:
        self._corpus = corpus
        self._scratch = scratch

    def run(self, job: Job, *, few: bool = False) -> Usage:
        """Run a job once.

        Args:
            job: The job.
            few: Over the first few lines only.

        Returns:
            What it took.

        Raises:
            BenchmarkError: It failed, or its output is wrong.
        """
        log = self._corpus.few_access if few else self._corpus.access
        json = self._corpus.few_json if few else self._corpus.json
        source = json if job.floor == "json" else log
        usage = self._measure(job, source)
        oracle.check(job.oracle, log, self._scratch / "output")
        return usage

    def _measure(self, job: Job, source: Path) -> Usage:
        output, state = self._scratch / "output", self._scratch / "state"
        output.unlink(missing_ok=True)
        shutil.rmtree(state, ignore_errors=True)
        env = {"INPUT": str(source), "OUTPUT": str(output), "STATE_DIR": str(state), "DECODERS": str(job.decoders)}
        configs = [job.config]
        if job.idle_filters:
            configs.append(_idle_filters(job.idle_filters, self._scratch))
        sender = None
        if job.over_tcp:
            port = str(_free_port())
            env["PORT"] = port
            sender = [sys.executable, "-m", "benchmarks.send_tcp", port, str(source)]
        return children.measure(
            hekate("run", "--once", *configs),
            env=env,
            folder=workspace.REPOSITORY,
            log=self._scratch / "log",
            timeout_s=_TIMEOUT_S,
            beside=sender,
        )
