"""`hekate completion`: what a shell needs to complete the command line."""

import click

from host.cli.support.did_you_mean import OneOf
from host.cli.support.exit_codes import exits


@click.command(name="completion", short_help="Print what a shell needs to complete the command line.", epilog=exits())
@click.argument("shell", type=OneOf(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print a script that makes SHELL complete verbs, options, choices and files.

    Of a running host it also completes the names of sandboxes, components and dead letters (HEKATE_API says where).

    \b
        hekate completion bash > /etc/bash_completion.d/hekate
        hekate completion zsh > ~/.zfunc/_hekate
        hekate completion fish > ~/.config/fish/completions/hekate.fish
    """  # noqa: D301 -- \b is click's mark for text that is not to be wrapped
    from click.shell_completion import get_completion_class

    from host.cli.main import cli

    made = get_completion_class(shell)
    assert made is not None
    script = made(cli, {}, "hekate", "_HEKATE_COMPLETE").source()
    # Click's own for fish cuts the help at its first comma.
    click.echo(script.replace('(string split "," $completion)', '(string split --max 1 "," $completion)'))
