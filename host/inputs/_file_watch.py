"""Reports changes of files through inotify, where the kernel offers it."""

import asyncio
import contextlib
from collections.abc import Callable

from inotify_simple import INotify, flags  # type: ignore[import-untyped]

from host.inputs._file_finder import covers
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
        on_name: Called with a folder and a name in it that a pattern covers, when that name has come or gone.
        on_folder: Called when a subfolder has come or gone.
        on_file: Called with the identity of a file that changed.
        on_overflow: Called when events were lost, so that everything has to be looked at.
    """

    def __init__(
        self,
        on_name: Callable[[str, str], None],
        on_folder: Callable[[], None],
        on_file: Callable[[Identity], None],
        on_overflow: Callable[[], None],
    ) -> None:
        self._on_name = on_name
        self._on_folder = on_folder
        self._on_file = on_file
        self._on_overflow = on_overflow
        self._inotify = INotify(nonblocking=True)
        self._files: dict[int, Identity] = {}
        self._watches: dict[Identity, int] = {}
        self._folders: dict[str, int] = {}
        self._names: dict[int, tuple[str, set[str]]] = {}
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._inotify.fd, self._on_readable)

    def add_folder(self, folder: str, patterns: set[str]) -> None:
        """Watch a folder for the names that patterns cover; again is no harm.

        Raises:
            OSError: The folder is gone, or the kernel has no more watches to give.
        """
        watch = self._folders.get(folder)
        if watch is None:
            self._folders[folder] = watch = self._inotify.add_watch(folder, _FOLDER_EVENTS)
        self._names[watch] = folder, patterns

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
                self._on_ignored(event.wd)
            elif event.wd in self._files:
                self._on_file(self._files[event.wd])
            elif event.wd in self._names:
                folder, patterns = self._names[event.wd]
                if event.mask & flags.ISDIR or not event.name:
                    self._on_folder()
                elif covers(patterns, event.name):
                    self._on_name(folder, event.name)

    def _on_ignored(self, watch: int) -> None:
        """The kernel dropped the watch itself: the file or folder is gone."""
        identity = self._files.pop(watch, None)
        if identity is not None:
            self._watches.pop(identity, None)
            self._on_file(identity)
        if watch in self._names:
            self._folders.pop(self._names.pop(watch)[0], None)
