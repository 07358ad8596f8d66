"""`hekate sandbox`: the sandboxes of a running host."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from host.cli.support import completers
from host.cli.support.admin_options import admin_options
from host.cli.support.did_you_mean import Commands, OneOf
from host.cli.support.exit_codes import exits
from host.cli.support.options import format_option

if TYPE_CHECKING:
    from host.cli.support.admin_client import Client

KINDS = ("decoder", "filter", "encoder")
_NS = 1_000_000_000
_kind = click.option("--kind", type=OneOf(KINDS), help="Needed if a name is that of several kinds.")
_name = click.argument("name", shell_complete=completers.sandboxes)
_EXITS = exits(asks_a_host=True)
_DRY_RUN_RECORDS = 20
_DRY_RUN_WAIT_MS = 1000


@click.group(
    name="sandbox",
    cls=Commands,
    short_help="Look at and change the sandboxes of a running host.",
    epilog=_EXITS,
)
def command() -> None:
    """Look at and change the sandboxes of a running host, over its admin API.

    \b
        hekate sandbox list
        hekate sandbox load plugins/filters/mine.lua
        hekate sandbox logs mine
    """  # noqa: D301 -- \b is click's mark for text that is not to be wrapped


@command.command(name="list", epilog=_EXITS)
@click.option("--kind", type=OneOf(KINDS), help="Only these.")
@admin_options
@format_option
def list_(kind: str | None, api: str | None, token_file: Path | None, output_format: str) -> None:
    """List running sandboxes and unused scripts.

    Unused scripts are those in the drop-in directory that no component names.

    \b
        hekate sandbox list --kind filter
    """  # noqa: D301
    from host.cli.support.admin_client import Client, path_of
    from host.cli.support.output import table, write_json

    found = list(Client.default(api, token_file).items(path_of("sandboxes"), kind=kind))
    if output_format == "json":
        write_json(found)
        return
    rows = [[each["name"], each["kind"], _state(each), ", ".join(each["components"]), each["origin"], _memory(each),
             f"{each['cpu_ms'] / 1000:.1f}", each["records_received"], each["records_failed"], each["restarts"]]
            for each in found]  # fmt: skip
    heads = ["name", "kind", "state", "runs in", "from", "memory", "cpu s", "records", "failed", "restarts"]
    table(heads, rows, numbers=5)


def _state(summary: dict[str, Any]) -> str:
    state, condition = summary["state"], summary["condition"]
    return f"{state} ({condition})" if condition != "ok" else str(state)


def _memory(summary: dict[str, Any]) -> str:
    use = summary["memory"]
    return f"{use['current'] / use['limit']:.0%}" if use and use["limit"] else "-"


@command.command(epilog=_EXITS)
@_name
@_kind
@admin_options
@format_option
def show(name: str, kind: str | None, api: str | None, token_file: Path | None, output_format: str) -> None:
    """Show a sandbox: state, use of limits, costs, terminations.

    \b
        hekate sandbox show http_status
    """  # noqa: D301
    from host.cli.support.admin_client import Client, path_of

    detail = Client.default(api, token_file).ask("GET", path_of("sandboxes", name), kind=kind)
    _print_sandbox(detail, output_format)
    if output_format == "text":
        _show_more(detail)


def _time_text(time_ns: int) -> str:
    return f"{datetime.fromtimestamp(time_ns / _NS, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _print_sandbox(detail: dict[str, Any], output_format: str) -> None:
    """Print a sandbox as JSON or as a line."""
    from host.cli.support.output import write_json

    if output_format == "json":
        write_json(detail)
        return
    version = f", version {detail['version']}" if detail["version"] else ""
    click.echo(f"{detail['kind']} {detail['name']}: {_state(detail)}{version}, from {detail['file']}")


def _show_more(detail: dict[str, Any]) -> None:
    """Print matcher, counts, cost and limits of a sandbox."""
    from host.cli.support.output import table

    for name, text in _facts(detail):
        click.echo(f"    {name + ':':<9} {text}")
    rows = []
    for component, process in _processes(detail):
        for use in process["limits"]:
            values = [use["current"], use["highest"], use["limit"]]
            rows.append([component, process["pid"] or "-", use["name"], use["unit"], *values])
    if rows:
        table(["runs in", "pid", "limit", "in", "now", "highest", "at most"], rows, numbers=3)


def _processes(detail: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(each["component"], process) for each in detail["instances"] for process in each["processes"]]


def _facts(detail: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the lines above the limits: matcher, counts, cost, terminations, faults."""
    if detail["message_matcher"]:
        yield "matcher", detail["message_matcher"]
    counts = [
        ("in", "records_received"),
        ("out", "records_sent"),
        ("failed", "records_failed"),
        ("restarts", "restarts"),
    ]
    yield "records", ", ".join(f"{detail[key]:,} {name}" for name, key in counts)
    costs = [process["cost"] for _, process in _processes(detail)]
    if records := sum(cost["records"] for cost in costs):
        timer_ms = max(cost["timer_highest_ns"] for cost in costs) / 1e6
        timer = f"; timer_event {timer_ms:.1f} ms at most" if timer_ms else ""
        yield "costs", f"{sum(cost['records_ns'] for cost in costs) / records / 1000:.2f} us of CPU a record{timer}"
    for instance in detail["instances"]:
        yield from _failure_facts(instance["failures"])
    for component, process in _processes(detail):
        if ended := process["last_termination"]:
            yield "ended", f"{component}, by {ended['limit']} at record {ended['record']}: {ended['text']}"
    for fault in detail["faults"]:
        yield "fault", f"{fault['file']}:{fault['line']}: {fault['message']}"


