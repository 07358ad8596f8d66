"""`hekate list`: what a configuration may name."""

import os
from pathlib import Path

import click

from host.cli.support.did_you_mean import OneOf
from host.cli.support.exit_codes import exits
from host.cli.support.options import format_option, own_plugins, own_plugins_option

STAGES = ("inputs", "splitters", "decoders", "filters", "encoders", "outputs")


@click.command(
    name="list",
    short_help="Show all plugins and their options.",
    epilog=exits(because={os.EX_CONFIG: "the header of a plugin is wrong"}),
)
@click.argument("kind", required=False, type=OneOf(STAGES), metavar="[KIND]")
@own_plugins_option
@format_option
def command(kind: str | None, sandbox_dir: Path | None, output_format: str) -> int:
    """Show all plugins with their summaries and options.

    KIND is one of inputs, splitters, decoders, filters, encoders, outputs.

    \b
        hekate list decoders
        hekate list --sandbox-dir plugins --format json
    """  # noqa: D301 -- \b is click's mark for text that is not to be wrapped
    from host.cli.support import catalogue_view

    return catalogue_view.show((kind,) if kind else STAGES, own_plugins(sandbox_dir), output_format)
