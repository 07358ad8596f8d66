"""Computes figures from measurements: medians, ratios, verdicts."""

from collections.abc import Callable
from statistics import median
from typing import NamedTuple

from benchmarks.children import Usage
from benchmarks.jobs import MAX_FOR_IDLE_FILTERS, Job


class Row(NamedTuple):
    """A row of a table: texts, and a verdict: True if within the limit, None if there is no limit."""

    name: str
    what: str
    value: str
    """The absolute figure."""
    ratio: str
    limit: str
    verdict: bool | None


class Table(NamedTuple):
    title: str
    headings: tuple[str, str, str, str, str, str]
    rows: list[Row]
    notes: list[str]


class Measured(NamedTuple):
    """All runs of one job."""

    job: Job
    runs: list[Usage]
    starts: list[Usage]
    """Runs over a few lines, which measure the start-up."""

    def net(self, of: Callable[[Usage], float]) -> float:
        """Return the median without the start-up."""
        return median(map(of, self.runs)) - median(map(of, self.starts))

    @property
    def cpu_s(self) -> float:
        return self.net(lambda usage: usage.cpu_s)

    @property
    def wall_s(self) -> float:
        return self.net(lambda usage: usage.wall_s)


def _verdict(value: float, limit: float | None) -> bool | None:
    return None if limit is None else value <= limit


def _limit(limit: float | None) -> str:
    return "" if limit is None else f"{limit:.1f}"


def _per_record(seconds: float, lines: int) -> str:
    return f"{seconds / lines * 1e6:.2f}"


def job_rows(measured: list[Measured], floors: dict[str, float], lines: int) -> list[Row]:
    """Return the rows of the jobs, each compared with its limit."""
    rows = []
    first_cpu_s = next((found.cpu_s for found in measured if found.job.name == "J1"), None)
    for found in measured:
        job, floor_s = found.job, floors[found.job.floor]
        ratio = found.cpu_s / floor_s
        verdict = _verdict(ratio, job.cpu_limit)
        cpu = _per_record(found.cpu_s, lines)
        rows.append(Row(job.name, job.what, cpu, f"{ratio:.2f}", _limit(job.cpu_limit), verdict))
        if job.wall_limit is not None:
            ratio = found.wall_s / floor_s
            wall = _per_record(found.wall_s, lines)
            verdict = _verdict(ratio, job.wall_limit)
            rows.append(
                Row(f"{job.name} wall", "the same, wall time", wall, f"{ratio:.2f}", f"{job.wall_limit:.1f}", verdict)
            )
        if job.idle_filters and first_cpu_s:
            rows.append(_idle_row(found, first_cpu_s))
    return rows


def _idle_row(found: Measured, first_cpu_s: float) -> Row:
    change = found.cpu_s / first_cpu_s - 1
    limit = MAX_FOR_IDLE_FILTERS - 1 if found.job.idle_filters == 50 else None
    value = f"{(found.cpu_s - first_cpu_s) * 1e3:+.0f} ms"
    text = "" if limit is None else f"{limit:.0%}"
    return Row(f"{found.job.name} - J1", "what the filters add", value, f"{change:+.1%}", text, _verdict(change, limit))
