"""LPEG patterns that are defined above a proposed grammar, and the functions that its fields use."""

from host.repl.infer import templates
from host.repl.infer.format_strings import quote

LINES = "lines"
FIRST = "first"
PATTERNS = {
    "digits": 'lpeg.R"09"^1',
    "seconds": 'lpeg.R"09"^1 * (lpeg.P"." * lpeg.R"09"^1)^-1',
    "integer": 'lpeg.P"-"^-1 * lpeg.R"09"^1',
    "number": 'lpeg.S"+-"^-1 * lpeg.R"09"^1 * (lpeg.P"." * lpeg.R"09"^1)^-1',
    "quoted": '((1 - lpeg.S\'"\\\\\\n\') + lpeg.P"\\\\" * (1 - lpeg.P"\\n"))^0',
    "doubled": "((1 - lpeg.S'\"\\n') + lpeg.P'\"\"')^0",
    "doubled_lines": "((1 - lpeg.S'\"\\n') + lpeg.P'\"\"' + lpeg.P'\\n' * -lpeg.S'0123456789[')^0",
    "rest": '(1 - lpeg.P"\\n")^0',
    FIRST: 'lpeg.S"0123456789["',
    "next_line": 'lpeg.P"\\n" * #(1 - first)',
    LINES: '((1 - lpeg.P"\\n") + lpeg.P"\\n" * #(1 - first))^0 -- with continuation lines',
    "last_line_end": '(lpeg.P"\\n" * -1)^-1 -- the last record of a file keeps its line end',
    "blank": 'lpeg.P","^-1 * lpeg.P" "^0',
    "bare": "-lpeg.S'\"\\'' * (1 - (lpeg.P','^-1 * (lpeg.S' \\n' + -1)))^0",
    "more": '(1 - lpeg.S" \\n") * (1 - lpeg.P"\\n")^0',
    "pair_end": '#(lpeg.P","^-1 * (lpeg.S" \\n" + -1))',
    "single_quoted": '(1 - lpeg.S"\'\\n")^0',
    "before_pairs": '(1 - (lpeg.P" " * (lpeg.R("AZ", "az", "09") + lpeg.S"_.-")^1 * "=" + "\\n"))^0',
    "padding": 'lpeg.S" \\t"^0',
    "spaces": 'lpeg.S" \\t"^1',
    "word": '(1 - lpeg.S" \\n")^1',
    "name": "(1 - lpeg.S' \\t\",;()[]{}|<>=\\n')^1",
    "level": 'lpeg.R("az", "AZ", "09")^1',
    "ipv4": 'require "ip_address".v4',
    "ipv6": 'require "ip_address".v6',
    "object": "lpeg.P{'{' * (lpeg.V(1) + '\"' * (lpeg.P'\\\\' * 1 + (1 - lpeg.S'\"\\\\\\n'))^0 * '\"' + "
    "(1 - lpeg.S'{}\"\\n'))^0 * '}'} -- JSON",
    "uuid": '(lpeg.R("09", "af", "AF") + "-")^1',
    "time": '(lpeg.R"09" + "-")^1 * lpeg.S"Tt " * (lpeg.R"09" + lpeg.S":.+-Zz")^1',
    "comma_time": '(lpeg.R"09" + "-")^1 * lpeg.S"Tt " * (lpeg.R"09" + lpeg.S":.,+-Zz")^1 -- 10:00:00,123',
    "clf_time": '(1 - lpeg.S"]\\n")^1',
    "syslog_time": 'lpeg.R"AZ" * lpeg.R"az"^1 * lpeg.P" "^1 * lpeg.R"09"^1 * " " * (lpeg.R"09" + ":")^1',
}
"""LPEG patterns by name. A grammar defines those that it uses."""

_BY_FORMAT = """local date_time = require "date_time"
local {name}_format = date_time.{grammar}
local {name} = {name}_format / 0 -- the text; {name}_ns is its time
local function {name}_ns(text)
  local seconds, ns = date_time.seconds_and_ns({name}_format:match(text))
  return seconds and seconds * 1000000000LL + ns
end"""


def lua_set(characters: str) -> str:
    """Return an lpeg.S literal for a set of characters."""
    escaped = "".join({"\\": "\\\\", '"': '\\"', "\t": "\\t", "\n": "\\n"}.get(each, each) for each in characters)
    return f'lpeg.S"{escaped}"'


_KIND_CHARACTERS = 6
_FIRST_OF = {"[A-Z]{": 'lpeg.R"AZ"^4 * lpeg.S" :"', "<Event": 'lpeg.P"<Event"'}
"""Start of the first line of records that do not start with a date, by the beginning of the splitter's expression."""


class Patterns:
    """The definitions that a grammar uses.

    Args:
        record_start: Regular expression for the start of a multi-line record.
    """

    def __init__(self, record_start: str = "") -> None:
        self._first = _FIRST_OF.get(record_start[:_KIND_CHARACTERS], PATTERNS[FIRST])
        self._used: dict[str, str] = {}
        self._formats: dict[str, str] = {}
        self.has_severity = False

    def use(self, name: str) -> str:
        """Define a pattern and return its name."""
        if name in {LINES, "next_line"}:
            self._used[FIRST] = self._first
        self._used[name] = PATTERNS[name]
        return name

    def define_time(self, kind: str) -> str:
        """Define a time by its format and return its name."""
        if kind not in self._formats:
            self._formats[kind] = f"moment_{len(self._formats) + 1}" if self._formats else "moment"
        return self._formats[kind]

    def define_severity(self) -> str:
        """Define the function that converts words to severity numbers, and return its name."""
        self.has_severity = True
        return "severity_of"

    def text(self, levels: set[str]) -> str:
        """Return all definitions as Lua."""
        parts = ['local lpeg = require "lpeg"']
        for kind, name in self._formats.items():
            _, _, written = kind.partition(":")
            by = "pgsql_timestamp" if kind == "time:pgsql" else f"build_strftime_grammar {quote(written)}"
            text = _BY_FORMAT.format(name=name, grammar=by)
            parts.append(text if len(parts) == 1 else text.partition("\n")[2])
        parts += [f"local {name} = {text}" for name, text in self._used.items()]
        if self.has_severity:
            known = {**templates.LEVELS, **{letter.lower(): number for letter, number in templates.LETTERS.items()}}
            words = {word for word in (*templates.LEVELS, *levels) if word in levels or word in _USUAL}
            pairs = ", ".join(f"{word} = {known[word]}" for word in sorted(words, key=lambda word: (known[word], word)))
            parts.append(f"local SEVERITIES = {{{pairs}}}")
            parts.append("local function severity_of(text) return SEVERITIES[text:lower()] end")
        return "\n".join(parts)


_USUAL = frozenset({"fatal", "critical", "error", "warn", "warning", "notice", "info", "debug", "trace"})
