"""Reads Lua assignments as data: Hindsight's `.cfg` files.

A file is a sequence of `name = value`. Values are strings, numbers, booleans, nil, tables, names assigned earlier, and
expressions of these with `+ - * / ..`. The file is parsed and never executed, so a function call is an error.
"""

import re
from typing import NamedTuple

from host.config.nodes import Leaf, Node
from host.core.errors import ConfigError

_TOKEN = re.compile(
    rb"""(?P<space>[ \t\r\n]+|--\[(?P<note>=*)\[.*?\](?P=note)\]|--[^\n]*)
    |(?P<long>\[(?P<level>=*)\[.*?\](?P=level)\])
    |(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<number>0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<name>[A-Za-z_]\w*)
    |(?P<mark>\.\.|[=+*/{}\[\](),;.:-])""",
    re.DOTALL | re.VERBOSE,
)
_ESCAPE = re.compile(rb"\\(\d{1,3}|.)", re.DOTALL)
_ESCAPES = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v"}
_WORDS: dict[str, Leaf] = {"true": True, "false": False, "nil": None}
_MAX_DEPTH = 32
_MAX_NUMBER = 1e300
_END = ""
_HINT = "This file is read as data: write strings, numbers, true, false and tables."


class _LuaToken(NamedTuple):
    kind: str
    text: bytes
    line: int


class _ParseError(Exception):
    """Raised with a message and a line."""


def parse(source: bytes, file: str, errors: list[ConfigError]) -> dict[str, Node] | None:
    """Parse the assignments of a file.

    Args:
        source: The bytes of the file.
        file: The name to show in errors.
        errors: Errors are appended here.

    Returns:
        The assigned values by name; None if there was an error.
    """
    try:
        return _Parser(_tokens(source), file).assignments()
    except _ParseError as error:
        message, line = error.args
        errors.append(ConfigError("", file, line, message, _HINT))
        return None


def _tokens(source: bytes) -> list[_LuaToken]:
    tokens, at, line = [], 0, 1
    while at < len(source):
        match = _TOKEN.match(source, at)
        if match is None:
            excerpt = source[at : at + 20].decode(errors="replace").split("\n")[0]
            raise _ParseError(f"Unexpected `{excerpt}`.", line)
        kind = match.lastgroup if match.lastgroup not in {"note", "level"} else "space" if match["space"] else "long"
        if kind != "space":
            tokens.append(_LuaToken(str(kind), match[0], line))
        line += match[0].count(b"\n")
        at = match.end()
    return [*tokens, _LuaToken(_END, b"the end of the file", line)]


def _text_of(token: _LuaToken) -> str:
    if token.kind == "long":
        width = token.text.index(b"[", 1) + 1
        data = token.text[width:-width]
        data = data.removeprefix(b"\r").removeprefix(b"\n")
    else:
        data = _ESCAPE.sub(_unescape, token.text[1:-1])
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise _ParseError("The text is not UTF-8.", token.line) from None


def _number(text: str, line: int) -> int | float:
    value = int(text, 16) if text[:2] in {"0x", "0X"} else float(text)
    if abs(value) > _MAX_NUMBER:
        raise _ParseError("The number is too large.", line)
    return int(value) if value == int(value) else value


def _unescape(match: re.Match[bytes]) -> bytes:
    escape = match[1]
    return bytes([int(escape) & 255]) if escape.isdigit() else _ESCAPES.get(escape, escape)


