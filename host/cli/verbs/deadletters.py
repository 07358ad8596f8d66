"""`hekate deadletters`: records that a running host could not decode or deliver."""

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from host.cli.support import completers
from host.cli.support.admin_options import admin_options
from host.cli.support.did_you_mean import Commands
from host.cli.support.escape import visible
from host.cli.support.exit_codes import exits
from host.cli.support.options import format_option

if TYPE_CHECKING:
    from host.cli.support.admin_client import Client

_FAILED = 1
_EXITS = exits(asks_a_host=True)
_component = click.option(
    "--component", shell_complete=completers.components, help="Only those of this input, filter or output."
)
_reason = click.option("--reason", help="Only those whose reason contains this.")
_limit = click.option(
    "--limit", default=100, show_default=True, type=click.IntRange(1, 1_000_000), help="How many at most, the newest."
)
_PAGE = 500
_MAX_SHOWN = 60
_MIB = 1 << 20


class _Letter(click.ParamType[str]):
    name = "LETTER"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """As the list shows it."""
        if not re.fullmatch(r"\d{1,8}-\d{1,12}", str(value)):
            self.fail(f"`{value}` is no dead letter; `hekate deadletters list` shows which there are.", param, ctx)
        return str(value)


_LETTER = _Letter()
_AT_ONCE = 50
"""Letters per request, so that each request ends in time and progress shows."""


@click.group(
    name="deadletters",
    cls=Commands,
    short_help="Show, replay and drop the dead letters of a running host.",
    epilog=_EXITS,
)
def command() -> None:
    """Show, replay and drop the dead letters of a running host: records that it could not decode or deliver.

    If the host does not run, `hekate cat state_dir/dead_letters/*.jsonl` shows them.

    \b
        hekate deadletters list --component access
        hekate deadletters replay 1-0
    """  # noqa: D301 -- \b is click's mark for text that is not to be wrapped


@command.command(name="list", epilog=_EXITS)
@_component
@_reason
@_limit
@admin_options
@format_option
def list_(
    *,
    component: str | None,
    reason: str | None,
    limit: int,
    api: str | None,
    token_file: Path | None,
    output_format: str,
) -> None:
    """List dead letters, newest first.

    \b
        hekate deadletters list --reason 'invalid timestamp'
    """  # noqa: D301
    from host.cli.support.admin_client import Client
    from host.cli.support.output import table, write_json

    client = Client.default(api, token_file)
    found = list(_letters(client, component, reason, limit))
    if output_format == "json":
        write_json(found)
        return
    if not found:
        click.echo("There are no such dead letters." if component or reason else "There are no dead letters.", err=True)
    _show_usage(client)
    rows = [[each["id"], each["time"], each["component"], each["reason"], _record(each)[:_MAX_SHOWN]] for each in found]
    table(["id", "time", "component", "reason", "record"], rows, numbers=0)


def _show_usage(client: "Client") -> None:
    """Print the space in use, and the number of records that were deleted to stay within it."""
    from host.cli.support.admin_client import path_of

    usage = client.ask("GET", path_of("dead-letters", "usage"))
    used_mib, max_mib = usage["bytes"] / _MIB, usage["max_bytes"] / _MIB
    kept = f"{used_mib:,.1f} of {max_mib:,.0f} MiB (hekate.dead_letters.max_bytes) are used."
    deleted = ""
    if usage["deleted_records"]:
        deleted = f" The oldest {usage['deleted_records']:,} records were deleted since the host started."
    click.echo(kept + deleted, err=True)


def _letters(client: "Client", component: str | None, reason: str | None, limit: int) -> Iterator[dict[str, Any]]:
    from itertools import islice

    from host.cli.support.admin_client import path_of

    found = client.items(path_of("dead-letters"), component=component, reason=reason, limit=min(limit, _PAGE))
    return islice(found, limit)


def _record(letter: dict[str, Any]) -> str:
    """Return the record as text; bytes that are not UTF-8 are escaped."""
    if "record_base64" in letter:
        return base64.b64decode(letter["record_base64"]).decode(errors="backslashreplace")
    return str(letter.get("record", ""))


@command.command(epilog=_EXITS)
@click.argument("letter", type=_LETTER, shell_complete=completers.letters)
@admin_options
@format_option
def show(letter: str, api: str | None, token_file: Path | None, output_format: str) -> None:
    """Show one dead letter.

    \b
        hekate deadletters show 1-0
    """  # noqa: D301
    from host.cli.support.admin_client import Client, path_of
    from host.cli.support.escape import visible_lines
    from host.cli.support.output import write_json

    found = Client.default(api, token_file).ask("GET", path_of("dead-letters", letter))
    if output_format == "json":
        write_json(found)
        return
    shown = {**found, "record": _record(found)}
    for name, value in shown.items():
        if name != "record_base64" and value is not None:
            click.echo(f"{name}: {visible_lines(str(value))}")


def _done(client: "Client", action: str, ids: list[str], input_name: str | None) -> dict[str, Any]:
    """Perform an action on dead letters in chunks; return the answers combined."""
    from host.cli.support.admin_client import path_of
    from host.cli.support.progress_bar import Progress

    done: dict[str, Any] = {"done": [], "failed": {}}
    with Progress("dead letters", len(ids)) as progress:
        for start in range(0, len(ids), _AT_ONCE):
            body: dict[str, Any] = {"ids": ids[start : start + _AT_ONCE]}
            came = client.ask(
                "POST", path_of("dead-letters", action), body | ({"input": input_name} if input_name else {})
            )
            done["done"] += came["done"]
            done["failed"] |= came["failed"]
            progress.show(start + len(body["ids"]))
    return done


def _add_action(action: str, summary: str) -> None:
    """Declare a command that performs one action on dead letters."""

    def do(
        *, letter: tuple[str, ...], component: str | None, reason: str | None, limit: int, input_name: str | None,
        api: str | None, token_file: Path | None, output_format: str,
    ) -> int:  # fmt: skip
        from host.cli.support.admin_client import Client
        from host.cli.support.output import write_json

        if not letter and not component and not reason:
            raise click.UsageError(f"Say which: `hekate deadletters {action} ID...`, --component or --reason.")
        client = Client.default(api, token_file)
        # The list has the newest first; records are replayed in the order in which they came.
        ids = list(letter) or [each["id"] for each in _letters(client, component, reason, limit)][::-1]
        done = _done(client, action, ids, input_name)
        if output_format == "json":
            write_json(done)
        else:
            click.echo(f"{len(done['done'])} done, {len(done['failed'])} left.")
            for name, why in done["failed"].items():
                click.echo(visible(f"{name}: {why}"), err=True)
            known = {*done["done"], *done["failed"]}
            for name in [each for each in ids if each not in known]:
                click.echo(f"{name}: it is not there, or not any more.", err=True)
        return _FAILED if done["failed"] else 0

    text = f"{summary}\n\n\b\n    hekate deadletters {action} 1-0 1-312"
    do = click.option("--input", "input_name", help="Input whose decoders to use if the dead letter names none.")(do)
    for option in (
        click.argument("letter", nargs=-1, type=_LETTER, shell_complete=completers.letters),
        _component,
        _reason,
        _limit,
        admin_options,
        format_option,
    ):
        do = option(do)
    epilog = exits(asks_a_host=True, because={1: "one of them stays"})
    command.command(name=action, help=text, epilog=epilog)(do)


_add_action(
    "replay",
    "Redeliver records: each returns to where it failed.\n\nA record that fails again becomes a new dead letter.",
)
_add_action("drop", "Drop dead letters for good.")
