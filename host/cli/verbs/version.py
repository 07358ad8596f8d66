"""`hekate version`: what runs here."""

import platform
import sys
from importlib import metadata

import click

from host import __version__
from host.cli.support.exit_codes import exits
from host.cli.support.options import format_option


@click.command(name="version", short_help="Print versions.", epilog=exits())
@format_option
def command(output_format: str) -> None:
    """Print the versions of Hekate, Python, and the libraries that it stands on.

    \b
        hekate version
        hekate version --format json
    """  # noqa: D301 -- \b is click's mark for text that is not to be wrapped
    versions = {"hekate": __version__, "python": platform.python_version()}
    versions |= {name: metadata.version(name) for name in ("lupa", "lmdb", "msgspec", "tornado")}
    if output_format == "json":
        from host.cli.support.output import write_json

        write_json(versions)
        return
    for name, version in versions.items():
        sys.stdout.write(f"{name} {version}\n")
