"""Files, whose names may contain the date, rotated by size or time."""

import asyncio
import errno
import os
import stat
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta

from host.core.clock import Clock, RealClock
from host.core.errors import OpenError, RetryDelivery, StartError
from host.outputs._file_state import FileState
from host.outputs.base import Batch, Output, OutputOptions
from host.telemetry.metrics import ComponentMetrics

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
_REPAIR_BYTES = 1 << 20
_NEWLINE = b"\n"[0]

Permission = Annotated[str, Meta(pattern="^0?[0-7]{3}$")]


class FileOptions(OutputOptions, frozen=True, kw_only=True):
    """Options of the file output."""

    path: Annotated[
        str, Meta(min_length=1, description="Where to write; % codes of strftime stand for the time of writing.")
    ]
    perm: Annotated[Permission, Meta(description="Permission of new files, in octal.")] = "0644"
    folder_perm: Annotated[Permission, Meta(description="Permission of new folders, in octal.")] = "0755"
    timezone: Annotated[Literal["local", "utc"], Meta(description="Whose time the path and rotation go by.")] = "local"
    rotation_interval_s: Annotated[
        int, Meta(ge=0, description="Rename the file and begin a new one every so many seconds, from midnight; 0: no.")
    ] = 0
    rotation_bytes: Annotated[
        int, Meta(ge=0, description="Rename the file and begin a new one before it is larger than this; 0: no.")
    ] = 0
    keep_rotated: Annotated[int, Meta(ge=0, description="Delete all but so many renamed files; 0: keep all.")] = 0
    fsync: Annotated[
        bool,
        Meta(
            description="Count a batch as delivered only when it is on the disk. Without it, records survive any end "
            "of Hekate, but not a power cut."
        ),
    ] = False


