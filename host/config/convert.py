"""Converts a tree of nodes to typed values and reports every error with its own line.

msgspec stops at the first error. This module converts each option separately, so that a user sees all errors at once.
"""

import difflib
import re
import types
import typing
from collections.abc import Collection, Iterable, Mapping
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import msgspec

from host.config.nodes import FAULTY, Node
from host.core.errors import ConfigError

StructT = TypeVar("StructT", bound=msgspec.Struct)

_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "a mapping of keys to values",
    "null": "nothing",
}
_HINTS = {
    ("int", "str"): "Remove the quotes.",
    ("float", "str"): "Remove the quotes.",
    ("bool", "str"): "Write true or false, without quotes.",
    ("str", "int"): "Put it in quotes.",
    ("str", "float"): "Put it in quotes.",
    ("str", "bool"): "Put it in quotes.",
}
_AT = re.compile(r" - at `(?P<path>\$[^`]*)`$")
_STEP = re.compile(r"\[(?P<index>\d+)\]|\.(?P<key>[^.\[]+)")


def to_struct(
    where: Node, entries: Mapping[str, Node], cls: type[StructT], path: str, errors: list[ConfigError]
) -> StructT | None:
    """Build a struct from the entries that are its fields. Ignore other entries.

    Args:
        where: The node to report errors at that have no position of their own.
        entries: Nodes by key.
        cls: The struct.
        path: Configuration path of `where`.
        errors: Errors are appended here.

    Returns:
        The struct, or None if there was an error.
    """
    before = len(errors)
    hints = typing.get_type_hints(cls, include_extras=True)
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(cls):
        node = entries.get(field.encode_name)
        if node is not None:
            values[field.name] = to_value(node, hints[field.name], join(path, field.encode_name), errors)
        elif field.required:
            message = f"`{field.encode_name}` is missing."
            errors.append(ConfigError(path, where.file, where.line, message, description(hints[field.name])))
    if len(errors) > before or FAULTY in values.values():
        return None
    try:
        return cls(**values)
    except (ValueError, TypeError) as error:
        errors.append(ConfigError(path, where.file, where.line, sentence(str(error))))
        return None


def to_value(node: Node, annotation: Any, path: str, errors: list[ConfigError]) -> Any:
    """Convert a node to the annotated type. Return FAULTY on failure."""
    if node.value is FAULTY:
        return FAULTY
    struct = _struct_in(annotation)
    if struct is not None and node.mapping is not None:
        return _nested(node, struct, path, errors)
    item = _struct_in_items(annotation)
    if item is not None and isinstance(node.value, list):
        return [to_value(child, item, f"{path}[{index}]", errors) for index, child in enumerate(node.value)]
    if item is not None and node.mapping is not None:
        return {key: to_value(child, item, join(path, key), errors) for key, child in node.mapping.items()}
    return _plain(node, annotation, path, errors)


def unknown_keys(
    entries: Mapping[str, Node], known: Collection[str], path: str, errors: list[ConfigError], kind: str = "option"
) -> None:
    """Append an error for each key that is not in `known`."""
    for key, node in entries.items():
        if key not in known:
            message = f"There is no {kind} `{key}` here."
            errors.append(ConfigError(join(path, key), node.file, node.line, message, did_you_mean(key, known)))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint that names the closest known word, or all known words if none is close."""
    choices = sorted(known)
    close = difflib.get_close_matches(word.lower(), choices, n=1, cutoff=0.6)
    if close:
        return f"Did you mean `{close[0]}`?"
    return f"Known: {', '.join(choices)}." if choices else ""


def join(path: str, key: str) -> str:
    """Return the configuration path of a key below `path`."""
    return f"{path}.{key}" if path else key


def sentence(text: str) -> str:
    """Return the text with a leading capital and a final full stop."""
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?", "!")) else f"{text}."


def description(annotation: Any) -> str:
    """Return the description in an annotation's `msgspec.Meta`, or an empty string."""
    notes = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    return next((note.description for note in notes if isinstance(note, msgspec.Meta) and note.description), "")


def bare(annotation: Any) -> Any:
    """Return an annotation without `Annotated`."""
    return bare(get_args(annotation)[0]) if get_origin(annotation) is Annotated else annotation


