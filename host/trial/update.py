"""What came of cases and tests, and is to stand in the place of what was expected: `hekate test --update`."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from host.packs.reader import Message
from host.trial.cases import Case
from host.trial.compare import equal, message_differences
from host.trial.compare_tests import failures as _failures
from host.trial.messages import described_fields
from host.trial.model import Outcome, Result
from host.trial.pipeline_tests import Came, Test

_NS = 1_000_000_000
_SAFE = 2**53


class Update(NamedTuple):
    """One value that is to stand in a file."""

    file: str
    path: tuple[str | int, ...]
    value: Any
    is_added: bool = False
    """Whether the key is added if it is not there; else only a value that stands there is replaced."""


class _NoTextError(Exception):
    """What came is no text, which only base64 could tell."""


# ---------------------------------------------------------------- what came


def of_case(case: Case, outcome: Outcome) -> list[Update]:
    """What came of a case and is not what it expects."""
    here = ("cases", case.number)
    ending = outcome.ending
    load_failure = ending.text if ending is not None and ending.step is None else ""
    updates = list(_reason(case.file, (*here, "load_failure"), case.keys.load_failure, load_failure))
    for number, (keys, result) in enumerate(zip(case.keys.steps, outcome.results, strict=False)):
        path = (*here, "steps", number)
        for name, came in _of_step(result).items():
            updates += _updates(case.file, (*path, name), getattr(keys, name), came)
        updates += _reason(case.file, (*path, "failure"), keys.failure, result.failure)
        limit = ending.limit if ending is not None and ending.step == number else ""
        if limit != (keys.ended_by or ""):
            updates.append(Update(case.file, (*path, "ended_by"), limit or None, is_added=True))
    return updates


def _reason(file: str, path: tuple[str | int, ...], expected: str | None, came: str) -> Iterator[Update]:
    """A reason of which the file has a part: its first line; null where nothing fails any more."""
    if bool(expected) != bool(came) or (expected or "") not in came:
        yield Update(file, path, came.partition("\n")[0] or None, is_added=True)


def _of_step(result: Result) -> dict[str, Any]:
    output = b"".join(result.outputs)
    return {
        "messages": result.messages,
        "output": output,
        "output_base64": base64.b64encode(output),
        "prints": [line.partition(": ")[2] for line in result.prints],
    }


def of_test(test: Test, came: Mapping[str, Came]) -> list[Update]:
    """What came of a test and is not what it expects."""
    updates = []
    for place, found in came.items():
        keys = test.keys.expect.get(place)
        path = ("tests", test.name, "expect", place)
        if any(_failures(keys.failures or [] if keys else [], found.failures)):
            value = found.failures if keys else {"failures": found.failures}
            updates.append(Update(test.file, (*path, "failures") if keys else path, value, is_added=True))
        for name, value in _of_place(found, is_output=place.startswith("outputs.")).items() if keys else ():
            updates += _updates(test.file, (*path, name), getattr(keys, name), value)
    return updates


def _of_place(came: Came, *, is_output: bool) -> dict[str, Any]:
    if not is_output:
        return {"messages": came.messages, "count": len(came.messages)}
    output = b"".join(came.outputs)
    return {"output": output, "count": len(came.outputs), "json": _documents(output)}


def _documents(output: bytes) -> list[Any] | None:
    """What was written, as lines of JSON; None if it is none."""
    try:
        return [json.loads(line) for line in output.splitlines()]
    except ValueError:
        return None


def _updates(file: str, path: tuple[str | int, ...], expected: Any, came: Any) -> list[Update]:
    """What must be written; nothing if what came cannot be written. A key without a value is given one."""
    if expected == came or came is None:
        return []
    try:
        if path[-1] in _LISTS:
            return [Update(file, (*path, *below), value) for below, value in _LISTS[str(path[-1])](expected, came)]
        value = came.decode() if isinstance(came, bytes) else came
        return [] if value == expected else [Update(file, path, value)]
    except (UnicodeDecodeError, _NoTextError):
        return []


_Changes = Iterator[tuple[tuple[int, ...], Any]]


def _messages(expected: list[dict[str, Any]] | None, came: list[Message]) -> _Changes:
    if expected is None or len(expected) != len(came):
        yield (), [_brief(message) for message in came]
        return
    for number, (want, got) in enumerate(zip(expected, came, strict=True)):
        if any(message_differences(want, got)):
            yield (number,), _like(want, got)


def _lines(expected: list[dict[str, Any]] | None, came: list[Any]) -> _Changes:
    if expected is None or len(expected) != len(came):
        yield (), came
        return
    for number, (want, got) in enumerate(zip(expected, came, strict=True)):
        found = got if isinstance(got, dict) else {}
        if not all(equal(value, found.get(name)) for name, value in want.items()):
            yield (number,), {name: found.get(name) for name in want}


_LISTS: dict[str, Callable[[Any, Any], _Changes]] = {"messages": _messages, "json": _lines}


def _brief(message: Message) -> dict[str, Any]:
    headers = {name: _plain(message[name]) for name in ("Type", "Payload") if message[name]}
    names = [field["name"] for field in message["Fields"]]
    if len(set(names)) == len(names):
        return {**headers, "Fields": {field["name"]: _plain(field["value"]) for field in message["Fields"]}}
    fields = [{"name": field["name"], "value": _plain(field["value"])} for field in message["Fields"]]
    return {**headers, "Fields": fields}


def _like(expected: Mapping[str, Any], came: Message) -> dict[str, Any]:
    """What came, as far as the expected message names it."""
    made: dict[str, Any] = {}
    for name, value in expected.items():
        if name == "Fields":
            made[name] = _fields_like(value, came["Fields"])
        elif name == "Timestamp" and isinstance(value, str):
            made[name] = _rfc3339(came[name])
        else:
            made[name] = _plain(came[name])
    return made


def _fields_like(expected: Any, came: list[dict[str, Any]]) -> Any:
    seen: dict[str, int] = {}
    made: list[dict[str, Any]] = []
    for name, described in described_fields(expected):
        number = seen[name] = seen.get(name, -1) + 1
        named = [field for field in came if field["name"] == name]
        field = named[number] if number < len(named) else {}
        same = {key: value for key, value in described.items() if key != "name" and equal(value, field.get(key))}
        other = {key: _plain(field.get(key)) for key in described if key != "name" and key not in same}
        made.append({"name": name, **{key: {**same, **other}[key] for key in described if key != "name"}})
    return {field["name"]: field["value"] for field in made} if isinstance(expected, Mapping) else made


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        raise _NoTextError
    if isinstance(value, float) and value.is_integer() and abs(value) < _SAFE:
        return int(value)  # as people write it, and as good
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _rfc3339(ns: int) -> str:
    seconds, rest = divmod(ns, _NS)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{rest:09d}".rstrip("0") + "Z" if rest else f"{text}Z"
