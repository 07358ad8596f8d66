"""Writes what came of cases and tests into their files, in the place of what was expected: `hekate test --update`.

Only what stands there already is replaced, key by key; all else in the file, comments too, stays as it is.
"""

import base64
import json
import re
import textwrap
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from host.packs.reader import Message
from host.sandbox import manifest
from host.trial.cases import Case
from host.trial.compare import equal, message_differences
from host.trial.messages import described_fields
from host.trial.model import Outcome, Result
from host.trial.pipeline_tests import Came, Test

_NS = 1_000_000_000
_WIDTH = 100_000
_SAFE = 2**53


class Update(NamedTuple):
    """One value that is to stand in a file."""

    file: str
    path: tuple[str | int, ...]
    value: Any


class _NoTextError(Exception):
    """What came is no text, which only base64 could tell."""


# ---------------------------------------------------------------- what came


def of_case(case: Case, outcome: Outcome) -> list[Update]:
    """What came of a case and is not what it expects."""
    updates = []
    for number, (keys, result) in enumerate(zip(case.keys.steps, outcome.results, strict=False)):
        for name, came in _of_step(result).items():
            path = ("cases", case.number, "steps", number, name)
            updates += _updates(case.file, path, getattr(keys, name), came)
    return updates


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
    for place, keys in test.keys.expect.items():
        for name, found in _of_place(came[place], is_output=place.startswith("outputs.")).items():
            path = ("tests", test.name, "expect", place, name)
            updates += _updates(test.file, path, getattr(keys, name), found)
    return updates


def _of_place(came: Came, *, is_output: bool) -> dict[str, Any]:
    if not is_output:
        return {"messages": came.messages, "count": len(came.messages)}
    return {"output": b"".join(came.outputs), "count": len(came.outputs)}


def _updates(file: str, path: tuple[str | int, ...], expected: Any, came: Any) -> list[Update]:
    """What must be written; nothing if nothing is expected, or if what came cannot be written."""
    if expected is None or expected == came:
        return []
    try:
        if path[-1] == "messages" and len(expected) != len(came):
            return [Update(file, path, [_brief(message) for message in came])]
        if path[-1] == "messages":
            pairs = enumerate(zip(expected, came, strict=True))
            other = [(number, want, got) for number, (want, got) in pairs if any(message_differences(want, got))]
            return [Update(file, (*path, number), _like(want, got)) for number, want, got in other]
        value = came.decode() if isinstance(came, bytes) else came
        return [] if value == expected else [Update(file, path, value)]
    except (UnicodeDecodeError, _NoTextError):
        return []


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


# ---------------------------------------------------------------- the files


def write(updates: Iterable[Update]) -> dict[str, int]:
    """Write values into their files.

    Returns:
        How many were written, by file.
    """
    by_file: dict[str, list[Update]] = {}
    for update in updates:
        by_file.setdefault(update.file, []).append(update)
    return {file: _write_into(Path(file), found) for file, found in by_file.items()}


def _write_into(path: Path, updates: list[Update]) -> int:
    text = path.read_text(encoding="utf-8")
    found = manifest.front_matter(text) if path.suffix == ".lua" else (0, text, "")
    assert found is not None  # the cases were read from there
    offset, document, _ = found
    root = yaml.compose(document, yaml.SafeLoader)
    assert root is not None
    shared = _shared(root)
    written = 0
    places = [(place, update.value) for update in updates if (place := _find(root, update.path)) is not None]
    for place, value in sorted(places, key=lambda each: each[0].start, reverse=True):
        if id(place.value) not in shared:
            text = text[: offset + place.start] + place.dump(value) + text[offset + place.end(document) :]
            written += 1
    path.write_text(text, encoding="utf-8")
    return written


def _shared(root: yaml.Node) -> set[int]:
    """Values that an alias stands for, and all within them: what is written there would be written elsewhere too."""
    seen: set[int] = set()
    shared: set[int] = set()

    def visit(node: yaml.Node) -> None:
        if id(node) in seen:
            shared.update(map(id, _all(node)))
            return
        seen.add(id(node))
        for child in _children(node):
            visit(child)

    visit(root)
    return shared | {id(node) for node in _all(root) if any(id(child) in shared for child in _all(node))} - {id(root)}


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [child for pair in node.value for child in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _all(node: yaml.Node) -> list[yaml.Node]:
    return [node, *(each for child in _children(node) for each in _all(child))]


class _Place(NamedTuple):
    """A value in a mapping, from the end of its key on; or one in a list."""

    key: yaml.Node | None
    value: yaml.Node

    @property
    def start(self) -> int:
        return int(self.value.start_mark.index if self.key is None else self.key.end_mark.index)

    def end(self, document: str) -> int:
        """Where the value ends. A block ends only where the next thing begins: comments before that are not its own."""
        start, end = self.value.start_mark.index, self.value.end_mark.index
        lines = document[start:end].splitlines(keepends=True)
        is_block = isinstance(self.value, yaml.CollectionNode) and not self.value.flow_style
        while is_block and len(lines) > 1 and (not lines[-1].strip() or lines[-1].lstrip().startswith("#")):
            lines.pop()
        return int(start + len("".join(lines).rstrip()))

    def dump(self, value: Any) -> str:
        """A value as YAML, in the style of what it takes the place of."""
        is_block = isinstance(self.value, yaml.CollectionNode) and not self.value.flow_style and value
        if self.key is None:
            block = textwrap.indent(_yaml(value, flow=False), " " * self.value.start_mark.column).lstrip()
            return block if is_block else _yaml(value, flow=True)
        if isinstance(self.value, yaml.ScalarNode):
            if self.value.style != "|" or not _fits_literal(value):
                return f": {json.dumps(value, ensure_ascii=False)}"
            indent = " " * (self.key.start_mark.column + 2)
            return f": |\n{textwrap.indent(value, indent)}".rstrip("\n")
        if not is_block:
            return f": {_yaml(value, flow=True)}"
        return ":\n" + textwrap.indent(_yaml(value, flow=False), " " * self.value.start_mark.column)


def _yaml(value: Any, *, flow: bool) -> str:
    dumped = yaml.safe_dump(value, default_flow_style=flow, width=_WIDTH, allow_unicode=True, sort_keys=False)
    return str(dumped).strip()


def _find(node: Any, path: tuple[str | int, ...]) -> _Place | None:
    place: _Place | None = None
    for step in path:
        if isinstance(step, int):
            place = _Place(None, node.value[step])
        else:
            place = next((_Place(key, value) for key, value in node.value if key.value == step), None)
        if place is None:
            return None
        node = place.value
    return place


def _fits_literal(value: Any) -> bool:
    """Whether a text can stand in a block as it is."""
    if not isinstance(value, str) or value.startswith((" ", "\n")) or not re.search(r"[^\n]\n\Z", value):
        return False
    return all(line.isprintable() for line in value.splitlines())
