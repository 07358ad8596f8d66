"""`hekate validate`: every fault of a configuration at once, without starting anything."""

import os
from pathlib import Path

import click

from host.cli.support.exit_codes import exits
from host.cli.support.options import format_option
from host.core.errors import ConfigError, ConfigErrors


@click.command(
    name="validate",
    short_help="Check a configuration.",
    epilog=exits(because={0: "it is valid", os.EX_CONFIG: "it is not"}),
)
@click.argument("config", nargs=-1, required=True, type=click.Path(path_type=Path))
@format_option
def command(config: tuple[Path, ...], output_format: str) -> int:
    """Check CONFIG (files, and directories of *.yaml files, merged) and compile its Lua.

    Decoders and encoders that declare something are loaded in jailed processes; nothing else runs.
    `hekate test` checks what plugins do: it runs their cases and the tests of CONFIG.

    \b
        hekate validate hekate.yaml
        hekate validate --format json conf.d/ extra.yaml
    """  # noqa: D301 -- \b is click's mark for text that is not to be wrapped
    from host.cli.support.output import as_document, console, show_config_errors, write_json

    errors, counts, notes = _check(config)
    if output_format == "json":
        documents = [as_document(error) for error in errors]
        write_json({"valid": not errors, "errors": documents, "counts": counts, "notes": notes})
    elif errors:
        show_config_errors(errors)
    else:
        for note in notes:
            console().print(f"Note: {note}")
        parts = ", ".join(f"{count} {stage if count != 1 else stage[:-1]}" for stage, count in counts.items())
        console().print(f"Valid: {parts}.")
    return os.EX_CONFIG if errors else os.EX_OK


def _check(config: tuple[Path, ...]) -> tuple[list[ConfigError], dict[str, int], list[str]]:
    from host.cli.support.progress_bar import Progress
    from host.config import limits
    from host.config.dropins import DropIns
    from host.config.load import load
    from host.config.lua_check import check_lua, plugin_files

    try:
        loaded = load(config)
    except ConfigErrors as found:
        return found.errors, {}, []
    drop_ins, _ = DropIns().filters(loaded.config)  # check_lua says what is wrong with them
    counts = {
        "inputs": len(loaded.config.inputs),
        "filters": len(loaded.config.filters) + len(drop_ins),
        "outputs": len(loaded.config.outputs),
    }
    with Progress("plugins", len(plugin_files(loaded.config))) as progress:
        faults = check_lua(loaded, progress.step)
    notes = limits.notes(loaded.config.sandboxes())
    if not faults:
        from host.trial.declaration_check import load_faults

        faults, untried = load_faults(loaded)
        notes += untried
    return ConfigErrors(faults).errors, counts, notes
