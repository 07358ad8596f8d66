"""Watches the drop-in directory and reports writes, moves and removals once they have settled.

A file counts as written when its writer has closed it, when it was moved in, or when it has not changed for a moment
(some writers keep files open, and some file systems send no events). Temporary files of editors are ignored.
"""

import asyncio
import stat
from collections.abc import Callable
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver
from watchdog.observers.polling import PollingObserver

from host.telemetry.logs import get_logger

_LOG = get_logger("host.hotload")

_SETTLED_S = 0.02
"""Delay after a close, a move or a removal."""
_QUIET_S = 0.15
"""Delay after a write to a file that is still open."""
_MAX_S = 0.3
"""Longest delay. Continuous writes to one file must not delay changes to others."""
_POLL_S = 1.0
_FINAL = frozenset({"closed", "moved", "deleted"})
_READ_ONLY = frozenset({"opened", "closed_no_write"})


def is_plugin_file(path: Path) -> bool:
    """Return True if a file is a plugin, its settings, its cases or a module, and no temporary file of an editor."""
    return path.name.endswith((".lua", ".cfg", ".cases.yaml")) and not path.name.startswith((".", "#", "~"))


class Watcher(FileSystemEventHandler):
    """Calls back in the event loop after a change in a directory.

    Args:
        folder: The directory; it may be missing for a while.
        changed: Called without arguments, some milliseconds after the last event.
        polling: Scan the directory every second, for file systems that send no events.
    """

    def __init__(self, folder: Path, changed: Callable[[], None], *, polling: bool = False) -> None:
        self._folder = folder
        self._changed = changed
        self._polling = polling
        self._loop = asyncio.get_running_loop()
        self._observer: BaseObserver | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._armed_s = 0.0

    def start(self) -> None:
        """Start watching. The parent is watched too, so that the directory may be removed and created again."""
        before = _identity(self._folder)
        observer = PollingObserver(timeout=_POLL_S) if self._polling else Observer()
        try:
            observer.schedule(_Parent(self._folder, self._again), str(self._folder.parent), recursive=False)
            if before is not None:
                observer.schedule(self, str(self._folder), recursive=True)
            observer.start()
        except OSError as error:
            observer.unschedule_all()
            if _identity(self._folder) == before:
                if self._polling:
                    raise
                _LOG.warning("The system does not tell of changes; looking every second.", reason=str(error))
                self._polling = True
            self.start()
            return
        self._observer = observer
        if _identity(self._folder) != before:  # it appeared or vanished before the watch began
            self.stop()
            self.start()

    def stop(self) -> None:
        """Stop watching."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()
            self._observer = None

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Handle an event in the observer's thread."""
        if event.event_type in _READ_ONLY:
            return
        paths = [Path(str(path)) for path in (event.src_path, event.dest_path) if path]
        if event.is_directory or any(is_plugin_file(path) for path in paths):
            if event.is_directory and event.event_type == "modified":
                return
            delay_s = _SETTLED_S if event.event_type in _FINAL else _QUIET_S
            self._loop.call_soon_threadsafe(self._arm, delay_s)

    def _again(self) -> None:
        """Watch again, because the directory was removed or replaced."""
        self._loop.call_soon_threadsafe(self._rewatch)

    def _rewatch(self) -> None:
        if self._observer is not None:
            self.stop()
            self.start()
            self._arm(_SETTLED_S)

    def _arm(self, delay_s: float) -> None:
        """Schedule the callback. A later event delays it, but at most by `_MAX_S`."""
        now_s = self._loop.time()
        if self._timer is None:
            self._armed_s = now_s
        else:
            self._timer.cancel()
        self._timer = self._loop.call_at(min(now_s + delay_s, max(now_s, self._armed_s + _MAX_S)), self._call)

    def _call(self) -> None:
        self._timer = None
        self._changed()


def _identity(folder: Path) -> tuple[int, int] | None:
    """Return device and inode of a directory; None if it does not exist."""
    try:
        status = folder.stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISDIR(status.st_mode) else None


class _Parent(FileSystemEventHandler):
    """Notices when the directory itself appears or vanishes."""

    def __init__(self, folder: Path, changed: Callable[[], None]) -> None:
        self._folder = str(folder)
        self._changed = changed

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Handle an event in the parent directory."""
        if event.event_type in {"created", "deleted", "moved"} and self._folder in {event.src_path, event.dest_path}:
            self._changed()
