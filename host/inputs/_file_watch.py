"""Tells when files change: through inotify, where the kernel offers it."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

from inotify_simple import INotify, flags  # type: ignore[import-untyped]

from host.file_patterns import fnmatch
from host.inputs._file_tail import Identity

_FOLDER_EVENTS = (
    flags.CREATE
    | flags.MOVED_TO
    | flags.MOVED_FROM
    | flags.DELETE
    | flags.DELETE_SELF
    | flags.MOVE_SELF
    | flags.ONLYDIR
)
_FILE_EVENTS = flags.MODIFY | flags.ATTRIB | flags.MOVE_SELF


class Watch:
    """Watches folders for names that come and go, and open files for data.

    Files are watched by their open descriptor, so that a file stays watched under whatever name it is given.

    Args:
        name_patterns: A name in a folder counts only if it matches one of these.
        on_folder: Called when a name that counts has come or gone.
        on_file: Called with the identity of a file that changed.
        on_overflow: Called when events were lost, so that everything has to be looked at.
    """

    def __init__(
        self,
        name_patterns: list[str],
        on_folder: Callable[[], None],
        on_file: Callable[[Identity], None],
        on_overflow: Callable[[], None],
    ) -> None:
        self._patterns = name_patterns
        self._on_folder = on_folder
        self._on_file = on_file
        self._on_overflow = on_overflow
        self._inotify = INotify(nonblocking=True)
        self._files: dict[int, Identity] = {}
        self._watches: dict[Identity, int] = {}
        self._folders: dict[str, int] = {}
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._inotify.fd, self._on_readable)

    def add_folder(self, folder: Path) -> None:
        """Watch a folder; again is no harm.

        Raises:
            OSError: The folder is gone, or the kernel has no more watches to give.
        """
        if str(folder) not in self._folders:
            self._folders[str(folder)] = self._inotify.add_watch(folder, _FOLDER_EVENTS)

    def add_file(self, fd: int, identity: Identity) -> None:
        """Watch an open file.

        Raises:
            OSError: The kernel has no more watches to give.
        """
        watch = self._inotify.add_watch(f"/proc/self/fd/{fd}", _FILE_EVENTS)
        self._files[watch] = identity
        self._watches[identity] = watch

    def remove_file(self, identity: Identity) -> None:
        """Watch a file no more."""
        watch = self._watches.pop(identity, None)
        if watch is not None and self._files.pop(watch, None) is not None:
            # The kernel has removed the watch itself if the file was deleted, and its note of that is on the way.
            with contextlib.suppress(OSError):
                self._inotify.rm_watch(watch)

    def close(self) -> None:
        """Watch nothing more."""
        self._loop.remove_reader(self._inotify.fd)
        self._inotify.close()

    def _on_readable(self) -> None:
        for event in self._inotify.read(timeout=0):
            if event.mask & flags.Q_OVERFLOW:
                self._on_overflow()
            elif event.mask & flags.IGNORED:
                # The kernel dropped the watch itself: the file or folder is gone.
                self._files.pop(event.wd, None)
                self._folders = {path: watch for path, watch in self._folders.items() if watch != event.wd}
            elif event.wd in self._files:
                self._on_file(self._files[event.wd])
            elif event.mask & flags.ISDIR or any(fnmatch(event.name, pattern) for pattern in self._patterns):
                self._on_folder()
