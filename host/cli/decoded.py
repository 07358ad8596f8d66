"""What `hekate cat` prints for people."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from host.cli.output import console, table


def show_counts(lines: "Counter[bytes]", by: Sequence[str]) -> None:
    """Print how many messages there are of each kind.

    Args:
        lines: How often each came, as JSON with what is counted by.
        by: What is counted by, as people have named it.
    """
    found: Counter[tuple[str, ...]] = Counter()
    for line, count in lines.items():
        members = orjson.loads(line)
        found[tuple(_cell(members.get(json_name(name))) for name in by)] += count
    rows: list[list[object]] = [[*cells, count] for cells, count in found.most_common()]
    table([*by, "messages"], [*rows, ["all", *[""] * (len(by) - 1), found.total()]], numbers=1)


def json_name(variable: str) -> str:
    """A field or header, as in a matcher or plain, by the name that it has in JSON."""
    return variable[len("Fields[") : -1] if variable.startswith("Fields[") and variable.endswith("]") else variable


def _cell(value: object) -> str:
    if value is None or value == "":
        return "(none)"
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def show(message: dict[str, Any]) -> None:
    """Print a message for people."""
    from rich.text import Text

    out = console()
    head = Text(str(message.pop("Timestamp", "")), style="dim")
    out.print(head.append(f" {message.pop('Type', '') or '(no Type)'}", style="bold"))
    for name, value in _shown(message):
        out.print(Text(f"    {name}: ", style="cyan").append(str(value), style="default"))


def _shown(message: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in message.items():
        if value not in (None, "") and not (name == "Severity" and value == 7):
            yield name, value
