"""Options that several verbs share. Imports little: every verb imports this."""

from pathlib import Path

import click

from host.cli.support.did_you_mean import OneOf

_OWN_PLUGINS = Path("plugins")

format_option = click.option(
    "--format",
    "output_format",
    type=OneOf(["text", "json"]),
    default="text",
    show_default=True,
    help="Text for people, or JSON for programs.",
)

allow_failures_option = click.option(
    "--allow-failures", is_flag=True, help="Exit with 0 although records failed or a sandbox was ended."
)

own_plugins_option = click.option(
    "--sandbox-dir",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help=f"Where your own plugins are; by default {_OWN_PLUGINS}, if that is there.",
)


def own_plugins(given: Path | None) -> Path | None:
    """Return the folder of the user's plugins: the given one, else `plugins`, else None."""
    return given or (_OWN_PLUGINS if _OWN_PLUGINS.is_dir() else None)
