"""Prints a message as text or as a line of JSON."""

from datetime import UTC, datetime
from typing import Any

import orjson
from rich.text import Text

from host.cli.support.escape import visible, visible_lines
from host.cli.support.output import console
from host.core import stdout
from host.trial.messages import replace_bytes

_NS = 1_000_000_000
_HEADERS = ("Logger", "Severity", "Hostname", "Pid", "EnvVersion", "Payload")
_USUAL = {"Severity": 7}


def show(message: dict[str, Any], output_format: str) -> None:
    """Print one message."""
    if output_format == "json":
        stdout.write(orjson.dumps(replace_bytes(message)) + b"\n")
        return
    out = console()
    type_ = visible(message["Type"]) or "(no Type)"
    out.print(Text(moment(message["Timestamp"]), style="dim").append(f" {type_}", style="bold"))
    for name in _HEADERS:
        value = message.get(name)
        if value not in (None, "", _USUAL.get(name)):
            out.print(
                Text(f"    {name}: ", style="cyan").append(visible_lines(str(replace_bytes(value))), style="default")
            )
    for field in message["Fields"]:
        unit = f" {field['representation']}" if field.get("representation") else ""
        text = Text(f"    {visible(field['name'])} ", style="green").append(f"({field['value_type']}) ", style="dim")
        out.print(text.append(visible_lines(f"{replace_bytes(field['value'])}{unit}"), style="default not dim"))


def moment(timestamp_ns: int) -> str:
    """Return a time as RFC 3339, or in nanoseconds if it has no date."""
    seconds, rest_ns = divmod(timestamp_ns, _NS)
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest_ns // 1_000_000:03d}Z"
    except (OverflowError, ValueError, OSError):
        return f"{timestamp_ns} ns"
