"""Compares what came out of a configuration with what must come out of it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from host.config.test_keys import ExpectKeys
from host.trial.compare import Difference, equal, messages, shown, texts
from host.trial.pipeline_tests import Came, Test

_Found = tuple[str, str, str]


def test_differences(test: Test, came: Mapping[str, Came]) -> list[Difference]:
    """How what came out differs from what must. At places that are not named, no record must have failed."""
    found = []
    for place, got in came.items():
        keys = test.keys.expect.get(place, ExpectKeys())
        line = test.lines.get(place, test.line)
        for what, expected, seen in _at(keys, got, is_output=place.startswith("outputs.")):
            found.append(Difference(where=f"{place}: {what}", line=line, expected=expected, got=seen))
    return found


def _at(keys: ExpectKeys, came: Came, *, is_output: bool) -> Iterator[_Found]:
    count = len(came.outputs if is_output else came.messages)
    if keys.count is not None and keys.count != count:
        yield "count", str(keys.count), str(count)
    if keys.messages is not None:
        yield from messages(keys.messages, came.messages)
    output = b"".join(came.outputs)
    if keys.output is not None and keys.output.encode() != output:
        yield "output", *texts(keys.output, output)
    if keys.json is not None:
        yield from _json(keys.json, output)
    yield from failures(keys.failures or [], came.failures)


def _json(expected: list[dict[str, Any]], output: bytes) -> Iterator[_Found]:
    lines = output.splitlines()
    if len(lines) != len(expected):
        yield "lines", str(len(expected)), f"{len(lines)}" + "".join(f"\n  {shown(line)}" for line in lines[:5])
        return
    for number, (want, line) in enumerate(zip(expected, lines, strict=True), 1):
        try:
            got = json.loads(line)
        except ValueError:
            yield f"line {number}", "JSON", shown(line)
            continue
        for name, value in want.items():
            seen = got.get(name) if isinstance(got, dict) else None
            if not equal(value, seen):
                yield f"line {number}: {name}", *texts(value, seen)


def failures(expected: list[str], got: list[str]) -> Iterator[_Found]:
    """How the reasons for which records failed differ from what must be in them."""
    same = len(expected) == len(got) and all(part in text for part, text in zip(expected, got, strict=True))
    if not same:
        yield "failures", shown(expected) if expected else "none", shown(got) if got else "none"
