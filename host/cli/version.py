"""`hekate version`: what runs here."""

import platform
import sys
from importlib import metadata

import click

from host import __version__
from host.cli.options import format_option


@click.command(name="version", short_help="Print versions.")
@format_option
def command(output_format: str) -> None:
    """Print the versions of Hekate, Python, and the libraries that it stands on."""
    versions = {"hekate": __version__, "python": platform.python_version()}
    versions |= {name: metadata.version(name) for name in ("lupa", "lmdb", "msgspec", "tornado")}
    if output_format == "json":
        from host.cli.output import write_json

        write_json(versions)
        return
    for name, version in versions.items():
        sys.stdout.write(f"{name} {version}\n")
