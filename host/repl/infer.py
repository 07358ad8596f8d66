"""Proposes a grammar: exactly from a format that a program writes with, or by what sample lines have in common."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from host import paths

_HEAD = """declare_grammar {{
  type = read_config "type",
  payload_is_record = read_config "payload_keep",
  alternatives = {alternatives},
}}"""

_PLURAL = 3
"""So many lines must agree before a word is taken for a constant."""


class Token(NamedTuple):
    """A part of a line, as tokens.lua recognises it."""

    kind: str
    text: str
    name: str = ""


Column = list[Token]
"""The tokens of all lines at one place."""


# ---------------------------------------------------------------- exact


def quote(text: str) -> str:
    """A text as a literal of Lua."""
    level = ""
    while f"]{level}]" in text or text.endswith("]" + level):
        level += "="
    return f"[{level}[{text}]{level}]" if '"' in text or "\\" in text else f'"{text}"'


def of_nginx(log_format: str) -> str:
    """From nginx's log_format."""
    return _of_items("common_log_format", "nginx_items", log_format)


def of_apache(log_format: str) -> str:
    """From Apache's LogFormat."""
    return _of_items("common_log_format", "apache_items", log_format)


def of_rsyslog(template: str) -> str:
    """From a template of rsyslog."""
    return _of_items("syslog", "rsyslog_items", template)


def of_printf(text: str, names: Sequence[str]) -> str:
    """From a format of printf, and the names of its arguments."""
    count = len(re.findall(r"%[-+ #0'*\d.]*(?:hh|h|ll|l|j|z|t|L)?[diuoxXfFeEgGaAcspn]", text.replace("%%", "")))
    given = [names[number] if number < len(names) else f"argument_{number + 1}" for number in range(count)]
    parts = ", ".join([quote(text), *(quote(name) for name in given)])
    return f'grammar = require "printf".build_grammar{{{parts}}}'


EXACT = {"nginx": of_nginx, "apache": of_apache, "rsyslog": of_rsyslog}
_IN_A_FILE = (
    (re.compile(r"log_format\s+\w+\s+(?:escape=\w+\s+)?((?:'[^']*'\s*|\"[^\"]*\"\s*)+);"), "nginx"),
    (re.compile(r'LogFormat\s+("(?:\\.|[^"\\])*")'), "apache"),
    (re.compile(r'template\([^)]*string\s*=\s*("(?:\\.|[^"\\])*")'), "rsyslog"),
    (re.compile(r'^\$template\s+\w+\s*,\s*("(?:\\.|[^"\\])*")', re.MULTILINE), "rsyslog"),
)


def format_in(text: str) -> tuple[str, str] | None:
    """The kind and the text of a format that stands in a server's configuration; None if there is none."""
    for pattern, kind in _IN_A_FILE:
        found = pattern.search(text)
        if found:
            parts = re.findall(r"'([^']*)'|\"((?:\\.|[^\"\\])*)\"", found[1])
            joined = "".join(single or double for single, double in parts)
            return kind, joined.replace('\\"', '"') if kind == "apache" else joined
    return None


def _of_items(module: str, function: str, text: str) -> str:
    items = f"{module}.{function}({quote(text)})"
    return f'local {module} = require "{module}"\n\n' + _HEAD.format(alternatives=items)


# ---------------------------------------------------------------- from lines


def tokens_script() -> bytes:
    """The script that takes lines apart."""
    return (paths.kernel().parents[1] / "repl" / "tokens.lua").read_bytes()


def of_lines(tokenized: Sequence[Sequence[Token]]) -> tuple[str, int]:
    """A grammar for lines that were taken apart, and how many of them it was made of."""
    lines = _alike([list(tokens) for tokens in tokenized if tokens])
    columns, has_rest = _columns(lines)
    return _code(columns, has_rest=has_rest), len(lines)


def _alike(lines: list[list[Token]]) -> list[list[Token]]:
    """The lines that begin as most of them do: others are the insides of stack traces, or banners."""
    if not lines:
        return []
    begin = Counter(_beginning(line) for line in lines).most_common(1)[0][0]
    return [line for line in lines if _beginning(line) == begin]


def _beginning(line: list[Token]) -> tuple[str, ...]:
    return tuple(_class(token) for token in line[:2])


def _class(token: Token) -> str:
    if token.kind == "text":
        return token.text
    return token.kind if token.kind.startswith("time:") else "value"


