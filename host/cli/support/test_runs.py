"""The modes of `hekate test`: run once, update the expected results, or watch."""

import asyncio
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click

from host.cli.support import test_report
from host.cli.support.output import show_config_errors
from host.cli.support.progress_bar import Progress
from host.plugins import lua_modules
from host.sandbox.zygote_client import ZygoteClient
from host.telemetry import logs
from host.trial import module_dependencies, update, update_files
from host.trial.collect import Collection, collect, shipped_paths
from host.trial.compare import CaseResult
from host.trial.coverage import Coverage
from host.trial.run_cases import run_cases, run_test

_FAILED = 1
_LOOK_EVERY_S = 0.3
_KINDS = ("decoders", "filters", "encoders")


class Wanted(NamedTuple):
    """The options of a run."""

    paths: Sequence[Path]
    sandbox_dir: Path | None
    output_format: str
    coverage: bool

    def collect(self) -> Collection:
        """Return the current cases and tests."""
        return collect(self.paths or shipped_paths(), self.sandbox_dir)


def once(wanted: Wanted) -> int:
    """Run all cases and tests once; return the exit status."""
    _set_up()
    collected = wanted.collect()
    start_s = time.perf_counter()
    coverage = Coverage(wanted.sandbox_dir) if wanted.coverage else None
    verdicts = asyncio.run(_run(collected, coverage))
    _report(wanted, verdicts, collected, time.perf_counter() - start_s, coverage)
    if collected.errors:
        return os.EX_CONFIG
    if not verdicts:
        return os.EX_NOINPUT
    return os.EX_OK if all(verdict.passed for verdict in verdicts) else _FAILED


def update_expected(wanted: Wanted) -> int:
    """Write the actual results into the files as the expected ones; return the exit status."""
    _set_up()
    collected = wanted.collect()
    if collected.errors:
        show_config_errors(collected.errors)
        return os.EX_CONFIG
    verdicts = asyncio.run(_run(collected, None))
    updates = []
    for case, verdict in zip(collected.cases, verdicts, strict=False):
        updates += update.case_updates(case, verdict.outcome) if verdict.outcome is not None else []
    for test, verdict in zip(collected.tests, verdicts[len(collected.cases) :], strict=True):
        updates += update.test_updates(test, verdict.places) if verdict.places else []
    for file, count in update_files.write(updates).items():
        if count:
            click.echo(f"{file}: {count} of what is expected updated.", err=True)
    return os.EX_OK


def watch(wanted: Wanted) -> None:
    """Run everything once, then whatever depends on a changed file, until interrupted."""
    _set_up()
    known: dict[tuple[str, str, int], CaseResult] = {}
    files: set[Path] | None = None
    while True:
        before = module_dependencies.file_marks(_folders(wanted))
        _run_what_depends(wanted, files, known)
        click.echo("Waiting for a change; Ctrl-C ends.", err=True)
        while (after := module_dependencies.file_marks(_folders(wanted))) == before:
            time.sleep(_LOOK_EVERY_S)
        files = module_dependencies.changed_files(before, after)


def _run_what_depends(wanted: Wanted, files: set[Path] | None, known: dict[tuple[str, str, int], CaseResult]) -> None:
    """Run the cases and tests that depend on changed files, and update their results.

    Args:
        wanted: The options.
        files: The changed files; None to run everything.
        known: The results by key; changed here.
    """
    start_s = time.perf_counter()
    everything = wanted.collect()
    coverage = Coverage(wanted.sandbox_dir) if wanted.coverage else None
    if files is None or coverage is not None:
        known.clear()
        files = set()
    keys = _keys(everything)
    chosen = Collection(
        cases=[
            case
            for case, key in zip(everything.cases, keys, strict=False)
            if module_dependencies.affects_case(case, files, known.get(key))
        ],
        tests=[
            test
            for test, key in zip(everything.tests, keys[len(everything.cases) :], strict=True)
            if module_dependencies.affects_test(test, files, known.get(key))
        ],
    )
    verdicts = asyncio.run(_run(chosen, coverage))
    known.update(zip(_keys(chosen), verdicts, strict=True))
    for gone in known.keys() - set(keys):
        del known[gone]
    if verdicts or everything.errors or not known:
        _report(wanted, verdicts, everything, time.perf_counter() - start_s, coverage)
    if len(known) > len(verdicts):
        failed = sum(not verdict.passed for verdict in known.values())
        click.echo(f"{len(known) - len(verdicts)} do not depend on that; of all {len(known)} {failed} fail.", err=True)


def _keys(collected: Collection) -> list[tuple[str, str, int]]:
    """Return the keys that identify cases and tests."""
    cases = [(case.file, case.name, case.number) for case in collected.cases]
    return cases + [(test.file, test.name, -1) for test in collected.tests]


def _folders(wanted: Wanted) -> set[Path]:
    """Return the folders to watch: those of the plugins, with the other plugins and modules in them."""
    folders = {wanted.sandbox_dir} if wanted.sandbox_dir else set()
    for path in wanted.paths or shipped_paths():
        folder = path if path.is_dir() else path.resolve().parent
        folders.add(folder.parent if folder.name in _KINDS else folder)
    return folders


def _set_up() -> None:
    logs.set_up("error", "text")
    lua_modules.check_present()


def _report(
    wanted: Wanted, verdicts: Sequence[CaseResult], collected: Collection, elapsed_s: float, coverage: Coverage | None
) -> None:
    scripts = coverage.scripts() if coverage is not None else []
    report = test_report.Report(verdicts, collected.errors, elapsed_s, scripts)
    {"text": report.text, "json": report.json, "junit": report.junit}[wanted.output_format]()


async def _run(collected: Collection, coverage: Coverage | None) -> list[CaseResult]:
    if not collected.cases and not collected.tests:
        return []
    zygote = ZygoteClient()
    zygote.start()
    try:
        with Progress("cases and tests", len(collected.cases) + len(collected.tests)) as progress:
            verdicts = await run_cases(collected.cases, zygote, coverage=coverage, on_finished=progress.step)
            for test in collected.tests:
                verdicts.append(await run_test(test, zygote, coverage))
                progress.step()
        return verdicts
    finally:
        zygote.close()
