"""`hekate replay`: recorded logs through a configuration, with the time taken from the records."""

import os
from pathlib import Path
from typing import Any

import click

from host.cli.support import completers
from host.cli.support.exit_codes import exits
from host.cli.support.options import allow_failures_option, format_option

_NS = 1_000_000_000


class _Speed(click.ParamType["float | None"]):
    name = "SPEED"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | None:
        """How many times as fast; None for as fast as it goes."""
        if value is None or value == "max":
            return None
        text = str(value).strip("x×")  # noqa: RUF001 -- the sign for times
        try:
            speed = float(text)
        except ValueError:
            speed = 0.0
        if not 0.001 <= speed <= 1e6:
            self.fail(
                f"`{value}` is no speed. Write max, or a number: 1 is as fast as it was, 10 ten times.", param, ctx
            )
        return speed


class _Time(click.ParamType["int"]):
    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Nanoseconds since 1970."""
        from host.core.errors import HekateError
        from host.trial.messages import timestamp_ns

        try:
            return timestamp_ns(value)
        except HekateError as error:
            self.fail(str(error), param, ctx)


@click.command(
    name="replay",
    short_help="Run recorded logs through a configuration, in the time of the records.",
    epilog=exits(
        os.EX_DATAERR,
        os.EX_CONFIG,
        because={
            os.EX_NOINPUT: "a file cannot be read",
            os.EX_UNAVAILABLE: "it is not clear where a file belongs",
        },
    ),
)
@click.argument("file", nargs=-1, required=True, shell_complete=completers.files)
@click.option(
    "--config",
    required=True,
    multiple=True,
    type=click.Path(path_type=Path),
    help="File or directory; may be repeated.",
)
@click.option("--input", "input_name", metavar="NAME", help="The input that would have read the files.")
@click.option("--speed", type=_Speed(), default="max", show_default=True, help="1, 10, 0.5, ... or max.")
@click.option("--since", type=_Time(), help="Only records from this time on, as 2026-05-01T12:00:00Z.")
@click.option("--until", type=_Time(), help="Only records up to this time.")
@click.option(
    "--within",
    type=click.FloatRange(0.001, 86_400),
    default=0.1,
    show_default=True,
    metavar="SECONDS",
    help="Put records of several files in order by time to this degree: the coarser, the faster.",
)
@click.option("--deliver", is_flag=True, help="Let the outputs deliver. By default what they would is only shown.")
@click.option("--output", "outputs", multiple=True, metavar="NAME", help="Show only this output; may be repeated.")
@click.option("--quiet", is_flag=True, help="No progress and no summary.")
@allow_failures_option
@format_option
def command(
    file: tuple[str, ...],
    *,
    config: tuple[Path, ...],
    input_name: str | None,
    speed: float | None,
    since: int | None,
    until: int | None,
    within: float,
    deliver: bool,
    outputs: tuple[str, ...],
    quiet: bool,
    allow_failures: bool,
    output_format: str,
) -> int:
    """Run FILEs (logs, gzip, patterns, Heka's frames, packs) through a configuration, in the time of their records.

    Records of several files are put in order by time, and timer events come when they would have, so a replay gives the
    same whenever it is run. It begins with empty states and leaves those of a running host alone. A file goes to the
    input that NAME=FILE or --input says, else to the file input whose path it matches, by itself or as a log that was
    put aside (access.log.2.gz), else to the only one. The configuration sees the variable HEKATE_REPLAY=1, to mark what
    it sends or to send it elsewhere.

    \b
        hekate replay access.log* --config hekate.yaml
        hekate replay --config hekate.yaml --speed 10 --deliver access=old/access.log.2.gz
        hekate replay --config hekate.yaml --output alerts --since 2026-05-01T12:00:00Z yesterday.log
    """  # noqa: D301 -- \b is click's mark for text that is not to be wrapped
    from host.cli.support.replay_runner import Request, replay
    from host.replay.scheduler import Span

    everything = Span()
    span = Span(
        everything.since_ns if since is None else since,
        everything.until_ns if until is None else until,
        round(within * 1e9),
    )
    as_json = output_format == "json"
    return replay(Request(config, file, input_name, speed, span, deliver, outputs, as_json, quiet, allow_failures))
