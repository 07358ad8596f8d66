"""`hekate cat`: what is in files, decoded."""

import os
from pathlib import Path

import click

from host.cli import completing
from host.cli.guessing import OneOf
from host.cli.options import allow_failures_option, own_plugins, own_plugins_option
from host.cli.statuses import exits


@click.command(
    name="cat",
    short_help="Show logs, dead letters and Heka-framed files, decoded.",
    epilog=exits(os.EX_DATAERR, os.EX_UNAVAILABLE, because={os.EX_NOINPUT: "a file cannot be read"}),
)
@click.argument("file", nargs=-1, required=True, shell_complete=completing.files)
@click.option(
    "--decoder",
    shell_complete=completing.decoders,
    help="By default json for lines that begin with {, protobuf for Heka's frames, else payload.",
)
@click.option("--config", "options", multiple=True, metavar="KEY=VALUE", help="An option of the decoder.")
@click.option("--match", default="TRUE", show_default=True, help="Only messages that this matcher accepts.")
@click.option("--follow", is_flag=True, help="Go on as the files grow, until interrupted.")
@own_plugins_option
@click.option(
    "--to",
    "--format",
    "to",
    type=OneOf(["text", "json", "protobuf", "packs", "counts"]),
    default="text",
    show_default=True,
    help="Text for people, JSON lines, Heka's framed protobuf, packs, or how many there are of each Type.",
)
@click.option(
    "--by",
    multiple=True,
    metavar="NAME",
    help="Count by this field or header, in place of the Type; may be repeated. With it, --to is counts; json counts "
    "as JSON lines.",
)
@allow_failures_option
def command(
    file: tuple[str, ...],
    *,
    decoder: str | None,
    options: tuple[str, ...],
    match: str,
    follow: bool,
    sandbox_dir: Path | None,
    to: str,
    by: tuple[str, ...],
    allow_failures: bool,
) -> int:
    """Decode FILE (patterns and gzip are fine, - is the standard input) and show what --match accepts.

    FILE is a log, a file of dead letters, of Heka's frames, or of packs; several are read one after the other. All is
    decoded as in the pipeline. Packs are what a decoder makes: what `--to packs` has written is read again without
    decoding, here and by `hekate replay`.
    What comes from a pipe is shown as it comes. How many records were not decoded, and why, goes to stderr.

    \b
        hekate cat access.log --decoder nginx_access --match 'Fields[status] >= 500'
        hekate cat var/hekate/dead_letters/*.jsonl --to counts
        hekate cat app.log --follow --to json
        journalctl -o json --follow | hekate cat -
        hekate cat access.log --decoder nginx_access --by status --by request_method
        hekate cat access.log --decoder nginx_access --to packs > access.packs
    """  # noqa: D301 -- \b is click's mark for text that is not to be wrapped
    from host.cli import decoded, decoding

    given = {}
    for option in options:
        key, equals, value = option.partition("=")
        if not equals:
            raise click.UsageError(f"--config takes KEY=VALUE, and not `{option}`.")
        given[key] = value
    if by and to not in {"text", "counts", "json"}:
        raise click.UsageError(f"--by counts; with it there is no --to {to}.")
    own = own_plugins(sandbox_dir)
    counting = decoded.Counting(by or ("Type",), as_json=to == "json")
    source = decoding.Source(list(file), decoder, given, match, str(own) if own else None, counting)
    return decoding.show(source, "counts" if by else to, follow=follow, allow_failures=allow_failures)
