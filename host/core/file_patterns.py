"""Patterns of file names (`*`, `?`, `[abc]`, and `**` for folders at any depth), matched in linear time.

They mean the same as in Python's `fnmatch` and `glob`. Those use a backtracking engine, which is unsafe here because
file names may be chosen by an attacker.
"""

import functools
import os
from collections.abc import Callable, Iterator
from glob import has_magic
from typing import Any

_ANY = "(?s:.)"
_ANY_DEPTH = "**"
_FIRST_ESCAPED, _PRIVATE = 0xDC80, 0x10FF00
_AS_PRIVATE = {_FIRST_ESCAPED + byte: _PRIVATE + byte for byte in range(128)}
"""Replacements for surrogates, which Python uses for bytes that are not UTF-8 and which RE2 rejects."""


def fnmatch(name: str, pattern: str) -> bool:
    """Return True if the whole name matches the pattern."""
    return _compile(pattern)(name)


@functools.lru_cache(maxsize=512)
def _compile(pattern: str) -> Callable[[str], bool]:
    import re2

    options = re2.Options()
    options.log_errors = False
    expression = _translate(pattern.translate(_AS_PRIVATE), re2.escape)
    fullmatch = re2.compile(expression, options).fullmatch
    return lambda name: fullmatch(name.translate(_AS_PRIVATE)) is not None


def _translate(pattern: str, escape: Any) -> str:
    out: list[str] = []
    at = 0
    while at < len(pattern):
        character = pattern[at]
        at += 1
        if character == "*":
            if not out or out[-1] != f"{_ANY}*":
                out.append(f"{_ANY}*")
        elif character == "?":
            out.append(_ANY)
        elif character == "[" and (end := _end_of_set(pattern, at)) > 0:
            out.append(_set(pattern[at:end]))
            at = end + 1
        else:
            out.append(escape(character))
    return "".join(out)


def _end_of_set(pattern: str, at: int) -> int:
    """Return where the set that begins at `at` ends; -1 if it does not."""
    first = at + pattern.startswith("!", at)
    return pattern.find("]", first + 1)


def _set(text: str) -> str:
    is_negated = text.startswith("!")
    members = text[is_negated:]
    out, at = [], 0
    while at < len(members):
        low = high = members[at]
        at += 1
        if members.startswith("-", at) and at + 1 < len(members):
            high = members[at + 1]
            at += 2
        if low <= high:
            out.append(f"\\x{{{ord(low):x}}}-\\x{{{ord(high):x}}}")
    if not out:  # an empty range matches nothing
        return _ANY if is_negated else r"[^\x{0}-\x{10ffff}]"
    return f"[{'^' if is_negated else ''}{''.join(out)}]"


def glob(pattern: str, *, recursive: bool = False) -> list[str]:
    """Return the paths that a pattern stands for.

    Args:
        pattern: A path whose parts may be patterns. Those that do not begin with a dot match no hidden file.
        recursive: `**` as a part stands for any number of folders.
    """
    root = "/" if pattern.startswith("/") else ""
    parts: list[str] = []
    for part in pattern.strip("/").split("/") if pattern.strip("/") else []:
        is_repeated = recursive and part == _ANY_DEPTH and parts[-1:] == [_ANY_DEPTH]
        if part and not is_repeated:
            parts.append(part)
    if pattern.endswith("/"):
        parts.append("")
    return list(dict.fromkeys(_Walk(parts, recursive=recursive).below(root, 0)))


class _Walk:
    """Looks through folders, each with the rest of a pattern once."""

    def __init__(self, parts: list[str], *, recursive: bool) -> None:
        self._parts = parts
        self._recursive = recursive
        self._seen: set[tuple[str, int]] = set()

    def below(self, folder: str, index: int) -> Iterator[str]:
        """Yield what the pattern from a part onward stands for in a folder."""
        if (folder, index) in self._seen:
            return
        self._seen.add((folder, index))
        if index == len(self._parts):
            if folder:
                yield folder
            return
        part = self._parts[index]
        if not part:
            if os.path.isdir(folder):  # noqa: PTH112 -- paths as text, for thousands at a time
                yield f"{folder.rstrip('/')}/"
        elif self._recursive and part == _ANY_DEPTH:
            yield from self._at_any_depth(folder, index)
        else:
            for name in self._names(folder, part):
                path = os.path.join(folder, name)  # noqa: PTH118
                if index + 1 == len(self._parts) or os.path.isdir(path):  # noqa: PTH112
                    yield from self.below(path, index + 1)

    def _at_any_depth(self, folder: str, index: int) -> Iterator[str]:
        is_last = index + 1 == len(self._parts)
        if not is_last:
            yield from self.below(folder, index + 1)
        elif folder:
            yield f"{folder.rstrip('/')}/"
        for name in _list(folder):
            if name.startswith("."):
                continue
            path = os.path.join(folder, name)  # noqa: PTH118
            if os.path.isdir(path):  # noqa: PTH112
                if is_last:
                    yield path
                yield from (each for each in self.below(path, index) if not is_last or each != f"{path}/")
            elif is_last:
                yield path

    def _names(self, folder: str, part: str) -> Iterator[str]:
        if not has_magic(part):
            if os.path.lexists(os.path.join(folder, part)):  # noqa: PTH118
                yield part
            return
        shows_hidden = part.startswith(".")
        for name in _list(folder):
            if (shows_hidden or not name.startswith(".")) and fnmatch(name, part):
                yield name


def _list(folder: str) -> list[str]:
    try:
        return os.listdir(folder or ".")  # noqa: PTH208
    except OSError:
        return []  # not a folder, gone, or not to be read
