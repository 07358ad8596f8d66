"""Compares the result of a case with its expectations and describes the differences in readable form."""

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from host.packs.reader import Message
from host.plugins.case_schema import StepKeys
from host.trial.cases import Case
from host.trial.messages import described_fields, timestamp_ns
from host.trial.model import Decoder, StepResult, TrialOutcome
from host.trial.pipeline_tests import PlaceResult

_MAX_SHOWN = 400


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One result that differs from what was expected."""

    where: str
    """A location such as `step 2: message 1: Fields[status]`."""
    line: int
    expected: str
    got: str

    def __str__(self) -> str:
        return f"{self.where}: expected {self.expected}, got {self.got}"


class CaseResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a case or of a configuration test, with its differences from the expectation."""

    name: str
    file: str
    line: int
    differences: list[Difference]
    elapsed_ms: float
    outcome: TrialOutcome | None = None
    """The outcome of a case's trial; None for a configuration test."""
    places: dict[str, PlaceResult] = {}
    """The results of a configuration test, by place."""

    @property
    def passed(self) -> bool:
        """True if there are no differences."""
        return not self.differences

    def explain(self) -> str:
        """Return a one-line description of the first difference, for a log."""
        first = self.differences[0]
        more = f" (and {len(self.differences) - 1} more)" if len(self.differences) > 1 else ""
        return f"{self.file}:{first.line}: case `{self.name}`: {first}{more}"


def case_differences(case: Case, outcome: TrialOutcome) -> list[Difference]:
    """Return the differences between the outcome of a case and its expectations."""
    return [
        Difference(where=where, line=line, expected=expected, got=got)
        for line, where, expected, got in _differences(case, outcome)
    ]


_Found = tuple[int, str, str, str]


def _differences(case: Case, outcome: TrialOutcome) -> Iterator[_Found]:
    ending = outcome.ending
    if ending is not None and ending.step is None:
        yield from _load(case, ending.text)
        return
    if case.keys.load_failure is not None:
        yield case.line, "load", f"a failure with {describe(case.keys.load_failure)}", "none"
    for number, keys in enumerate(case.keys.steps):
        line, where = case.step_lines[number], f"step {number + 1}"
        if number >= len(outcome.results):
            yield line, where, "to run", f"the trial stopped earlier ({outcome.stopped or 'the sandbox ended'})"
            return
        result = outcome.results[number]
        unmatched = not isinstance(case.trial.of, Decoder) and keys.tick is None and not result.matched
        note = ", because the message_matcher does not match" if unmatched else ""
        for what, expected, got in _step(keys, result):
            yield line, f"{where}: {what}", expected, got + note
        limit = ending.limit if ending is not None and ending.step == number else None
        if limit != keys.ended_by:
            text = f"{limit}: {describe(ending.text)}" if ending is not None and limit else "nothing"
            yield line, f"{where}: ended by", keys.ended_by or "nothing", text
        if limit is not None:
            return
    if outcome.stopped:
        yield case.line, "trial", "to stay within its time and output limits", f"stopped: {outcome.stopped} limit"


def _load(case: Case, text: str) -> Iterator[_Found]:
    expected = case.keys.load_failure
    if expected is None:
        yield case.line, "load", "to succeed", describe(text)
    elif expected not in text:
        yield case.line, "load", f"a failure with {describe(expected)}", describe(text)


def _step(keys: StepKeys, result: StepResult) -> Iterator[tuple[str, str, str]]:
    if keys.failure is None and result.failure:
        yield "failure", "none", describe(result.failure)
    elif keys.failure is not None and keys.failure not in result.failure:
        yield "failure", f"one with {describe(keys.failure)}", describe(result.failure) if result.failure else "none"
    if keys.messages is not None:
        yield from message_list_differences(keys.messages, result.messages)
    output = keys.output.encode() if keys.output is not None else None
    if keys.output_base64 is not None:
        output = base64.b64decode(keys.output_base64)
    got = b"".join(result.outputs)
    if output is not None and output != got:
        yield "output", *describe_both(output, got)
    printed = [line.partition(": ")[2] for line in result.prints]
    if keys.prints is not None and keys.prints != printed:
        yield "prints", describe(keys.prints), describe(printed)


