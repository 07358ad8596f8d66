"""Log files: followed as they grow and rotate, or read once."""

import asyncio
import errno
import os
import time
from functools import partial
from pathlib import PurePath
from typing import Any

from host.delivery.checkpoints import Checkpoint
from host.inputs._file_closed import ClosedFiles, longest_idle
from host.inputs._file_copies import Copies, Folders
from host.inputs._file_finder import Finder, Found, Look, look_at
from host.inputs._file_missed import RotatedFiles, base_path, last_checkpoints
from host.inputs._file_open import OpenFiles, Turns
from host.inputs._file_options import FileOptions
from host.inputs._file_source import PackedAfterAllError, open_source
from host.inputs._file_start import Starts
from host.inputs._file_tail import Identity, Tail, checkpoint_key, is_replaced, is_same
from host.inputs._file_watch import Watch
from host.inputs.base import Input, Intake

_SCAN_SHARE = 200
"""A look at all files is followed by so many times the CPU time that it took, so that idle files cost little."""
_ROOM_WAIT_S = 0.01
_MISSED_TRIES = 5


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

    A file without new data for `close_idle_after_ms` is closed and opened again when it changes. All file inputs
    together hold at most half of the descriptors that the process may have, and at most 1,024.
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
        self._once_tails: dict[Tail, None] = {}
        """Files that are read once and not fully delivered yet, in order."""
        self._at_path: dict[str, Tail] = {}
        self._last_at_path: dict[str, Identity] = {}
        """The file that was last opened at each path; it may be closed."""
        self._gone: dict[Tail, None] = {}
        """Open files that no pattern matches any more."""
        self._closed = ClosedFiles()
        self._changed_names: dict[str, None] = {}
        self._changed_closed: dict[Identity, None] = {}
        self._known_paths: set[str] = set()
        """Paths that an earlier run has read, until the first scan is over."""
        self._rotated: dict[str, Checkpoint] = {}
        """Paths whose file was replaced while it was followed, and what is known of the one before."""
        self._rotated_of: dict[str, Tail] = {}
        """The file to read before the file at a path."""
        self._postponed: dict[Identity, str] = {}
        """Files of which it is not known yet whether they are copies."""
        self._unreadable: dict[str, int | None] = {}
        self._copies = Copies(self.checkpoints, self.name)
        self._open_files, self._turns = OpenFiles(), Turns()
        self._starts = Starts(self.name, self.options, self.checkpoints, self._copies, reads_once=self._reads_once)
        self._first_scan = self._scan_due = True
        self._upkeep_due = self._is_unwatched = False
        self._next_scan_s = 0.0
        self._look: asyncio.Future[Look] | None = None
        self._waiting: asyncio.Future[None] | None = None
        self._ticker: asyncio.TimerHandle | None = None
        self._watch: Watch | None = None
        self._resumes, self._all_read = True, False

    async def open(self) -> None:
        """Check the paths, and begin to watch them."""
        self._finder.check(must_exist=self._reads_once)
        self._open_files.open()
        self._resumes = self._begin_run()
        if not self._reads_once:
            self._watch = self._open_watch()

    async def run(self) -> None:
        """Read until cancelled, or once to the end of every file."""
        if not self._reads_once:
            self._tick()
        while True:
            if self._scan_due and self._look is None:
                self._begin_scan()
            if self._look is not None and self._look.done():
                await self._scan(self._look.result())
            if self._has_changes:
                await self._look_at_changes()
            if self._upkeep_due and not self._first_scan:
                await self._upkeep()
            await self._read_ready()
            if not self._ready and not self._has_changes and (not self._scan_due or self._is_looking):
                if self._reads_once and self._look is None:
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
        self._open_files.close()

    def read_position(self, path: str | PurePath) -> int | None:
        """Return the position up to which a file has been read; None if it is not open."""
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
        self._once_tails = {tail: None for tail in self._once_tails if not tail.is_delivered}
        self._all_read = True
        if not self._once_tails:
            self.checkpoints.delete(self._run_key)

    def _on_delivered(self, tail: Tail) -> None:
        self._once_tails.pop(tail, None)
        if self._all_read and not self._once_tails:
            self.checkpoints.delete(self._run_key)

    # Waking up.

    def _open_watch(self) -> Watch | None:
        try:
            return Watch(self._on_name, self._on_folder, self._on_file, self._on_overflow)
        except OSError as error:
            self._cannot_watch(error)
            return None

    def _cannot_watch(self, error: OSError) -> None:
        if self._is_unwatched:
            return
        self._is_unwatched = True
        self.log.warning(
            "The kernel watches no more files for this user (sysctl fs.inotify.max_user_watches). The others are "
            "looked at every poll_interval_ms, and less often if they are many.",
            error=error.strerror,
            poll_interval_ms=self.options.poll_interval_ms,
        )

    def _tick(self) -> None:
        self._ticker = asyncio.get_running_loop().call_later(self.options.poll_interval_ms / 1000, self._tick)
        self._upkeep_due = True
        if time.monotonic() >= self._next_scan_s:
            self._scan_due = True
        self._wake()

    def _on_folder(self) -> None:
        self._scan_due = True
        self._wake()

    def _on_name(self, folder: str, name: str) -> None:
        self._changed_names[os.path.join(folder, name)] = None  # noqa: PTH118 -- of thousands
        self._wake()

    def _on_file(self, identity: Identity) -> None:
        tail = self._tails.get(identity)
        if tail is not None:
            self._mark(tail)
        elif identity in self._closed:
            self._changed_closed[identity] = None
            self._wake()

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
        tails = self._whose_turn()
        for tail in tails:
            if len(tails) > 1:
                await self._turns.pause()
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
            first = next((tail for tail in self._once_tails if tail in self._ready), None)
            return [] if first is None else [first]
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

    def _forget(self, tail: Tail, status: os.stat_result | None, *, watched: bool = False) -> None:
        """A file was closed; with a status it is not opened again before that has changed."""
        if status is not None:
            self._closed.add(tail, status)
        if self._watch is not None and not watched:
            self._watch.remove_file(tail.identity)
        self._tails.pop(tail.identity, None)
        self._ready.pop(tail, None)
        self._gone.pop(tail, None)
        self._copies.closed(tail)
        for path in tail.paths:
            if self._at_path.get(path) is tail:
                del self._at_path[path]

    # Closing files that are idle.

    async def _upkeep(self) -> None:
        """Deal with what changes by the mere passing of time."""
        self._upkeep_due = False
        for tail in list(self._gone):
            await self._not_seen(tail)
        if self._rotated:
            paths, self._rotated = self._rotated, {}
            await self._read_missed([found for path in paths if (found := look_at(path)) is not None], paths)
        for tail in self._tails.values():
            tail.has_copy = False
        postponed, self._postponed = self._postponed, {}
        for path in postponed.values():
            file = look_at(path)
            if file is not None:
                await self._see(file)
        idle_since_s = time.monotonic() - self.options.close_idle_after_ms / 1000
        for tail in list(self._tails.values()):
            if tail.active_s < idle_since_s and tail.is_settled and tail not in self._ready and tail not in self._gone:
                self._close_idle(tail)
        if len(self._tails) > self._open_files.most:
            await self._close_longest_idle()

    def _close_idle(self, tail: Tail) -> None:
        """Close a file that is read to its end; its checkpoint says where to go on when it changes."""
        status = os.fstat(tail.fd)
        if status.st_size != tail.read_position:
            self._mark(tail)
            return
        tail.abandon()
        self._forget(tail, status, watched=True)

    async def _close_longest_idle(self) -> bool:
        """Close some idle files for others; whether there were any."""
        surplus = len(self._tails) - self._open_files.most
        found = longest_idle((tail for tail in self._tails.values() if tail not in self._ready), surplus)
        for tail in found:
            if tail in self._gone:
                await self._close_rotated(tail)
            else:
                self._close_idle(tail)
        return bool(found)

    async def _make_room(self) -> None:
        """Wait until another file may be opened."""
        while len(self._tails) >= self._open_files.most:
            if not self._reads_once and await self._close_longest_idle():
                continue
            if self._ready:
                await self._read_ready()
            else:
                await asyncio.sleep(_ROOM_WAIT_S)  # what was read is still to be delivered

    # Finding files.

    @property
    def _is_looking(self) -> bool:
        return self._look is not None and not self._look.done()

    @property
    def _has_changes(self) -> bool:
        # Before the first scan is over, it is not known which files are new.
        return bool(self._changed_names or self._changed_closed) and not self._first_scan

    def _begin_scan(self) -> None:
        """Look which files there are; in a thread if that takes long, so that what is known is read meanwhile."""
        self._scan_due = False
        loop = asyncio.get_running_loop()
        if self._finder.is_quick:
            self._look = loop.create_future()
            self._look.set_result(self._finder.look())
        else:
            self._look = loop.run_in_executor(None, self._finder.look)
            self._look.add_done_callback(lambda _: self._wake())

    async def _scan(self, look: Look) -> None:
        """Take up what was found."""
        self._look = None
        self._next_scan_s = time.monotonic() + look.cpu_s * _SCAN_SHARE
        self._watch_folders(look.folders)
        files, renamed = look.files, set[Identity]()
        for tail in self._tails.values():
            tail.has_copy = False
        if self._first_scan and self._resumes:
            self._copies.load()
            known = last_checkpoints(self._copies.checkpoints())
            self._known_paths = set(known)
            renamed = await self._read_missed(files, known)
            found = [file for file in self._copies.renamed(files) if file.identity not in renamed]
            renamed |= {file.identity for file in found}
            # Files that are known first: others may be copies of them.
            files = sorted(files, key=lambda file: not self._is_known(file.identity)) + found
        for file in files:
            await self._see(file)
            await self._turns.pause()
        await self._look_for_missing({file.identity for file in files} - renamed)
        if self._first_scan and not files:
            self.log.warning("No file matches yet.", path=self.options.path)
        self._first_scan = False
        self._known_paths.clear()
        self._rotated_of.clear()

    async def _read_missed(self, files: list[Found], known: dict[str, Checkpoint]) -> set[Identity]:
        """Begin with rotated files that no pattern matches and that hold unread lines; which they are."""
        at_path = {file.path: file for file in files}
        matched, admitted = {file.identity for file in files}, set[Identity]()
        rotated = RotatedFiles(self._copies.was_read)
        for path, checkpoint in known.items() if not self._reads_once else ():
            await self._turns.pause()
            file = at_path.get(path)
            is_same_file = file is not None and self._copies.was_read(file)
            for _ in range(_MISSED_TRIES):
                missed = rotated.missed(path, checkpoint)
                unread = [each for each in missed.files if each.identity not in matched | admitted]
                unread = [each for each in unread if not self._finder.is_excluded(each.path)]
                unread = [each for each in unread if each.identity not in self._tails]
                if is_same_file:  # the others may be read to their end, or have been compressed before that
                    unread = [each for each in unread if self._copies.has_unread(each)]
                for each in unread:
                    await self._admit_rotated(each, path)
                if unread:
                    self.log.info("Reading rotated files first.", path=path, files=[each.path for each in unread])
                opened = {
                    each.identity for each in unread if each.identity in self._tails or each.identity in self._closed
                }
                admitted |= opened
                if len(opened) == len(unread):
                    break
                rotated.forget(path)  # one was renamed or compressed meanwhile: it has another name now
            if missed.last is not None and not is_same_file and (file is not None or missed.files):
                self._report_missed(missed.last)
        return admitted

    async def _admit_rotated(self, file: Found, path: str) -> None:
        """Open a rotated file, to be read before what took its path."""
        await self._admit(file, from_beginning=True)
        if (tail := self._tails.get(file.identity)) is not None:
            tail.after, self._rotated_of[path] = self._rotated_of.get(path), tail

    def _report_missed(self, last: Checkpoint) -> None:
        self.metrics.count_error("rotated file missed")
        self.log.warning(
            "A file was replaced, and its rotated copy was not found. "
            "Lines written behind the position are missed, if there were any.",
            path=last["path"],
            position=last["position"],
        )

    def _last_checkpoint(self, path: str) -> Checkpoint | None:
        """Return the checkpoint of the file that was last opened at a path; None if there is none.

        The file may have another path by now.
        """
        identity = self._last_at_path.get(path)
        checkpoint = self.checkpoints.get(checkpoint_key(self.name, identity)) if identity is not None else None
        return None if checkpoint is None else checkpoint | {"path": path}

    def _search_rotated(self, path: str, last: Checkpoint | None) -> None:
        """Have the next upkeep search for rotated files of a path whose file was replaced."""
        if last is not None and not self._reads_once:
            self._rotated.setdefault(path, last)

    def _is_known(self, identity: Identity) -> bool:
        return self.checkpoints.get(checkpoint_key(self.name, identity)) is not None

    async def _look_for_missing(self, seen: set[Identity]) -> None:
        """Deal with files that no pattern matches any more."""
        for tail in list(self._tails.values()):
            # What was found may be of some time ago.
            if tail.identity in self._tails and tail.identity not in seen and not _is_at(tail):
                await self._not_seen(tail)
        folders = Folders()
        for identity in self._closed.missing(seen):
            if identity in self._closed and self._closed.look_at(identity) is None:
                await self._closed_not_seen(identity, folders)
            await self._turns.pause()

    async def _look_at_changes(self) -> None:
        """Look at the names and files of which the kernel has told."""
        names, self._changed_names = self._changed_names, {}
        identities, self._changed_closed = self._changed_closed, {}
        wanted = [path for path in names if not self._finder.is_excluded(path)]
        before = [tail for path in wanted if (tail := self._at_path.get(path)) is not None]
        found = {file.identity: file for path in wanted if (file := look_at(path)) is not None}
        folders = Folders()
        for identity in identities:
            if identity in found:
                continue
            if (file := self._closed.look_at(identity)) is not None:
                found[identity] = file
            elif identity in self._closed:
                await self._closed_not_seen(identity, folders)
        for file in sorted(found.values(), key=lambda file: (file.mtime_ns, file.path)):
            await self._see(file)
            await self._turns.pause()
        for tail in before:
            if tail.identity in found or tail.identity not in self._tails:
                continue
            if not _is_at(tail):
                await self._not_seen(tail)

    def _watch_folders(self, folders: dict[str, set[str]]) -> None:
        if self._watch is None:
            return
        for folder, patterns in folders.items():
            try:
                self._watch.add_folder(folder, patterns)
            except OSError as error:
                self._cannot_watch(error)

    async def _see(self, file: Found) -> None:
        tail = self._tails.get(file.identity)
        if tail is None:
            if not self._closed.is_unchanged(file):
                await self._admit(file)
            return
        self._gone.pop(tail, None)
        tail.found_at(file.path)
        self._copies.opened(tail)
        self._at_path.setdefault(file.path, tail)
        if tail.has_more():
            self._mark(tail)

    async def _closed_not_seen(self, identity: Identity, folders: Folders) -> None:
        """A closed file was renamed or deleted. If it was renamed, it is followed for a while as any other."""
        path = self._closed.path(identity)
        file = folders.search(os.path.dirname(path), identity)  # noqa: PTH120 -- of thousands
        if file is not None:
            self._closed.pop(identity)
            if file.path != path or not self._reads_once:
                await self._admit(file)
                if (tail := self._tails.get(identity)) is not None:
                    await self._not_seen(tail)
        elif self._closed.is_gone_for(identity, self.options.close_rotated_after_ms / 1000):
            self._closed.pop(identity)
            if not is_replaced(path):
                self.checkpoints.delete(checkpoint_key(self.name, identity))
                if self._last_at_path.get(path) == identity:
                    del self._last_at_path[path]

    async def _not_seen(self, tail: Tail) -> None:
        """A file was renamed or deleted: read on for a while, then close it."""
        now_s = time.monotonic()
        self._gone[tail] = None
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

    async def _admit(self, file: Found, *, from_beginning: bool = False) -> None:
        """Open a file that is not open yet, find out where to begin, and begin."""
        if len(self._tails) >= self._open_files.most:
            await self._make_room()
        try:
            source = open_source(file.path)
        except OSError as error:
            self._cannot_read(file.path, error)
            return
        self._unreadable.pop(file.path, None)
        if source.identity() != file.identity:
            # Another file has taken the name since it was looked at. The next scan finds that one. No pattern may
            # match the new name of this one, so search for it among the rotated files.
            source.close()
            self._scan_due = True
            self._search_rotated(file.path, self._last_checkpoint(file.path) or _unread(file))
            return
        head = source.head()
        start = self._starts.of(
            file,
            source,
            head,
            resumes=self._resumes,
            at_end=self._first_scan and not from_beginning and base_path(file.path) not in self._known_paths,
        )
        if start is None:
            source.close()
            self._postponed[file.identity] = file.path
            return
        self._closed.pop(file.identity)
        tail = Tail(self, source, file.path, file.identity, head)
        tail.past = start.past
        before = self._at_path.get(file.path)
        last = self._last_checkpoint(file.path)
        if self._last_at_path.get(file.path) != file.identity or (last is not None and not is_same(last, head)):
            # It may have been rotated more than once since it was looked at. The one before may be closed, and this
            # one may have its inode.
            self._search_rotated(file.path, last)
        self._last_at_path[file.path] = file.identity
        tail.after = before or self._rotated_of.pop(file.path, None)
        self._at_path[file.path] = tail
        self._tails[file.identity] = tail
        self._copies.opened(tail)
        if self._watch is not None:
            try:
                self._watch.add_file(source.fd, file.identity)
            except OSError as error:
                self._cannot_watch(error)
        await tail.start(start.position, start.released, start.reading)
        if start.copy_of is not None:
            start.copy_of.goes_on_in(tail)
        if self._reads_once:
            self._once_tails[tail] = None
            tail.on_delivered = partial(self._on_delivered, tail)
        self._mark(tail)


def _unread(file: Found) -> Checkpoint:
    """Return a checkpoint for a file that was renamed before it could be opened."""
    return {"path": file.path, "position": 0, "updated_s": file.mtime_ns // 1_000_000_000}


def _is_at(tail: Tail) -> bool:
    file = look_at(tail.path)
    return file is not None and file.identity == tail.identity and tail.gone_since_s is None
