"""What a sandbox process may do even if the system-call filter has a hole: as good as nothing.

The zygote gives up what all its children lack: the network, IPC objects, and its environment. Each child gives up what
its own process has: the user, the groups and all capabilities. Where the system does not permit a step, the process
goes on without it; `hekate doctor` measures in a real sandbox which steps took effect.
"""

import contextlib
import ctypes
import os
import resource
from pathlib import Path

FIRST_UID = 0x7000_0000
"""Sandbox processes run as this number plus their process id: no two at a time have the same user. systemd leaves these
numbers unused, and no distribution assigns them."""
NOBODY = 65534
"""The user of all sandboxes where user ids as high as these do not exist: in a user namespace that maps few."""
OOM_SCORE = 1000
"""Under memory pressure the kernel ends sandboxes first. That loses nothing: they are started again with their work."""

_CLONE_NEWIPC, _CLONE_NEWUSER, _CLONE_NEWNET = 0x0800_0000, 0x1000_0000, 0x4000_0000
_PR_SET_DUMPABLE, _PR_CAPBSET_READ, _PR_CAPBSET_DROP = 4, 23, 24
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
_CAPABILITY_VERSION_3 = 0x2008_0522
_MAX_STACK_BYTES = 8 * 1024 * 1024
_TIME_ZONE = "UTC0"

_libc = ctypes.CDLL(None, use_errno=True)


def isolate_zygote() -> None:
    """Move this process, which has one thread, into empty network and IPC namespaces, and forget its environment."""
    _leave_namespaces()
    clear_environment()


def _leave_namespaces() -> None:
    if _unshare(_CLONE_NEWNET | _CLONE_NEWIPC):
        return
    uid, gid = os.geteuid(), os.getegid()
    if not _unshare(_CLONE_NEWUSER | _CLONE_NEWNET | _CLONE_NEWIPC):
        return
    # The same user as before, by the same number.
    maps = {"uid_map": f"{uid} {uid} 1", "setgroups": "deny", "gid_map": f"{gid} {gid} 1"}
    for name, text in maps.items():
        with contextlib.suppress(OSError):  # without it the numbers look like those of nobody, and nothing else
            Path("/proc/self", name).write_text(text)


def _unshare(flags: int) -> bool:
    return bool(_libc.unshare(flags) == 0)


def clear_environment() -> None:
    """Remove all environment variables, also from memory, and set the time zone, which scripts see as UTC.

    TZ stays set: without it the C library would read /etc/localtime at the next use of a date.
    """
    import time

    place = ctypes.c_void_p.in_dll(_libc, "environ").value
    while place and (address := ctypes.c_void_p.from_address(place).value):
        ctypes.memset(address, 0, len(ctypes.string_at(address)))
        place += ctypes.sizeof(ctypes.c_void_p)
    _libc.clearenv()
    # Python's own copy; its `clear` would ask the C library to remove each name, of which there is none any more.
    os.environ._data.clear()  # type: ignore[attr-defined]
    os.environ["TZ"] = _TIME_ZONE
    time.tzset()


def drop_all() -> None:
    """Become a user without rights, in a process that has only this thread.

    Resource limits come later, when the process has all its threads.
    """
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(OOM_SCORE))
    was_root = os.geteuid() == 0
    _drop_bounding_set()
    if was_root:
        _change_user()
    _drop_capabilities()
    if was_root:
        # Without rights it cannot read its own /proc either. The host, which is root, still can.
        _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _change_user() -> None:
    with contextlib.suppress(OSError):
        os.setgroups([])
    for number in (FIRST_UID + os.getpid(), NOBODY):
        with contextlib.suppress(OSError):
            os.setresgid(number, number, number)
            os.setresuid(number, number, number)
            return


def _drop_bounding_set() -> None:
    capability = 0
    while _libc.prctl(_PR_CAPBSET_READ, capability, 0, 0, 0) >= 0:
        _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
        capability += 1


def _drop_capabilities() -> None:
    _libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    none = (ctypes.c_uint32 * 6)()
    _libc.capset(header, none)


def limit_stack() -> None:
    """Limit the stack of the first thread: the kernel does not count it as data."""
    _, hard = resource.getrlimit(resource.RLIMIT_STACK)
    most = _MAX_STACK_BYTES if hard == resource.RLIM_INFINITY else min(hard, _MAX_STACK_BYTES)
    resource.setrlimit(resource.RLIMIT_STACK, (most, most))
