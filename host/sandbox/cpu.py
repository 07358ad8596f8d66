"""CPU time of a sandbox, as the system counts it."""

import time
from pathlib import Path
from typing import Protocol

from host.sandbox.process import thread_name

_CPU_CLOCK_OF_PROCESS = 2


class CpuClock(Protocol):
    """Tells how much CPU a sandbox has used."""

    def read_ns(self) -> int | None:
        """CPU time since it started, or None if it is gone."""


class ProcessClock:
    """Of a sandbox that has a process to itself: one system call."""

    def __init__(self, pid: int) -> None:
        # what clock_getcpuclockid(3) computes
        self._clock = (~pid << 3) | _CPU_CLOCK_OF_PROCESS

    def read_ns(self) -> int | None:
        """CPU time since it started, or None if it is gone."""
        try:
            return time.clock_gettime_ns(self._clock)
        except OSError:
            return None


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

    def _find(self) -> Path | None:
        """The thread names itself when it begins."""
        for task in self._tasks.iterdir():
            if (task / "comm").read_text().rstrip("\n") == self._name:
                return task / "schedstat"
        return None
