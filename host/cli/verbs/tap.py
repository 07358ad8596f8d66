"""`hekate tap`: watch records pass a point of a running host."""

from itertools import count
from pathlib import Path
from typing import Any

import click

from host.cli.support import completers
from host.cli.support.admin_options import admin_options
from host.cli.support.exit_codes import exits
from host.cli.support.options import format_option


@click.command(name="tap", short_help="Watch records pass a point of a running host.", epilog=exits(asks_a_host=True))
@click.argument("point", default="router", shell_complete=completers.points)
@click.option("--match", default="TRUE", show_default=True, help="Only records that this matcher accepts.")
@click.option("--rate", default=10, show_default=True, type=click.IntRange(1, 100), help="Most records per second.")
@click.option("--count", "most", type=click.IntRange(1), help="End after so many records.")
@admin_options
@format_option
def command(
    point: str, match: str, rate: int, most: int | None, api: str | None, token_file: Path | None, output_format: str
) -> None:
    """Watch records pass POINT: `router` (everything), `decoders.NAME`, `filters.NAME` or `outputs.NAME`.

    A tap shows a sample: the pipeline never waits for it. With `--format json` each record is a line.

    \b
        hekate tap decoders.access --match 'Fields[status] >= 500'
    """  # noqa: D301 -- \b is click's mark for text that is not to be wrapped
    from host.cli.support.admin_client import Client

    numbers = count(1)
    for document in Client.default(api, token_file).events("/api/v1/tap", point=point, match=match, rate=rate):
        for record in document.get("records", []):
            _show(record, output_format)
            if next(numbers) == most:
                return


def _show(record: dict[str, Any], output_format: str) -> None:
    from host.cli.support import messages

    messages.show(record, output_format)
