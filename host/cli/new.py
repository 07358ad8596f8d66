"""`hekate new`: the beginning of a plugin, with cases that pass."""

import os
from pathlib import Path

import click

KINDS = ("decoder", "filter", "encoder", "config")


@click.command(name="new", short_help="Write the beginning of a plugin or a configuration.")
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("name")
@click.option(
    "--sandbox-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default="plugins",
    show_default=True,
    help="The drop-in directory in which plugins are put.",
)
def command(kind: str, name: str, sandbox_dir: Path) -> int:
    """Write the beginning of a decoder, filter or encoder with cases that pass, or of a configuration, NAME.yaml.

    The exit status is 73 if the file is there already.

    \b
        hekate new filter error_rate
        hekate test plugins/filters/error_rate.lua
    """  # noqa: D301 -- \b is click's mark for text that is not to be wrapped
    from host.cli import scaffolds

    if not scaffolds.is_name(name):
        raise click.UsageError("NAME consists of lower-case letters, digits and `_`, and begins with a letter.")
    path = Path(f"{name}.yaml") if kind == "config" else sandbox_dir / f"{kind}s" / f"{name}.lua"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(scaffolds.text(kind, name, sandbox_dir))
    except FileExistsError:
        click.echo(f"{path} is there already; nothing was written.", err=True)
        return os.EX_CANTCREAT
    except OSError as fault:
        raise click.ClickException(f"Cannot write {path}: {fault.strerror}.") from fault
    verb = "validate" if kind == "config" else "test"
    click.echo(f"{path} is written. Try it: hekate {verb} {path}")
    return os.EX_OK
