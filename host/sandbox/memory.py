"""Memory of a sandbox process, as the system counts it.

Lua's allocator and RLIMIT_DATA stop scripts. Native code that escaped Lua could hold memory that neither counts: pages
that were made executable after they were written, the stack, and the page tables of mappings that are only read.
"""

import os

_FIELDS = (b"RssAnon:", b"VmSwap:", b"VmPTE:")
_BASE_BYTES = 40 * 1024 * 1024
"""Of a process beside its Lua states: the interpreter, compiled traces, and what the C library keeps for reuse."""
_MEMBER_BYTES = 2 * 1024 * 1024
"""For each sandbox of a process: its thread's stack and its buffers."""


def max_process_bytes(lua_bytes: list[int]) -> int:
    """Return the memory that a process may hold whose Lua states may use these numbers of bytes."""
    total = sum(lua_bytes)
    return total + total // 4 + _BASE_BYTES + _MEMBER_BYTES * len(lua_bytes)


def process_bytes(pid: int) -> int | None:
    """Return the memory that only this process holds, in RAM or swapped out, or None if the process is gone."""
    try:
        fd = os.open(f"/proc/{pid}/status", os.O_RDONLY | os.O_CLOEXEC)
        try:
            status = os.read(fd, 8192)
        finally:
            os.close(fd)
    except OSError:
        return None
    total_kib = 0
    for field in _FIELDS:
        at = status.find(field)
        if at >= 0:
            total_kib += int(status[at + len(field) : status.index(b"kB", at)])
    return total_kib * 1024