def members(annotation: Any) -> list[Any]:
    """Return the members of a union, or the type itself, without `Annotated`."""
    inner = bare(annotation)
    if get_origin(inner) in (Union, types.UnionType):
        return [member for alternative in get_args(inner) for member in members(alternative)]
    return [inner]


def _struct_in(annotation: Any) -> type[msgspec.Struct] | None:
    classes = (member for member in members(annotation) if isinstance(member, type))
    return next((cls for cls in classes if issubclass(cls, msgspec.Struct)), None)


def _struct_in_items(annotation: Any) -> Any:
    for member in members(annotation):
        arguments = get_args(member)
        item = arguments[1] if get_origin(member) is dict else arguments[0] if arguments else None
        if get_origin(member) in (dict, list, tuple) and _struct_in(item):
            return item
    return None


def _nested(node: Node, struct: type[msgspec.Struct], path: str, errors: list[ConfigError]) -> Any:
    assert node.mapping is not None
    before = len(errors)
    unknown_keys(node.mapping, [field.encode_name for field in msgspec.structs.fields(struct)], path, errors)
    value = to_struct(node, node.mapping, struct, path, errors)
    return value if len(errors) == before else FAULTY


def _plain(node: Node, annotation: Any, path: str, errors: list[ConfigError]) -> Any:
    if _holds_fault(node):
        return FAULTY
    try:
        return msgspec.convert(node.plain(), annotation, strict=not _is_lenient(node))
    except msgspec.ValidationError as error:
        text = str(error)
        at = _AT.search(text)
        place, suffix = _follow(node, at["path"]) if at else (node, "")
        message, hint = _explain(text[: at.start()] if at else text, annotation, place)
        errors.append(ConfigError(path + suffix, place.file, place.line, message, hint))
        return FAULTY


def _holds_fault(node: Node) -> bool:
    children = (
        node.value.values() if isinstance(node.value, dict) else node.value if isinstance(node.value, list) else ()
    )
    return node.value is FAULTY or any(_holds_fault(child) for child in children)


def _is_lenient(node: Node) -> bool:
    children = (
        node.value.values() if isinstance(node.value, dict) else node.value if isinstance(node.value, list) else ()
    )
    return node.lenient or any(_is_lenient(child) for child in children)


def _follow(node: Node, at: str) -> tuple[Node, str]:
    suffix = ""
    for step in _STEP.finditer(at):
        child: Node | None = None
        if step["index"] is not None and isinstance(node.value, list):
            child = node.value[int(step["index"])]
        elif isinstance(node.value, dict):
            child = node.value.get(step["key"])
        if child is None:
            break
        node, suffix = child, suffix + step[0]
    return node, suffix


def _explain(text: str, annotation: Any, node: Node) -> tuple[str, str]:
    """Reword a msgspec error and return it with a hint."""
    if text.startswith("Invalid enum value"):
        choices = [str(choice) for member in members(annotation) for choice in get_args(member)]
        close = difflib.get_close_matches(str(node.value), choices, n=1)
        guess = f" Did you mean `{close[0]}`?" if close else ""
        return f"`{node.value}` is none of the possible values.", f"One of: {', '.join(choices)}.{guess}"
    wrong = re.fullmatch(r"Expected `(?P<want>[^`]+)`, got `(?P<got>\w+)`", text)
    if wrong:
        alternatives = [_WORDS.get(name.strip(), name.strip()) for name in wrong["want"].split("|")]
        wanted = " or ".join(word for word in alternatives if word != "nothing")
        got = "nothing" if wrong["got"] == "null" else f"`{_shown(node)}`"
        if node.lenient:
            return f"Expected {wanted}, got {got} from the environment.", "Correct the variable."
        return f"Expected {wanted}, got {got}.", _hint_for(wrong["want"], wrong["got"])
    plain = re.sub(r"`(\w+)`", lambda match: _WORDS.get(match[1], match[1]), text)
    return f"{sentence(plain)[:-1]}, got `{_shown(node)}`.", ""


def _hint_for(want: str, got: str) -> str:
    hints = (_HINTS.get((name.strip(), got), "") for name in want.split("|"))
    return next((hint for hint in hints if hint), "")


def _shown(node: Node) -> str:
    text = str(node.plain())
    return text if len(text) <= 60 else f"{text[:57]}..."
