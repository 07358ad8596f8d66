"""The jail of a sandbox process: what is left of the system calls once the script may run.

LuaJIT is no security boundary, so nothing here relies on it: native code that a script smuggled in finds a process that
can talk to one socket and to memory it already has. What is not on the list kills the process.
"""

import ctypes
import functools
import os
import resource
import signal
from typing import Any

from host.sandbox import privileges

ALLOWED_CALLS = (
    # the socket to the host
    "recvmsg", "sendto", "sendmsg", "close",
    # memory. Beside them mmap and mprotect, see `_allow_some`
    "munmap", "mremap", "madvise", "brk", "futex",
    # time
    "clock_gettime", "gettimeofday", "time", "times", "getrusage",
    # ending, and what the C library does by itself
    "exit", "exit_group", "rt_sigreturn", "rt_sigprocmask", "restart_syscall", "getpid", "gettid",
)  # fmt: skip

_MAP_TYPE, _MAP_PRIVATE, _MAP_ANONYMOUS = 0x0F, 0x02, 0x20
_MAP_GROWSDOWN, _MAP_LOCKED, _MAP_HUGETLB = 0x0100, 0x2000, 0x40000
_UNCOUNTED_MAPPINGS = _MAP_GROWSDOWN | _MAP_LOCKED | _MAP_HUGETLB
"""Mappings that RLIMIT_DATA does not count, or that cannot be taken away."""
_FLAGS_OF_MMAP = 3
_PROTECTION_OF_MPROTECT = 2
_PROT_READ, _PROT_WRITE, _PROT_EXEC = 1, 2, 4
_STDERR = 2

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_NO_NEW_PRIVS = 38
_MAX_OPEN_FILES = 64
_DATA_HEADROOM_BYTES = 256 * 1024 * 1024


class JailError(Exception):
    """The jail could not be built."""


def set_process_name(name: str) -> None:
    """The name that `ps` and `top` show; the system keeps 15 bytes."""
    _prctl(_PR_SET_NAME, name.encode()[:15])


def die_with_parent() -> None:
    """Be killed when the zygote dies."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def limit_resources(memory_bytes: int, members: int) -> None:
    """Set the limits that the kernel itself enforces.

    Args:
        memory_bytes: What Lua may use; the process gets headroom beside it for the interpreter and LPEG's own memory.
        members: How many sandboxes share the process.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    privileges.limit_stack()
    most_files = _MAX_OPEN_FILES + 4 * members
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    data_bytes = memory_bytes + _DATA_HEADROOM_BYTES
    resource.setrlimit(resource.RLIMIT_DATA, (data_bytes, data_bytes))


def close_all_but(keep: set[int]) -> None:
    """Close every file descriptor that the process does not need."""
    highest = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    first = 0
    for fd in sorted(keep):
        os.closerange(first, fd)
        first = fd + 1
    os.closerange(first, highest if highest != resource.RLIM_INFINITY else 65536)


def check() -> None:
    """See whether the jail can be had at all.

    Raises:
        JailError: It cannot.
    """
    if fault := fault_of_seccomp():
        raise JailError(f"seccomp is not available: {fault}")


@functools.cache
def fault_of_seccomp() -> str:
    """Return why seccomp cannot be used; empty if it can. Asked first while the process may still read files."""
    try:
        import pyseccomp  # noqa: F401 -- only whether it is there
    except (ImportError, RuntimeError, OSError) as error:
        return str(error) or type(error).__name__
    return ""


def shut() -> None:
    """Forbid all system calls but `ALLOWED_CALLS`, for ever.

    Raises:
        JailError: seccomp is not to be had.
    """
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    check()
    import pyseccomp

    jail = pyseccomp.SyscallFilter(pyseccomp.KILL_PROCESS)
    jail.set_attr(pyseccomp.Attr.CTL_TSYNC, 1)  # all threads at once
    for call in ALLOWED_CALLS:
        try:
            jail.add_rule(pyseccomp.ALLOW, call)
        except (OSError, ValueError):
            continue  # this machine's architecture has no such call, so there is nothing to allow
    _allow_some(jail)
    try:
        jail.load()
    except OSError as error:
        raise JailError(f"seccomp refused the filter: {error}") from error


def _allow_some(jail: Any) -> None:
    """Calls that are allowed with some arguments only."""
    from pyseccomp import ALLOW, EQ, MASKED_EQ, Arg

    # abort() sends a signal; to nobody else, though others run as the same user
    jail.add_rule(ALLOW, "tgkill", Arg(0, EQ, os.getpid()))
    # the C library's last words before abort(); the descriptor is closed, so they reach nobody
    jail.add_rule(ALLOW, "write", Arg(0, EQ, _STDERR))
    # Private memory counts for RLIMIT_DATA, and arenas are files. Anonymous shared memory would count for nothing.
    type_bits, anonymous_bit = _MAP_TYPE | _UNCOUNTED_MAPPINGS, _MAP_ANONYMOUS | _UNCOUNTED_MAPPINGS
    jail.add_rule(ALLOW, "mmap", Arg(_FLAGS_OF_MMAP, MASKED_EQ, type_bits, _MAP_PRIVATE))
    jail.add_rule(ALLOW, "mmap", Arg(_FLAGS_OF_MMAP, MASKED_EQ, anonymous_bit, 0))
    # The C library makes memory writable, LuaJIT also executable, and never both. Pages that are made read-only after
    # they were written would not count for RLIMIT_DATA any more; executable ones the supervisor counts.
    for second in (_PROT_WRITE, _PROT_EXEC):
        jail.add_rule(ALLOW, "mprotect", Arg(_PROTECTION_OF_MPROTECT, EQ, _PROT_READ | second))


def _prctl(option: int, argument: int | bytes) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, argument, 0, 0, 0) != 0:
        errno = ctypes.get_errno()
        raise JailError(f"prctl({option}): {os.strerror(errno)}")
