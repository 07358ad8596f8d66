"""Logs: records on stderr, as text for people or as JSON lines.

    log = get_logger(__name__, kind="inputs", component="access")
    log.warning("Could not open the file.", path=path, error=str(error))

A message is a sentence; facts are keywords, never part of it. INFO reports an operator's action, WARNING a
surprise without a loss, ERROR a loss or a fault that needs a person. Above DEBUG nothing is logged per record.
One call site of one component may log a few times per interval; the next record after that says how many were
suppressed.
"""

import json
import logging
import sys
import time
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    import asyncio

RATE_WINDOW_S = 10.0
RATE_BURST = 5

_KNOWN_KEYWORDS = frozenset({"exc_info", "stack_info", "stacklevel", "extra"})
_ROOT = "host"
_COMPONENT_FACTS = ("component", "unit", "input", "decoder", "filter", "output", "sandbox")
"""Facts that name a component."""


class ComponentLogger(logging.LoggerAdapter[logging.Logger]):
    """A logger that knows its component and takes facts as keywords."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Move the facts out of the keywords that the standard library knows."""
        facts = dict(self.extra or {})
        facts.update((key, kwargs.pop(key)) for key in list(kwargs) if key not in _KNOWN_KEYWORDS)
        kwargs["extra"] = {"facts": facts}
        return msg, kwargs


def get_logger(name: str, **facts: object) -> ComponentLogger:
    """Return a logger for a module; each of its records has `facts`, such as `kind="inputs", component="access"`."""
    return ComponentLogger(logging.getLogger(name), facts)


_LOG = get_logger("host.tasks")


def set_up(level: str, log_format: str, stream: TextIO | None = None) -> None:
    """Send the host's logs to a stream. A second call replaces the settings of the first.

    Args:
        level: `debug`, `info`, `warning` or `error`.
        log_format: `text` or `json`.
        stream: The destination; stderr by default.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    handler.addFilter(RateLimit())
    root = logging.getLogger(_ROOT)
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    root.propagate = False


def log_failure(task: "asyncio.Task[Any]") -> None:
    """Log the exception of a background task, which no other code would see."""
    if not task.cancelled() and task.exception() is not None:
        _LOG.error(
            "A background task failed; this is a defect in Hekate. Please report it.",
            task=task.get_name(),
            exc_info=task.exception(),
        )


class RateLimit(logging.Filter):
    """Passes at most `burst` records per `window_s` from one call site of one component."""

    def __init__(self, burst: int = RATE_BURST, window_s: float = RATE_WINDOW_S) -> None:
        super().__init__()
        self._burst = burst
        self._window_s = window_s
        self._seen: dict[tuple[str, int, object], _Window] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True if a record may be logged."""
        facts = _facts(record)
        component = next((facts[name] for name in _COMPONENT_FACTS if name in facts), None)
        key = (record.pathname, record.lineno, component)
        now_s = time.monotonic()
        window = self._seen.get(key)
        if window is None or now_s - window.start_s >= self._window_s:
            if window is not None and window.suppressed:
                record.facts = facts | {"suppressed": window.suppressed}
            self._seen[key] = _Window(now_s)
            return True
        window.passed += 1
        if window.passed <= self._burst:
            return True
        window.suppressed += 1
        return False


class _Window:
    __slots__ = ("passed", "start_s", "suppressed")

    def __init__(self, start_s: float) -> None:
        self.start_s = start_s
        self.passed = 1
        self.suppressed = 0


class TextFormatter(logging.Formatter):
    """Formats a record as one line: time, level, component, sentence, facts."""

    def format(self, record: logging.LogRecord) -> str:
        """Format one record."""
        facts = _facts(record)
        kind, component = facts.pop("kind", None), facts.pop("component", None)
        where = f" {'/'.join(str(part) for part in (kind, component) if part)}:" if kind or component else ""
        line = f"{_timestamp(record)} {record.levelname:<7}{where} {_escaped(record.getMessage())}"
        line += "".join(f" {key}={_quoted(value)}" for key, value in facts.items())
        if record.exc_info:
            # Indented, so that no line of a traceback looks like a record.
            trace = self.formatException(record.exc_info).split("\n")
            line += "".join(f"\n  {_escaped(part)}" for part in trace)
        return line


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Format one record."""
        document: dict[str, object] = {
            "time": _timestamp(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        document.update(_facts(record))
        if record.exc_info:
            document["exception"] = self.formatException(record.exc_info)
        line = json.dumps(document, default=str, ensure_ascii=False)
        return line if line.isprintable() else json.dumps(document, default=str)


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    return dict(getattr(record, "facts", {}))


def _timestamp(record: logging.LogRecord) -> str:
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{seconds}.{int(record.msecs):03d}Z"


def _escaped(text: str) -> str:
    """Escape characters with which a script, log or file name could end a line or control a terminal."""
    return text if text.isprintable() else "".join(map(_escaped_character, text))


def _escaped_character(character: str) -> str:
    if character.isprintable() or character == "\t":
        return character
    return character.encode("unicode_escape").decode()


def _quoted(value: object) -> str:
    # A fact may hold bytes of a log line. They must neither break the record's line nor control a terminal.
    text = str(value)
    plain = text.isprintable() and text and not any(mark in text for mark in ' "=')
    return text if plain else json.dumps(text, ensure_ascii=not text.isprintable())
