"""What fails at a component: how much of its recent work, why, and at which record.

Counts are kept for packs and batches, never for single records. They come in two periods of half a minute each, of
which the older one is dropped when a third begins. A period begins only with work, so that a component that has little
to do is judged by what it did last.
"""

import re
import time
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import orjson

Condition = Literal["ok", "warning", "failing"]

FAILING_SHARE = 0.8
"""A component is failing if so many of its recent records failed, or more."""
PERIOD_S = 30.0
_QUIET_AFTER_S = 2 * PERIOD_S
"""A failure causes no warning any more after so long."""
_LETTERS_PAUSE_S = 1.0
"""Between two looks at what a sandbox sends to the dead letters."""
_MAX_TEXT_CHARACTERS = 2000
_MAX_RECORD_CHARACTERS = 1000
_PLACE = re.compile(r"(?:^|\s)(?P<file>[^\s:/]{1,100}\.lua):(?P<line>[0-9]{1,7})(?:: |\.(?:\s|$))")
"""How Lua names the place of an error, and a termination the line that it is about."""


class FailedRecord(NamedTuple):
    """A record that failed."""

    time_ns: int
    reason: str
    text: str
    """Its first characters; what cannot be printed is escaped."""
    bytes: int
    """Of the whole record."""
    stream: str
    position: int


class LastFailure(NamedTuple):
    """What failed last."""

    time_ns: int
    text: str
    file: str
    """Of the script; empty if the failure has no place in one."""
    line: int
    """From 1; 0 if it is not known."""

    @property
    def said(self) -> str:
        """The first line of the text, with the place."""
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
        monotonic_s: The clock of the periods.
        wall_ns: The time that a failure is said to have happened at.
    """

    def __init__(
        self, *, monotonic_s: Callable[[], float] = time.monotonic, wall_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._monotonic_s, self._wall_ns = monotonic_s, wall_ns
        self._version = ""
        self.total = 0
        """Records that failed since the host was started."""
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget what failed: another version of a script has its own failures."""
        now_s = self._monotonic_s()
        self._now, self._before = _Period(now_s), _Period(now_s)
        self.first: FailedRecord | None = None
        """The first record that failed of late, while it is known."""
        self.last: LastFailure | None = None
        self._failed_s = self._looked_s = -float("inf")

    def count(self, tried: int, failed: int = 0, version: str = "") -> None:
        """Count records of a pack or batch.

        Args:
            tried: All of them.
            failed: Those of them that failed.
            version: Of the script that had them.
        """
        if version and version != self._version:
            if self._version:
                self.begin_anew()
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
        """Note why something failed. The text may come from a sandbox.

        Args:
            text: What is said of it. A place in it is taken from there.
            file: The script, if the text names none.
            line: Where in it.
        """
        found = _PLACE.search(text[:_MAX_TEXT_CHARACTERS])
        if found:
            file, line = found["file"], int(found["line"])
        self.last = LastFailure(self._wall_ns(), escaped(text, _MAX_TEXT_CHARACTERS), file, line)

    def note_record(self, reason: str, record: bytes, stream: str = "", position: int = 0) -> None:
        """Note a record that failed, unless an earlier one of late is known."""
        if self.first is None:
            text = escaped(record[: 4 * _MAX_RECORD_CHARACTERS].decode(errors="backslashreplace"))
            reason = escaped(reason, _MAX_TEXT_CHARACTERS)
            self.first = FailedRecord(self._wall_ns(), reason, text, len(record), stream, position)

    def note_letters(self, lines: bytes) -> None:
        """Take the first failed record from dead letters, as a sandbox sends them. Most are not looked at."""
        now_s = self._monotonic_s()
        if self.first is not None or now_s - self._looked_s < _LETTERS_PAUSE_S:
            return
        self._looked_s = now_s
        try:
            letter = orjson.loads(lines[: lines.index(b"\n")])
        except ValueError:
            return  # the one who keeps the letters says so, and ends the sandbox
        if isinstance(letter, dict):
            self.first = _failed_record(letter, self._wall_ns())

    def note_end(self, text: str) -> None:
        """Note the end of a process, or a delivery that is tried again. Records are counted when they are given up."""
        self.note(text)
        self._failed_s = self._monotonic_s()

    @property
    def recent(self) -> tuple[int, int]:
        """How many records there were of late, and how many of them failed."""
        return self._now.tried + self._before.tried, self._now.failed + self._before.failed

    @property
    def share(self) -> float:
        """The part of the recent records that failed, from 0 to 1."""
        tried, failed = self.recent
        return failed / tried if tried else 0.0

    @property
    def condition(self) -> Condition:
        """How the component does. What has failed stays failing until records pass."""
        if self.share >= FAILING_SHARE:
            return "failing"
        return "warning" if self._monotonic_s() - self._failed_s < _QUIET_AFTER_S else "ok"

    @property
    def said(self) -> str:
        """The condition in a sentence; empty if nothing is wrong."""
        tried, failed = self.recent
        if self.condition == "ok":
            return ""
        why = self.last.said if self.last is not None else ""
        return f"{failed:,} of the last {tried:,} records failed. {why}".rstrip() if failed else why


def escaped(text: str, most: int = _MAX_RECORD_CHARACTERS) -> str:
    """Return the beginning of a text; what cannot be printed in it is escaped."""
    shown = "".join(char if char.isprintable() or char == "\n" else _escape(char) for char in text[:most])
    return shown if len(text) <= most else f"{shown}..."


def _escape(char: str) -> str:
    return char.encode("unicode_escape", errors="backslashreplace").decode()


def _failed_record(letter: dict[str, Any], time_ns: int) -> FailedRecord:
    text = letter.get("record") or letter.get("record_base64") or letter.get("payload") or ""
    whole, position = letter.get("bytes"), letter.get("position")
    return FailedRecord(
        time_ns,
        escaped(str(letter.get("reason", "")), _MAX_TEXT_CHARACTERS),
        escaped(str(text)),
        whole if isinstance(whole, int) else 0,
        escaped(str(letter.get("stream", ""))),
        position if isinstance(position, int) else 0,
    )
