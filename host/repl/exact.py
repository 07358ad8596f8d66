"""Grammars from the format that a program writes with: nginx, Apache, rsyslog, printf."""

import re
from collections.abc import Sequence

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
    if not re.search(r'["\\\n\r\0]', text):
        return f'"{text}"'
    if re.search(r"[\n\r\0]", text):
        escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
        return '"' + escaped.replace("\0", "\\0") + '"'
    level = ""
    while f"]{level}]" in text or text.endswith("]" + level):
        level += "="
    return f"[{level}[{text}]{level}]"


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
    return 'local printf = require "printf"\n\n' + declared(f"printf.items{{{{{parts}}}}}")


EXACT = {"nginx": of_nginx, "apache": of_apache, "rsyslog": of_rsyslog}
_STRING = r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'"
_IN_A_FILE = (
    (
        re.compile(
            rf"^\s*log_format\s+\S+\s+(?:escape=(?P<escape>\w+)\s+)?(?P<text>(?:(?:{_STRING})\s*)+);", re.MULTILINE
        ),
        "nginx",
    ),
    (re.compile(rf"^\s*(?:LogFormat|CustomLog\s+\S+)\s+(?P<text>{_STRING})", re.MULTILINE), "apache"),
    (re.compile(rf"template\s*\([^)]*string\s*=\s*(?P<text>{_STRING})", re.DOTALL), "rsyslog"),
    (re.compile(rf"^\s*\$template\s+\w+\s*,\s*(?P<text>{_STRING})", re.MULTILINE), "rsyslog"),
)


def format_in(text: str) -> tuple[str, str] | None:
    """The kind and the text of a format that stands in a server's configuration; None if there is none."""
    for pattern, kind in _IN_A_FILE:
        found = pattern.search(text)
        if found:
            return kind, "".join(_unescaped(part, kind) for part in re.findall(_STRING, found["text"]))
    return None


def _unescaped(quoted: str, kind: str) -> str:
    """A string of a configuration without what the server takes off before it reads the format."""
    text, mark = quoted[1:-1], quoted[0]
    if kind == "rsyslog":
        return text.replace(f"\\{mark}", mark)
    return re.sub(r"\\([\\'\"])", r"\1", text)


def _of_items(module: str, function: str, text: str) -> str:
    return f'local {module} = require "{module}"\n\n' + declared(f"{module}.{function}({quote(text)})")
