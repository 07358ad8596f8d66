"""The jail without Lua's help: native code in a child that was forked and jailed as sandboxes are."""

import ctypes
import faulthandler
import os
import signal
import socket

import pytest

from host.sandbox import jail, privileges

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
    "memory that grows down": "libc.mmap(None, 1 << 20, 3, 0x122, -1, 0)",
    "memory that grows down, fixed": "libc.mmap(ctypes.c_void_p(1 << 44), 4096, 3, 0x132, -1, 0)",
    "an arena that grows down": "libc.mmap(None, 4096, 1, 0x101, arena, 0)",
    "huge pages": "libc.mmap(None, 2 << 20, 3, 0x40022, -1, 0)",
    "locked memory": "libc.mmap(None, 4096, 3, 0x2022, -1, 0)",
    "droppable memory": "libc.mmap(None, 1 << 20, 3, 0x28, -1, 0)",
    "pages made read-only": "libc.mprotect(page, 4096, 1)",
    "pages made inaccessible": "libc.mprotect(page, 4096, 0)",
    "pages both writable and executable": "libc.mprotect(page, 4096, 7)",
    "a stack that grows": "libc.mprotect(page, 4096, 0x01000003)",
    "mlock": "libc.mlock(page, 4096)",
    "shared memory of System V": "libc.shmget(0, 4096, 0o1600)",
    "a message queue of System V": "libc.msgget(0, 0o1600)",
    "a POSIX message queue": "libc.syscall(240, b'x', 0o102, 0o600, None)",
    "pkey_mprotect": "libc.syscall(329, page, 4096, 3, -1)",
    "userfaultfd": "libc.syscall(323, 0)",
    "a key of the kernel": "libc.syscall(248, b'user', b'x', b'x', 1, -3)",
    "a netlink socket": "libc.socket(16, 3, 0)",
    "a raw socket": "libc.socket(2, 3, 255)",
    "a unix socket": "libc.socket(1, 1, 0)",
    "connect": "libc.connect(channel, None, 0)",
    "listen": "libc.listen(channel, 1)",
    "unshare": "libc.unshare(0x10000000)",
    "setns": "libc.setns(channel, 0)",
    "setuid": "libc.syscall(105, 0)",
    "setgroups": "libc.syscall(116, 0, None)",
    "capset": "libc.syscall(126, None, None)",
    "pidfd_open": "libc.syscall(434, victim, 0)",
    "pidfd_send_signal": "libc.syscall(424, channel, 9, None, 0)",
    "queue a signal for another process": "libc.syscall(129, victim, 9, None)",
    "priority of another process": "libc.setpriority(0, victim, 19)",
    "affinity of another process": "libc.syscall(203, victim, 8, b'\\1\\0\\0\\0\\0\\0\\0\\0')",
    "read the environment": "libc.open(b'/proc/self/environ', 0)",
    "read a descriptor": "libc.read(channel, None, 0)",
    "write to another descriptor": "libc.write(arena, b'x', 1)",
    "write to standard output": "libc.write(1, b'x', 1)",
    "dup2": "libc.dup2(channel, 2)",
    "fcntl": "libc.fcntl(channel, 3)",
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
    "executable pages": "libc.mprotect(page, 4096, 5) and libc.open(b'/', 0)",
    "writable pages": "libc.mprotect(page, 4096, 3) and libc.open(b'/', 0)",
    "the last words of the C library, which nobody hears": "libc.write(2, b'x', 1) == -1 or libc.open(b'/', 0)",
}


def run_jailed(code, victim, channel, arena):
    """Run code as native code in a sandbox would; never returns."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    page = ctypes.c_void_p(libc.mmap(None, 4096, 3, 0x22, -1, 0))
    names = {"ctypes": ctypes, "libc": libc, "page": page, "victim": victim, "channel": channel, "arena": arena}
    compiled = compile(code, "native", "eval")
    faulthandler.disable()
    try:
        jail.close_all_but({channel, arena})
        jail.check()  # while this user may still read the library's files
        privileges.drop_all()
        jail.die_with_parent()
        jail.limit_resources(8 << 20, 1)
        jail.shut()
        eval(compiled, names)
        os._exit(0)
    finally:
        os._exit(70)


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
        pid = os.fork()
        if pid == 0:
            run_jailed(code, victim, theirs.fileno(), arena)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        assert os.waitpid(victim, os.WNOHANG) == (0, 0), "the victim lives"
        return status
    finally:
        os.kill(victim, signal.SIGKILL)
        os.waitpid(victim, 0)
        os.close(arena)
        ours.close()
        theirs.close()


@pytest.mark.parametrize("name", FORBIDDEN)
def test_what_the_jail_forbids_ends_the_process(name):
    assert status_of(FORBIDDEN[name]) == -signal.SIGSYS


@pytest.mark.parametrize("name", ALLOWED)
def test_what_a_sandbox_needs_is_allowed(name):
    assert status_of(ALLOWED[name]) == (-signal.SIGABRT if name == "abort" else 0)


def test_a_child_has_no_more_memory_than_its_limit_and_some_room_for_the_interpreter():
    code = "all(libc.mmap(None, 64 << 20, 3, 0x22, -1, 0) != 2 ** 64 - 1 for _ in range(8)) and libc.open(b'/', 0)"
    assert status_of(code) == 0


def test_no_library_calls_that_the_jail_knows_are_missing():
    assert {"fork", "clone", "execve", "open", "openat", "socket", "kill", "tgkill", "ptrace", "mmap"}.isdisjoint(
        jail.ALLOWED_CALLS
    )
    assert ctypes.sizeof(ctypes.c_void_p) == 8
