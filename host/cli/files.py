"""`hekate files`: what the file inputs of a configuration would read."""

import os
from pathlib import Path
from typing import Any

import click

from host.cli.options import format_option
from host.cli.statuses import exits


@click.command(
    name="files", short_help="Show which files a configuration reads, and from where.", epilog=exits(os.EX_CONFIG)
)
@click.argument("config", nargs=-1, required=True, type=click.Path(path_type=Path))
@format_option
def command(config: tuple[Path, ...], output_format: str) -> None:
    """Show what the file inputs of CONFIG would read: which files, in which order, from where each would resume.

    It also tells of a running host: positions are those up to which everything is delivered, as they are on disk.

    \b
        hekate files hekate.yaml
    """  # noqa: D301 -- \b is click's mark for text that is not to be wrapped
    from host.cli.output import table, write_json

    rows = _rows(config)
    if output_format == "json":
        write_json(rows)
        return
    keys = ("input", "path", "status", "size", "resume_at")
    table(["input", "path", "would be", "size", "from"], [[row[key] for key in keys] for row in rows], numbers=2)


def _rows(config: tuple[Path, ...]) -> list[dict[str, Any]]:
    from host.config.load import load_config
    from host.delivery.checkpoints import stored
    from host.inputs._file_finder import Finder

    loaded = load_config(config)
    positions = stored(Path(loaded.hekate.state_dir))
    rows = []
    for name, each in loaded.inputs.items():
        if each.type == "file":
            given = each.options.path
            finder = Finder(name, [given] if isinstance(given, str) else given, each.options.exclude)
            rows += [_row(name, found, each.options, positions) for found in finder.files()]
    return rows


def _row(name: str, found: Any, options: Any, positions: dict[str, dict[str, Any]]) -> dict[str, Any]:
    from host.inputs._file_source import open_source
    from host.inputs._file_tail import checkpoint_key, is_same

    row = {"input": name, "path": found.path, "size": found.size, "resume_at": 0, "status": "read from the beginning"}
    resumes = options.follow or options.keep_position or f"{name}/file" in positions
    checkpoint = positions.get(checkpoint_key(name, found.identity)) if resumes else None
    try:
        source = open_source(found.path)
    except OSError as fault:
        return {**row, "status": f"left out: {fault.strerror}"}
    try:
        known = checkpoint is not None and "head" in checkpoint and is_same(checkpoint, source.head())
    finally:
        source.close()
    if known and checkpoint is not None:
        return {**row, "resume_at": int(checkpoint["position"]), "status": "resumed"}
    if options.start_at == "end" and options.follow:
        return {**row, "resume_at": found.size, "status": "followed from its end"}
    return row
