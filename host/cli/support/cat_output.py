"""The text output of `hekate cat`."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

from host.cli.support.escape import visible, visible_lines
from host.cli.support.output import console, table
from host.core import stdout


class Counting(NamedTuple):
    """The options for counting messages."""

    by: tuple[str, ...]
    """Fields and headers, as the user named them."""
    as_json: bool


def show_counts(lines: "Counter[bytes]", counting: Counting) -> None:
    """Print the number of messages for each combination of values.

    Args:
        lines: Counts by JSON object with the values.
        counting: The options.
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
    """Return the JSON name of a field or header, given plainly or as in a matcher."""
    return variable[len("Fields[") : -1] if variable.startswith("Fields[") and variable.endswith("]") else variable


def _cell(value: object) -> str:
    if value is None or value == "":
        return "(none)"
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def show(message: dict[str, Any]) -> None:
    """Print a message as text."""
    from rich.text import Text

    out = console()
    head = Text(str(message.pop("Timestamp", "")), style="dim")
    out.print(head.append(f" {visible(message.pop('Type', '')) or '(no Type)'}", style="bold"))
    for name, value in _printed_values(message):
        out.print(Text(f"    {visible(name)}: ", style="cyan").append(visible_lines(str(value)), style="default"))


def _printed_values(message: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in message.items():
        if value not in (None, "") and not (name == "Severity" and value == 7):
            yield name, value
