"""`hekate files`: what the file inputs of a configuration would read."""

import os
from pathlib import Path

import click

from host.cli.support.exit_codes import exits
from host.cli.support.options import format_option


@click.command(
    name="files", short_help="Show which files a configuration reads, and from where.", epilog=exits(os.EX_CONFIG)
)
@click.argument("config", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--once", is_flag=True, help="Show what `hekate run --once` would read.")
@format_option
def command(config: tuple[Path, ...], output_format: str, *, once: bool) -> None:
    """Show what the file inputs of CONFIG would read: which files, in which order, from where each would resume.

    It also tells of a running host: positions are those up to which everything is delivered, as they are on disk.
    With --once, files are read from their beginning, unless the last such run was interrupted or the input has
    `keep_position`.

    \b
        hekate files hekate.yaml
        hekate files --once hekate.yaml
    """  # noqa: D301 -- \b is click's mark for text that is not to be wrapped
    from host.cli.support.output import table, write_json
    from host.config.load import load_config
    from host.pipeline.reading_plan import planned

    loaded = load_config(config)
    found = planned(loaded, once=once)
    if output_format == "json":
        write_json(found)
        return
    rows = [[file.input, file.path, file.status, file.size, file.resume_at] for file in found]
    table(["input", "path", "would be", "size", "from"], rows, numbers=2)
    if not once and found != planned(loaded, once=True):
        click.echo("`hekate run --once` would begin elsewhere: `hekate files --once` shows where.", err=True)
