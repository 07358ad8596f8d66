"""Grammars from the format that a program writes with: nginx, Apache, rsyslog, printf."""

import re
from collections.abc import Sequence
from typing import NamedTuple

_HEAD = """declare_grammar {{
  type = read_config "type",
  payload_is_record = read_config "payload_keep",
  alternatives = {alternatives},
}}"""


def declared(alternatives: str) -> str:
    """The call of declare_grammar; alternatives: an expression."""
    return _HEAD.format(alternatives=alternatives)


def quote(text: str) -> str:
    """A text as a literal of Lua."""
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


def of_nginx(log_format: str) -> str:
    """From nginx's log_format, which may begin with `escape=json ` or `escape=none `."""
    found = _ESCAPE.match(log_format)
    escape = "" if found is None or found[1] == "default" else found[1]
    return _of_items("common_log_format", "nginx_items", unquoted(log_format[found.end() if found else 0 :]), escape)


def of_apache(log_format: str) -> str:
    """From Apache's LogFormat."""
    return _of_items("common_log_format", "apache_items", unquoted(log_format))


def of_rsyslog(template: str) -> str:
    """From a template of rsyslog, or the name of one that it has itself."""
    return _of_items("syslog", "rsyslog_items", unquoted(template))


_CONVERSION = re.compile(
    r"%%|%(?:\d+\$)?[-+ #0']*(\*|\d*)(?:\.(\*|\d*))?(?:hh|h|ll|l|j|z|t|L|q)?([diuoxXfFeEgGaAcspnm])"
)


def of_printf(text: str, names: Sequence[str]) -> str:
    """From a format of printf, and the names of its arguments."""
    found = [each for each in _CONVERSION.finditer(text) if each[3] is not None]
    count = sum((each[1] == "*") + (each[2] == "*") + (each[3] != "m") for each in found)
    given = [names[number] if number < len(names) else f"argument_{number + 1}" for number in range(count)]
    if len(names) > count:
        raise ValueError(
            f"The format takes {count} arguments, and there are {len(names)} names. "
            'What has spaces stands in quotes: `:infer printf "%d %s" worker what`.'
        )
    parts = ", ".join([quote(text), *(quote(name) for name in given)])
    return 'local printf = require "printf"\n\n' + declared(f"printf.items{{{{{parts}}}}}")


def unquoted(text: str) -> str:
    """Without the quotes around it."""
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


EXACT = {"nginx": of_nginx, "apache": of_apache, "rsyslog": of_rsyslog}
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


class Format(NamedTuple):
    """A format that stands in the configuration of a server."""

    kind: str
    name: str
    text: str


def formats_in(text: str) -> list[Format]:
    """All formats that stand in a server's configuration."""
    return [
        Format(kind, found.groupdict().get("name") or "", _text_of(found, kind))
        for pattern, kind in _IN_A_FILE
        for found in re.finditer(pattern, text, re.MULTILINE)
    ]


def _text_of(found: re.Match[str], kind: str) -> str:
    escape = found.groupdict().get("escape") or ""
    return escape + "".join(_unescaped(part, kind) for part in re.findall(_STRING, found["text"]))


def _unescaped(quoted: str, kind: str) -> str:
    """A string of a configuration without what the server takes off before it reads the format."""
    text, mark = quoted[1:-1], quoted[0]
    if kind == "rsyslog":
        return text.replace(f"\\{mark}", mark)
    return re.sub(r"\\([\\'\"])", r"\1", text)


def _of_items(module: str, function: str, text: str, more: str = "") -> str:
    arguments = quote(text) + (f", {quote(more)}" if more else "")
    return f'local {module} = require "{module}"\n\n' + declared(f"{module}.{function}({arguments})")
