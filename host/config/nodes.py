"""Reads YAML into a tree that records the position of every value.

PyYAML's composer parses. This module converts its nodes to `Node`s, so that every later error can name a file and a
line. Duplicate keys, keys that are not strings, and anchors that contain themselves are errors.
"""

from dataclasses import dataclass
from typing import Any

import yaml

from host.core.errors import ConfigError

Leaf = str | int | float | bool | None
MAX_NODES = 100_000


_COLLECTION_TAGS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")


class Faulty:
    """Placeholder for a value whose error was already reported, so that it is not reported again."""


FAULTY = Faulty()


@dataclass(slots=True)
class Node:
    """A value with its position. The line of a mapping's value is that of its key."""

    value: "dict[str, Node] | list[Node] | Leaf | Faulty"
    file: str
    line: int
    lenient: bool = False
    """True if the text contains an interpolated variable; it can then convert to the type of the option."""

    @property
    def mapping(self) -> "dict[str, Node] | None":
        """The entries, if this is a mapping."""
        return self.value if isinstance(self.value, dict) else None

    def plain(self) -> Any:
        """Return the value without positions."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


def parse(text: str, file: str, errors: list[ConfigError]) -> Node | None:
    """Parse a YAML document.

    Args:
        text: YAML.
        file: The name to show in errors.
        errors: Errors are appended here.

    Returns:
        The tree; None if the text is empty or not valid YAML.
    """
    wrong = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if wrong is not None:
        line = text.count("\n", 0, wrong.start()) + 1
        message = f"The character U+{ord(wrong[0]):04X} is not allowed in YAML."
        errors.append(ConfigError("", file, line, message, 'Write it as an escape in double quotes: "\\u001b".'))
        return None
    loader = yaml.CSafeLoader(text)  # the one in Python takes time quadratic in the depth of some documents
    try:
        root = loader.get_single_node()
        return None if root is None else _Builder(loader, file, errors).build(root, "", root.start_mark.line + 1)
    except yaml.MarkedYAMLError as error:
        if "nesting" in (error.problem or ""):
            errors.append(ConfigError("", file, 0, "Nested too deeply."))
            return None
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        errors.append(
            ConfigError("", file, line, f"Not valid YAML: {error.problem or error.context}.", _hint(text, line))
        )
    except yaml.YAMLError as error:
        errors.append(ConfigError("", file, 0, f"Not valid YAML: {error}."))
    except RecursionError:
        errors.append(ConfigError("", file, 0, "Nested too deeply."))
    finally:
        loader.dispose()
    return None


def _hint(text: str, line: int) -> str:
    lines = text.splitlines()
    here = lines[line - 1] if 0 < line <= len(lines) else ""
    if "\t" in here:
        return "Indent with spaces, not with tabs."
    return "Quote a value that holds ': ', ' #', or that starts with one of @ ` % & * ! | > [ {." if here else ""


class _Builder:
    def __init__(self, loader: yaml.CSafeLoader, file: str, errors: list[ConfigError]) -> None:
        self._loader = loader
        self._file = file
        self._errors = errors
        self._open: set[int] = set()
        self._count = 0
        self._own_keys: dict[int, set[int]] = {}

    def build(self, node: yaml.Node, path: str, line: int) -> Node:
        self._count += 1
        if id(node) in self._open:
            self._fault(path, line, "An anchor contains itself.", "Remove the alias.")
            return Node(FAULTY, self._file, line)
        if self._count > MAX_NODES:
            # Nested aliases can turn a small file into a huge tree.
            raise yaml.YAMLError(f"more than {MAX_NODES} values")
        self._open.add(id(node))
        try:
            return Node(self._value(node, path, line), self._file, line)
        finally:
            self._open.discard(id(node))

    def _value(self, node: yaml.Node, path: str, line: int) -> Any:
        if isinstance(node, yaml.CollectionNode) and node.tag not in _COLLECTION_TAGS:
            self._fault(path, line, f"The tag {node.tag} is not supported.", "Remove it.")
            return FAULTY
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            items = enumerate(node.value)
            return [self.build(item, f"{path}[{index}]", item.start_mark.line + 1) for index, item in items]
        return self._scalar(node, path, line)

    def _mapping(self, node: yaml.MappingNode, path: str) -> dict[str, Node]:
        # Flattening changes the node, and an alias visits the same node again, so record its own keys only once.
        own = self._own_keys.setdefault(id(node), {id(key) for key, _ in node.value})
        self._loader.flatten_mapping(node)  # resolves `<<`, putting the merged entries first
        entries: dict[str, Node] = {}
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = self._key(key_node, path, line)
            if key is None:
                continue
            if id(key_node) in own and key in lines:
                self._fault(_join(path, key), line, f"`{key}` is already set in line {lines[key]}.", "Keep one.")
                continue
            if id(key_node) in own:
                lines[key] = line
            entries[key] = self.build(value_node, _join(path, key), line)
        return entries

    def _key(self, node: yaml.Node, path: str, line: int) -> str | None:
        if not isinstance(node, yaml.ScalarNode):
            self._fault(path, line, "A key must be a word.", "Write `name: value`.")
            return None
        value = self._scalar(node, path, line)
        if isinstance(value, str):
            return value
        if value is FAULTY:
            return None
        # YAML 1.1 reads on, off, yes, no, null and 404 as other types than text.
        self._fault(_join(path, node.value), line, f"The key `{node.value}` is not text.", f'Write "{node.value}".')
        return None

    def _scalar(self, node: yaml.Node, path: str, line: int) -> Any:
        try:
            value = self._loader.construct_object(node)
        except (yaml.YAMLError, ValueError) as error:
            problem = error.problem if isinstance(error, yaml.MarkedYAMLError) else str(error)
            self._fault(path, line, f"Cannot read `{node.value}`: {problem}.", "Put it in quotes to mean text.")
            return FAULTY
        if value is None or isinstance(value, str | int | float):
            return value
        # A date. No option has that type, so 2024-01-01 means the text.
        return node.value

    def _fault(self, path: str, line: int, message: str, hint: str) -> None:
        self._errors.append(ConfigError(path, self._file, line, message, hint))


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
