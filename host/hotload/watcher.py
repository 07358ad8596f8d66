"""Watches the drop-in directory: what was written, moved or removed there, told once it has settled.

A file counts as written when its writer has closed it, when it was moved in, or when nothing has happened to it for a
moment (some writers keep files open, and file systems without events only show sizes). Names that editors use for their
own files are none of ours.
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
"""After a close, a move or a removal."""
_QUIET_S = 0.15
"""After a write whose end is not in sight."""
_MAX_S = 0.3
"""For which events put the call off: somebody who writes all the time is not to hold up what others have written."""
_POLL_S = 1.0
_FINAL = frozenset({"closed", "moved", "deleted"})
_READ_ONLY = frozenset({"opened", "closed_no_write"})


def is_plugin_file(path: Path) -> bool:
    """Whether a name is that of a plugin, its settings, its cases or a module, not of an editor's temporary file."""
    return path.name.endswith((".lua", ".cfg", ".cases.yaml")) and not path.name.startswith((".", "#", "~"))


class Watcher(FileSystemEventHandler):
    """Calls back in the event loop when something in a directory has changed.

    Args:
        folder: The directory; it may be missing for a while.
        changed: Called with no argument, some milliseconds after the last event.
        polling: Look at the directory every second instead of being told, for file systems that tell nothing.
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
        """Begin to watch. The parent is watched too, so that the directory may vanish and come back."""
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
        if _identity(self._folder) != before:  # it came or went before anybody could tell
            self.stop()
            self.start()

    def stop(self) -> None:
        """End watching."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()
            self._observer = None

    def on_any_event(self, event: FileSystemEvent) -> None:
        """An event, in the observer's thread."""
        if event.event_type in _READ_ONLY:
            return
        paths = [Path(str(path)) for path in (event.src_path, event.dest_path) if path]
        if event.is_directory or any(is_plugin_file(path) for path in paths):
            if event.is_directory and event.event_type == "modified":
                return
            delay_s = _SETTLED_S if event.event_type in _FINAL else _QUIET_S
            self._loop.call_soon_threadsafe(self._arm, delay_s)

    def _again(self) -> None:
        """The directory has gone, or is back and another one."""
        self._loop.call_soon_threadsafe(self._rewatch)

    def _rewatch(self) -> None:
        if self._observer is not None:
            self.stop()
            self.start()
            self._arm(_SETTLED_S)

    def _arm(self, delay_s: float) -> None:
        """A later event puts the call off, but a settled one does not wait for an unsettled one before it."""
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
    """Which directory stands there; None if there is none."""
    try:
        status = folder.stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISDIR(status.st_mode) else None


class _Parent(FileSystemEventHandler):
    """Sees the directory itself go and come."""

    def __init__(self, folder: Path, changed: Callable[[], None]) -> None:
        self._folder = str(folder)
        self._changed = changed

    def on_any_event(self, event: FileSystemEvent) -> None:
        """An event beside the directory, or of it."""
        if event.event_type in {"created", "deleted", "moved"} and self._folder in {event.src_path, event.dest_path}:
            self._changed()
