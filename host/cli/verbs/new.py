"""`hekate new`: writes a template of a plugin with passing cases, or of a configuration."""

import os
from pathlib import Path

import click

from host.cli.support.did_you_mean import OneOf
from host.cli.support.exit_codes import exits
from host.cli.support.options import format_option
from host.core import paths

KINDS = ("decoder", "filter", "encoder", "config")


@click.command(name="new", short_help="Write a template of a plugin or a configuration.", epilog=exits(os.EX_CANTCREAT))
@click.argument("kind", type=OneOf(KINDS))
@click.argument("name")
@click.option(
    "--sandbox-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default="plugins",
    show_default=True,
    help="The drop-in directory in which plugins are put.",
)
@format_option
def command(kind: str, name: str, sandbox_dir: Path, output_format: str) -> int:
    """Write a template of a decoder, filter or encoder with passing cases, or of a configuration, NAME.yaml.

    \b
        hekate new filter error_rate
        hekate test plugins/filters/error_rate.lua
    """  # noqa: D301 -- \b is click's mark for text that is not to be wrapped
    from host.cli.support import scaffolds

    if not scaffolds.is_name(name):
        raise click.UsageError("NAME consists of lower-case letters, digits and `_`, and begins with a letter.")
    path = Path(f"{name}.yaml") if kind == "config" else sandbox_dir / f"{kind}s" / f"{name}.lua"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, scaffolds.text(kind, name, sandbox_dir))
    except FileExistsError:
        click.echo(f"{path} is there already; nothing was written. Take another name, or remove it.", err=True)
        return os.EX_CANTCREAT
    except OSError as error:
        what = "Go to another folder" if kind == "config" else "Name another folder with --sandbox-dir"
        click.echo(f"Error: cannot write {path}: {error.strerror}. {what}.", err=True)
        return os.EX_CANTCREAT
    next_command = f"hekate {'validate' if kind == 'config' else 'test'} {path}"
    shadows = paths.shipped_plugin(kind, name).is_file()
    if output_format == "json":
        from host.cli.support.output import write_json

        write_json({"path": str(path), "next": next_command, "shadows": shadows})
    else:
        click.echo(f"{path} is written. Try it: {next_command}")
        if shadows:
            click.echo(
                f"It goes before the {kind} `{name}` that comes with Hekate. If it is not to, take another name."
            )
    return os.EX_OK


def _write(path: Path, text: str) -> None:
    """Write a whole file or none, because a host loads every file in its drop-in directory."""
    with path.open("x", encoding="utf-8") as file:
        try:
            file.write(text)
            file.flush()
        except OSError:
            path.unlink()
            raise