def _failure_facts(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the recent failures of one instance: their share, reason, and first record."""
    from host.cli.support.escape import visible

    if report["condition"] != "ok":
        yield report["condition"], visible(report["summary"])
    if last := report["last_error"]:
        place = f"{last['file']}:{last['line']}: " if last["line"] else f"{last['file']}: " if last["file"] else ""
        text = visible(last["text"].partition("\n")[0])
        yield "last error", f"{_time_text(last['time_ns'])} {'' if place and place in text else place}{text}"
    if first := report["first_record"]:
        yield "first failed record", f"{_time_text(first['time_ns'])} {visible(first['record'])}"
    if report["left_out_letters"]:
        yield "not in the dead letters", f"{report['left_out_letters']:,} failed records: there are too many"


def _dry_run_warning(client: "Client", source: bytes, kind: str | None) -> str:
    """Run the script on live records. Return a warning if it fails, or an empty text."""
    from host.cli.support.admin_client import ApiError, NotAllowedError
    from host.cli.support.escape import visible

    live = {"count": _DRY_RUN_RECORDS, "wait_ms": _DRY_RUN_WAIT_MS}
    body = {"source": source.decode(errors="replace"), "kind": kind, "live": live, "tick": True}
    try:
        result = client.ask("POST", "/api/v1/sandboxes/dry-run", body)
    except (ApiError, NotAllowedError) as error:
        return f"The script could not be tried first: {error}"
    if result["ok"]:
        return ""
    if fault := result["error"]:
        place = f"line {fault['line']}: " if fault["line"] else ""
        return visible(f"Its dry run ended with an error: {place}{fault['message'].partition(chr(10))[0]}")
    if result["stopped"]:
        return f"Its dry run exceeded the limit for {result['stopped']}."
    failed = [each for each in result["results"] if each["failure"] or each["dead_letters"]]
    reason = failed[0]["failure"] or failed[0]["dead_letters"][0]
    return visible(f"Its dry run fails at {len(failed)} of {len(result['results'])} records: {reason}")


@command.command(epilog=_EXITS)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", help="By default that of the file.")
@_kind
@admin_options
@format_option
def load(
    *, file: Path, name: str | None, kind: str | None, api: str | None, token_file: Path | None, output_format: str
) -> None:
    """Load a script, or a new version of one.

    The host first tries it on live records, and warns on stderr if it fails at them. It is then checked, and its cases
    are run, before it replaces the old version.

    \b
        hekate sandbox load plugins/filters/mine.lua
    """  # noqa: D301
    from host.cli.support.admin_client import Client, path_of

    client = Client.default(api, token_file)
    body = file.read_bytes()
    if warning := _dry_run_warning(client, body, kind):
        click.echo(f"Warning: {warning}", err=True)
    detail = client.ask("PUT", path_of("sandboxes", name or file.stem), body, media_type="text/x-lua", kind=kind)
    _print_sandbox(detail, output_format)


@command.command(epilog=_EXITS)
@_name
@_kind
@admin_options
@format_option
def unload(name: str, kind: str | None, api: str | None, token_file: Path | None, output_format: str) -> None:
    """Remove a script from the drop-in directory.

    Its versions and its state stay.

    \b
        hekate sandbox unload mine
    """  # noqa: D301
    from host.cli.support.admin_client import Client, path_of
    from host.cli.support.output import write_json

    Client.default(api, token_file).ask("DELETE", path_of("sandboxes", name), kind=kind)
    if output_format == "json":
        write_json({"name": name, "unloaded": True})
    else:
        click.echo(f"{name} is unloaded.")


def _add_action(action: str, summary: str) -> None:
    """Declare a command that performs one action on a sandbox."""

    def do(name: str, kind: str | None, api: str | None, token_file: Path | None, output_format: str) -> None:
        from host.cli.support.admin_client import Client, path_of
        from host.cli.support.output import write_json

        detail = Client.default(api, token_file).ask("POST", path_of("sandboxes", name, action), kind=kind)
        if output_format == "json":
            write_json(detail)
        else:
            click.echo(f"{detail['name']} is {detail['state']}.")

    text = f"{summary}\n\n\b\n    hekate sandbox {action} mine"
    command.command(name=action, help=text, epilog=_EXITS)(_name(_kind(admin_options(format_option(do)))))


_add_action("start", "Start a sandbox that was stopped or quarantined.")
_add_action("stop", "Stop a sandbox.\n\nRecords bypass a stopped filter; a stopped decoder holds its input back.")
_add_action("restart", "Replace the processes of a sandbox by new ones.\n\nA filter keeps its state.")
_add_action("pause", "Pause a sandbox; its records wait in the queue.")
_add_action("resume", "Resume a paused sandbox.")


@command.command(epilog=_EXITS)
@_name
@_kind
@admin_options
@format_option
def logs(name: str, kind: str | None, api: str | None, token_file: Path | None, output_format: str) -> None:
    """Show the recent output of a script's `print`, oldest first.

    \b
        hekate sandbox logs mine
    """  # noqa: D301
    from host.cli.support.admin_client import Client, path_of
    from host.cli.support.escape import visible_lines
    from host.cli.support.output import write_json

    lines = list(Client.default(api, token_file).items(path_of("sandboxes", name, "logs"), kind=kind))
    if output_format == "json":
        write_json(lines)
        return
    if not lines:
        click.echo(f"{name} has printed nothing.", err=True)
    for line in lines:
        click.echo(f"{_time_text(line['time_ns'])} {visible_lines(line['text'])}")


@command.command(epilog=_EXITS)
@_name
@_kind
@click.option("--drop", is_flag=True, help="Drop the state: the filter starts without it.")
@admin_options
@format_option
def state(
    name: str, kind: str | None, api: str | None, token_file: Path | None, output_format: str, *, drop: bool
) -> None:
    """Show a filter's preserved state, or drop it.

    \b
        hekate sandbox state counter --drop
    """  # noqa: D301
    from host.cli.support.admin_client import Client, path_of
    from host.cli.support.output import write_json

    client = Client.default(api, token_file)
    path = path_of("sandboxes", name, "state")
    if drop:
        client.ask("DELETE", path, kind=kind)
    found = client.ask("GET", path, kind=kind)
    if output_format == "json":
        write_json(found)
    elif not found["preserved"]:
        click.echo(f"{name} preserves nothing (preserve_data).")
    else:
        click.echo(f"{found['bytes']} bytes, {found['packs_since']} packs since.")


@command.command(epilog=_EXITS)
@_name
@click.argument("version", required=False, type=int)
@_kind
@admin_options
@format_option
def rollback(
    name: str, version: int | None, kind: str | None, api: str | None, token_file: Path | None, output_format: str
) -> None:
    """Go back to VERSION of a script; without it, list the versions.

    \b
        hekate sandbox rollback mine 3
    """  # noqa: D301
    from host.cli.support.admin_client import Client, path_of
    from host.cli.support.output import table, write_json

    client = Client.default(api, token_file)
    if version is not None:
        path = path_of("sandboxes", name, "versions", str(version), "restore")
        _print_sandbox(client.ask("POST", path, kind=kind), output_format)
        return
    found = list(client.items(path_of("sandboxes", name, "versions"), kind=kind))
    if output_format == "json":
        write_json(found)
        return
    if not found:
        click.echo(f"No version of {name} is kept: those are of scripts in the drop-in directory.", err=True)
    rows = [[str(each["version"]), _time_text(each["time_ns"]), each["who"], each["sha256"][:12]] for each in found]
    table(["version", "time", "who", "sha256"], rows, numbers=0)
