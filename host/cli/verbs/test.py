"""`hekate test`: the cases of plugins, and the tests of configurations."""

import os
from pathlib import Path

import click

from host.cli.support.did_you_mean import OneOf
from host.cli.support.exit_codes import exits


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
@click.option("--sandbox-dir", type=click.Path(file_okay=False, path_type=Path), help="Folder of modules and decoders.")
@click.option("--watch", is_flag=True, help="Run again whenever a file changes, until interrupted.")
@click.option("--update", is_flag=True, help="Write the actual results into the files as the expected ones.")
@click.option("--coverage", is_flag=True, help="Show which lines of the scripts did not run. Slow.")
@click.option(
    "--format",
    "output_format",
    type=OneOf(["text", "json", "junit"]),
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
    """Run the cases and tests in PATH: plugins (*.lua), their case files, configurations, or folders of them.

    Without PATH, run all that ship with Hekate. Scripts run in jailed processes with production's limits, in the time
    of the records. docs/testing.md says how to write cases and tests.

    \b
        hekate test plugins/decoders/mine.lua
        hekate test --watch plugins
        hekate test --update plugins/decoders/mine.lua
        hekate test --format junit . > report.xml
    """  # noqa: D301 -- \b is click's mark for text that is not to be wrapped
    from host.cli.support import test_runs

    wanted = test_runs.Wanted(path, sandbox_dir, output_format, coverage)
    if update:
        status = test_runs.update_expected(wanted)
        if status != os.EX_OK:
            return status
    if watch:
        test_runs.watch(wanted)
    return test_runs.once(wanted)
