"""Log files: followed as they grow and rotate, or read once."""

import asyncio
import errno
import os
import time
from functools import partial
from pathlib import PurePath
from typing import Any

from host.delivery.checkpoints import Checkpoint
from host.inputs._file_copies import Copies, Start
from host.inputs._file_finder import Finder, Found
from host.inputs._file_options import FileOptions
from host.inputs._file_source import GzipSource, PackedAfterAllError, Source, last_line, open_source
from host.inputs._file_tail import Identity, Tail, checkpoint_key, is_same
from host.inputs._file_watch import Watch
from host.inputs.base import Input, Intake


class FileInput(Input):
    """Reads files: follows them through rotation, or reads them once.

    A file is known by device, inode and its first KiB, so it may be renamed, truncated, copied and truncated,
    deleted and made anew, while Hekate runs or while it does not. A rotated file is read to its end before the one
    that took its name. gzip files are read once. With `--once`, or `follow: false`, the input ends when it has
    read every file to its end, and an unfinished last line is a record too. UTF-8's byte order mark at the
    beginning of a file is passed over.

    Where the pattern also matches what rotation leaves behind (`access.log*`), a copy of a file that is being read
    (logrotate's copytruncate, or compression) is taken for what it is and is not read again; and what was written
    to the file just before its truncation is then read from the copy.
    """

    type = "file"
    Options = FileOptions

    options: FileOptions

    def __init__(self, name: str, options: Any, intake: Intake, *others: Any, once: bool) -> None:
        super().__init__(name, options, intake, *others, once=once)
        self._reads_once = self.once or not self.options.follow
        paths = [self.options.path] if isinstance(self.options.path, str) else self.options.path
        self._finder = Finder(self.name, paths, self.options.exclude)
        self._tails: dict[Identity, Tail] = {}
        self._ready: dict[Tail, None] = {}
        self._once_tails: list[Tail] = []
        self._at_path: dict[str, Tail] = {}
        self._done: dict[Identity, tuple[int, int]] = {}
        self._unreadable: dict[str, int | None] = {}
        self._copies = Copies(self.checkpoints, self.name)
        self._first_scan = self._scan_due = True
        self._waiting: asyncio.Future[None] | None = None
        self._ticker: asyncio.TimerHandle | None = None
        self._watch: Watch | None = None
        self._resumes = True

    async def open(self) -> None:
        """Check the paths, and begin to watch them."""
        self._finder.check(must_exist=self._reads_once)
        self._resumes = self._begin_run()
        if not self._reads_once:
            self._watch = self._open_watch()

    async def run(self) -> None:
        """Read until cancelled, or once to the end of every file."""
        if not self._reads_once:
            self._tick()
        while True:
            if self._scan_due:
                await self._scan()
            await self._read_ready()
            if not self._ready and not self._scan_due:
                if self._reads_once:
                    break
                await self._wait()
        self._end_run_when_delivered()

    async def close(self) -> None:
        """Close all files; they will be read again from where everything was delivered."""
        if self._ticker is not None:
            self._ticker.cancel()
        if self._watch is not None:
            self._watch.close()
        for tail in self._tails.values():
            tail.abandon()
        self._tails.clear()

    def read_position(self, path: str | PurePath) -> int | None:
        """Up to where a file has been read; None if it is not open."""
        tail = self._at_path.get(str(path))
        return None if tail is None else tail.read_position

    # A run that reads once. Its key says whether it is under way, so that the next one knows whether it was
    # interrupted and has to go on, or begins anew.

    @property
    def _run_key(self) -> str:
        return f"{self.name}/file"

    def _begin_run(self) -> bool:
        if not self._reads_once:
            return True
        interrupted = self.checkpoints.get(self._run_key) is not None
        self.checkpoints.put(self._run_key, {"running": True})
        return interrupted or self.options.keep_position

    def _end_run_when_delivered(self) -> None:
        self._undelivered = {tail for tail in self._once_tails if not tail.is_delivered}
        for tail in self._undelivered:
            tail.on_delivered = partial(self._on_delivered, tail)
        if not self._undelivered:
            self.checkpoints.delete(self._run_key)

    def _on_delivered(self, tail: Tail) -> None:
        self._undelivered.discard(tail)
        if not self._undelivered:
            self.checkpoints.delete(self._run_key)

    # Waking up.

    def _open_watch(self) -> Watch | None:
        try:
            return Watch(self._finder.name_patterns, self._on_folder, self._on_file, self._on_overflow)
        except OSError as error:
            self._cannot_watch(error)
            return None

    def _cannot_watch(self, error: OSError) -> None:
        self.log.warning(
            "The kernel watches no more files for this user (sysctl fs.inotify); they are looked at now and then.",
            error=error.strerror,
            poll_interval_ms=self.options.poll_interval_ms,
        )

    def _tick(self) -> None:
        self._ticker = asyncio.get_running_loop().call_later(self.options.poll_interval_ms / 1000, self._tick)
        self._on_folder()

    def _on_folder(self) -> None:
        self._scan_due = True
        self._wake()

    def _on_file(self, identity: Identity) -> None:
        tail = self._tails.get(identity)
        if tail is not None:
            self._mark(tail)

    def _on_overflow(self) -> None:
        for tail in self._tails.values():
            self._mark(tail)
        self._on_folder()

    def _mark(self, tail: Tail) -> None:
        tail.touch()
        self._ready[tail] = None
        self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def _wait(self) -> None:
        self._waiting = asyncio.get_running_loop().create_future()
        await self._waiting

    # Reading.

    async def _read_ready(self) -> None:
        """Read once from each file that may have something, in turn."""
        for tail in self._whose_turn():
            if tail.after is not None and tail.after in self._ready:
                continue
            tail.after = None
            # Taken out before the read: what happens while it waits for a slot puts it in again.
            self._ready.pop(tail, None)
            if await self._read(tail):
                self._ready[tail] = None

    def _whose_turn(self) -> list[Tail]:
        """The files to read from now: all, or where they are read one after the other the first one."""
        if self._reads_once and self.options.sequential:
            return [tail for tail in self._once_tails if tail in self._ready][:1]
        return list(self._ready)

    async def _read(self, tail: Tail) -> bool:
        """Read once from a file; whether there is likely more."""
        try:
            got = await tail.read()
        except PackedAfterAllError:
            self._open_anew(tail)
            return False
        except OSError as error:
            self._cannot_read(tail.path, error)
            status = os.fstat(tail.fd) if tail.is_packed else None
            tail.abandon()
            self._forget(tail, status)
            return False
        if not got and tail.is_in_doubt:
            return True
        if tail.feeder.broken or (not got and (self._reads_once or tail.is_complete)):
            if self._reads_once and tail.is_packed and not tail.is_complete:
                self._cannot_read(tail.path, OSError(errno.EIO, "the gzip data is cut short"))
            await self._finish(tail, done=True)
            return False
        return got > 0 if self._reads_once or tail.is_packed else tail.feeder.full

    def _open_anew(self, tail: Tail) -> None:
        """Have the next look open a file as if it had not been seen before."""
        tail.abandon()
        self._forget(tail, None)
        self.checkpoints.delete(checkpoint_key(self.name, tail.identity))
        self._on_folder()

    def _cannot_read(self, path: str, error: OSError) -> None:
        self.metrics.count_error("unreadable file")
        if self._unreadable.get(path) != error.errno:
            self._unreadable[path] = error.errno
            self.log.warning(
                "A file cannot be read; it is tried again when it has changed, and now and then.",
                path=path,
                error=error.strerror,
            )

    async def _finish(self, tail: Tail, *, done: bool) -> None:
        status = os.fstat(tail.fd) if done else None
        await tail.finish()
        self._forget(tail, status)

    def _forget(self, tail: Tail, status: os.stat_result | None) -> None:
        """A file was closed; with a status it is not opened again before that has changed."""
        if status is not None:
            self._done[tail.identity] = (status.st_size, status.st_mtime_ns)
        if self._watch is not None:
            self._watch.remove_file(tail.identity)
        self._tails.pop(tail.identity, None)
        self._ready.pop(tail, None)
        self._at_path = {path: other for path, other in self._at_path.items() if other is not tail}

    # Finding files.

    async def _scan(self) -> None:
        """Look which files there are."""
        self._scan_due = False
        self._watch_folders()
        files = self._finder.files()
        for tail in self._tails.values():
            tail.has_copy = False
        if self._first_scan:
            if self._resumes:
                files += self._copies.renamed(files)
            # Files that are known first: others may be copies of them.
            files.sort(key=lambda file: self.checkpoints.get(checkpoint_key(self.name, file.identity)) is None)
        for file in files:
            await self._see(file)
        seen = {file.identity for file in files}
        self._done = {identity: state for identity, state in self._done.items() if identity in seen}
        for tail in list(self._tails.values()):
            if tail.identity not in seen:
                await self._not_seen(tail)
        if self._first_scan and not files:
            self.log.warning("No file matches yet.", path=self.options.path)
        self._first_scan = False

    def _watch_folders(self) -> None:
        if self._watch is None:
            return
        try:
            for folder in self._finder.folders():
                self._watch.add_folder(folder)
        except OSError as error:
            self._cannot_watch(error)

    async def _see(self, file: Found) -> None:
        tail = self._tails.get(file.identity)
        if tail is None:
            if self._done.get(file.identity) != (file.size, file.mtime_ns):
                await self._admit(file)
            return
        tail.found_at(file.path)
        self._at_path.setdefault(file.path, tail)
        if tail.has_more():
            self._mark(tail)

    async def _not_seen(self, tail: Tail) -> None:
        """A file was renamed or deleted: read on for a while, then close it."""
        now_s = time.monotonic()
        if tail.gone_since_s is None:
            tail.gone_since_s = now_s
        tail.unlinked = os.fstat(tail.fd).st_nlink == 0
        if tail.has_more():
            self._mark(tail)
        elif tail not in self._ready:
            idle_ms = (now_s - max(tail.active_s, tail.gone_since_s)) * 1000
            if idle_ms >= self.options.close_rotated_after_ms:
                await self._close_rotated(tail)

    async def _close_rotated(self, tail: Tail) -> None:
        """Read no more from a file that was rotated. A copy of it goes on from where its checkpoint says."""
        if not tail.has_copy:
            await self._finish(tail, done=False)
        elif tail.is_caught_up:
            tail.abandon()  # an unfinished last line is read from the copy
            self._forget(tail, None)

    async def _admit(self, file: Found) -> None:
        """Open a file that is not open yet, find out where to begin, and begin."""
        try:
            source = open_source(file.path)
        except OSError as error:
            self._cannot_read(file.path, error)
            return
        self._unreadable.pop(file.path, None)
        if source.identity() != file.identity:
            # Another file has taken the name since it was looked at. Both are found by the next look.
            source.close()
            self._scan_due = True
            return
        head = source.head()
        start = self._start_of(file, source, head)
        if start is None:
            source.close()
            return
        tail = Tail(self, source, file.path, file.identity, head)
        tail.past = start.past
        tail.after = self._at_path.get(file.path)
        self._at_path[file.path] = tail
        self._tails[file.identity] = tail
        if self._watch is not None:
            try:
                self._watch.add_file(source.fd, file.identity)
            except OSError as error:
                self._cannot_watch(error)
        await tail.start(start.position, start.released, start.reading)
        if start.copy_of is not None:
            start.copy_of.goes_on_in(tail)
        if self._reads_once:
            self._once_tails.append(tail)
        self._mark(tail)

    def _start_of(self, file: Found, source: Source, head: bytes) -> Start | None:
        """Where to begin in a file; None if that cannot be said yet."""
        checkpoint = self.checkpoints.get(checkpoint_key(self.name, file.identity)) if self._resumes else None
        if checkpoint is not None:
            position = int(checkpoint["position"])
            if is_same(checkpoint, head) and (isinstance(source, GzipSource) or file.size >= position):
                return Start(position, position, _delivered(checkpoint.get("past")), checkpoint.get("reading", ""))
            checkpoint.pop("past", None)
            return Start(0, 0, past=checkpoint | {"released": position})
        return Start(0, 0) if self._reads_once else self._start_of_new(file, source, head)

    def _start_of_new(self, file: Found, source: Source, head: bytes) -> Start | None:
        tails = list(self._tails.values())
        if (copied := self._copies.start_of(file, head, tails)) is not None:
            if isinstance(source, GzipSource):
                return copied
            # It may have been made before all of it was read.
            return copied._replace(position=min(copied.position, file.size), released=min(copied.released, file.size))
        if self._copies.is_waiting(file, head, tails):
            return None
        if self._first_scan and self.options.start_at == "end" and not isinstance(source, GzipSource):
            position = last_line(source.fd, file.size)
            return Start(position, position)
        return Start(0, 0)


def _delivered(past: Checkpoint | None) -> Checkpoint | None:
    """What a file was before its truncation, as another run finds it: what was only read has to be read again."""
    return None if past is None else past | {"position": past["released"]}
