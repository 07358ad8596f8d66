"""CPU time of a sandbox, as the system counts it, and whether it could have had more."""

import time
from pathlib import Path
from typing import Protocol

from host.sandbox.process import thread_name

_CPU_CLOCK_OF_PROCESS = 2
_SLEEPS = b"S"
"""The state of somebody who waits for something other than a core, a disk, or to be let go on."""


class CpuClock(Protocol):
    """Tells how much CPU a sandbox has used."""

    def read_ns(self) -> int | None:
        """CPU time since it started, or None if it is gone."""

    def sleeps(self) -> bool:
        """Whether it uses no CPU of its own accord: not because it has to wait for a core, or was stopped."""


class ProcessClock:
    """Of a sandbox that has a process to itself: one system call."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        # what clock_getcpuclockid(3) computes
        self._clock = (~pid << 3) | _CPU_CLOCK_OF_PROCESS

    def read_ns(self) -> int | None:
        """CPU time since it started, or None if it is gone."""
        try:
            return time.clock_gettime_ns(self._clock)
        except OSError:
            return None

    def sleeps(self) -> bool:
        """Whether it uses no CPU of its own accord."""
        return _sleeps(Path(f"/proc/{self._pid}/stat"))


class ThreadClock:
    """Of a member of a group: the system shows a thread's time only in a file."""

    def __init__(self, pid: int, index: int) -> None:
        self._tasks = Path(f"/proc/{pid}/task")
        self._name = thread_name(index)
        self._file: Path | None = None

    def read_ns(self) -> int | None:
        """CPU time since it started, or None if it is gone."""
        try:
            if self._file is None:
                self._file = self._find()
            return None if self._file is None else int(self._file.read_bytes().split()[0])
        except (OSError, ValueError):
            return None

    def sleeps(self) -> bool:
        """Whether it uses no CPU of its own accord."""
        return self._file is not None and _sleeps(self._file.with_name("stat"))

    def _find(self) -> Path | None:
        """The thread names itself when it begins."""
        for task in self._tasks.iterdir():
            if (task / "comm").read_text().rstrip("\n") == self._name:
                return task / "schedstat"
        return None


def _sleeps(stat: Path) -> bool:
    try:
        return stat.read_bytes().rpartition(b")")[2].split()[0] == _SLEEPS
    except (OSError, IndexError):
        return False  # it is gone
