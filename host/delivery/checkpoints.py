"""Positions of the inputs, and the states of filters that include them, kept in LMDB.

An input puts the position up to which everything has been delivered, often; the puts are collected and written
in one transaction: soon after the first one, every half a second while they go on, and at stop. Each transaction is
synced to the disk, by a thread of its own so that the event loop never waits for a disk. In between, what was put is in
a file that is not synced (`recent_values.py`). A `kill -9` therefore loses the positions of some 10 ms, and a power cut
those of half a second; what follows an older position is delivered again.

States are written in the same transactions. A state that is put before a position is on disk with it or before it; so
what a position says is done is never missing in a state, however the host ends.
"""

import asyncio
import fcntl
import os
import stat
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import lmdb
import orjson

from host.core.errors import DeliveryError, StartError
from host.delivery import recent_values, state_files
from host.telemetry.logs import get_logger

Checkpoint = dict[str, Any]
Value = Checkpoint | bytes | None
"""A position, a state, or None: to be deleted."""

_MAP_BYTES = 64 << 20
_MAX_KEY_BYTES = 500
_STATE_PREFIX = "\0state/"
"""No component has a name that begins so."""
_COLLECT_S = 0.02
_RECENT_S = 0.01
"""Maximum time until a put survives the end of the process."""
_LOCK_NAME = "owner.lock"
_FLOCK = "hhqqi4x"
"""struct flock of Linux on machines of 64 bits."""

_DAMAGED = (
    "Every input begins as at its first start, and files from their beginning: records are delivered again. "
    "Filters begin without their state."
)

_log = get_logger(__name__, component="checkpoints")


