"""Options of the verbs that talk to a running host."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

_api = click.option(
    "--api",
    metavar="WHERE",
    help="URL of the admin API, or path of its unix socket. Else HEKATE_API, else http://127.0.0.1:4352.",
)
_token = click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of a token. Else HEKATE_TOKEN, HEKATE_TOKEN_FILE, or var/hekate/admin-token.",
)


def admin_options(command: Command) -> Command:
    """Add the options that select a running host."""
    return _api(_token(command))
