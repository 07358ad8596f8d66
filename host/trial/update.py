"""Computes the new values for `hekate test --update`: actual results that replace the expected ones."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from host.packs.reader import Message
from host.trial.cases import Case
from host.trial.compare import is_equal, message_differences
from host.trial.compare_tests import failure_differences
from host.trial.messages import described_fields
from host.trial.model import StepResult, TrialOutcome
from host.trial.pipeline_tests import PlaceResult, Test

_NS = 1_000_000_000
_SAFE = 2**53


class Update(NamedTuple):
    """One value to write into a file."""

    file: str
    path: tuple[str | int, ...]
    value: Any
    is_added: bool = False
    """True to add the key if it is missing; otherwise only an existing value is replaced."""


class _NoTextError(Exception):
    """The value is not text; only base64 could express it."""


# ---------------------------------------------------------------- actual results


def case_updates(case: Case, outcome: TrialOutcome) -> list[Update]:
    """Return the updates for all results of a case that differ from its expectations."""
    here = ("cases", case.number)
    ending = outcome.ending
    load_failure = ending.text if ending is not None and ending.step is None else ""
    updates = list(_reason_updates(case.file, (*here, "load_failure"), case.keys.load_failure, load_failure))
    for number, (keys, result) in enumerate(zip(case.keys.steps, outcome.results, strict=False)):
        path = (*here, "steps", number)
        for name, actual in _step_values(result).items():
            updates += _updates(case.file, (*path, name), getattr(keys, name), actual)
        updates += _reason_updates(case.file, (*path, "failure"), keys.failure, result.failure)
        limit = ending.limit if ending is not None and ending.step == number else ""
        if limit != (keys.ended_by or ""):
            updates.append(Update(case.file, (*path, "ended_by"), limit or None, is_added=True))
    return updates


def _reason_updates(file: str, path: tuple[str | int, ...], expected: str | None, actual: str) -> Iterator[Update]:
    """Update an expected failure text to the first line of the actual one; null if nothing fails."""
    if bool(expected) != bool(actual) or (expected or "") not in actual:
        yield Update(file, path, actual.partition("\n")[0] or None, is_added=True)


def _step_values(result: StepResult) -> dict[str, Any]:
    output = b"".join(result.outputs)
    return {
        "messages": result.messages,
        "output": output,
        "output_base64": base64.b64encode(output),
        "prints": [line.partition(": ")[2] for line in result.prints],
    }


def test_updates(test: Test, places: Mapping[str, PlaceResult]) -> list[Update]:
    """Return the updates for all results of a configuration test that differ from its expectations."""
    updates = []
    for place, actual in places.items():
        keys = test.keys.expect.get(place)
        path = ("tests", test.name, "expect", place)
        if any(failure_differences(keys.failures or [] if keys else [], actual.failures)):
            value = actual.failures if keys else {"failures": actual.failures}
            updates.append(Update(test.file, (*path, "failures") if keys else path, value, is_added=True))
        for name, value in _place_values(actual, is_output=place.startswith("outputs.")).items() if keys else ():
            updates += _updates(test.file, (*path, name), getattr(keys, name), value)
    return updates


def _place_values(actual: PlaceResult, *, is_output: bool) -> dict[str, Any]:
    if not is_output:
        return {"messages": actual.messages, "count": len(actual.messages)}
    output = b"".join(actual.outputs)
    return {"output": output, "count": len(actual.outputs), "json": _documents(output)}


def _documents(output: bytes) -> list[Any] | None:
    """Return the output parsed as lines of JSON; None if it is not JSON."""
    try:
        return [json.loads(line) for line in output.splitlines()]
    except ValueError:
        return None


def _updates(file: str, path: tuple[str | int, ...], expected: Any, actual: Any) -> list[Update]:
    """Return the updates for one key; none if the value cannot be written as YAML. Fill a key without a value."""
    if expected == actual or actual is None:
        return []
    try:
        if path[-1] in _LISTS:
            return [Update(file, (*path, *below), value) for below, value in _LISTS[str(path[-1])](expected, actual)]
        value = actual.decode() if isinstance(actual, bytes) else actual
        return [] if value == expected else [Update(file, path, value)]
    except (UnicodeDecodeError, _NoTextError):
        return []


_Changes = Iterator[tuple[tuple[int, ...], Any]]


def _messages(expected: list[dict[str, Any]] | None, actual: list[Message]) -> _Changes:
    if expected is None or len(expected) != len(actual):
        yield (), [_brief(message) for message in actual]
        return
    for number, (want, got) in enumerate(zip(expected, actual, strict=True)):
        if any(message_differences(want, got)):
            yield (number,), _like(want, got)


def _lines(expected: list[dict[str, Any]] | None, actual: list[Any]) -> _Changes:
    if expected is None or len(expected) != len(actual):
        yield (), actual
        return
    for number, (want, got) in enumerate(zip(expected, actual, strict=True)):
        found = got if isinstance(got, dict) else {}
        if not all(is_equal(value, found.get(name)) for name, value in want.items()):
            yield (number,), {name: found.get(name) for name in want}


_LISTS: dict[str, Callable[[Any, Any], _Changes]] = {"messages": _messages, "json": _lines}


def _brief(message: Message) -> dict[str, Any]:
    headers = {name: _plain(message[name]) for name in ("Type", "Payload") if message[name]}
    names = [field["name"] for field in message["Fields"]]
    if len(set(names)) == len(names):
        return {**headers, "Fields": {field["name"]: _plain(field["value"]) for field in message["Fields"]}}
    fields = [{"name": field["name"], "value": _plain(field["value"])} for field in message["Fields"]]
    return {**headers, "Fields": fields}


def _like(expected: Mapping[str, Any], actual: Message) -> dict[str, Any]:
    """Return the parts of the actual message that the expected message names."""
    result: dict[str, Any] = {}
    for name, value in expected.items():
        if name == "Fields":
            result[name] = _fields_like(value, actual["Fields"])
        elif name == "Timestamp" and isinstance(value, str):
            result[name] = _rfc3339(actual[name])
        else:
            result[name] = _plain(actual[name])
    return result


def _fields_like(expected: Any, actual: list[dict[str, Any]]) -> Any:
    seen: dict[str, int] = {}
    result: list[dict[str, Any]] = []
    for name, described in described_fields(expected):
        number = seen[name] = seen.get(name, -1) + 1
        named = [field for field in actual if field["name"] == name]
        field = named[number] if number < len(named) else {}
        same = {key: value for key, value in described.items() if key != "name" and is_equal(value, field.get(key))}
        other = {key: _plain(field.get(key)) for key in described if key != "name" and key not in same}
        result.append({"name": name, **{key: {**same, **other}[key] for key in described if key != "name"}})
    return {field["name"]: field["value"] for field in result} if isinstance(expected, Mapping) else result


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        raise _NoTextError
    if isinstance(value, float) and value.is_integer() and abs(value) < _SAFE:
        return int(value)  # shorter, and equal when compared
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _rfc3339(ns: int) -> str:
    seconds, rest = divmod(ns, _NS)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{rest:09d}".rstrip("0") + "Z" if rest else f"{text}Z"
