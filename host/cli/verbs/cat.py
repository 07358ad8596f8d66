"""`hekate cat`: what is in files, decoded."""

import os
from pathlib import Path

import click

from host.cli.support import completers
from host.cli.support.did_you_mean import OneOf
from host.cli.support.exit_codes import exits
from host.cli.support.options import allow_failures_option, own_plugins, own_plugins_option


@click.command(
    name="cat",
    short_help="Show logs, dead letters and Heka-framed files, decoded.",
    epilog=exits(os.EX_DATAERR, os.EX_UNAVAILABLE, because={os.EX_NOINPUT: "a file cannot be read"}),
)
@click.argument("file", nargs=-1, required=True, shell_complete=completers.files)
@click.option(
    "--decoder",
    shell_complete=completers.decoders,
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
    from host.cli.support import cat_output, cat_runner

    given = {}
    for option in options:
        key, equals, value = option.partition("=")
        if not equals:
            raise click.UsageError(f"--config takes KEY=VALUE, and not `{option}`.")
        given[key] = value
    if by and to not in {"text", "counts", "json"}:
        raise click.UsageError(f"--by counts; with it there is no --to {to}.")
    own = own_plugins(sandbox_dir)
    counting = cat_output.Counting(by or ("Type",), as_json=to == "json")
    source = cat_runner.Source(list(file), decoder, given, match, str(own) if own else None, counting)
    return cat_runner.show(source, "counts" if by else to, follow=follow, allow_failures=allow_failures)
