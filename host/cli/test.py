"""`hekate test`: the cases of plugins, and the tests of configurations."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from host.cli.statuses import exits

if TYPE_CHECKING:
    from host.trial.collect import Collected
    from host.trial.compare import Verdict
    from host.trial.coverage import Coverage

_FAILED = 1
_LOOK_EVERY_S = 0.3


@click.command(
    name="test",
    short_help="Run the cases of plugins and the tests of configurations.",
    epilog=exits(
        os.EX_UNAVAILABLE,
        because={
            0: "all passed",
            1: "a case or a test failed",
            os.EX_NOINPUT: "there is nothing to run",
            os.EX_CONFIG: "a file cannot be read, or is wrong",
        },
    ),
)
@click.argument("path", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--sandbox-dir", type=click.Path(file_okay=False, path_type=Path), help="Where modules and decoders are.")
@click.option("--watch", is_flag=True, help="Run again whenever a file changes, until interrupted.")
@click.option("--update", is_flag=True, help="Write what came into the files, in the place of what was expected.")
@click.option("--coverage", is_flag=True, help="Show which lines of the scripts did not run. Slow.")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json", "junit"]),
    default="text",
    show_default=True,
    help="Text for people, JSON for programs, or JUnit's XML for CI.",
)
def command(
    path: tuple[Path, ...],
    *,
    sandbox_dir: Path | None,
    watch: bool,
    update: bool,
    coverage: bool,
    output_format: str,
) -> int:
    """Run what PATH brings along: plugins (*.lua), their files of cases, configurations, or folders of them.

    Without PATH, all that is shipped with Hekate. The scripts run in jailed processes with the limits that they have
    in production; time is that of the records. docs/testing.md says how to write cases and tests.

    \b
        hekate test plugins/decoders/mine.lua
        hekate test --watch plugins
        hekate test --update plugins/decoders/mine.lua
        hekate test --format junit . > report.xml
    """  # noqa: D301 -- \b is click's mark for text that is not to be wrapped
    if update and _update(path, sandbox_dir) != os.EX_OK:
        return os.EX_CONFIG
    if not watch:
        return _once(path, sandbox_dir, output_format, wants_coverage=coverage)
    while True:
        started_ns = time.time_ns()
        _once(path, sandbox_dir, output_format, wants_coverage=coverage)
        click.echo("Waiting for a change; Ctrl-C ends.", err=True)
        while not _changed_since(path, started_ns):
            time.sleep(_LOOK_EVERY_S)


def _changed_since(paths: tuple[Path, ...], since_ns: int) -> bool:
    """Whether something there is newer; folders are, when a file appears or vanishes."""
    folders = {path if path.is_dir() else path.parent for path in paths}
    found = [each for folder in folders for each in (folder, *folder.rglob("*"))]
    return any(
        _mtime_ns(each) > since_ns for each in found if each.is_dir() or each.suffix in {".lua", ".yaml", ".yml"}
    )


def _mtime_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0  # it has just gone, and its folder has changed


def _once(paths: tuple[Path, ...], sandbox_dir: Path | None, output_format: str, *, wants_coverage: bool) -> int:
    from host.cli import test_report
    from host.trial.coverage import Coverage

    start_s = time.perf_counter()
    coverage = Coverage() if wants_coverage else None
    collected, verdicts = _ran(paths, sandbox_dir, coverage)
    elapsed_s = time.perf_counter() - start_s
    scripts = coverage.scripts() if coverage is not None else []
    report = test_report.Report(verdicts, collected.errors, elapsed_s, scripts)
    {"text": report.text, "json": report.json, "junit": report.junit}[output_format]()
    if collected.errors:
        return os.EX_CONFIG
    if not verdicts:
        return os.EX_NOINPUT
    return os.EX_OK if all(verdict.passed for verdict in verdicts) else _FAILED


def _update(paths: tuple[Path, ...], sandbox_dir: Path | None) -> int:
    """Write what comes into the files."""
    from host.cli.output import show_config_errors
    from host.trial import update

    collected, verdicts = _ran(paths, sandbox_dir)
    if collected.errors:
        show_config_errors(collected.errors)
        return os.EX_CONFIG
    updates = []
    for case, verdict in zip(collected.cases, verdicts, strict=False):
        updates += update.of_case(case, verdict.outcome) if verdict.outcome is not None else []
    for test, verdict in zip(collected.tests, verdicts[len(collected.cases) :], strict=True):
        updates += update.of_test(test, verdict.came) if verdict.came else []
    for file, count in update.write(updates).items():
        click.echo(f"{file}: {count} of what is expected updated.", err=True)
    return os.EX_OK


def _ran(
    paths: tuple[Path, ...], sandbox_dir: Path | None, coverage: "Coverage | None" = None
) -> "tuple[Collected, list[Verdict]]":
    import asyncio

    from host.sandbox import lua_modules
    from host.telemetry import logs
    from host.trial.collect import collect, shipped

    logs.set_up("error", "text")
    lua_modules.check_present()
    collected = collect(paths or shipped(), sandbox_dir)
    return collected, asyncio.run(_run(collected, coverage))


async def _run(collected: "Collected", coverage: "Coverage | None") -> "list[Verdict]":
    from host.cli.progress import Progress
    from host.sandbox.zygote_client import ZygoteClient
    from host.trial.run_cases import run_cases, run_test

    if not collected.cases and not collected.tests:
        return []
    zygote = ZygoteClient()
    zygote.start()
    try:
        with Progress("cases and tests", len(collected.cases) + len(collected.tests)) as progress:
            verdicts = await run_cases(collected.cases, zygote, coverage=coverage, judged=progress.step)
            for test in collected.tests:
                verdicts.append(await run_test(test, zygote, coverage))
                progress.step()
        return verdicts
    finally:
        zygote.close()
