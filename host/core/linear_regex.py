"""Regular expressions over bytes in linear time, in Python's syntax as far as RE2 goes.

Users write the expressions, but others send the data. For some expressions a backtracking engine takes time exponential
in the length of the data, and cannot be interrupted. RE2 never backtracks. Back-references and look-around, which RE2
lacks, are refused by name.
"""

import re
import re._parser as parser  # type: ignore[import-not-found]  # the only way to learn what an expression consists of
import warnings
from collections.abc import Iterator
from typing import Any

MAX_PROGRAM_SIZE = 1500
"""Instructions of a compiled expression. Searching takes time in proportion to it in the worst case."""
MAX_BYTES = 4096
"""Longest expression in bytes."""

_MAX_MEMORY_BYTES = 8 * 1024 * 1024
_VERTICAL_TAB = rb"\x0b"
"""A space in Python's `\\s`, but not in RE2's."""
_NO_LOWER_BOUND = re.compile(rb"\{,(\d*)\}")
_SUPPORTED_FLAGS = re.IGNORECASE | re.MULTILINE | re.DOTALL

_UNSUPPORTED = {
    ("ASSERT", 1): "a look-ahead, (?=...)",
    ("ASSERT", -1): "a look-behind, (?<=...)",
    ("ASSERT_NOT", 1): "a negative look-ahead, (?!...)",
    ("ASSERT_NOT", -1): "a negative look-behind, (?<!...)",
    ("GROUPREF", 0): r"a back-reference, \1 or (?P=name)",
    ("GROUPREF_EXISTS", 0): "a conditional, (?(1)...)",
    ("ATOMIC_GROUP", 0): "an atomic group, (?>...)",
    ("POSSESSIVE_REPEAT", 0): "a possessive repetition, as *+",
}


Spans = list[tuple[int, int]]
"""Start and end of a match and of each capture; (-1, -1) for a capture that did not match."""

_NOWHERE = (-1, -1)


class Pattern:
    """A compiled expression.

    Args:
        compiled: The expression as RE2 compiled it.
    """

    def __init__(self, compiled: Any) -> None:
        import re2

        self.groups: int = compiled.groups
        # The wrapper in Python takes four times as long as the search; splitters search once for each record.
        self._match = compiled._regexp.Match
        self._unanchored = re2._Anchor.UNANCHORED

    def search(self, text: memoryview, start: int, end: int) -> Spans | None:
        """Find the first match that begins at `start` or later and ends at `end` or before."""
        spans: Spans = self._match(self._unanchored, text, start, end)
        return None if spans[0] == _NOWHERE else spans


def parse(pattern: bytes) -> Any:
    """Parse an expression with Python's parser.

    Raises:
        ValueError: It is no expression, or one that cannot be searched in linear time.
    """
    if len(pattern) > MAX_BYTES:
        raise ValueError(f"it is longer than {MAX_BYTES} bytes")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            parsed = parser.parse(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"it is no regular expression: {error}") from error
    except Warning as warning:
        raise ValueError(f"it is ambiguous: {warning}; write \\[ for the character") from warning
    for name in _unsupported(parsed):
        raise ValueError(f"it has {name}, which cannot be searched in linear time")
    if parsed.state.flags & ~_SUPPORTED_FLAGS:
        raise ValueError("of the flags only (?i), (?m) and (?s) are supported")
    return parsed


def compile_bytes(pattern: bytes) -> Pattern:
    """Compile an expression.

    Raises:
        ValueError: It is no expression, one that cannot be searched in linear time, or a too large one.
    """
    import re2

    parse(pattern)
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1  # each byte is a character
    options.log_errors = False
    options.max_mem = _MAX_MEMORY_BYTES
    try:
        compiled = re2.compile(_as_re2(pattern), options)
    except re2.error as error:
        raise ValueError(f"RE2 does not take it: {_text(error)}") from error
    if compiled.programsize > MAX_PROGRAM_SIZE:
        raise ValueError(
            f"it is too large: it compiles to {compiled.programsize} instructions, and {MAX_PROGRAM_SIZE} are allowed. "
            "Use fewer or smaller counted repetitions"
        )
    return Pattern(compiled)


def _text(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)


def _unsupported(node: Any) -> Iterator[str]:
    """Yield the names of constructs that RE2 lacks, anywhere in a parsed expression."""
    if isinstance(node, parser.SubPattern):
        for op, argument in node:
            name = str(op)
            direction = argument[0] if name in {"ASSERT", "ASSERT_NOT"} else 0
            if (name, direction) in _UNSUPPORTED:
                yield _UNSUPPORTED[name, direction]
            yield from _unsupported(argument)
    elif isinstance(node, tuple | list):
        for part in node:
            yield from _unsupported(part)


def _as_re2(pattern: bytes) -> bytes:
    r"""Write in RE2's syntax the little that it reads otherwise: `\s` with \v, and `{,3}`."""
    out, at, in_class = bytearray(), 0, False
    while at < len(pattern):
        if pattern[at : at + 1] == b"\\":
            out += _escape(pattern[at : at + 2], in_class=in_class)
            at += 2
            continue
        found = None if in_class else _NO_LOWER_BOUND.match(pattern, at)
        if found is not None:
            out += b"{0," + found[1] + b"}"
            at = found.end()
            continue
        if pattern[at : at + 1] == b"[" and not in_class:
            # A ] right behind is a member of the class.
            end = at + 1 + pattern.startswith(b"^", at + 1)
            end += pattern.startswith(b"]", end)
            out += pattern[at:end].replace(b"]", rb"\]")
            at, in_class = end, True
            continue
        if pattern[at : at + 1] == b"]":
            in_class = False
        out += pattern[at : at + 1]
        at += 1
    return bytes(out)


def _escape(escape: bytes, *, in_class: bool) -> bytes:
    if escape == rb"\s":
        return rb"\s" + _VERTICAL_TAB if in_class else rb"[\s" + _VERTICAL_TAB + b"]"
    if escape == rb"\S" and not in_class:
        return rb"[^\s" + _VERTICAL_TAB + b"]"
    return escape
