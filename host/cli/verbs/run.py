"""`hekate run`: the pipeline itself."""

import os
from pathlib import Path

import click

from host.cli.support.did_you_mean import OneOf
from host.cli.support.exit_codes import exits


@click.command(
    name="run",
    short_help="Run a pipeline.",
    epilog=exits(os.EX_DATAERR, os.EX_UNAVAILABLE, os.EX_SOFTWARE, os.EX_IOERR, os.EX_TEMPFAIL, os.EX_CONFIG),
)
@click.argument("config", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--once", is_flag=True, help="Stop when every input was read to its end and everything is delivered.")
@click.option("--log-level", type=OneOf(["debug", "info", "warning", "error"]), help="Instead of the config's.")
@click.option("--log-format", type=OneOf(["text", "json"]), help="Instead of the config's.")
@click.option("--quiet", is_flag=True, help="No progress and no summary.")
@click.option(
    "--allow-failures", is_flag=True, help="With --once: exit with 0 although records failed or a sandbox was ended."
)
def command(
    config: tuple[Path, ...],
    *,
    once: bool,
    log_level: str | None,
    log_format: str | None,
    quiet: bool,
    allow_failures: bool,
) -> int:
    """Run the pipeline that CONFIG describes: files, and directories of *.yaml files, merged.

    SIGTERM and SIGINT drain it in order, a second one forces it; SIGHUP reloads the configuration.
    With --once the exit status is 65 if records failed or a sandbox was ended.

    \b
        hekate run hekate.yaml
        hekate run --once conf.d/
    """  # noqa: D301 -- \b is click's mark for text that is not to be wrapped
    from host.runner import run

    return run.run(
        config,
        once=once,
        log_level=log_level,
        log_format=log_format,
        quiet=quiet,
        allow_failures=allow_failures,
    )
