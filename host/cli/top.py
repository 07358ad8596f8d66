"""`hekate top`: a live table of what the components of a running host do."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from host.cli.admin_options import admin_options
from host.cli.options import format_option

if TYPE_CHECKING:
    from host.cli.admin_client import Client

_COLUMNS = ("component", "state", "in/s", "out/s", "errors/s", "dropped/s", "lag ms", "queue", "cpu %", "memory %")
_KEYS = {
    "component": "id", "in": "received_per_second", "out": "sent_per_second", "errors": "errors_per_second",
    "dropped": "dropped_per_second", "lag": "lag_ms", "queue": "queue_packs", "cpu": "cpu_percent",
    "memory": "memory_percent",
}  # fmt: skip


@click.command(name="top", short_help="Show what the components of a running host do, live.")
@click.option("--sort", type=click.Choice(list(_KEYS)), default="component", show_default=True)
@click.option("--filter", "wanted", default="", help="Only components whose name has this in it, or whose state it is.")
@click.option("--interval", "interval_s", default=1.0, show_default=True, type=click.FloatRange(0.2, 3600))
@click.option("--once", is_flag=True, help="Print it once; so it is in a pipe, too.")
@admin_options
@format_option
def command(
    sort: str,
    wanted: str,
    interval_s: float,
    api: str | None,
    token_file: Path | None,
    output_format: str,
    *,
    once: bool,
) -> None:
    """Show a live table of the components: rates, lag, errors, CPU, memory against its limit. Ctrl-C ends it.

    \b
        hekate top --sort lag --filter outputs.
    """  # noqa: D301 -- \b is click's mark for text that is not to be wrapped
    from host.cli.admin_client import Client
    from host.cli.output import as_table, console, table, write_json

    client = Client.default(api, token_file)
    readings = _Readings(client)
    if output_format == "json":
        write_json(readings.rows(sort, wanted))
        return
    out = console()
    if once or not out.is_terminal:
        cells, styles = _shown(readings.rows(sort, wanted))
        table(_COLUMNS, cells, numbers=_NUMBERS, styles=styles)
        return
    from rich.live import Live

    with Live(console=out, screen=True, auto_refresh=False) as live:
        while True:
            cells, styles = _shown(readings.rows(sort, wanted))
            live.update(as_table(_COLUMNS, cells, numbers=_NUMBERS, styles=styles), refresh=True)
            time.sleep(interval_s)


class _Readings:
    """Reads the graph and the sandboxes, and knows what CPU there was before."""

    def __init__(self, client: "Client") -> None:
        self._client = client
        self._cpu: dict[str, tuple[float, int]] = {}

    def rows(self, sort: str, wanted: str) -> list[dict[str, Any]]:
        """A row for each component."""
        from host.cli.admin_client import path_of

        nodes = self._client.ask("GET", path_of("graph"))["nodes"]
        use = self._use(list(self._client.items(path_of("sandboxes"))))
        rows = [{**node, **use.get(node["id"], {"cpu_percent": None, "memory_percent": None})} for node in nodes]
        rows = [row for row in rows if wanted in row["id"] or wanted in {row["state"], row["health"]}]
        key = _KEYS[sort]
        return sorted(rows, key=lambda row: row[key] if key == "id" else (-(row[key] or 0), row["id"]))

    def _use(self, sandboxes: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        now_s, found = time.monotonic(), {}
        for each in sandboxes:
            name = f"{each['kind']}.{each['name']}"
            then_s, before_ms = self._cpu.get(name, (now_s, each["cpu_ms"]))
            self._cpu[name] = now_s, each["cpu_ms"]
            percent = (each["cpu_ms"] - before_ms) / (now_s - then_s) / 10 if now_s > then_s else None
            memory = each["memory"]
            share = 100 * memory["current"] / memory["limit"] if memory and memory["limit"] else None
            for component in each["components"]:
                found[component] = {"cpu_percent": percent, "memory_percent": share}
        return found


_STYLES = {"ok": "", "lossy": "yellow", "paused": "dim"}
_NUMBERS = 8
_FLOWS = ("received_per_second", "sent_per_second", "errors_per_second", "dropped_per_second")


def _shown(rows: list[dict[str, Any]]) -> tuple[list[list[str]], list[str]]:
    """The cells of each row, and its style."""
    cells = []
    for row in rows:
        state = row["state"] if row["health"] == "ok" else f"{row['state']} ({row['health']})"
        use = [f"{row[key]:.1f}" if row[key] is not None else "-" for key in ("cpu_percent", "memory_percent")]
        flows = [f"{row[key]:,.0f}" for key in _FLOWS]
        cells.append([row["id"], state, *flows, str(row["lag_ms"]), str(row["queue_packs"]), *use])
    return cells, [_STYLES.get(row["health"], "bold red") for row in rows]
