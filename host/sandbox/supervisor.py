"""The supervisor: ends a sandbox that spends more CPU on one record than it may, or whose process holds more memory.

CPU time, not time on the clock: a sandbox that had to wait for a core has done nothing wrong. The clock of another
process is one system call to read, so looking at all sandboxes many times a second costs nothing that can be measured.
"""

import asyncio
import time
import weakref
from collections.abc import Iterable
from typing import NamedTuple

from host.sandbox.heartbeat import AT_NO_RECORD, Beat, Use
from host.sandbox.memory_watch import MemoryWatch
from host.sandbox.sandbox import Sandbox
from host.sandbox.termination import Limit

_INTERVAL_S = 0.04
START_CPU_MS = 2000
"""CPU that loading a script may take in all."""
_KERNEL_CPU_MS = 1000
"""CPU that the kernel may take for a pack beside its records: for garbage, and for what they have in common."""
_SILENT_S = 30.0
"""How long a process that has work may neither use CPU nor say anything, though it has no reason to wait."""
_MAX_GAP_S = 1.0
"""If there was more between two looks, the host itself was not scheduled, and the process may not have been either."""


class _Fault(NamedTuple):
    """The reason to end a process."""

    limit: Limit
    text: str


class _Watched:
    """What is known of a process that does not depend on its own word."""

    __slots__ = ("cpu_ms", "looked_s", "pid", "progress", "progress_cpu_ms", "silent_s")

    def __init__(self, sandbox: Sandbox, cpu_ms: float) -> None:
        self.pid = sandbox.pid
        self.progress = sandbox.progress
        self.progress_cpu_ms = cpu_ms
        self.cpu_ms = cpu_ms
        self.looked_s, self.silent_s = time.monotonic(), 0.0

    def fault(self, sandbox: Sandbox, cpu_ms: float, now_s: float) -> _Fault | None:
        """Return the reason to end the process, whatever its heartbeat says; None if there is none."""
        starting = sandbox.state == "starting"
        waits = not starting and (sandbox.idle or not sandbox.may_write)
        self.silent_s += min(now_s - self.looked_s, _MAX_GAP_S)
        self.looked_s = now_s
        if cpu_ms != self.cpu_ms or sandbox.progress != self.progress or waits:
            self.cpu_ms, self.silent_s = cpu_ms, 0.0
        if sandbox.progress != self.progress or (sandbox.idle and not starting):
            self.progress, self.progress_cpu_ms = sandbox.progress, cpu_ms
        if self.silent_s > _SILENT_S:
            self.silent_s = 0.0
            if sandbox.sleeps():
                text = "It does not get ready, and does nothing." if starting else "It does not do its work."
                return _Fault(Limit.PROTOCOL, text)
        spent_ms = cpu_ms - self.progress_cpu_ms
        if starting:
            most_ms = START_CPU_MS + sandbox.state_cpu_ms
            if spent_ms <= most_ms:
                return None
            return _Fault(Limit.CPU, "It takes more CPU to get ready than it may (cpu_limit).")
        of_kernel_ms = _KERNEL_CPU_MS if sandbox.work else 0
        if spent_ms > sandbox.cpu_limit_ms * sandbox.records_given() + sandbox.state_cpu_ms + of_kernel_ms:
            if sandbox.ticking and not sandbox.work:
                return _Fault(Limit.CPU, f"timer_event took more than {sandbox.cpu_limit_ms} ms of CPU (cpu_limit).")
            return _Fault(Limit.CPU, "It takes more CPU for a pack than all of its records may (cpu_limit).")
        return None


class _Work(NamedTuple):
    """What a process is at for as long as nothing of this changes."""

    pid: int
    beat: Beat
    progress: int
    """Of a state that is being written or read; else -1."""


class Supervisor:
    """Watches the sandboxes of a host."""

    def __init__(self, sandboxes: Iterable[Sandbox]) -> None:
        """Watch what `sandboxes` yields at each look: it may change."""
        self._sandboxes = sandboxes
        self._since: dict[Sandbox, tuple[_Work, float]] = {}
        self._watched: weakref.WeakKeyDictionary[Sandbox, _Watched] = weakref.WeakKeyDictionary()
        self._memory = MemoryWatch()

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            await asyncio.sleep(_INTERVAL_S)
            self.look()

    def look(self) -> None:
        """Look once at each sandbox."""
        for sandbox in self._sandboxes:
            if sandbox.pid:
                self._watch(sandbox)
                self._watch_closely(sandbox)
        self._memory.look(self._sandboxes)

    def _watch_closely(self, sandbox: Sandbox) -> None:
        """A process that was taken over may write what it likes into its heartbeat."""
        if sandbox.idle and sandbox.state == "running":
            self._watched.pop(sandbox, None)  # and its clock need not be read
            return
        now = _cpu_ms(sandbox)
        if now is None or sandbox.state not in {"starting", "running"}:
            self._watched.pop(sandbox, None)
            return
        watched = self._watched.get(sandbox)
        if watched is None or watched.pid != sandbox.pid:
            self._watched[sandbox] = _Watched(sandbox, now)
            return
        fault = watched.fault(sandbox, now, time.monotonic())
        if fault is not None:
            self._watched.pop(sandbox)
            sandbox.kill(fault.text, fault.limit)

    def _watch(self, sandbox: Sandbox) -> None:
        beat = sandbox.heartbeat.read()
        if not beat.busy or beat.busy == AT_NO_RECORD:  # `_watch_closely` does without its word
            self._since.pop(sandbox, None)
            sandbox.record_cpu_ms = Use(0, sandbox.record_cpu_ms.highest)
            return
        now = _cpu_ms(sandbox)
        if now is None:
            return
        if sandbox.heartbeat.read() != beat:
            self._since.pop(sandbox, None)  # it went on before its clock was read: that is the CPU of other records too
            return
        # Writing and reading a state is no record and no timer_event, though it looks like one.
        state_ms = 0 if beat.pack else sandbox.state_cpu_ms
        work = _Work(sandbox.pid, beat, sandbox.progress if state_ms else -1)
        since = self._since.get(sandbox)
        if since is None or since[0] != work:
            self._since[sandbox] = (work, now)
            return
        limit = state_ms + (START_CPU_MS if sandbox.state == "starting" else sandbox.cpu_limit_ms)
        spent = now - since[1]
        if sandbox.state == "running" and not state_ms:
            sandbox.record_cpu_ms = Use(int(spent), max(int(spent), sandbox.record_cpu_ms.highest))
        if spent > limit:
            self._since.pop(sandbox, None)
            what = "Loading the script" if sandbox.state == "starting" else "One record" if beat.pack else "timer_event"
            sandbox.kill(f"{what} took more than {limit} ms of CPU (cpu_limit).", Limit.CPU, limit, beat)


def _cpu_ms(sandbox: Sandbox) -> float | None:
    cpu_ns = sandbox.cpu_ns()
    return None if cpu_ns is None else cpu_ns / 1e6
