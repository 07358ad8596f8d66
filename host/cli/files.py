"""`hekate files`: what the file inputs of a configuration would read."""

import os
from pathlib import Path

import click

from host.cli.options import format_option
from host.cli.statuses import exits


@click.command(
    name="files", short_help="Show which files a configuration reads, and from where.", epilog=exits(os.EX_CONFIG)
)
@click.argument("config", nargs=-1, required=True, type=click.Path(path_type=Path))
@format_option
def command(config: tuple[Path, ...], output_format: str) -> None:
    """Show what the file inputs of CONFIG would read: which files, in which order, from where each would resume.

    It also tells of a running host: positions are those up to which everything is delivered, as they are on disk.

    \b
        hekate files hekate.yaml
    """  # noqa: D301 -- \b is click's mark for text that is not to be wrapped
    from host.cli.output import table, write_json
    from host.config.load import load_config
    from host.pipeline.reading_plan import planned

    found = planned(load_config(config))
    if output_format == "json":
        write_json(found)
        return
    rows = [[file.input, file.path, file.status, file.size, file.resume_at] for file in found]
    table(["input", "path", "would be", "size", "from"], rows, numbers=2)
