"""Compares what came of a case with what must come of it, and says how they differ so that it can be read."""

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from host.packs.reader import Message
from host.plugins.case_schema import StepKeys
from host.trial.cases import Case
from host.trial.messages import described_fields, timestamp_ns
from host.trial.model import Decoder, Outcome, Result
from host.trial.pipeline_tests import Came

_MAX_SHOWN = 400


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not as it must be."""

    where: str
    """As in `step 2: message 1: Fields[status]`."""
    line: int
    expected: str
    got: str

    def __str__(self) -> str:
        return f"{self.where}: expected {self.expected}, got {self.got}"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a case, or of a test of a configuration, and whether it is what must come of it."""

    name: str
    file: str
    line: int
    differences: list[Difference]
    elapsed_ms: float
    outcome: Outcome | None = None
    """Of a case."""
    came: dict[str, Came] = {}
    """Of a test, by place."""

    @property
    def passed(self) -> bool:
        """Whether all is as it must be."""
        return not self.differences

    def explain(self) -> str:
        """What is wrong, for a log."""
        first = self.differences[0]
        more = f" (and {len(self.differences) - 1} more)" if len(self.differences) > 1 else ""
        return f"{self.file}:{first.line}: case `{self.name}`: {first}{more}"


def differences(case: Case, outcome: Outcome) -> list[Difference]:
    """How what came of a case differs from what must."""
    return [
        Difference(where=where, line=line, expected=expected, got=got)
        for line, where, expected, got in _differences(case, outcome)
    ]


_Found = tuple[int, str, str, str]


def _differences(case: Case, outcome: Outcome) -> Iterator[_Found]:
    ending = outcome.ending
    if ending is not None and ending.step is None:
        yield from _load(case, ending.text)
        return
    if case.keys.load_failure is not None:
        yield case.line, "load", f"a failure with {shown(case.keys.load_failure)}", "none"
    for number, keys in enumerate(case.keys.steps):
        line, where = case.step_lines[number], f"step {number + 1}"
        if number >= len(outcome.results):
            yield line, where, "to be carried out", f"the trial was stopped before ({outcome.stopped or 'it ended'})"
            return
        result = outcome.results[number]
        unmatched = not isinstance(case.trial.of, Decoder) and keys.tick is None and not result.matched
        note = ", as its message_matcher does not match" if unmatched else ""
        for what, expected, got in _step(keys, result):
            yield line, f"{where}: {what}", expected, got + note
        limit = ending.limit if ending is not None and ending.step == number else None
        if limit != keys.ended_by:
            text = f"{limit}: {shown(ending.text)}" if ending is not None and limit else "nothing"
            yield line, f"{where}: ended by", keys.ended_by or "nothing", text
        if limit is not None:
            return
    if outcome.stopped:
        yield case.line, "trial", "to end in time and within its output", f"stopped by {outcome.stopped}"


def _load(case: Case, text: str) -> Iterator[_Found]:
    expected = case.keys.load_failure
    if expected is None:
        yield case.line, "load", "to succeed", shown(text)
    elif expected not in text:
        yield case.line, "load", f"a failure with {shown(expected)}", shown(text)


def _step(keys: StepKeys, result: Result) -> Iterator[tuple[str, str, str]]:
    if keys.failure is None and result.failure:
        yield "failure", "none", shown(result.failure)
    elif keys.failure is not None and keys.failure not in result.failure:
        yield "failure", f"one with {shown(keys.failure)}", shown(result.failure) if result.failure else "none"
    if keys.messages is not None:
        yield from messages(keys.messages, result.messages)
    output = keys.output.encode() if keys.output is not None else None
    if keys.output_base64 is not None:
        output = base64.b64decode(keys.output_base64)
    got = b"".join(result.outputs)
    if output is not None and output != got:
        yield "output", *texts(output, got)
    printed = [line.partition(": ")[2] for line in result.prints]
    if keys.prints is not None and keys.prints != printed:
        yield "prints", shown(keys.prints), shown(printed)


def messages(expected: list[dict[str, Any]], got: list[Message]) -> Iterator[tuple[str, str, str]]:
    """What differs, what was expected, what was got."""
    if len(expected) != len(got):
        summary = "".join(f"\n  {shown(_brief(message))}" for message in got[:5])
        yield "messages", str(len(expected)), f"{len(got)}{summary}"
        return
    for number, (want, message) in enumerate(zip(expected, got, strict=True), 1):
        for what, wanted, found in message_differences(want, message):
            yield f"message {number}: {what}", wanted, found


def message_differences(expected: Mapping[str, Any], got: Message) -> Iterator[tuple[str, str, str]]:
    """What of one message differs, what was expected, what was got."""
    for header, value in expected.items():
        if header == "Fields":
            yield from _fields(value, got["Fields"])
        elif not equal(timestamp_ns(value) if header == "Timestamp" else value, got[header]):
            yield header, *texts(value, got[header])


def _fields(expected: Any, got: list[dict[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """Fields by name are the first of that name; of a list, the n-th of a name is the n-th that there is."""
    seen: dict[str, int] = {}
    for name, described in described_fields(expected):
        number = seen[name] = seen.get(name, -1) + 1
        label = f"Fields[{name}]" + (f"[{number}]" if number else "")
        named = [field for field in got if field["name"] == name]
        field = named[number] if number < len(named) else None
        absent = described.get("value", "") is None
        if field is None:
            if not absent:
                yield label, shown(described.get("value", "a field")), "none"
            continue
        for key, value in described.items():
            if key != "name" and not equal(value, field[key]):
                yield (label if key == "value" else f"{label}: {key}"), *texts(value, field[key])


def equal(expected: Any, got: Any) -> bool:
    """Whether a value is what it must be: numbers as numbers, text as its bytes."""
    if isinstance(expected, list) and isinstance(got, list):
        return len(expected) == len(got) and all(map(equal, expected, got))
    if isinstance(expected, bool) or isinstance(got, bool):
        return expected is got
    if isinstance(expected, str) and isinstance(got, bytes):
        return expected.encode() == got
    return bool(expected == got)


def _brief(message: Message) -> dict[str, Any]:
    """A message without what it lacks."""
    values: dict[str, list[Any]] = {}
    for field in message["Fields"]:
        values.setdefault(field["name"], []).append(field["value"])
    fields = {name: found[0] if len(found) == 1 else found for name, found in values.items()}
    headers = {name: message[name] for name in ("Type", "Payload") if message[name]}
    return {**headers, "Fields": fields}


def texts(expected: Any, got: Any) -> tuple[str, str]:
    """Both as text; of long ones what is round the first difference."""
    one, two = _whole(expected), _whole(got)
    if max(len(one), len(two)) <= _MAX_SHOWN:
        return one, two
    same = next((i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))
    start = max(0, same - 40)
    return _cut(one, start), _cut(two, start)


def _cut(text: str, start: int) -> str:
    part = text[start : start + _MAX_SHOWN]
    return f"{'...' if start else ''}{part}{'...' if start + _MAX_SHOWN < len(text) else ''}"


def shown(value: Any) -> str:
    """A value for people."""
    return _cut(_whole(value), 0)


def _whole(value: Any) -> str:
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError:
            return f"base64 {base64.b64encode(value).decode()}"
    return json.dumps(value, ensure_ascii=False, default=_whole)
