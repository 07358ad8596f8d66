"""`make bench`: measures the jobs against the floor, memory, latency, and the same jobs in other programs."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import click
from rich.console import Console

from benchmarks import (
    admin,
    children,
    floor,
    hotload,
    jobs,
    latency,
    limits,
    machine,
    many_files,
    memory,
    neighbours,
    peers,
    results,
    sandboxes,
    show,
    state,
    workspace,
)
from benchmarks.failures import BenchmarkError
from benchmarks.results import Measured, Row, Table

LINES = 1_000_000
QUICK_LINES = 100_000
FLOOR_RUNS = 3
_TABLES: dict[str, Callable[[jobs.Corpus, Path], Table]] = {
    "sandboxes": sandboxes.table,
    "state": state.table,
    "limits": limits.table,
    "neighbours": neighbours.table,
    "latency": latency.table,
    "files": many_files.table,
    "hotload": hotload.table,
    "admin": admin.table,
}
PARTS = ("jobs", "memory", *_TABLES, "peers")


class Rounds:
    """Measures all jobs in each round, so that load from other processes affects them equally."""

    def __init__(self, corpus: jobs.Corpus, scratch: Path, console: Console) -> None:
        self._corpus = corpus
        self._runner = jobs.Runner(corpus, scratch)
        self._console = console
        self._floors: dict[str, list[float]] = {"access": [], "json": []}
        self.failures: list[Row] = []

    @property
    def floors(self) -> dict[str, float]:
        return {grammar: median(times) for grammar, times in self._floors.items()}

    def measure_floors(self) -> None:
        for _ in range(FLOOR_RUNS):
            for grammar, path in (("access", self._corpus.access), ("json", self._corpus.json)):
                self._floors[grammar].append(floor.measure(grammar, path, self._corpus.lines))

    def run(self, wanted: Sequence[jobs.Job], repeat: int) -> list[Measured]:
        measured = {job.name: Measured(job, [], []) for job in wanted}
        for number in range(1, repeat + 1):
            self.measure_floors()
            names = list(measured)
            # Rotate the order: the first job after the floor measurement runs under different conditions.
            names = names[number % len(names) :] + names[: number % len(names)] if names else []
            for name in names:
                self._console.print(f"round {number} of {repeat}: {name}", style="dim", highlight=False)
                if not self._run_once(measured[name]):
                    del measured[name]
        return list(measured.values())

    def _run_once(self, found: Measured) -> bool:
        try:
            found.starts.append(self._runner.run(found.job, few=True))
            found.runs.append(self._runner.run(found.job))
        except BenchmarkError as error:
            self._console.print(f"{found.job.name} failed: {error}", style="red", markup=False, highlight=False)
            reason = str(error).partition("\n")[0]
            self.failures.append(Row(found.job.name, f"FAILED: {reason}", "", "", "", verdict=False))
            return False
        return True


def _chosen_jobs(names: str | None) -> list[jobs.Job]:
    if names is None:
        return jobs.JOBS
    wanted = {name.strip() for name in names.split(",")}
    if any(name.startswith("J6") for name in wanted):
        wanted.add("J1")  # the baseline of J6
    known = {job.name for job in jobs.JOBS}
    chosen = [job for job in jobs.JOBS if {job.name, job.name.partition("-")[0], job.name[:2]} & wanted]
    stray = wanted - known - {name[:2] for name in known}
    if stray:
        raise click.BadParameter(f"Unknown: {', '.join(sorted(stray))}. Known: {', '.join(sorted(known))}.")
    return chosen


def _jobs_table(rounds: Rounds, measured: list[Measured], lines: int, others: float, *, in_memory: bool) -> Table:
    floors = rounds.floors
    rows = [
        Row(
            "floor",
            "one LPEG match over the access lines, no captures",
            f"{floors['access'] / lines * 1e6:.2f}",
            "1.00",
            "",
            None,
        ),
        Row(
            "floor J5",
            "one LPEG match over the JSON lines, no captures",
            f"{floors['json'] / lines * 1e6:.2f}",
            "1.00",
            "",
            None,
        ),
        *results.job_rows(measured, floors, lines),
        *rounds.failures,
    ]
    about = (
        f"Medians over {lines:,} records. CPU of all processes together, user and system, without the "
        f"start-up: the same job's median over {workspace.FEW_LINES} lines is subtracted."
    )
    notes = [
        about,
        "Every output was compared, order and all, with what Python's re and orjson make of the same lines.",
        "Outputs and state were in memory (/dev/shm): the cost of the disk's file system is not measured."
        if in_memory
        else "There is no file system in memory that can be written: the cost of the disk's is in the figures.",
        f"Other processes took {others:.0%} of the machine meanwhile."
        + (" Wall times are not to be trusted." if others > 0.05 else ""),
    ]
    return Table("Jobs", ("job", "what", "µs/record", "floors", "at most", ""), rows, notes)


def _run(
    wanted: list[jobs.Job], parts: set[str], repeat: int, lines: int, *, long: bool, console: Console
) -> list[Table]:
    tables: list[Table] = []
    children.adopt_orphans()
    with workspace.scratch_folder() as scratch:
        console.print(f"Input: {lines:,} lines in {workspace.cache_folder()}", highlight=False)
        corpus = jobs.Corpus.make(lines, scratch)
        rounds = Rounds(corpus, scratch, console)
        if "jobs" in parts:
            load = machine.OtherLoad()
            measured = rounds.run(wanted, repeat)
            in_memory = workspace.is_in_memory(scratch)
            tables.append(_jobs_table(rounds, measured, lines, load.fraction(), in_memory=in_memory))
            show.print_table(tables[-1], console)
        if "memory" in parts:
            tables.append(memory.table(corpus, scratch, long=long))
            show.print_table(tables[-1], console)
        for part, table in _TABLES.items():
            if part in parts:
                tables.append(table(corpus, scratch))
                show.print_table(tables[-1], console)
        if "peers" in parts:
            rounds.measure_floors()
            tables.append(peers.table(corpus, scratch, rounds.floors["access"], repeat))
            show.print_table(tables[-1], console)
    return tables


@click.command()
@click.option("--jobs", "names", help="Run only these jobs, such as J1,J5.")
@click.option("--parts", help=f"Run only these parts of {','.join(PARTS)}. Default: all; only the jobs with --jobs.")
@click.option("--repeat", default=3, show_default=True, type=click.IntRange(min=1), help="Rounds of measurements.")
@click.option("--quick", is_flag=True, help=f"Use {QUICK_LINES:,} lines instead of {LINES:,}, as a smoke test.")
@click.option("--long", is_flag=True, help="Measure the memory over ten million records.")
@click.option("--micro", is_flag=True, help="Measure single components instead.")
@click.option("--no-write", is_flag=True, help="Do not change RESULTS.md.")
def main(
    *, names: str | None, parts: str | None, repeat: int, quick: bool, long: bool, micro: bool, no_write: bool
) -> None:
    """Measure Hekate. The exit status is 1 if a limit is exceeded or an output is wrong."""
    console = Console(width=None if sys.stdout.isatty() else 160)
    if micro:
        from benchmarks.micro import run as micro_run

        micro_run.main(console, repeat)
        return
    wanted = _chosen_jobs(names)
    chosen = set(parts.split(",")) if parts else {"jobs"} if names else set(PARTS)
    if chosen - set(PARTS):
        raise click.BadParameter(f"--parts takes some of {','.join(PARTS)}.")
    tables = _run(wanted, chosen, repeat, QUICK_LINES if quick else LINES, long=long, console=console)
    if names is None and not quick and not no_write:
        if chosen == set(PARTS):
            show.write(tables, "make bench")
        else:
            show.write_some(tables)
        console.print(f"Written to {show.RESULTS}.", highlight=False)
    if any(row.verdict is False for table in tables for row in table.rows):
        sys.exit(1)


if __name__ == "__main__":
    main()
