"""Runs a command and measures the CPU time of all its processes."""

import contextlib
import ctypes
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.failures import BenchmarkError

_PR_SET_CHILD_SUBREAPER = 36
_LAST_LINES = 15


class Usage(NamedTuple):
    """The times of a run."""

    cpu_s: float
    """CPU time of all processes, user and system."""
    wall_s: float

    def __sub__(self, other: "Usage") -> "Usage":
        return Usage(self.cpu_s - other.cpu_s, self.wall_s - other.wall_s)


def adopt_orphans() -> None:
    """Make this process the reaper of orphaned descendants, so that their CPU time is counted."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


@contextlib.contextmanager
def _deadline(process: "subprocess.Popen[bytes]", timeout_s: float) -> Iterator[None]:
    def end() -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    timer = threading.Timer(timeout_s, end)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def last_lines(log: Path) -> str:
    """Return the last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-_LAST_LINES:])


def start(command: Sequence[str | Path], env: Mapping[str, str], folder: Path, log: Path) -> "subprocess.Popen[bytes]":
    """Start a command in its own process group, with its output in a log."""
    with log.open("wb") as file:
        return subprocess.Popen(
            command,
            env={**os.environ, **env},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def measure(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    folder: Path,
    log: Path,
    timeout_s: float,
    beside: Sequence[str | Path] | None = None,
) -> Usage:
    """Run a command to its end.

    The accounting of a process includes the children that it waited for. Other children become children of this process
    (see `adopt_orphans`), so all time is counted once.

    Args:
        command: The command line.
        env: Variables to add to the environment.
        folder: The working directory.
        log: The file for its standard output and standard error.
        timeout_s: Time after which it is killed.
        beside: A command to run at the same time that does not count.

    Returns:
        The times of the run.

    Raises:
        BenchmarkError: The command failed or timed out.
    """
    start_s = time.monotonic()
    process = start(command, env, folder, log)
    helper = subprocess.Popen(beside, stdin=subprocess.DEVNULL) if beside else None
    cpu_s, wall_s = 0.0, 0.0
    with _deadline(process, timeout_s):
        while True:
            try:
                pid, status, used = os.wait4(-1, 0)
            except ChildProcessError:
                break
            if helper is not None and pid == helper.pid:
                helper.returncode = os.waitstatus_to_exitcode(status)
                continue
            cpu_s += used.ru_utime + used.ru_stime
            if pid == process.pid:
                wall_s = time.monotonic() - start_s
                process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise BenchmarkError(
            f"The command ended with status {process.returncode} after {wall_s:.1f} s.\n{last_lines(log)}"
        )
    if helper is not None and helper.returncode != 0:
        raise BenchmarkError(f"{beside} ended with status {helper.returncode}.")
    return Usage(cpu_s, wall_s)
