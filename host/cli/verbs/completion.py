"""`hekate completion`: the script with which a shell completes the command line."""

import click

from host.cli.support.did_you_mean import OneOf
from host.cli.support.exit_codes import exits


@click.command(name="completion", short_help="Print a completion script for a shell.", epilog=exits())
@click.argument("shell", type=OneOf(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print a script with which SHELL completes verbs, options, choices and files.

    It also completes names of sandboxes, components and dead letters from a running host (see HEKATE_API).

    \b
        hekate completion bash > /etc/bash_completion.d/hekate
        hekate completion zsh > ~/.zfunc/_hekate
        hekate completion fish > ~/.config/fish/completions/hekate.fish
    """  # noqa: D301 -- \b is click's mark for text that is not to be wrapped
    from click.shell_completion import get_completion_class

    completion = get_completion_class(shell)
    assert completion is not None
    cli = click.get_current_context().find_root().command
    script = completion(cli, {}, "hekate", "_HEKATE_COMPLETE").source()
    # Click's script for fish cuts the help at its first comma.
    click.echo(script.replace('(string split "," $completion)', '(string split --max 1 "," $completion)'))
