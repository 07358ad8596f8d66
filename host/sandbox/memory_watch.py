"""Ends a process that holds more memory than its sandboxes may use together."""

from collections.abc import Iterable

from host.sandbox.memory import process_bytes
from host.sandbox.sandbox import Sandbox
from host.sandbox.termination import Limit

_LOOKS_AT_ALL = 25
"""Processes without work are measured at every so many looks."""
_LOOKS_AT_BUSY = 2
"""Those that work. Reading the numbers takes about 20 microseconds."""


class MemoryWatch:
    """Measures the processes of sandboxes, those that work more often."""

    def __init__(self) -> None:
        self._looks = 0
        self._cpu_ns: dict[tuple[int, str], int] = {}
        """CPU time of the members of shared processes at the last measurement, by process and name."""

    def look(self, sandboxes: Iterable[Sandbox]) -> None:
        """Measure each process that is due, once."""
        self._looks += 1
        looks_at_all = self._looks % _LOOKS_AT_ALL == 0
        if not looks_at_all and self._looks % _LOOKS_AT_BUSY:
            return
        members: dict[int, list[Sandbox]] = {}
        for sandbox in sandboxes:
            if sandbox.pid and sandbox.max_process_bytes:
                members.setdefault(sandbox.pid, []).append(sandbox)
        for pid, some in members.items():
            if looks_at_all or any(not sandbox.idle for sandbox in some):
                self._measure(pid, some)
        if looks_at_all:
            self._cpu_ns = {key: cpu_ns for key, cpu_ns in self._cpu_ns.items() if key[0] in members}

    def _measure(self, pid: int, members: list[Sandbox]) -> None:
        used_bytes = process_bytes(pid)
        max_bytes = members[0].max_process_bytes
        suspect = self._most_active(pid, members) if len(members) > 1 else members[0]
        if used_bytes is None or used_bytes <= max_bytes:
            return
        together = "" if len(members) == 1 else f" and those of {len(members) - 1} other sandboxes in it"
        suspect.kill(
            f"The process holds {used_bytes} bytes of memory. It may hold {max_bytes}: the {suspect.memory_limit} of "
            f"the script (memory_limit){together}, and what the interpreter needs.",
            Limit.MEMORY,
            suspect.memory_limit,
            suspect.heartbeat.read(),
            used_bytes,
        )

    def _most_active(self, pid: int, members: list[Sandbox]) -> Sandbox:
        """Return the member that used most CPU since the last measurement: to hold memory takes CPU."""
        suspect, most_ns = members[0], -1
        for sandbox in members:
            key = (pid, sandbox.name)
            now_ns = sandbox.cpu_ns() or 0
            spent_ns = now_ns - self._cpu_ns.get(key, 0)
            self._cpu_ns[key] = now_ns
            if spent_ns > most_ns:
                suspect, most_ns = sandbox, spent_ns
        return suspect
