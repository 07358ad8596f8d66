"""Changes the front matter of a script: what the API sets stands in the script itself, as if somebody had edited it.

Only the top-level keys that change are written anew; all other lines stay as they are, comments and all.
"""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from host.plugins import manifest

_RULE = re.compile(r"^---[ \t]*$", re.MULTILINE)
_KEY = re.compile(r"^(?P<key>[A-Za-z_][A-Za-z0-9_]*)[ \t]*:", re.MULTILINE)


def change(text: str, changes: Mapping[str, Any]) -> str | None:
    """Set keys of the front matter.

    Args:
        text: The script.
        changes: New values by key; None removes a key.

    Returns:
        The script; None if it has no front matter.
    """
    if not manifest.has_front_matter(text):
        return None
    rules = list(_RULE.finditer(text))
    if len(rules) < 2:
        return None
    start, end = rules[0].end() + 1, rules[1].start()
    matter = text[start:end]
    for key, value in changes.items():
        matter = _set(matter, key, value)
    return text[:start] + matter + text[end:]


def read(text: str) -> dict[str, Any]:
    """The front matter as plain data; it must be sound."""
    rules = list(_RULE.finditer(text))
    found: dict[str, Any] = yaml.load(text[rules[0].end() : rules[1].start()], yaml.CSafeLoader)
    return found


def _set(matter: str, key: str, value: Any) -> str:
    written = "" if value is None else yaml.safe_dump({key: value}, sort_keys=False, allow_unicode=True, width=100)
    keys = list(_KEY.finditer(matter))
    for found, following in zip(keys, [*keys[1:], None], strict=True):
        if found["key"] == key:
            end = len(matter) if following is None else following.start()
            return matter[: found.start()] + written + matter[end:]
    return matter + written
