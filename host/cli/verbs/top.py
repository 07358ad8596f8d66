"""`hekate top`: a live table of the components of a running host."""

from pathlib import Path

import click

from host.cli.support.admin_options import admin_options
from host.cli.support.did_you_mean import OneOf
from host.cli.support.exit_codes import exits
from host.cli.support.options import format_option

SORTS = ("component", "in", "out", "errors", "failed", "dropped", "lag", "queue", "cpu", "memory")


@click.command(
    name="top",
    short_help="Show a live table of a running host's components.",
    epilog=exits(asks_a_host=True),
)
@click.option(
    "--sort", type=OneOf(SORTS), default="component", show_default=True, help="The column to sort by at first."
)
@click.option("--reverse", is_flag=True, help="Sort the other way round.")
@click.option(
    "--filter", "wanted", default="", help="Only components whose name contains this, or that are in this state."
)
@click.option(
    "--interval", "interval_s", default=1.0, show_default=True, type=click.FloatRange(0.2, 3600),
    help="Seconds between two readings.",
)  # fmt: skip
@click.option("--once", is_flag=True, help="Print the table once. This is the default in a pipe.")
@admin_options
@format_option
def command(
    sort: str,
    wanted: str,
    interval_s: float,
    api: str | None,
    token_file: Path | None,
    output_format: str,
    *,
    reverse: bool,
    once: bool,
) -> None:
    """Show a live table of the components: rates, lag, errors, CPU, memory against its limit.

    fail% is the share of the recent records that failed. Below the table are the reasons of unhealthy components, with
    the last error and its place in the script.

    Keys: s or the letter that is underlined in a heading sorts, r reverses, / filters, space pauses, ? helps, q quits.

    \b
        hekate top --sort lag --filter outputs.
    """  # noqa: D301 -- \b is click's mark for text that is not to be wrapped
    import sys

    from host.cli.support import top_rows
    from host.cli.support.admin_client import Client
    from host.cli.support.output import console, table, write_json

    view = top_rows.View(sort=sort, is_reversed=reverse, wanted=wanted)
    readings = top_rows.Readings(Client.default(api, token_file))
    out = console()
    if output_format == "text" and not once and out.is_terminal and sys.stdin.isatty():
        from host.cli.support.top_screen import Screen

        Screen(readings, view, interval_s, out).run()
        return
    rows = top_rows.chosen(readings.twice(), view)
    if output_format == "json":
        write_json(rows)
    else:
        cells = [[each.shown(row) for each in top_rows.COLUMNS] for row in rows]
        heads = [each.head for each in top_rows.COLUMNS]
        table(heads, cells, numbers=top_rows.NUMBERS, styles=[top_rows.style(row) for row in rows])
        for line in top_rows.troubles(rows):
            click.echo(line)
