"""The LPEG patterns that stand above a proposed grammar, and the functions that its fields use."""

from host.repl.infer import forms
from host.repl.infer.exact import quote

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
    LINES: '((1 - lpeg.P"\\n") + lpeg.P"\\n" * #(1 - first))^0 -- and those that go on with it',
    "last_line_end": '(lpeg.P"\\n" * -1)^-1 -- the last record of a file has it still',
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
"""What is used of these stands above the grammar, under these names."""

_BY_FORMAT = """local date_time = require "date_time"
local {name}_format = date_time.{grammar}
local {name} = {name}_format / 0 -- where it is; {name}_ns says when
local function {name}_ns(text)
  local seconds, ns = date_time.seconds_and_ns({name}_format:match(text))
  return seconds and seconds * 1000000000LL + ns
end"""


def lua_set(characters: str) -> str:
    """One of these bytes, as a literal in lpeg.S."""
    escaped = "".join({"\\": "\\\\", '"': '\\"', "\t": "\\t", "\n": "\\n"}.get(each, each) for each in characters)
    return f'lpeg.S"{escaped}"'


_SHOWS_KIND = 6
_FIRST_OF = {"[A-Z]{": 'lpeg.R"AZ"^4 * lpeg.S" :"', "<Event": 'lpeg.P"<Event"'}
"""How the first line of a record begins that does not begin with a date, by how that is written for a splitter."""


class Patterns:
    """The definitions that stand above a grammar: those that it uses.

    Args:
        begins: With what a record of several lines begins.
    """

    def __init__(self, begins: str = "") -> None:
        self._first = _FIRST_OF.get(begins[:_SHOWS_KIND], PATTERNS[FIRST])
        self._used: dict[str, str] = {}
        self._formats: dict[str, str] = {}
        self.has_severity = False

    def use(self, name: str) -> str:
        """Have a pattern defined; answers its name."""
        if name in {LINES, "next_line"}:
            self._used[FIRST] = self._first
        self._used[name] = PATTERNS[name]
        return name

    def by_format(self, kind: str) -> str:
        """Have a time defined by its format."""
        if kind not in self._formats:
            self._formats[kind] = f"moment_{len(self._formats) + 1}" if self._formats else "moment"
        return self._formats[kind]

    def severity(self) -> str:
        """Have the function defined that makes numbers of words."""
        self.has_severity = True
        return "severity_of"

    def text(self, levels: set[str]) -> str:
        """All definitions."""
        parts = ['local lpeg = require "lpeg"']
        for kind, name in self._formats.items():
            _, _, written = kind.partition(":")
            by = "pgsql_timestamp" if kind == "time:pgsql" else f"build_strftime_grammar {quote(written)}"
            text = _BY_FORMAT.format(name=name, grammar=by)
            parts.append(text if len(parts) == 1 else text.partition("\n")[2])
        parts += [f"local {name} = {text}" for name, text in self._used.items()]
        if self.has_severity:
            known = {**forms.LEVELS, **{letter.lower(): number for letter, number in forms.LETTERS.items()}}
            words = {word for word in (*forms.LEVELS, *levels) if word in levels or word in _USUAL}
            pairs = ", ".join(f"{word} = {known[word]}" for word in sorted(words, key=lambda word: (known[word], word)))
            parts.append(f"local SEVERITIES = {{{pairs}}}")
            parts.append("local function severity_of(text) return SEVERITIES[text:lower()] end")
        return "\n".join(parts)


_USUAL = frozenset({"fatal", "critical", "error", "warn", "warning", "notice", "info", "debug", "trace"})
