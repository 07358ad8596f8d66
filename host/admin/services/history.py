"""The versions of each script in the drop-in directory, whoever has put them there.

A version is a file, `state_dir/versions/<kind>s/<name>/<number>.<sha256>.<who>.lua`: the script as it was.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from host.config.model import PluginKind
from host.delivery import state_files
from host.plugins.library import KINDS
from host.telemetry.logs import get_logger

_LOG = get_logger("host.admin")
_NAME = re.compile(r"(?P<number>\d{6})\.(?P<sha256>[0-9a-f]{64})\.(?P<who>[A-Za-z0-9_.:-]*)\.lua")
_MAX_VERSIONS = 50
_MAX_WHO = 64
BY_FILE = "file"
"""Who has put a version there that did not come over the API."""


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a script."""

    version: int
    """Counts from 1."""
    sha256: str
    time_ns: int
    """Time at which the host first saw this version."""
    who: str
    """Who has loaded it, as the audit log names callers; `file`: it was put into the directory."""


class _Stored(NamedTuple):
    version: Version
    path: Path


class History:
    """Keeps versions. Its methods read and write the disk, and are called in threads.

    Args:
        folder: Where; made when there is something to keep.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._marks: dict[Path, tuple[int, int, int]] = {}
        self._known: dict[tuple[PluginKind, str], list[_Stored]] = {}

    def load(self) -> None:
        """Read which versions there are."""
        for kind in KINDS:
            for folder in sorted((self._folder / f"{kind}s").glob("*/")):
                self._known[kind, folder.name] = sorted(_read(folder), key=lambda stored: stored.version.version)

    def versions(self, kind: PluginKind, name: str) -> list[Version]:
        """All versions of a script, oldest first."""
        return [stored.version for stored in self._known.get((kind, name), ())]

    def number_of(self, kind: PluginKind, name: str, sha256: str) -> int | None:
        """The number of a text, if it is a version; the latest one, if it is several."""
        found = [stored.version.version for stored in self._known.get((kind, name), ())
                 if stored.version.sha256 == sha256]  # fmt: skip
        return found[-1] if found else None

    def kinds_of(self, name: str) -> list[PluginKind]:
        """Return the plugin kinds that have stored versions named `name`."""
        return [kind for kind in KINDS if self._known.get((kind, name))]

    def source(self, kind: PluginKind, name: str, version: int) -> bytes | None:
        """Return the text of a version; None if there is none, or its file is damaged."""
        for stored in self._known.get((kind, name), ()):
            if stored.version.version == version:
                source = _source(stored)
                if source is None:
                    self._known[kind, name].remove(stored)
                return source
        return None

    def note_file(self, kind: PluginKind, path: Path) -> None:
        """A script lies in the directory; it is read only if it has changed since it was last looked at."""
        try:
            status = path.stat()
            mark = (status.st_mtime_ns, status.st_size, status.st_ino)
            if self._marks.get(path) == mark:
                return
            source = path.read_bytes()
        except OSError:
            return  # it has just gone
        self._marks[path] = mark
        self.note(kind, path.stem, source, hashlib.sha256(source).hexdigest(), BY_FILE)

    def note(self, kind: PluginKind, name: str, source: bytes, sha256: str, who: str) -> None:
        """A script has this text now; nothing happens if that is the latest version already."""
        with self._lock:
            self._note(kind, name, source, sha256, who)

    def _note(self, kind: PluginKind, name: str, source: bytes, sha256: str, who: str) -> None:
        known = self._known.setdefault((kind, name), [])
        if known and known[-1].version.sha256 == sha256:
            return
        number = known[-1].version.version + 1 if known else 1
        folder = self._folder / f"{kind}s" / name
        path = folder / f"{number:06d}.{sha256}.{_word(who)}.lua"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            temporary = path.with_suffix(".tmp")
            temporary.write_bytes(source)
            temporary.replace(path)
            stored = _stored(path)
        except OSError as error:
            _LOG.error("A version of a script could not be kept.", script=name, reason=str(error))
            return
        if stored is not None:
            known.append(stored)
        while len(known) > _MAX_VERSIONS:
            known.pop(0).path.unlink(missing_ok=True)


def _read(folder: Path) -> Iterator[_Stored]:
    for path in folder.glob("*.lua"):
        if not path.is_file():
            continue
        stored = _stored(path)
        if stored is not None:
            yield stored


def _source(stored: _Stored) -> bytes | None:
    """Read the text of a version. A damaged file is moved aside: it would be loaded as what it is not."""
    try:
        source = stored.path.read_bytes()
        if hashlib.sha256(source).hexdigest() == stored.version.sha256:
            return source
        state_files.move_aside(stored.path, "its text is not what was loaded", "It is no version any more.")
    except OSError as error:
        _LOG.error("A version of a script cannot be read.", file=str(stored.path), reason=str(error))
    return None


def _stored(path: Path) -> _Stored | None:
    found = _NAME.fullmatch(path.name)
    if found is None:
        return None
    version = Version(
        version=int(found["number"]), sha256=found["sha256"], who=found["who"], time_ns=path.stat().st_mtime_ns
    )
    return _Stored(version, path)


def _word(who: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.:-]", "_", who)[:_MAX_WHO]
