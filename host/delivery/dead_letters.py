"""Records that could not be delivered or decoded, with the reason, in files that can be read and replayed.

Each is one JSON object on a line of `state_dir/dead_letters/<number>.jsonl`:

    {"time":"2024-05-01T12:00:00.000000Z","component":"errors","kind":"outputs","reason":"...",
     "stream":"/var/log/a.log","position":4711,"record":"the text"}

`record_base64` stands in place of `record` where the bytes are not UTF-8. A file that has reached its size is
followed by the next one; when all together are too large, the oldest is deleted, with an error in the log.

What was appended survives the end of the process at once, and a power cut after the file was synced: by a thread
of its own soon after the next file has begun, and at close. The pack that a record came from is released only after
the append.
"""

import base64
import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from host.core.clock import Clock, RealClock
from host.core.errors import RetryDelivery, StartError
from host.delivery import state_files
from host.delivery.letter_files import TAKEN_OUT
from host.telemetry.logs import get_logger
from host.telemetry.metrics import ComponentMetrics

_log = get_logger(__name__, component="dead_letters")
_DAMAGED = "Dead letters in it cannot be shown or replayed."


class DeadLetter(NamedTuple):
    """One record that was read back."""

    file: Path
    line: int
    entry: dict[str, Any]

    @property
    def record(self) -> bytes:
        """The record's bytes."""
        text = self.entry.get("record")
        if text is not None:
            return str(text).encode()
        return base64.b64decode(self.entry["record_base64"])


class Usage(NamedTuple):
    """The limits of the dead letters."""

    files: int
    bytes: int
    max_bytes: int
    deleted_records: int
    """Deleted by this process because there were too many."""
    deleted_bytes: int


