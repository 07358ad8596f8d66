"""Hides secrets in what is shown."""

import re
from typing import Any

HIDDEN = "********"
_NAMES = re.compile(
    r"pass(word|wd|phrase)?$|secret|token|api_?key|private_?key|access_?key|credential|authorization|cookie|dsn$|sasl",
    re.IGNORECASE,
)
_IN_URL = re.compile(r"(?P<before>[A-Za-z][A-Za-z0-9+.-]*://[^/@\s:]*:)[^/@\s]+(?=@)")


def hide(value: Any, name: str = "") -> Any:
    """Plain data without what its name says is secret, and without passwords in URLs.

    Args:
        value: What is to be shown.
        name: What it is called.
    """
    if isinstance(value, dict):
        return {key: hide(child, str(key)) for key, child in value.items()}
    if value not in (None, "", False, True) and _NAMES.search(name):
        return HIDDEN
    if isinstance(value, list | tuple):
        return [hide(child, name) for child in value]
    return _IN_URL.sub(rf"\g<before>{HIDDEN}", value) if isinstance(value, str) else value