class _Parser:
    """Recursive descent parser of one file."""

    def __init__(self, tokens: list[_LuaToken], file: str) -> None:
        self._tokens = tokens
        self._file = file
        self._at = 0
        self._assigned: dict[str, Node] = {}
        self._depth = 0

    def assignments(self) -> dict[str, Node]:
        """Parse the file. Return the global assignments; `local` names can be used but are not returned."""
        public: dict[str, Node] = {}
        while self._next.kind != _END:
            if self._took(";"):
                continue
            is_local = self._next.text == b"local"
            if is_local:
                self._at += 1
            name = self._name()
            self._need("=")
            self._assigned[name.text.decode()] = self._value(name.line)
            if not is_local:
                public[name.text.decode()] = self._assigned[name.text.decode()]
        return {name: node for name, node in public.items() if node.value is not None}

    @property
    def _next(self) -> _LuaToken:
        return self._tokens[self._at]

    def _took(self, mark: str) -> bool:
        if self._next.kind == "mark" and self._next.text == mark.encode():
            self._at += 1
            return True
        return False

    def _need(self, mark: str) -> None:
        if not self._took(mark):
            raise _ParseError(
                f"`{mark}` is missing before `{self._next.text.decode(errors='replace')}`.", self._next.line
            )

    def _name(self) -> _LuaToken:
        token = self._next
        if token.kind != "name":
            raise _ParseError(f"Expected a name, got `{token.text.decode(errors='replace')}`.", token.line)
        self._at += 1
        return token

    def _value(self, line: int) -> Node:
        """Parse an expression. `line` is the line of the assigned name."""
        left = self._sum()
        while self._took(".."):
            left = self._concatenate(left, self._sum())
        return Node(left.value, self._file, line)

    def _concatenate(self, left: Node, right: Node) -> Node:
        for side in (left, right):
            if not isinstance(side.value, str | int | float) or isinstance(side.value, bool):
                raise _ParseError("`..` joins text and numbers.", side.line)
        return Node(f"{left.value}{right.value}", self._file, left.line)

    def _sum(self) -> Node:
        left = self._product()
        while self._next.text in (b"+", b"-"):
            left = self._calculate(left, self._sign(), self._product())
        return left

    def _product(self) -> Node:
        left = self._primary()
        while self._next.text in (b"*", b"/"):
            left = self._calculate(left, self._sign(), self._primary())
        return left

    def _sign(self) -> bytes:
        self._at += 1
        return self._tokens[self._at - 1].text

    def _calculate(self, left: Node, sign: bytes, right: Node) -> Node:
        a, b = (self._number(side) for side in (left, right))
        if sign == b"/" and b == 0:
            raise _ParseError("Division by zero.", left.line)
        result = float(a + b if sign == b"+" else a - b if sign == b"-" else a * b if sign == b"*" else a / b)
        if abs(result) > _MAX_NUMBER:
            raise _ParseError("The number is too large.", left.line)
        return Node(int(result) if result.is_integer() else result, self._file, left.line)

    def _number(self, node: Node) -> int | float:
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            raise _ParseError("Arithmetic needs numbers.", node.line)
        return node.value

    def _primary(self) -> Node:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise _ParseError("Nested too deeply.", self._next.line)
        try:
            return self._unguarded()
        finally:
            self._depth -= 1

    def _unguarded(self) -> Node:
        token = self._next
        self._at += 1
        if token.kind in {"text", "long"}:
            return Node(_text_of(token), self._file, token.line)
        if token.kind == "number":
            text = token.text.decode()
            return Node(_number(text, token.line), self._file, token.line)
        if token.kind == "name":
            return self._word(token)
        if token.text == b"{":
            return self._table(token.line)
        if token.text == b"-":
            return Node(-self._number(self._primary()), self._file, token.line)
        if token.text == b"(":
            inner = self._value(token.line)
            self._need(")")
            return inner
        raise _ParseError(f"Expected a value, got `{token.text.decode(errors='replace')}`.", token.line)

    def _word(self, token: _LuaToken) -> Node:
        name = token.text.decode()
        if name in _WORDS:
            return Node(_WORDS[name], self._file, token.line)
        if self._next.text in (b"(", b".", b":", b"[") or self._next.kind in {"text", "long"}:
            raise _ParseError(f"`{name}` is not data: calls and lookups are not supported.", token.line)
        if name not in self._assigned:
            raise _ParseError(f"`{name}` has not been assigned.", token.line)
        return self._assigned[name]

    def _table(self, line: int) -> Node:
        items: list[Node] = []
        entries: dict[str, Node] = {}
        while not self._took("}"):
            self._field(items, entries)
            if not (self._took(",") or self._took(";")) and self._next.text != b"}":
                raise _ParseError("`,` or `}` is missing.", self._next.line)
        if items and entries:
            raise _ParseError("A table must be either a list or a set of named values.", line)
        return Node(items or {key: node for key, node in entries.items() if node.value is not None}, self._file, line)

    def _field(self, items: list[Node], entries: dict[str, Node]) -> None:
        token = self._next
        if self._took("["):
            key = self._value(token.line)
            self._need("]")
            self._need("=")
            if not isinstance(key.value, str):
                raise _ParseError("A table key must be text.", token.line)
            entries[key.value] = self._value(token.line)
        elif token.kind == "name" and self._tokens[self._at + 1].text == b"=":
            self._at += 2
            entries[token.text.decode()] = self._value(token.line)
        else:
            items.append(self._value(token.line))