class DeadLetters:
    """The dead letters of one state directory.

    Args:
        state_dir: Folder for state; its subfolder `dead_letters` is made if missing.
        max_file_bytes: A file that has reached this size is followed by the next one; at most a quarter of the whole.
        max_total_bytes: When all files together are larger, the oldest is deleted.
        clock: Source of the time that stands in a letter.
        metrics: Where to count letters that are deleted.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        max_file_bytes: int = 64 << 20,
        max_total_bytes: int = 1 << 30,
        clock: Clock | None = None,
        metrics: ComponentMetrics | None = None,
    ) -> None:
        self._folder = state_dir / "dead_letters"
        self._metrics = metrics
        self.limit(max_total_bytes, max_file_bytes)
        self._clock = clock or RealClock()
        self._syncing = ThreadPoolExecutor(1, thread_name_prefix="dead_letters")
        self.count = 0
        """Letters appended by this process."""
        self.deleted_records = 0
        """Letters that were deleted because there were too many. Counted in the thread that deletes."""
        self.deleted_bytes = 0
        try:
            self.damaged = state_files.keep_only(self._folder, stat.S_ISDIR, "it is no folder", _DAMAGED)
            """Number of files that were damaged and moved aside."""
            self._folder.mkdir(parents=True, exist_ok=True)
            for path in sorted(self._folder.glob("*.jsonl")):
                self.damaged += state_files.keep_only(path, stat.S_ISREG, "it is no file", _DAMAGED)
            self._open(_next_number(self._folder))
        except OSError as error:
            raise StartError(
                f"state_dir: cannot keep dead letters in {self._folder}: {error.strerror}. "
                "Give a state_dir that this user may write to."
            ) from error

    @property
    def folder(self) -> Path:
        """The folder of the files."""
        return self._folder

    def append(self, blob: bytes, count: int = 1) -> None:
        """Append letters that are encoded already: whole lines.

        Raises:
            RetryDelivery: They could not be written; nothing of them was.
        """
        if not blob:
            return
        if self._size and self._size + len(blob) > self._max_file_bytes:
            self._rotate()
        self._write(blob)
        self.count += count

    def append_one(self, *, component: str, kind: str, reason: str, stream: str, position: int, record: bytes) -> None:
        """Append one record.

        Raises:
            RetryDelivery: It could not be written.
        """
        self.append(
            self.encode(component=component, kind=kind, reason=reason, stream=stream, position=position, record=record)
        )

    def encode(
        self, *, component: str, kind: str, reason: str, stream: str, position: int, record: bytes, **extra: Any
    ) -> bytes:
        """Return the letter of one record, as `append` takes it; extra: further members."""
        entry: dict[str, Any] = {
            "time": self.now(),
            "component": component,
            "kind": kind,
            "reason": reason,
            "stream": stream,
            "position": position,
        }
        try:
            entry["record"] = record.decode()
        except UnicodeDecodeError:
            entry["record_base64"] = base64.b64encode(record).decode()
        entry |= extra
        return orjson.dumps(entry, default=_text) + b"\n"

    def now(self) -> str:
        """The time as it stands in a letter."""
        seconds, rest_ns = divmod(self._clock.now_ns(), 1_000_000_000)
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest_ns // 1000:06d}Z"

    def close(self) -> None:
        """Sync and close. A file in which nothing stands is removed."""
        self._syncing.shutdown(wait=True)
        _sync_and_close(self._fd, self._path)
        if not self._size:
            self._path.unlink(missing_ok=True)

    def _open(self, number: int) -> None:
        self._number = number
        self._path = self._folder / f"{number:08d}.jsonl"
        self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        self._size = os.fstat(self._fd).st_size

    def _rotate(self) -> None:
        old_fd, old_path = self._fd, self._path
        try:
            self._open(self._number + 1)
        except OSError as error:
            raise RetryDelivery(f"a new file for dead letters could not be made: {error}") from error
        self._syncing.submit(_sync_and_close, old_fd, old_path)  # the event loop does not wait for a disk
        self._syncing.submit(self._prune, self._path)

    def limit(self, max_total_bytes: int, max_file_bytes: int) -> None:
        """Change how much is kept; that takes effect with the next file."""
        self._max_total_bytes = max_total_bytes
        self._max_file_bytes = min(max_file_bytes, max_total_bytes // 4)

    def usage(self) -> Usage:
        """Return how much is kept, and how much was deleted."""
        sizes = [_size(path) for path in self._folder.glob("*.jsonl")]
        return Usage(len(sizes), sum(sizes), self._max_total_bytes, self.deleted_records, self.deleted_bytes)

    def _prune(self, current: Path) -> None:
        # Somebody short of space may delete some of them meanwhile.
        sizes = {path: _size(path) for path in sorted(self._folder.glob("*.jsonl")) if path < current}
        total_bytes = sum(sizes.values()) + self._max_file_bytes
        for path, size in sizes.items():
            if total_bytes <= self._max_total_bytes:
                return
            try:
                records = _count(path)
                path.unlink(missing_ok=True)
            except OSError as error:
                _log.error("The oldest dead letters cannot be deleted.", file=str(path), reason=error.strerror)
                continue
            total_bytes -= size
            self.deleted_records += records
            self.deleted_bytes += size
            if self._metrics is not None:
                self._metrics.count_drop("dead_letters", records)  # only this thread counts that
            _log.error(
                "Deleted the oldest dead letters: there are more than hekate.dead_letters.max_bytes.",
                file=str(path),
                records=records,
                bytes=size,
                max_bytes=self._max_total_bytes,
            )

    def _write(self, blob: bytes) -> None:
        written = 0
        try:
            while written < len(blob):
                written += os.write(self._fd, blob[written:] if written else blob)
        except OSError as error:
            self._cut_torn_end()
            raise RetryDelivery(f"dead letters could not be written to {self._path}: {error.strerror}") from error
        self._size += written

    def _cut_torn_end(self) -> None:
        try:
            os.ftruncate(self._fd, self._size)
        except OSError:
            self._size = max(1, self._max_file_bytes)  # it ends here: nothing may be glued to half a line


def _text(value: object) -> str:
    """Return what JSON has no type for, bytes, as text."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _sync_and_close(fd: int, path: Path) -> None:
    try:
        os.fsync(fd)
    except OSError as error:
        _log.error("Dead letters may not survive a power cut.", file=str(path), reason=error.strerror)
    finally:
        os.close(fd)


def _count(path: Path) -> int:
    """Count the letters in a file that were not taken out."""
    try:
        with path.open("rb") as file:
            return sum(not line.startswith(TAKEN_OUT) for line in file)
    except FileNotFoundError:
        return 0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def read(state_dir: Path) -> Iterator[DeadLetter]:
    """Read all dead letters back, oldest first. A line that a crash left incomplete is passed over."""
    for path in sorted((state_dir / "dead_letters").glob("*.jsonl")):
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                entry = _parse(line)
                if line.startswith(TAKEN_OUT):
                    continue
                if entry is None:
                    _log.warning("Passed over an incomplete dead letter.", file=str(path), line=number)
                else:
                    yield DeadLetter(path, number, entry)


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        entry = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return entry if isinstance(entry, dict) else None


def _next_number(folder: Path) -> int:
    # Each process begins a file of its own: the last line of another may be incomplete.
    return max((int(path.stem) for path in folder.glob("*.jsonl") if path.stem.isdigit()), default=0) + 1