def _columns(lines: list[list[Token]]) -> tuple[list[Column], bool]:
    """What all lines have at the same places, and whether something else follows."""
    columns: list[Column] = []
    for place in range(min((len(line) for line in lines), default=0)):
        column = [line[place] for line in lines]
        if not _is_one(column):
            break
        columns.append(_constant(column, len(lines)))
    has_rest = any(len(line) > len(columns) for line in lines)
    return columns, _drop_prose(columns) or has_rest


def _is_one(column: Column) -> bool:
    if any(token.kind == "text" for token in column):
        return len({token.text.strip(" \t") if token.kind == "text" else None for token in column}) == 1
    times = {token.kind for token in column if token.kind.startswith("time:")}
    return not times or len({token.kind for token in column}) == 1


def _constant(column: Column, lines: int) -> Column:
    """A word that many lines have is text."""
    token = column[0]
    is_word = all(each.kind == "word" and not each.name for each in column)
    if is_word and lines >= _PLURAL and not _varies(column) and not _levels(column):
        return [Token("text", token.text)] * len(column)
    return column


def _varies(column: Column) -> bool:
    return len({token.text for token in column}) > 1


def _drop_prose(columns: list[Column]) -> bool:
    """Take the words off the end that are a sentence; whether there were any."""

    def is_word(place: int) -> bool:
        column = columns[place]
        return column[0].kind == "word" and not column[0].name and not _levels(column)

    if len(columns) < 5 or not (is_word(-1) and is_word(-3) and is_word(-5)):
        return False
    while len(columns) > 1 and is_word(-1) and columns[-2][0].text == " ":
        del columns[-2:]
    columns.append([Token("text", " ")] * len(columns[0]))
    return True


_LEVELS = frozenset(
    [
        "trace",
        "debug",
        "info",
        "notice",
        "warn",
        "warning",
        "error",
        "err",
        "crit",
        "critical",
        "fatal",
        "alert",
        "emerg",
        "panic",
    ]
)
_METHODS = frozenset(["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE"])
_UNITS = frozenset(
    ["bytes", "ms", "us", "ns", "s", "sec", "seconds", "minutes", "kb", "mb", "rows", "lines", "packets", "requests"]
)


def _levels(column: Column) -> bool:
    return all(token.text.lower() in _LEVELS for token in column)


# ---------------------------------------------------------------- code

_TIMES = {
    "time:rfc3339": ("time", "timestamp:rfc3339"),
    "time:clf": ("clf_time", "timestamp:clf"),
    "time:rfc3164": ("syslog_time", "timestamp:rfc3164"),
    "time:epoch_s": ("digits", "timestamp:epoch_s"),
    "time:epoch_ms": ("digits", "timestamp:epoch_ms"),
    "time:slash": ("slash_time", ""),
}
_PATTERNS = {
    "digits": 'lpeg.R"09"^1',
    "integer": 'lpeg.P"-"^-1 * lpeg.R"09"^1',
    "number": 'lpeg.S"+-"^-1 * lpeg.R"09"^1 * (lpeg.P"." * lpeg.R"09"^1)^-1',
    "quoted": '((1 - lpeg.S\'"\\\\\\n\') + lpeg.P"\\\\" * 1)^0',
    "rest": '(1 - lpeg.P"\\n")^0',
    "spaces": 'lpeg.S" \\t"^1',
    "ipv4": 'require "ip_address".v4',
    "ipv6": 'require "ip_address".v6',
    "hex": 'lpeg.R("09", "af", "AF")^1',
    "uuid": '(lpeg.R("09", "af", "AF") + "-")^1',
    "time": '(lpeg.R"09" + "-")^1 * lpeg.S"Tt " * (lpeg.R"09" + lpeg.S":.,+-Zz")^1',
    "clf_time": '(1 - lpeg.S"]\\n")^1',
    "syslog_time": 'lpeg.R"AZ" * lpeg.R"az"^1 * lpeg.P" "^1 * lpeg.R"09"^1 * " " * (lpeg.R"09" + ":")^1',
    "slash_time": '(lpeg.R"09" + "/")^1 * " " * (lpeg.R"09" + lpeg.S":.")^1',
}
_SLASH = """local date_time = require "date_time"
local slash_format = date_time.build_strftime_grammar "%Y/%m/%d %H:%M:%S"
local function slash_ns(text) return date_time.time_to_ns(slash_format:match(text)) end"""


