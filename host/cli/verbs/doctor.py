"""`hekate doctor`: finds faults of this machine or configuration, with the command that mends each."""

from pathlib import Path

import click

from host.cli.support.exit_codes import exits
from host.cli.support.options import format_option

_FAILED = 1


@click.command(
    name="doctor",
    short_help="Find faults of this machine, with the command that mends each.",
    epilog=exits(because={0: "nothing is wrong", 1: "something is wrong"}),
)
@click.argument("config", nargs=-1, type=click.Path(path_type=Path))
@format_option
def command(config: tuple[Path, ...], output_format: str) -> int:
    """Check LPEG, LuaJIT, the jail and the system's limits; for CONFIG also ports, folders, permissions, disk space.

    Each fault comes with the command that mends it.

    \b
        hekate doctor hekate.yaml
    """  # noqa: D301 -- \b is click's mark for text that is not to be wrapped
    from rich.text import Text

    from host.cli.support import doctor_checks
    from host.cli.support.output import console, write_json
    from host.repl.lua_process import LuaProcess

    found = doctor_checks.check_all(config, lambda zygote: LuaProcess(zygote, None, {}))
    if output_format == "json":
        write_json(found)
    else:
        out = console()
        marks = {"ok": ("ok    ", "green"), "warning": ("note  ", "yellow"), "wrong": ("WRONG ", "bold red")}
        for check in found:
            mark, style = marks[check.state]
            out.print(
                Text(mark, style=style).append(f"{check.name}: ", style="bold").append(check.text, style="not bold")
            )
            if check.mend:
                out.print(Text(f"          {check.mend}", style="cyan"))
    return _FAILED if any(check.state == "wrong" for check in found) else 0
