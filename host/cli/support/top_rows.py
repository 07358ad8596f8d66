"""The columns and rows of `hekate top`."""

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from host.cli.support.escape import visible

if TYPE_CHECKING:
    from host.cli.support.admin_client import Client

Row = dict[str, Any]
_LOOK_AGAIN_S = 0.3
_STYLES = {"ok": "", "lossy": "yellow", "paused": "dim", "failing": "bold red"}


class Column(NamedTuple):
    """A column."""

    name: str
    """The name for `--sort`; empty if the column cannot be sorted."""
    head: str
    key: str
    letter: str
    """The keyboard key that sorts by this column."""
    shown: Callable[[Row], str]


class View(msgspec.Struct, kw_only=True):
    """The order and filter of the rows."""

    sort: str = "component"
    is_reversed: bool = False
    wanted: str = ""


def _flow(key: str) -> Callable[[Row], str]:
    return lambda row: f"{row[key]:,.0f}"


def _percent(key: str) -> Callable[[Row], str]:
    return lambda row: "-" if row[key] is None else f"{row[key]:.1f}"


def _state(row: Row) -> str:
    if row["held_by"]:
        return f"{row['state']} (waits {row['waiting_ms'] / 1000:.0f} s for {row['held_by']})"
    return str(row["state"]) if row["health"] == "ok" else f"{row['state']} ({row['health']})"


COLUMNS = (
    Column("component", "component", "id", "n", lambda row: row["id"]),
    Column("", "state", "state", "", _state),
    Column("in", "in/s", "received_per_second", "i", _flow("received_per_second")),
    Column("out", "out/s", "sent_per_second", "o", _flow("sent_per_second")),
    Column("errors", "err/s", "errors_per_second", "e", _flow("errors_per_second")),
    Column("failed", "fail%", "failed_share", "f", lambda row: f"{100 * row['failed_share']:.0f}"),
    Column("dropped", "drop/s", "dropped_per_second", "d", _flow("dropped_per_second")),
    Column("lag", "lag ms", "lag_ms", "l", lambda row: str(row["lag_ms"])),
    Column("queue", "queue", "queue_packs", "u", lambda row: str(row["queue_packs"])),
    Column("cpu", "cpu%", "cpu_percent", "c", _percent("cpu_percent")),
    Column("memory", "mem%", "memory_percent", "m", _percent("memory_percent")),
)
NUMBERS = 9
"""The number of numeric columns, which are the last ones."""
SORTABLE = {column.name: column for column in COLUMNS if column.name}


class Readings:
    """Reads the state of the components, and computes their CPU use since the last reading."""

    def __init__(self, client: "Client") -> None:
        self._client = client
        self._before: dict[str, tuple[float, int]] = {}
        self.where = client.where

    def read(self) -> list[Row]:
        """Return a row for each component; CPU use is known from the second call on."""
        from host.cli.support.admin_client import path_of

        nodes = self._client.ask("GET", path_of("graph"))["nodes"]
        now_s = time.monotonic()
        rows = [{**node, "cpu_percent": self._cpu(node, now_s), "memory_percent": _memory(node)} for node in nodes]
        self._before = {node["id"]: (now_s, node["cpu_ms"]) for node in nodes}
        return rows

    def twice(self) -> list[Row]:
        """Read two times, so that CPU use is known."""
        self.read()
        time.sleep(_LOOK_AGAIN_S)
        return self.read()

    def _cpu(self, node: Row, now_s: float) -> float | None:
        """Return the percentage of a core used since the last reading; None if unknown."""
        before = self._before.get(node["id"])
        if before is None or not node["sandboxes"]:
            return None
        then_s, then_ms = before
        # restarted processes count from 0
        return max(0.0, (node["cpu_ms"] - then_ms) / (now_s - then_s) / 10) if now_s > then_s else None


def _memory(node: Row) -> float | None:
    return 100 * node["memory_bytes"] / node["memory_limit"] if node["memory_limit"] else None


def chosen(rows: Iterable[Row], view: View) -> list[Row]:
    """Return the rows that pass the filter, in the chosen order: largest first, names from A."""
    found = [row for row in rows if view.wanted in row["id"] or view.wanted in {row["state"], row["health"]}]
    found.sort(key=lambda row: row["id"])
    if view.sort != "component":
        key = SORTABLE[view.sort].key
        found.sort(key=lambda row: -(row[key] if row[key] is not None else -1))
    return found[::-1] if view.is_reversed else found


def troubles(rows: Iterable[Row]) -> list[str]:
    """Return a line for each unhealthy component: the reason, with the last error and its place."""
    return [f"{row['id']}: {visible(row['reason'])}" for row in rows if row["reason"] and row["health"] != "ok"]


def style(row: Row) -> str:
    """Return the style that marks an unhealthy row."""
    return _STYLES.get(row["health"], "bold red")