class _Writer:
    """Writes the items of a grammar, and the patterns that they use."""

    def __init__(self) -> None:
        self.items: list[str] = []
        self.used: dict[str, str] = {}
        self._names: Counter[str] = Counter()
        self._literal = ""

    def add(self, column: Column, following: str) -> None:
        """Add what stands at one place; following: the text behind it."""
        token = column[0]
        if token.kind == "text" and _varies(column):
            self._flush()
            self.items.append(self._use("spaces"))
        elif token.kind == "text":
            self._literal += token.text
        else:
            name = self._name(column, following)
            self._flush()
            self.items.append(self._field(name, column, following))

    def rest(self) -> None:
        self._flush()
        self._use("rest")
        self.items.append(f'{{name = "{self._unique("message")}", grammar = rest}}')

    def finish(self) -> None:
        self._flush()

    def _flush(self) -> None:
        if self._literal:
            self.items.append(quote(self._literal))
        self._literal = ""

    def _use(self, pattern: str) -> str:
        self.used[pattern] = _PATTERNS[pattern]
        return pattern

    def _unique(self, name: str) -> str:
        self._names[name] += 1
        return name if self._names[name] == 1 else f"{name}_{self._names[name]}"

    def _name(self, column: Column, following: str) -> str:
        if column[0].kind.startswith("time:"):
            return self._unique("Timestamp") if not self._names["Timestamp"] else self._unique("time")
        before = re.search(r"([A-Za-z][A-Za-z_]+)[ :]*$", self._literal)
        unit = re.match(r" ?([A-Za-z]+)", following)
        words = [column[0].name, _guess(column), before[1].lower() if before else ""]
        words.append(unit[1].lower() if unit and unit[1].lower() in _UNITS else "")
        return self._unique(re.sub(r"\W", "_", next(filter(None, words), "field")))

    def _field(self, name: str, column: Column, following: str) -> str:
        kinds = {token.kind for token in column}
        kind = column[0].kind
        if kind in _TIMES and len(kinds) == 1:
            pattern, type_ = _TIMES[kind]
            more = ""
            if name == "Timestamp":
                more = f', type = "{type_}"' if type_ else ", transform = slash_ns"
            return f'{{name = "{name}", grammar = {self._use(pattern)}{more}}}'
        if kinds == {"integer"} and all(len(token.text.lstrip("-")) < 19 for token in column):
            return f'{{name = "{name}", grammar = {self._use("integer")}, type = "integer"}}'
        if kinds <= {"integer", "double"}:
            return f'{{name = "{name}", grammar = {self._use("number")}, type = "double"}}'
        if kinds in ({"ipv4"}, {"ipv6"}, {"uuid"}):
            return f'{{name = "{name}", grammar = {self._use(kind)}}}'
        if "quoted" in kinds:
            return f'{{name = "{name}", grammar = {self._use("quoted")}}}'
        return f'{{name = "{name}", grammar = {self._until(following)}}}'

    def _until(self, following: str) -> str:
        """Everything up to what follows."""
        if not following:
            return self._use("rest")
        if following[0] == " ":
            self.used["word"] = '(1 - lpeg.S" \\n")^1'
            return "word"
        stop = following[0].replace("\\", "\\\\").replace('"', '\\"')
        return f'(1 - lpeg.S"{stop}\\n")^1'


def _guess(column: Column) -> str:
    """A name from what the values look like."""
    texts = {token.text for token in column}
    kinds = {token.kind for token in column}
    guesses = {
        "level": _levels(column),
        "method": texts <= _METHODS,
        "remote_addr": kinds <= {"ipv4", "ipv6"},
        "id": kinds == {"uuid"},
        "status": kinds == {"integer"} and all(len(text) == 3 and text[0] in "12345" for text in texts),
        "path": all(text.startswith("/") for text in texts),
        "text": kinds == {"quoted"},
    }
    return next((name for name, fits in guesses.items() if fits), "")


def _text_from(columns: list[Column], place: int) -> str:
    """The text that stands at a place, up to the next value."""
    text = ""
    for column in columns[place:]:
        if column[0].kind != "text":
            break
        text += column[0].text
    return text


def _code(columns: list[Column], *, has_rest: bool) -> str:
    writer = _Writer()
    for place, column in enumerate(columns):
        writer.add(column, _text_from(columns, place + 1))
    if has_rest:
        writer.rest()
    writer.finish()
    patterns = [f"local {name} = {text}" for name, text in writer.used.items()]
    head = ['local lpeg = require "lpeg"', *([_SLASH] if "slash_time" in writer.used else []), *patterns]
    items = "".join(f"    {item},\n" for item in writer.items)
    return "\n".join(head) + "\n\n" + _HEAD.format(alternatives="{{\n" + items + "  }}")
