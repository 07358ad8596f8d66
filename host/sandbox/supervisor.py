"""The supervisor: ends a sandbox that spends more CPU on one record than it may.

CPU time, not time on the clock: a sandbox that had to wait for a core has done nothing wrong. The clock of another
process is one system call to read, so looking at all sandboxes many times a second costs nothing that can be measured.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterable

import psutil

from host.sandbox.heartbeat import Beat
from host.sandbox.sandbox import Sandbox

_INTERVAL_S = 0.04
_CPU_CLOCK_OF_PROCESS = 2
_START_CPU_MS = 2000
"""CPU that loading a script may take in all."""
_MEMORY_EVERY = 25
"""Looks between two readings of memory."""


def cpu_clock(pid: int) -> int:
    """The clock id of a process's CPU time: what clock_getcpuclockid(3) computes."""
    return (~pid << 3) | _CPU_CLOCK_OF_PROCESS


def cpu_ms(pid: int) -> float | None:
    """CPU time of a process since its start, or None if it is gone."""
    try:
        return time.clock_gettime(cpu_clock(pid)) * 1000
    except OSError:
        return None


class Supervisor:
    """Watches the sandboxes of a host."""

    def __init__(self, sandboxes: Iterable[Sandbox]) -> None:
        """Watch what `sandboxes` yields at each look: it may change."""
        self._sandboxes = sandboxes
        self._since: dict[Sandbox, tuple[int, Beat, float]] = {}
        self._looks = 0

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            await asyncio.sleep(_INTERVAL_S)
            self.look()

    def look(self) -> None:
        """Look once at each sandbox."""
        self._looks += 1
        for sandbox in self._sandboxes:
            if sandbox.pid:
                self._watch(sandbox)
                if self._looks % _MEMORY_EVERY == 0:
                    _measure(sandbox)

    def _watch(self, sandbox: Sandbox) -> None:
        beat = sandbox.heartbeat.read()
        if not beat.busy:
            self._since.pop(sandbox, None)
            return
        now = cpu_ms(sandbox.pid)
        if now is None:
            return
        since = self._since.get(sandbox)
        if since is None or since[0] != sandbox.pid or since[1] != beat:
            self._since[sandbox] = (sandbox.pid, beat, now)
            return
        limit = _START_CPU_MS if sandbox.state == "starting" else sandbox.cpu_limit_ms
        spent = now - since[2]
        if spent > limit:
            self._since.pop(sandbox, None)
            sandbox.kill(f"One record took more than {limit} ms of CPU (cpu_limit).", "cpu_limit")


def _measure(sandbox: Sandbox) -> None:
    with contextlib.suppress(psutil.Error):
        memory = psutil.Process(sandbox.pid).memory_info()
        sandbox.metrics.private_bytes = memory.rss - memory.shared