def message_list_differences(expected: list[dict[str, Any]], got: list[Message]) -> Iterator[tuple[str, str, str]]:
    """Yield location, expected value and actual value of each difference between two lists of messages."""
    if len(expected) != len(got):
        summary = "".join(f"\n  {describe(_brief(message))}" for message in got[:5])
        yield "messages", str(len(expected)), f"{len(got)}{summary}"
        return
    for number, (want, message) in enumerate(zip(expected, got, strict=True), 1):
        for what, wanted, found in message_differences(want, message):
            yield f"message {number}: {what}", wanted, found


def message_differences(expected: Mapping[str, Any], got: Message) -> Iterator[tuple[str, str, str]]:
    """Yield location, expected value and actual value of each difference between two messages."""
    for header, value in expected.items():
        if header == "Fields":
            yield from _fields(value, got["Fields"])
        elif not is_equal(timestamp_ns(value) if header == "Timestamp" else value, got[header]):
            yield header, *describe_both(value, got[header])


def _fields(expected: Any, got: list[dict[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """Yield the differences between fields.

    A mapping names the first field of each name. In a list, the n-th entry of a name means the n-th field of that name.
    """
    seen: dict[str, int] = {}
    for name, described in described_fields(expected):
        number = seen[name] = seen.get(name, -1) + 1
        label = f"Fields[{name}]" + (f"[{number}]" if number else "")
        named = [field for field in got if field["name"] == name]
        field = named[number] if number < len(named) else None
        absent = described.get("value", "") is None
        if field is None:
            if not absent:
                yield label, describe(described.get("value", "a field")), "none"
            continue
        for key, value in described.items():
            if key != "name" and not is_equal(value, field[key]):
                yield (label if key == "value" else f"{label}: {key}"), *describe_both(value, field[key])


def is_equal(expected: Any, got: Any) -> bool:
    """Return True if a value is as expected. Compare numbers as numbers and text as its bytes."""
    if isinstance(expected, list) and isinstance(got, list):
        return len(expected) == len(got) and all(map(is_equal, expected, got))
    if isinstance(expected, bool) or isinstance(got, bool):
        return expected is got
    if isinstance(expected, str) and isinstance(got, bytes):
        return expected.encode() == got
    return bool(expected == got)


def _brief(message: Message) -> dict[str, Any]:
    """Return the type, payload and fields of a message, without empty ones."""
    values: dict[str, list[Any]] = {}
    for field in message["Fields"]:
        values.setdefault(field["name"], []).append(field["value"])
    fields = {name: found[0] if len(found) == 1 else found for name, found in values.items()}
    headers = {name: message[name] for name in ("Type", "Payload") if message[name]}
    return {**headers, "Fields": fields}


def describe_both(expected: Any, got: Any) -> tuple[str, str]:
    """Return both values as text. If one is long, return the parts around the first difference."""
    one, two = _whole(expected), _whole(got)
    if max(len(one), len(two)) <= _MAX_SHOWN:
        return one, two
    same = next((i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))
    start = max(0, same - 40)
    return _cut(one, start), _cut(two, start)


def _cut(text: str, start: int) -> str:
    part = text[start : start + _MAX_SHOWN]
    return f"{'...' if start else ''}{part}{'...' if start + _MAX_SHOWN < len(text) else ''}"


def describe(value: Any) -> str:
    """A value for people."""
    return _cut(_whole(value), 0)


def _whole(value: Any) -> str:
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError:
            return f"base64 {base64.b64encode(value).decode()}"
    return json.dumps(value, ensure_ascii=False, default=_whole)
