"""The recent failures of a component: their share, their reason, and the first failed record.

Failures are counted per pack or batch, never per record, in two periods of 30 s each. When a third period begins, the
oldest is dropped. A period begins only with work, so a component with little work is assessed by its last work.
"""

import re
import time
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import orjson

Condition = Literal["ok", "warning", "failing"]

FAILING_SHARE = 0.8
"""A component is failing if at least this share of its recent records failed."""
PERIOD_S = 30.0
_QUIET_AFTER_S = 2 * PERIOD_S
"""Seconds after which a failure no longer causes a warning."""
_LETTERS_PAUSE_S = 1.0
"""Seconds between two inspections of a sandbox's dead letters."""
_MAX_TEXT_CHARACTERS = 2000
_MAX_RECORD_CHARACTERS = 1000
_PLACE = re.compile(r"(?:^|\s)(?P<file>[^\s:/]{1,100}\.lua):(?P<line>[0-9]{1,7})(?:: |\.(?:\s|$))")
"""The place `file:line` in an error of Lua or in the report of a termination."""


class FailedRecord(NamedTuple):
    """A record that failed."""

    time_ns: int
    reason: str
    text: str
    """The first characters of the record, escaped where they cannot be printed."""
    bytes: int
    """Size of the whole record."""
    stream: str
    position: int


class LastFailure(NamedTuple):
    """The latest failure."""

    time_ns: int
    text: str
    file: str
    """The script; empty if the failure has no place in a script."""
    line: int
    """Line in the script from 1; 0 if unknown."""

    @property
    def summary(self) -> str:
        """The first line of the text, with the place in the script."""
        text = self.text.partition("\n")[0]
        place = f"{self.file}:{self.line}" if self.line else self.file
        return text if not place or place in text else f"{place}: {text}"


class _Period:
    __slots__ = ("began_s", "failed", "tried")

    def __init__(self, began_s: float) -> None:
        self.began_s, self.tried, self.failed = began_s, 0, 0


class Failures:
    """The failures of one component.

    Args:
        monotonic_s: Clock for the periods.
        wall_ns: Clock for the reported times of failures.
    """

    def __init__(
        self, *, monotonic_s: Callable[[], float] = time.monotonic, wall_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._monotonic_s, self._wall_ns = monotonic_s, wall_ns
        self._version = ""
        self.total = 0
        """Records that failed since the host started."""
        self.reset()

    def reset(self) -> None:
        """Forget the recent failures: a new version of a script starts without any."""
        now_s = self._monotonic_s()
        self._now, self._before = _Period(now_s), _Period(now_s)
        self.first: FailedRecord | None = None
        """The first record that failed recently; None if unknown."""
        self.last: LastFailure | None = None
        self._failed_s = self._looked_s = -float("inf")

    def count(self, tried: int, failed: int = 0, version: str = "") -> None:
        """Count records of a pack or batch.

        Args:
            tried: Number of records.
            failed: How many of them failed.
            version: Version of the script that received them.
        """
        if version and version != self._version:
            if self._version:
                self.reset()
            self._version = version
        if not tried and not failed:
            return
        now_s = self._monotonic_s()
        if now_s - self._now.began_s > PERIOD_S:
            self._now, self._before = _Period(now_s), self._now
        self._now.tried += max(tried, failed)
        if failed:
            self._now.failed += failed
            self.total += failed
            self._failed_s = now_s

    def note(self, text: str, file: str = "", line: int = 0) -> None:
        """Record the reason of a failure. The text may come from a sandbox.

        Args:
            text: The reason. A place `file:line` in it overrides the arguments.
            file: The script, if the text names none.
            line: Line in the script.
        """
        found = _PLACE.search(text[:_MAX_TEXT_CHARACTERS])
        if found:
            file, line = found["file"], int(found["line"])
        self.last = LastFailure(self._wall_ns(), escape(text, _MAX_TEXT_CHARACTERS), file, line)

    def note_record(self, reason: str, record: bytes, stream: str = "", position: int = 0) -> None:
        """Keep a failed record, unless an earlier recent one is known."""
        if self.first is None:
            text = escape(record[: 4 * _MAX_RECORD_CHARACTERS].decode(errors="backslashreplace"))
            reason = escape(reason, _MAX_TEXT_CHARACTERS)
            self.first = FailedRecord(self._wall_ns(), reason, text, len(record), stream, position)

    def note_letters(self, lines: bytes) -> None:
        """Take the first failed record from a sandbox's dead letters. To save time, most letters are skipped."""
        now_s = self._monotonic_s()
        if self.first is not None or now_s - self._looked_s < _LETTERS_PAUSE_S:
            return
        self._looked_s = now_s
        try:
            letter = orjson.loads(lines[: lines.index(b"\n")])
        except ValueError:
            return  # the dead-letter writer reports this and ends the sandbox
        if isinstance(letter, dict):
            self.first = _failed_record(letter, self._wall_ns())

    def note_end(self, text: str) -> None:
        """Record the end of a process, or a retried delivery. Its records count only when they are given up."""
        self.note(text)
        self._failed_s = self._monotonic_s()

    @property
    def recent(self) -> tuple[int, int]:
        """The number of recent records, and how many of them failed."""
        return self._now.tried + self._before.tried, self._now.failed + self._before.failed

    @property
    def share(self) -> float:
        """The share of the recent records that failed, from 0 to 1."""
        tried, failed = self.recent
        return failed / tried if tried else 0.0

    @property
    def condition(self) -> Condition:
        """The condition of the component. A failing component stays failing until records pass."""
        if self.share >= FAILING_SHARE:
            return "failing"
        return "warning" if self._monotonic_s() - self._failed_s < _QUIET_AFTER_S else "ok"

    @property
    def summary(self) -> str:
        """The condition in a sentence; empty if nothing is wrong."""
        tried, failed = self.recent
        if self.condition == "ok":
            return ""
        reason = self.last.summary if self.last is not None else ""
        return f"{failed:,} of the last {tried:,} records failed. {reason}".rstrip() if failed else reason


def escape(text: str, max_characters: int = _MAX_RECORD_CHARACTERS) -> str:
    """Return the beginning of a text, with unprintable characters escaped."""
    beginning = text[:max_characters]
    printable = "".join(char if char.isprintable() or char == "\n" else _escape_character(char) for char in beginning)
    return printable if len(text) <= max_characters else f"{printable}..."


def _escape_character(char: str) -> str:
    return char.encode("unicode_escape", errors="backslashreplace").decode()


def _failed_record(letter: dict[str, Any], time_ns: int) -> FailedRecord:
    text = letter.get("record") or letter.get("record_base64") or letter.get("payload") or ""
    whole, position = letter.get("bytes"), letter.get("position")
    return FailedRecord(
        time_ns,
        escape(str(letter.get("reason", "")), _MAX_TEXT_CHARACTERS),
        escape(str(text)),
        whole if isinstance(whole, int) else 0,
        escape(str(letter.get("stream", ""))),
        position if isinstance(position, int) else 0,
    )
