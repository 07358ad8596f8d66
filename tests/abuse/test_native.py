"""The jail without Lua's help: native code in a child that was forked and jailed as sandboxes are."""

import ctypes
import os
import signal
import socket
import sys
import textwrap

import pytest

from host.sandbox import jail

# Each is run after the jail is shut. `libc` is the C library, `victim` the pid of another process of the same user.
FORBIDDEN = {
    "open": "libc.open(b'/etc/passwd', 0)",
    "openat": "libc.openat(-100, b'/etc/passwd', 0)",
    "create a file": "libc.creat(b'/tmp/hekate-was-here', 0o600)",
    "unlink": "libc.unlink(b'/tmp/hekate-was-here')",
    "socket": "libc.socket(2, 1, 0)",
    "socketpair": "libc.socketpair(1, 1, 0, (ctypes.c_int * 2)())",
    "pipe": "libc.pipe((ctypes.c_int * 2)())",
    "exec": "libc.execv(b'/bin/true', (ctypes.c_char_p * 2)(b'true', None))",
    "fork": "libc.fork()",
    "clone": "libc.syscall(56, 17, 0, 0, 0, 0)",
    "ptrace": "libc.ptrace(16, victim, 0, 0)",
    "read another process": "libc.process_vm_readv(victim, None, 0, None, 0, 0)",
    "kill": "libc.kill(victim, 9)",
    "kill itself": "libc.kill(0, 15)",
    "tgkill another process": "libc.syscall(234, victim, victim, 9)",
    "tkill": "libc.syscall(200, victim, 9)",
    "memfd_create": "libc.memfd_create(b'x', 0)",
    "anonymous shared memory": "libc.mmap(None, 1 << 20, 3, 0x21, -1, 0)",
    "setrlimit": "libc.prlimit(0, 7, None, None)",
    "prctl": "libc.prctl(4, 1, 0, 0, 0)",
    "chdir": "libc.chdir(b'/')",
    "mount": "libc.mount(b'x', b'/mnt', b'tmpfs', 0, None)",
    "bpf": "libc.syscall(321, 0, 0, 0)",
    "io_uring": "libc.syscall(425, 1, 0)",
    "ioctl": "libc.ioctl(2, 0x5412, b'x')",
    "dup": "libc.dup(2)",
    "ftruncate": "libc.ftruncate(arena, 1 << 30)",
    "sleep": "libc.usleep(1)",
}
ALLOWED = {
    "nothing": "0",
    "time": "libc.time(None)",
    "memory": "libc.mmap(None, 1 << 20, 3, 0x22, -1, 0)",
    "an arena": "libc.mmap(None, 4096, 1, 1, arena, 0)",
    "the socket": "libc.send(channel, b'x', 1, 0)",
    "abort": "libc.abort()",
}

CHILD = """
import ctypes, os, sys
from host.sandbox import jail
victim, channel, arena = map(int, sys.argv[1:4])
libc = ctypes.CDLL(None, use_errno=True)
code = compile(sys.argv[4], "native", "eval")
jail.die_with_parent()
jail.close_all_but({2, channel, arena})
jail.limit_resources(8 << 20, 1)
jail.shut()
eval(code)
os._exit(0)
"""


def status_of(code):
    """How a jailed process that runs the code ends: a status, or minus a signal."""
    victim = os.fork()
    if victim == 0:
        signal.pause()
        os._exit(0)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    arena = os.memfd_create("test")
    os.ftruncate(arena, 4096)
    try:
        arguments = [sys.executable, "-c", textwrap.dedent(CHILD), *map(str, (victim, theirs.fileno(), arena)), code]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        fds = (theirs.fileno(), arena)
        null = os.open(os.devnull, os.O_WRONLY)
        for fd in fds:
            os.set_inheritable(fd, True)
        actions = [(os.POSIX_SPAWN_DUP2, null, 2)]
        pid = os.posix_spawn(sys.executable, arguments, environment, file_actions=actions)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        assert os.waitpid(victim, os.WNOHANG) == (0, 0), "the victim lives"
        return status
    finally:
        os.kill(victim, signal.SIGKILL)
        os.waitpid(victim, 0)
        for fd in (null, arena):
            os.close(fd)
        ours.close()
        theirs.close()


@pytest.mark.parametrize("name", FORBIDDEN)
def test_what_the_jail_forbids_ends_the_process(name):
    assert status_of(FORBIDDEN[name]) == -signal.SIGSYS


@pytest.mark.parametrize("name", ALLOWED)
def test_what_a_sandbox_needs_is_allowed(name):
    assert status_of(ALLOWED[name]) == (-signal.SIGABRT if name == "abort" else 0)


def test_a_child_has_no_more_memory_than_its_limit_and_some_room_for_the_interpreter():
    code = "all(libc.mmap(None, 64 << 20, 3, 0x22, -1, 0) != -1 for _ in range(8)) and libc.open(b'/', 0)"
    assert status_of(code.replace("libc.mmap", "ctypes.CDLL(None).mmap")) == 0


def test_no_library_calls_that_the_jail_knows_are_missing():
    assert {"fork", "clone", "execve", "open", "openat", "socket", "kill", "tgkill", "ptrace", "mmap"}.isdisjoint(
        jail.ALLOWED_CALLS
    )
    assert ctypes.sizeof(ctypes.c_void_p) == 8
