"""What `hekate cat` prints for people."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import orjson

from host.cli.output import console, table


def show_counts(lines: "Counter[bytes]") -> None:
    """Print how many messages there are of each Type; lines: how often each came, as JSON with the Type."""
    found: Counter[str] = Counter()
    for line, count in lines.items():
        found[str(orjson.loads(line).get("Type", ""))] += count
    rows: list[list[object]] = [[name or "(none)", count] for name, count in found.most_common()]
    table(["Type", "messages"], [*rows, ["all", found.total()]], numbers=1)


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
