"""Builds grammars from the format strings with which programs write: nginx, Apache, rsyslog, printf."""

import re
from collections.abc import Sequence
from typing import NamedTuple

_HEAD = """declare_grammar {{
  type = read_config "type",
  payload_is_record = read_config "payload_keep",
  alternatives = {alternatives},
}}"""


def declare_grammar(alternatives: str) -> str:
    """Return a call of declare_grammar for an expression of alternatives."""
    return _HEAD.format(alternatives=alternatives)


def quote(text: str) -> str:
    """Return a text as a Lua literal."""
    if not re.search(r'["\\\t\n\r\0]', text):
        return f'"{text}"'
    if re.search(r"[\t\n\r\0]", text):
        escaped = (
            text.replace("\\", "\\\\")
            .replace('"', '\\"')
            .replace("\n", "\\n")
            .replace("\r", "\\r")
            .replace("\t", "\\t")
        )
        return '"' + escaped.replace("\0", "\\0") + '"'
    level = ""
    while f"]{level}]" in text or text.endswith("]" + level):
        level += "="
    return f"[{level}[{text}]{level}]"


_ESCAPE = re.compile(r"escape=(default|json|none)\s+")


def from_nginx(log_format: str) -> str:
    """Build a grammar from nginx's log_format, which may begin with `escape=json ` or `escape=none `."""
    found = _ESCAPE.match(log_format)
    escape = "" if found is None or found[1] == "default" else found[1]
    return _items_grammar(
        "common_log_format", "nginx_items", strip_quotes(log_format[found.end() if found else 0 :]), escape
    )


def from_apache(log_format: str) -> str:
    """Build a grammar from Apache's LogFormat."""
    return _items_grammar("common_log_format", "apache_items", strip_quotes(log_format))


def from_rsyslog(template: str) -> str:
    """Build a grammar from an rsyslog template, or the name of a predefined one."""
    return _items_grammar("syslog", "rsyslog_items", strip_quotes(template))


_CONVERSION = re.compile(
    r"%%|%(?:\d+\$)?[-+ #0']*(\*|\d*)(?:\.(\*|\d*))?(?:hh|h|ll|l|j|z|t|L|q)?([diuoxXfFeEgGaAcspnm])"
)


def from_printf(text: str, names: Sequence[str]) -> str:
    """Build a grammar from a printf format and the names of its arguments."""
    found = [each for each in _CONVERSION.finditer(text) if each[3] is not None]
    count = sum((each[1] == "*") + (each[2] == "*") + (each[3] != "m") for each in found)
    given = [names[number] if number < len(names) else f"argument_{number + 1}" for number in range(count)]
    if len(names) > count:
        raise ValueError(
            f"The format takes {count} arguments, but {len(names)} names are given. "
            'Quote a format that contains spaces: `:infer printf "%d %s" worker what`.'
        )
    parts = ", ".join([quote(text), *(quote(name) for name in given)])
    return 'local printf = require "printf"\n\n' + declare_grammar(f"printf.items{{{{{parts}}}}}")


def strip_quotes(text: str) -> str:
    """Return a text without the quotes around it."""
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


GRAMMAR_BUILDERS = {"nginx": from_nginx, "apache": from_apache, "rsyslog": from_rsyslog}
_STRING = r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'"
_NAME = r"(?P<name>[\w-]+)"
_IN_A_FILE = (
    (
        rf"^[ \t]*log_format\s+{_NAME}\s+(?P<escape>escape=\w+\s+)?(?P<text>(?:(?:{_STRING})\s*)+);",
        "nginx",
    ),
    (rf"^[ \t]*LogFormat[ \t]+(?P<text>{_STRING})(?:[ \t]+{_NAME})?", "apache"),
    (rf"^[ \t]*CustomLog[ \t]+\S+[ \t]+(?P<text>{_STRING})", "apache"),
    (rf"template\s*\((?=[^)]*name\s*=\s*[\"']{_NAME})[^)]*?string\s*=\s*(?P<text>{_STRING})", "rsyslog"),
    (rf"^[ \t]*\$template\s+{_NAME}\s*,\s*(?P<text>{_STRING})", "rsyslog"),
)


class ServerFormat(NamedTuple):
    """A format string in the configuration of a server."""

    kind: str
    name: str
    text: str


def find_formats(text: str) -> list[ServerFormat]:
    """Return all format strings in a server's configuration."""
    return [
        ServerFormat(kind, found.groupdict().get("name") or "", _text_of(found, kind))
        for pattern, kind in _IN_A_FILE
        for found in re.finditer(pattern, text, re.MULTILINE)
    ]


def _text_of(found: re.Match[str], kind: str) -> str:
    escape = found.groupdict().get("escape") or ""
    return escape + "".join(_unescape(part, kind) for part in re.findall(_STRING, found["text"]))


def _unescape(quoted: str, kind: str) -> str:
    """Return a string of a configuration as the server reads it: unquoted and unescaped."""
    text, mark = quoted[1:-1], quoted[0]
    if kind == "rsyslog":
        return text.replace(f"\\{mark}", mark)
    return re.sub(r"\\([\\'\"])", r"\1", text)


def _items_grammar(module: str, function: str, text: str, more: str = "") -> str:
    arguments = quote(text) + (f", {quote(more)}" if more else "")
    return f'local {module} = require "{module}"\n\n' + declare_grammar(f"{module}.{function}({arguments})")
