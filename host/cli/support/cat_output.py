"""What `hekate cat` prints for people."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

from host.cli.support.escape import visible, visible_lines
from host.cli.support.output import console, table
from host.core import stdout


class Counting(NamedTuple):
    """How messages are counted."""

    by: tuple[str, ...]
    """Fields and headers, as people have named them."""
    as_json: bool


def show_counts(lines: "Counter[bytes]", counting: Counting) -> None:
    """Print how many messages there are of each kind.

    Args:
        lines: How often each came, as JSON with what is counted by.
        counting: How they are counted.
    """
    found: Counter[bytes] = Counter()
    for line, count in lines.items():
        members = orjson.loads(line)
        found[orjson.dumps([members.get(json_name(name)) for name in counting.by])] += count
    kinds = [(orjson.loads(values), count) for values, count in found.most_common()]
    if counting.as_json:
        for values, count in kinds:
            counted = {"by": dict(zip(counting.by, values, strict=True)), "messages": count}
            stdout.write(orjson.dumps(counted) + b"\n")
        return
    rows: list[list[object]] = [[*map(_cell, values), count] for values, count in kinds]
    table([*counting.by, "messages"], [*rows, ["all", *[""] * (len(counting.by) - 1), found.total()]], numbers=1)


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
    out.print(head.append(f" {visible(message.pop('Type', '')) or '(no Type)'}", style="bold"))
    for name, value in _shown(message):
        out.print(Text(f"    {visible(name)}: ", style="cyan").append(visible_lines(str(value)), style="default"))


def _shown(message: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in message.items():
        if value not in (None, "") and not (name == "Severity" and value == 7):
            yield name, value
