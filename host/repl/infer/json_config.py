"""Finds the options of the decoder `json` for records: the members that are headers, and the format of their time."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from host.repl.infer.templates import LEVELS

_SHARE = 0.9
_NAMES = {
    "Timestamp": "@timestamp timestamp t.$date time ts eventTime event_time datetime date t asctime "
    "__REALTIME_TIMESTAMP _SOURCE_REALTIME_TIMESTAMP",
    "Severity": "severity level syslog_level PRIORITY",
    "Hostname": "hostname host host.name _HOSTNAME",
    "Logger": "logger logger_name loggerName log.logger SYSLOG_IDENTIFIER",
    "Pid": "pid process.pid _PID",
    "Payload": "msg message short_message MESSAGE",
}
"""The usual member names by header, the most certain first."""
_WRITTEN = {
    "rfc3339": re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d([.,]\d+)?([Zz]|[+-]\d\d:?\d\d)?"),
    "clf": re.compile(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}"),
    "epoch_s": re.compile(r"1[0-9]{9}(\.\d+)?"),
    "epoch_ms": re.compile(r"1[0-9]{12}(\.\d+)?"),
    "epoch_us": re.compile(r"1[0-9]{15}"),
    "epoch_ns": re.compile(r"1[0-9]{18}"),
}
_NUMBERS = {"Severity": re.compile("[0-7]"), "Pid": re.compile(r"\d{1,9}")}
_LEVELS = frozenset(["level", "severity", "log.level", "loglevel", "levelname", "lvl"])


class _Number(str):
    """A number as written."""

    __slots__ = ()


def parse_object(text: str) -> dict[str, Any] | None:
    """Parse a record that is a JSON object, and keep its numbers as written; None if it is not one."""
    try:
        value = json.loads(text, parse_float=_Number, parse_int=_Number) if text.startswith("{") else None
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def decoder_yaml(objects: Sequence[dict[str, Any]]) -> str:
    """Return the decoder option, as YAML, that an input needs for such records."""
    found = [dict(_members(each)) for each in objects]
    config: dict[str, str] = {}
    for header, names in _NAMES.items():
        for name in names.split():
            values = [members[name] for members in found if name in members]
            if len(values) >= _SHARE * len(found) and _fits(header, values):
                config[header] = name
                if header == "Timestamp" and _format(values) != "rfc3339":
                    config["timestamp_format"] = _format(values)
                break
    decoder = {"type": "json", "config": config} if config else "json"
    return yaml.safe_dump({"decoder": decoder}, default_flow_style=True, sort_keys=False, width=1000).strip()[1:-1]


def find_level_word(objects: Sequence[dict[str, Any]]) -> str:
    """Return the member that holds the severity as a word; empty if there is none."""
    for each in objects:
        for name, value in _members(each):
            if name in _LEVELS and isinstance(value, str) and value.lower() in LEVELS:
                return name
    return ""


def _fits(header: str, values: list[Any]) -> bool:
    if header == "Timestamp":
        return bool(_format(values))
    if header in _NUMBERS:
        return all(isinstance(value, _Number) and _NUMBERS[header].fullmatch(value) for value in values)
    return all(isinstance(value, str) for value in values)


def _members(value: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the fields that the decoder makes of an object. Names of nested members are joined by dots."""
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from _members(inner, f"{before}{name}.")
        else:
            yield before + name, inner


def _format(values: list[Any]) -> str:
    """Return the common format of some times; empty if there is none."""
    fits = (name for name, pattern in _WRITTEN.items() if all(_matches(pattern, value) for value in values))
    return next(fits, "")


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None
