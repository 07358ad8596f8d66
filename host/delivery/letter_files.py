"""Looking through dead letters, newest first, and taking single ones out.

A letter is known by its file and the offset of its line in it. One that is taken out stays where it is, but its line
begins with `-` in place of `{`: one byte, written at once, and no other letter moves. The functions read and write
the disk; they are called in threads.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson

TAKEN_OUT = b"-"
_ID = re.compile(r"(?P<number>\d{1,8})-(?P<offset>\d{1,12})")
_BLOCK_BYTES = 256 * 1024
_MAX_SCANNED_BYTES = 16 << 20
"""In one go; whoever looks for something rare asks again from there."""
_MAX_LINE_BYTES = 1 << 20


class LetterId(NamedTuple):
    """The place of a letter."""

    number: int
    offset: int

    def __str__(self) -> str:
        return f"{self.number}-{self.offset}"


class Letter(NamedTuple):
    """A letter that was found."""

    id: LetterId
    entry: dict[str, Any]

    @property
    def record(self) -> bytes:
        """The record, or as much of it as was kept."""
        text = self.entry.get("record")
        return str(text).encode() if text is not None else base64.b64decode(self.entry.get("record_base64", ""))

    @property
    def is_cut(self) -> bool:
        """True if the record was longer than the part that was kept."""
        return int(self.entry.get("bytes", 0)) > len(self.record)


def parse_id(text: str) -> LetterId | None:
    """Read an id; None if it is none."""
    found = _ID.fullmatch(text)
    return LetterId(int(found["number"]), int(found["offset"])) if found else None


def scan(
    folder: Path, before: LetterId | None, wanted: Callable[[dict[str, Any]], bool], limit: int
) -> tuple[list[Letter], LetterId | None]:
    """Look for letters, newest first.

    Args:
        folder: Of the dead letters.
        before: Only letters before this one.
        wanted: Which.
        limit: How many at most.

    Returns:
        The letters, and the one from which to go on; None at the end.
    """
    found: list[Letter] = []
    scanned_bytes = 0
    for number in sorted(_numbers(folder), reverse=True):
        if before is not None and number > before.number:
            continue
        end = before.offset if before is not None and number == before.number else None
        for offset, line in _lines_backwards(_path(folder, number), end):
            scanned_bytes += len(line)
            entry = _entry(line)
            if entry is not None and wanted(entry):
                found.append(Letter(LetterId(number, offset), entry))
            if len(found) == limit or scanned_bytes > _MAX_SCANNED_BYTES:
                return found, LetterId(number, offset)
    return found, None


def get(folder: Path, letter: LetterId) -> Letter | None:
    """One letter; None if there is none at that place, or it was taken out."""
    try:
        with _path(folder, letter.number).open("rb") as file:
            file.seek(max(0, letter.offset - 1))
            if letter.offset and file.read(1) != b"\n":
                return None
            entry = _entry(file.readline(_MAX_LINE_BYTES))
    except OSError:
        return None
    return None if entry is None else Letter(letter, entry)


def take_out(folder: Path, letter: LetterId) -> bool:
    """Take a letter out; whether it was still there."""
    if get(folder, letter) is None:
        return False
    descriptor = os.open(_path(folder, letter.number), os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.pwrite(descriptor, TAKEN_OUT, letter.offset)
    finally:
        os.close(descriptor)
    return True


def _path(folder: Path, number: int) -> Path:
    return folder / f"{number:08d}.jsonl"


def _numbers(folder: Path) -> Iterator[int]:
    for path in folder.glob("*.jsonl"):
        if path.stem.isdigit():
            yield int(path.stem)


def _entry(line: bytes) -> dict[str, Any] | None:
    if not line.startswith(b"{"):
        return None
    try:
        entry = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None  # a crash has left it incomplete
    return entry if isinstance(entry, dict) else None


def _lines_backwards(path: Path, end: int | None) -> Iterator[tuple[int, bytes]]:
    """The whole lines of a file with their offsets, the last one first."""
    try:
        file = path.open("rb")
    except OSError:
        return  # it was just deleted, as the oldest one
    with file:
        at = file.seek(0, os.SEEK_END) if end is None else end
        rest = b""
        while at > 0:
            start = max(0, at - _BLOCK_BYTES)
            file.seek(start)
            block = file.read(at - start) + rest
            lines = block.split(b"\n")
            rest = lines.pop(0)
            offset = start + len(block)
            for line in reversed(lines):
                offset -= len(line)
                if line:
                    yield offset, line
                offset -= 1
            at = start
        if rest:
            yield 0, rest
