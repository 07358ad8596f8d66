"""`hekate repl`: Lua and grammars tried out line by line."""

import os
from pathlib import Path

import click

from host.cli.support import completers
from host.cli.support.exit_codes import exits
from host.cli.support.options import format_option


@click.command(
    name="repl",
    short_help="Try out Lua and grammars, line by line.",
    epilog=exits(os.EX_UNAVAILABLE, because={1: "something that was entered failed"}),
)
@click.argument("file", nargs=-1, shell_complete=completers.files)
@click.option("-e", "code", multiple=True, metavar="CODE", help="Carry out CODE, and end. May be given several times.")
@click.option(
    "--sandbox-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default="plugins",
    show_default=True,
    help="Where :save puts decoders, and where your own modules are.",
)
@format_option
def command(file: tuple[str, ...], code: tuple[str, ...], sandbox_dir: Path, output_format: str) -> int:
    """Run Lua in a jailed sandbox with production's limits.

    A pattern that it answers becomes the grammar of the samples. FILE is loaded first: a decoder or grammar (*.lua),
    or a log, whose first lines become samples. Commands begin with a colon; `:help` lists them. Without a terminal,
    commands and Lua are read from the standard input; with `--format json` each answer is one line of JSON.

    \b
        hekate repl access.log                      then :infer access.log, :edit, :coverage access.log, :save mine
        hekate repl -e 'lpeg.C(lpeg.R"09"^1)' -e ':match 12 apples'
        hekate repl --format json < script
    """  # noqa: D301 -- \b is click's mark for text that is not to be wrapped
    from host.repl import run

    return run.run(code, file, sandbox_dir, output_format)