class Checkpoints:
    """A small persistent dictionary.

    Args:
        state_dir: Folder for state; its subfolder `checkpoints` is made if missing.
        interval_ms: How long a put may wait for its transaction once `start` was called.
    """

    def __init__(self, state_dir: Path, interval_ms: int = 500) -> None:
        self._interval_s = interval_ms / 1000
        self._pending: dict[str, Value] = {}
        self._writing: dict[str, Value] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._fresh: dict[str, Value] = {}
        """Puts that do not survive the end of the process yet."""
        self._recent_timer: asyncio.TimerHandle | None = None
        self._written_s = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._remapping = threading.Lock()
        """Held while the map grows, and while a transaction reads it."""
        folder = state_dir / "checkpoints"
        try:
            self.damaged = state_files.keep_only(folder, stat.S_ISDIR, "it is no folder", _DAMAGED)
            """Number of files that were damaged and moved aside. If there are any, no position is known."""
            folder.mkdir(parents=True, exist_ok=True)
            state_files.keep_only(folder / _LOCK_NAME, stat.S_ISREG, "it is no file", "That is all: it holds nothing.")
            self._lock_fd = _lock(folder / _LOCK_NAME, state_dir)
            self.damaged += state_files.prepare(folder, _DAMAGED, _verify)
            self._env = lmdb.open(str(folder), map_size=_MAP_BYTES, max_spare_txns=2)
            if not self.damaged:  # without the database, the latest values alone would be half a state
                self._write(recent_values.read(folder))
            self._recent = recent_values.RecentValues(folder)
            self._recent.replace({})
        except (OSError, lmdb.Error) as error:
            raise StartError(
                f"state_dir: cannot keep checkpoints in {folder}: {error}. "
                "Give a state_dir on a local disk that this user may write to."
            ) from error

    def start(self) -> None:
        """From now on write by the timer of the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoints")
        if self._pending:
            self._arm()

    def get(self, key: str) -> Checkpoint | None:
        """The latest value put, written or not."""
        for waiting in (self._pending, self._writing):
            if key in waiting:
                return _checkpoint(waiting[key])
        stored = self._stored(_encoded(key))
        return None if stored is None else _value(stored)

    def _stored(self, key: bytes) -> bytes | None:
        with self._remapping, self._env.begin() as transaction:
            stored = transaction.get(key)
        return None if stored is None else state_files.unseal(key, stored)

    def items(self, prefix: str) -> Iterator[tuple[str, Checkpoint]]:
        """All keys that begin with a prefix, with their latest values."""
        found: dict[str, Checkpoint | None] = {}
        start = prefix.encode()
        with self._remapping, self._env.begin() as transaction, transaction.cursor() as cursor:
            positioned = cursor.set_range(start)
            while positioned and cursor.key().startswith(start):
                found[cursor.key().decode()] = _value(state_files.unseal(cursor.key(), cursor.value()))
                positioned = cursor.next()
        for waiting in (self._writing, self._pending):
            found.update((key, _checkpoint(value)) for key, value in waiting.items() if key.startswith(prefix))
        for key, value in found.items():
            if value is not None:
                yield key, value

    def put(self, key: str, value: Checkpoint) -> None:
        """Remember a value; it is on disk after the next flush."""
        self._put(key, value)

    def delete(self, key: str) -> None:
        """Forget a key; it is gone from disk after the next flush."""
        self._put(key, None)

    def _put(self, key: str, value: Value) -> None:
        self._pending[key] = value
        self._fresh[key] = value
        if self._timer is None:
            self._arm()
        if self._recent_timer is None and self._loop is not None:
            self._recent_timer = self._loop.call_later(_RECENT_S, self._write_recent)

    def _write_recent(self) -> None:
        self._recent_timer = None
        fresh, self._fresh = self._fresh, {}
        self._recent.append(fresh)

    def _replace_recent(self) -> None:
        """A transaction has ended well: only what was put since is not in the database."""
        self._fresh = {}
        self._recent.replace(self._pending)

    def get_state(self, name: str) -> bytes | None:
        """The latest state put under a name, written or not."""
        key = _STATE_PREFIX + name
        for waiting in (self._pending, self._writing):
            if key in waiting:
                value = waiting[key]
                return value if isinstance(value, bytes) else None
        return self._stored(_encoded(key))

    def put_state(self, name: str, state: bytes | None) -> None:
        """Remember a state, or forget it; it is on disk after the next flush."""
        self._put(_STATE_PREFIX + name, state)

    def flush(self) -> None:
        """Write what was put, in one transaction that is on disk when this returns.

        Raises:
            lmdb.Error: It could not be written; it is kept for the next try.
        """
        values = self._take()
        try:
            if self._thread is None:
                self._write(values)
            else:
                # Behind what the timer may have handed over before.
                self._thread.submit(self._write, values).result()
            self._replace_recent()
        except lmdb.Error:
            self._pending = values | self._pending
            raise
        finally:
            self._writing = {}

    def close(self) -> None:
        """Write what is left and close.

        Raises:
            DeliveryError: It could not be written; all is closed for all that.
        """
        for timer in (self._timer, self._recent_timer):
            if timer is not None:
                timer.cancel()
        self._loop = None
        try:
            self.flush()
        except lmdb.Error as error:
            raise DeliveryError(
                f"The last positions could not be written, so what was delivered since comes again: {error}. "
                "See that state_dir has space and can be written to."
            ) from error
        finally:
            if self._thread is not None:
                self._thread.shutdown(wait=True)
            self._env.close()
            self._recent.close()
            os.close(self._lock_fd)

    def _take(self) -> dict[str, Value]:
        # Only ever in the thread of the event loop: the writing thread gets a dictionary that nobody changes.
        self._writing, self._pending = self._pending, {}
        return self._writing

    def _arm(self) -> None:
        if self._loop is not None:
            # Soon after a pause, so that the first position after it is not at risk for long; then at the interval.
            wait_s = self._written_s + self._interval_s - self._loop.time()
            self._timer = self._loop.call_later(max(wait_s, min(_COLLECT_S, self._interval_s)), self._on_timer)

    def _on_timer(self) -> None:
        if self._loop is None or self._thread is None:
            return
        self._written_s = self._loop.time()
        values = self._take()
        writing = self._loop.run_in_executor(self._thread, self._write, values)
        writing.add_done_callback(partial(self._on_written, values))

    def _on_written(self, values: dict[str, Value], writing: "asyncio.Future[None]") -> None:
        self._timer = None
        self._writing = {}
        error = writing.exception()
        if error is not None:
            self._pending = values | self._pending
            _log.error(
                "Positions could not be written; after a crash, records would be delivered again.", error=str(error)
            )
        else:
            self._replace_recent()
        if self._pending:
            self._arm()

    def _write(self, values: dict[str, Value]) -> None:
        if not values:
            return
        try:
            self._write_once(values)
        except lmdb.MapFullError:
            with self._remapping:
                self._env.set_mapsize(self._env.info()["map_size"] * 2)
            self._write(values)

    def _write_once(self, values: dict[str, Value]) -> None:
        with self._env.begin(write=True) as transaction:
            for key, value in values.items():
                encoded = _encoded(key)
                if value is None:
                    transaction.delete(encoded)
                else:
                    data = value if isinstance(value, bytes) else orjson.dumps(value)
                    transaction.put(encoded, state_files.seal(encoded, data))


def stored(state_dir: Path) -> dict[str, Checkpoint]:
    """All positions that are on disk, without getting in the way of a host that runs; empty if there are none.

    Raises:
        StartError: They cannot be read.
    """
    folder = state_dir / "checkpoints"
    if not (folder / "data.mdb").exists():
        return {}
    try:
        with lmdb.open(str(folder), readonly=True, lock=False) as env, env.begin() as transaction:
            pairs = [(key.decode(), state_files.unseal(key, value)) for key, value in transaction.cursor()]
    except (OSError, ValueError, lmdb.Error) as error:
        raise StartError(f"state_dir: cannot read the checkpoints in {folder}: {error}.") from error
    found: dict[str, Any] = {key: _value(value) for key, value in pairs if not key.startswith(_STATE_PREFIX)}
    found |= recent_values.read(folder)
    return {key: value for key, value in found.items() if value is not None and not key.startswith(_STATE_PREFIX)}


def holder(state_dir: Path) -> int:
    """The process of the host that has the checkpoints now; 0 if none has."""
    try:
        fd = os.open(state_dir / "checkpoints" / _LOCK_NAME, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind, _, _, _, pid = struct.unpack(_FLOCK, fcntl.fcntl(fd, fcntl.F_GETLK, asked))
    finally:
        os.close(fd)
    return 0 if kind == fcntl.F_UNLCK else int(pid)


def _lock(path: Path, state_dir: Path) -> int:
    # A record lock, not flock: children of the host must not inherit it and keep it beyond our end.
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise StartError(
            f"state_dir: {state_dir} is in use by another Hekate. Stop that one, or give this one its own state_dir."
        ) from None
    return fd


def _encoded(key: str) -> bytes:
    encoded = key.encode()
    if len(encoded) > _MAX_KEY_BYTES:
        raise ValueError(f"a checkpoint key may have {_MAX_KEY_BYTES} bytes: {key[:80]}...")
    return encoded


def _verify(key: bytes, stored: bytes) -> None:
    data = state_files.unseal(key, stored)
    if not key.decode().startswith(_STATE_PREFIX) and not isinstance(orjson.loads(data), dict):
        raise state_files.DamagedError(f"the value of {key[:80]!r} is no checkpoint")


def _value(stored: bytes) -> Checkpoint:
    value: Checkpoint = orjson.loads(stored)
    return value


def _checkpoint(value: Value) -> Checkpoint | None:
    return None if isinstance(value, bytes) else value
