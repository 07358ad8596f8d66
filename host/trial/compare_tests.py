"""Compares the output of a configuration with what a test expects."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from host.config.test_keys import ExpectKeys
from host.trial.compare import Difference, describe, describe_both, is_equal, message_list_differences
from host.trial.pipeline_tests import PlaceResult, Test

_Found = tuple[str, str, str]


def test_differences(test: Test, places: Mapping[str, PlaceResult]) -> list[Difference]:
    """Return the differences. At places that the test does not name, no record may have failed."""
    differences = []
    for place, got in places.items():
        keys = test.keys.expect.get(place, ExpectKeys())
        line = test.lines.get(place, test.line)
        for key, expected, seen in _place_differences(keys, got, is_output=place.startswith("outputs.")):
            differences.append(Difference(where=f"{place}: {key}", line=line, expected=expected, got=seen))
    return differences


def _place_differences(keys: ExpectKeys, actual: PlaceResult, *, is_output: bool) -> Iterator[_Found]:
    count = len(actual.outputs if is_output else actual.messages)
    if keys.count is not None and keys.count != count:
        yield "count", str(keys.count), str(count)
    if keys.messages is not None:
        yield from message_list_differences(keys.messages, actual.messages)
    output = b"".join(actual.outputs)
    if keys.output is not None and keys.output.encode() != output:
        yield "output", *describe_both(keys.output, output)
    if keys.json is not None:
        yield from _json(keys.json, output)
    yield from failure_differences(keys.failures or [], actual.failures)


def _json(expected: list[dict[str, Any]], output: bytes) -> Iterator[_Found]:
    lines = output.splitlines()
    if len(lines) != len(expected):
        yield "lines", str(len(expected)), f"{len(lines)}" + "".join(f"\n  {describe(line)}" for line in lines[:5])
        return
    for number, (want, line) in enumerate(zip(expected, lines, strict=True), 1):
        try:
            got = json.loads(line)
        except ValueError:
            yield f"line {number}", "JSON", describe(line)
            continue
        for name, value in want.items():
            seen = got.get(name) if isinstance(got, dict) else None
            if not is_equal(value, seen):
                yield f"line {number}: {name}", *describe_both(value, seen)


def failure_differences(expected: list[str], got: list[str]) -> Iterator[_Found]:
    """Yield a difference unless each failure text contains the expected text at the same index."""
    is_same = len(expected) == len(got) and all(part in text for part, text in zip(expected, got, strict=True))
    if not is_same:
        yield "failures", describe(expected) if expected else "none", describe(got) if got else "none"