class FileOutput(Output):
    """Appends to a file.

    Missing folders are made. A file that was renamed or deleted is opened anew within a second, or at once on
    SIGHUP. What a crash left half written at the end of the file is cut off, since it comes again; if somebody else
    left an unfinished line there, it is ended. A full disk leaves no half batch: it is tried again.
    """

    type = "file"
    Options = FileOptions

    options: FileOptions

    def __init__(
        self,
        name: str,
        options: Any,
        metrics: ComponentMetrics,
        *,
        state_dir: Path,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(name, options, metrics, state_dir=state_dir)
        self._clock = clock or RealClock()
        self._to_parts = time.localtime if self.options.timezone == "local" else time.gmtime
        self._looked_s = -1
        self._path = ""
        self._fd = -1
        self._is_regular = True
        self._identity = (0, 0)
        self._period = 0
        self._is_torn = False
        self._must_reopen = False
        self._rotated: list[Path] = []
        """The files that this run has rotated last, oldest first."""
        self._state: FileState | None = None

    async def open(self) -> None:
        """Repair what a crash left, and open the file."""
        self._state = FileState(self.state_dir / "outputs" / self.name)
        for _ in range(self._state.damaged):
            self.metrics.count_error("damaged_state_file")
        self._path = self._path_at(self._clock.now_ns() // 1_000_000_000)
        try:
            for written in self._state.files():
                self._cut_torn_end(written.path, written.size)
            self._open()
        except OSError as error:
            self._state.close()
            self._state = None
            kind = StartError if error.errno == errno.EINVAL else OpenError
            raise kind(
                f"outputs.{self.name}.path: cannot write to {self._path}: {error.strerror}. "
                "Correct the path, or give this user write permission."
            ) from error

    def write(self, batch: Batch) -> Awaitable[None] | None:
        """Append a batch."""
        data = batch.data
        if not len(data):
            return None
        try:
            if self._must_reopen:
                self._shut()
            now_s = self._clock.now_ns() // 1_000_000_000
            if now_s != self._looked_s:
                self._look(now_s)
            if self._fd < 0:
                self._open()
            if self._is_torn:
                self._end_foreign_line(ends_in_newline=data[-1] == _NEWLINE)
            return self._append(data)
        except OSError as error:
            raise self._failure(error) from error

    def reopen(self) -> None:
        """Open the file anew with the next batch; one may be on its way to the disk now."""
        self._must_reopen = True

    async def close(self) -> None:
        """Close the file."""
        self._shut()
        if self._state is not None:
            self._state.close()
            self._state = None

    def _shut(self) -> None:
        self._must_reopen = False
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _append(self, data: memoryview) -> Awaitable[None] | None:
        if not self._is_regular:
            self._write_all(data)
            return None
        begin = os.lseek(self._fd, 0, os.SEEK_END)
        if begin and 0 < self.options.rotation_bytes < begin + len(data):
            self._rotate()
            begin = 0
        try:
            self._write_all(data)
            if self.options.fsync:
                return self._sync(begin, begin + len(data))
            self._remember(begin + len(data))
        except OSError:
            # All or nothing: what is written again must not stand there already.
            os.ftruncate(self._fd, begin)
            raise
        return None

    def _write_all(self, data: memoryview) -> None:
        written = os.write(self._fd, data)
        while written < len(data):
            written += os.write(self._fd, data[written:])

    async def _sync(self, begin: int, end: int) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(None, os.fsync, self._fd)
            self._remember(end)
        except asyncio.CancelledError:
            # Somebody does not wait for a slow disk: whoever goes on writes the batch again.
            os.ftruncate(self._fd, begin)
            raise
        except OSError as error:
            os.ftruncate(self._fd, begin)
            raise self._failure(error) from error

    def _remember(self, end: int) -> None:
        if self._state is not None:
            self._state.put(self._path, self._identity, end)

    def _failure(self, error: OSError) -> RetryDelivery:
        hint = "; free some space" if error.errno in {errno.ENOSPC, errno.EDQUOT} else ""
        return RetryDelivery(f"cannot write to {self._path}: {error.strerror}{hint}")

    # Which file it is, now.

    def _path_at(self, now_s: int) -> str:
        return time.strftime(self.options.path, self._to_parts(now_s))

    def _period_at(self, now_s: float) -> int:
        parts = self._to_parts(now_s)
        return int(now_s + (parts.tm_gmtoff or 0)) // self.options.rotation_interval_s

    def _look(self, now_s: int) -> None:
        """Once a second at most: whether it is time for another file, or somebody took ours away."""
        self._looked_s = now_s
        path = self._path_at(now_s)
        if path != self._path or (self._fd >= 0 and self._is_regular and not self._is_in_place()):
            self._shut()
            self._path = path
        elif self.options.rotation_interval_s and self._period_at(now_s) != self._period:
            if self._fd >= 0 and self._is_regular and os.lseek(self._fd, 0, os.SEEK_END):
                self._rotate()
            self._period = self._period_at(now_s)

    def _is_in_place(self) -> bool:
        try:
            status = os.stat(self._path)  # noqa: PTH116 -- compared with that of the descriptor
        except FileNotFoundError:
            return False
        return (status.st_dev, status.st_ino) == self._identity

    def _open(self) -> None:
        path = Path(self._path)
        if not path.parent.is_dir():
            _make_folders(path.parent, int(self.options.folder_perm, 8))
        is_new = not path.exists()
        if path.is_fifo():
            raise OSError(errno.EINVAL, "it is a named pipe, which is no file; start a program that reads a socket")
        if not is_new and not path.is_file() and not path.is_char_device():
            raise OSError(errno.EINVAL, "it is no file; for standard output there is `type: console`")
        fd = os.open(path, _FLAGS)
        status = os.fstat(fd)
        if is_new:
            os.fchmod(fd, int(self.options.perm, 8))
        self._fd = fd
        self._is_regular = stat.S_ISREG(status.st_mode)
        self._identity = (status.st_dev, status.st_ino)
        if self.options.rotation_interval_s:
            now_s = self._clock.now_ns() // 1_000_000_000
            self._period = self._period_at(status.st_mtime if status.st_size else now_s)
        known = self._state.get(self._identity) if self._state is not None else None
        self._is_torn = self._is_regular and status.st_size > 0 and known != status.st_size

    def _rotate(self) -> None:
        now_s = self._clock.now_ns() // 1_000_000_000
        stem = f"{self._path}.{time.strftime('%Y%m%dT%H%M%S', self._to_parts(now_s))}"
        target, number = Path(stem), 1
        while target.exists():
            target, number = Path(f"{stem}-{number:04d}"), number + 1
        Path(self._path).rename(target)
        self._shut()
        self._open()
        if self.options.keep_rotated:
            # The clock may have gone back, by an hour in autumn: what this run has rotated is the newest for all that.
            own = [*(path for path in self._rotated if path != target), target]
            found = set(target.parent.glob(f"{_glob_escape(Path(self._path).name)}.*T*"))
            rotated = [*sorted(found.difference(own)), *(path for path in own if path in found)]
            for old in rotated[: -self.options.keep_rotated]:
                old.unlink(missing_ok=True)
            self._rotated = own[-self.options.keep_rotated :]

    # What stands unfinished at the end of a file.

    def _cut_torn_end(self, path: str, delivered_bytes: int) -> None:
        """Cut off what was being written when we ended: it was not delivered, so it comes again."""
        try:
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            self.log.warning("Could not look for a half-written line.", path=path, error=error.strerror)
            return
        try:
            size = os.fstat(fd).st_size
            if size > delivered_bytes and self._state is not None:
                keep = _last_line_end(fd, delivered_bytes, size)
                if keep < size:
                    os.ftruncate(fd, keep)
                    self.log.warning("Cut off a line that a crash left half written.", path=path, bytes=size - keep)
                status = os.fstat(fd)
                self._state.put(path, (status.st_dev, status.st_ino), keep)
        finally:
            os.close(fd)

    def _end_foreign_line(self, *, ends_in_newline: bool) -> None:
        """End a line that another process left unfinished, if the output writes lines."""
        self._is_torn = False
        size = os.lseek(self._fd, 0, os.SEEK_END)
        if ends_in_newline and size and os.pread(self._fd, 1, size - 1) != b"\n":
            self.log.warning("Ended a line that somebody else left unfinished.", path=self._path)
            os.write(self._fd, b"\n")


def _last_line_end(fd: int, begin: int, end: int) -> int:
    """Return the end of the last line in a part of a file, or the beginning of the part if it has no line."""
    while end > begin:
        start = max(begin, end - _REPAIR_BYTES)
        at = os.pread(fd, end - start, start).rfind(b"\n")
        if at >= 0:
            return start + at + 1
        end = start
    return begin


def _make_folders(folder: Path, mode: int) -> None:
    missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    for parent in reversed(missing):
        parent.mkdir(mode=mode, exist_ok=True)
        parent.chmod(mode)


def _glob_escape(name: str) -> str:
    return "".join(f"[{character}]" if character in "*?[" else character for character in name)
