"""Writes values into YAML files and the front matter of plugins. Comments, order and style are kept."""

import json
import re
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from host.plugins import manifest
from host.trial.update import Update

_WIDTH = 100_000


def write(updates: Iterable[Update]) -> dict[str, int]:
    """Write values into their files.

    Returns:
        The number of values written, by file.
    """
    by_file: dict[str, list[Update]] = {}
    for update in updates:
        by_file.setdefault(update.file, []).append(update)
    return {file: _write_into(Path(file), found) for file, found in by_file.items()}


def _write_into(path: Path, updates: list[Update]) -> int:
    text = path.read_text(encoding="utf-8")
    front_matter = manifest.front_matter(text) if path.suffix == ".lua" else (0, text, "")
    assert front_matter is not None  # the cases were read from it
    offset, document, _ = front_matter
    root = yaml.compose(document, yaml.SafeLoader)
    assert root is not None
    shared = _shared(root)
    all_places = [(_place_of(root, update), update.value) for update in updates]
    places = [(place, value) for place, value in all_places if place is not None and id(place.value) not in shared]
    spans = [(place.span(document), place.dump(value)) for place, value in places]
    for (start, end), dumped in sorted(spans, key=lambda each: each[0], reverse=True):
        text = text[: offset + start] + dumped + text[offset + end :]
    if places:
        path.write_text(text, encoding="utf-8")
    return len(places)


def _place_of(root: yaml.Node, update: Update) -> "_Place | _Addition | None":
    """Return the place of a value; None if the file has none and the value must not be added."""
    place = _find(root, update.path)
    if place is not None or not update.is_added or update.value is None:
        return place
    above = _find(root, update.path[:-1])
    if above is None or not isinstance(above.value, yaml.MappingNode) or not above.value.value:
        return None
    return _Addition(above.value, str(update.path[-1]))


def _shared(root: yaml.Node) -> set[int]:
    """Return the ids of values with YAML aliases, with all values inside and around them.

    Writing one of these would change another part of the document too.
    """
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
    """A value in a mapping, from the end of its key; or an element of a list."""

    key: yaml.Node | None
    value: yaml.Node
    is_in_flow: bool = False
    """True if the value is inside braces."""

    def span(self, document: str) -> tuple[int, int]:
        """Return the range to replace."""
        return int(self.value.start_mark.index if self.key is None else self.key.end_mark.index), self.end(document)

    def end(self, document: str) -> int:
        """Return the end of the value. A block ends before any comments that follow it."""
        start, end = self.value.start_mark.index, self.value.end_mark.index
        lines = document[start:end].splitlines(keepends=True)
        is_block = isinstance(self.value, yaml.CollectionNode) and not self.value.flow_style
        while is_block and len(lines) > 1 and (not lines[-1].strip() or lines[-1].lstrip().startswith("#")):
            lines.pop()
        return int(start + len("".join(lines).rstrip()))

    def dump(self, value: Any) -> str:
        """Return a value as YAML, in the style of the value that it replaces."""
        is_block = isinstance(self.value, yaml.CollectionNode) and not self.value.flow_style and value
        if self.key is None:
            block = textwrap.indent(_yaml(value, flow=False), " " * self.value.start_mark.column).lstrip()
            return block if is_block else _yaml(value, flow=True)
        if isinstance(self.value, yaml.ScalarNode) and isinstance(value, list | dict) and value and not self.is_in_flow:
            return ":\n" + textwrap.indent(_yaml(value, flow=False), " " * self.key.start_mark.column)
        if isinstance(self.value, yaml.ScalarNode):
            if self.value.style != "|" or not _fits_literal(value):
                return f": {_yaml(value, flow=True)}"
            indent = " " * (self.key.start_mark.column + 2)
            return f": |\n{textwrap.indent(value, indent)}".rstrip("\n")
        if not is_block:
            return f": {_yaml(value, flow=True)}"
        return ":\n" + textwrap.indent(_yaml(value, flow=False), " " * self.value.start_mark.column)


class _Addition(NamedTuple):
    """A new key, added after the last key of a mapping."""

    value: yaml.MappingNode
    name: str

    def span(self, document: str) -> tuple[int, int]:
        """Return the position to insert at: after the last value and any comment behind it."""
        end = _Place(*self.value.value[-1]).end(document)
        line_end = document.find("\n", end)
        rest = document[end : line_end if line_end >= 0 else len(document)]
        if not self.value.flow_style and rest.lstrip().startswith("#"):
            end += len(rest)
        return end, end

    def dump(self, value: Any) -> str:
        """Return the key and its value as YAML."""
        between = ", " if self.value.flow_style else "\n" + " " * self.value.value[0][0].start_mark.column
        return f"{between}{self.name}: {_yaml(value, flow=True)}"


def _yaml(value: Any, *, flow: bool) -> str:
    if not isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    dumped = yaml.safe_dump(value, default_flow_style=flow, width=_WIDTH, allow_unicode=True, sort_keys=False)
    return str(dumped).strip()


def _find(node: Any, path: tuple[str | int, ...]) -> _Place | None:
    place: _Place | None = None
    for step in path:
        if isinstance(step, int):
            place = _Place(None, node.value[step])
        else:
            if not isinstance(node, yaml.MappingNode):
                return None
            is_flow = bool(node.flow_style)
            place = next((_Place(key, value, is_flow) for key, value in node.value if key.value == step), None)
        if place is None:
            return None
        node = place.value
    return place


def _fits_literal(value: Any) -> bool:
    """Return True if the text can be written unchanged as a literal block."""
    if not isinstance(value, str) or value.startswith((" ", "\n")) or not re.search(r"[^\n]\n\Z", value):
        return False
    return all(line.isprintable() for line in value.splitlines())
