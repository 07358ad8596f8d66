"""The life of a sandbox process, after the fork: build the Lua states, shut the jail, hand over to the kernel."""

import contextlib
import ctypes
import json
import mmap
import os
import socket
import threading
from functools import partial
from typing import Any, NamedTuple

from host.packs.protocol import REPORT, Said
from host.sandbox import jail, privileges

MAIN = "main"
_KERNEL_BYTES = 4 * 1024 * 1024
"""What the kernel's own code and the text of a pack take of the Lua memory, beside what the script may use."""

_REFUSAL = "Scripts do not run without a jail, unless hekate.allow_unjailed is set, which is for development only."

_STACK_BYTES = 512 * 1024
"""Of a member's thread. LuaJIT and LPEG have stacks of their own, and limit what they use of this one."""

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
_KEEP_BYTES = 64 * 1024


class Order(NamedTuple):
    """What the zygote is asked to start."""

    name: str
    memory_limit: int
    """Bytes of Lua memory that the script may use."""
    pack_bytes: int
    """Bytes of the largest text that the kernel copies at once."""
    snapshot_bytes: int
    """Bytes that the kernel may need beside the script's own: for a snapshot of its state, or to look into patterns."""
    allow_unjailed: bool


MAX_MEMBERS = 64
"""Sandboxes of a group that share a process."""


class Parts(NamedTuple):
    """What the zygote has ready for each child."""

    luajit: Any
    """The module `lupa.luajit21`."""
    kernel: dict[str, dict[str, bytes]]
    """Bytecode of the kernel modules that each kind of sandbox needs, by name."""
    cpath: str
    lua_path: str


class _Member(NamedTuple):
    """One sandbox of the process."""

    order: Order
    channel_fd: int
    beat: mmap.mmap
    start: Any
    """The kernel's main function."""

    def run(self) -> None:
        """Be a sandbox until the host says stop or goes away."""
        self.start(self.channel_fd, ctypes.addressof(ctypes.c_char.from_buffer(self.beat)))


def run(kinds: list[str], orders: list[Order], parts: Parts, channel_fds: list[int], heartbeat_fds: list[int]) -> None:
    """Be one sandbox, or several that trust each other, each with a Lua state and a thread of its own.

    Never returns to the zygote's loop.
    """
    jail.die_with_parent()
    jail.set_process_name(f"hk:{orders[0].name}" if len(orders) == 1 else f"hk:group of {len(orders)}")
    beats = [mmap.mmap(fd, mmap.PAGESIZE) for fd in heartbeat_fds]
    jail.close_all_but({2, *channel_fds})
    _return_freed_memory()
    memory_bytes = list(map(lua_bytes, orders))
    starts = list(map(partial(_new_lua_state, parts), kinds, memory_bytes))
    jail.fault_of_seccomp()
    privileges.drop_all()
    jail.die_with_parent()  # a change of user forgets it
    members = list(map(_Member, orders, channel_fds, beats, starts))
    if len(members) == 1:
        _shut_jail(members, sum(memory_bytes))
        members[0].run()
    else:
        _run_threads(members, sum(memory_bytes))
    os._exit(0)


def lua_bytes(order: Order) -> int:
    """Return what the Lua state of a sandbox may use: the script's own, and what the kernel needs."""
    # The kernel copies the text of a pack, and the copy before it may not have been collected yet.
    return order.memory_limit + _KERNEL_BYTES + 4 * order.pack_bytes + order.snapshot_bytes


def _run_threads(members: list[_Member], memory_bytes: int) -> None:
    """Run each member in a thread. All threads are there before the jail is shut, and begin once it is."""
    all_there = threading.Barrier(len(members) + 1)
    jail_is_shut = threading.Event()
    threading.stack_size(_STACK_BYTES)

    def run(index: int, member: _Member) -> None:
        jail.set_process_name(thread_name(index))
        all_there.wait()
        jail_is_shut.wait()
        member.run()
        os.close(member.channel_fd)  # by which the host knows that this one is gone, while others go on

    threads = [threading.Thread(target=run, args=(index, member)) for index, member in enumerate(members)]
    for thread in threads:
        thread.start()
    all_there.wait()
    _shut_jail(members, memory_bytes)
    jail_is_shut.set()
    for thread in threads:
        thread.join()


def thread_name(index: int) -> str:
    """By which the host finds the thread of a member, to read its CPU time. The jail lets no script change it."""
    return f"hk:{index}"


def _shut_jail(members: list[_Member], memory_bytes: int) -> None:
    for step in (jail.check, lambda: jail.limit_resources(memory_bytes, len(members)), jail.shut):
        try:
            step()
        except jail.JailError as error:
            _unjailed(members, error)
    with contextlib.suppress(OSError):
        os.close(2)  # what a sandbox has to say goes to the host by its socket


def _unjailed(members: list[_Member], fault: jail.JailError) -> None:
    """There is no jail: end, or say so as loudly as can be."""
    if not all(member.order.allow_unjailed for member in members):
        for member in members:
            _last_words(member.channel_fd, f"{fault}. {_REFUSAL}")
        os._exit(os.EX_CONFIG)
    with contextlib.suppress(OSError):  # once its resources are limited it cannot write into files any more
        for member in members:
            text = f"hekate: sandbox {member.order.name} RUNS WITHOUT A JAIL (allow_unjailed): {fault}\n"
            os.write(2, text.encode())


def _last_words(channel_fd: int, text: str) -> None:
    """Tell the host why the process ends; stderr may be a file, which a sandbox cannot write to."""
    words = json.dumps({"limit": "error", "text": text}).encode()
    with socket.socket(fileno=os.dup(channel_fd)) as channel:
        channel.send(REPORT.pack(Said.TERMINATED, *([0] * 11)) + words)


def _return_freed_memory() -> None:
    """Have the C library give back what was freed: the texts that LPEG is given come and go all the time."""
    libc = ctypes.CDLL(None)
    libc.mallopt(_M_TRIM_THRESHOLD, _KEEP_BYTES)
    libc.mallopt(_M_MMAP_THRESHOLD, _KEEP_BYTES)
    libc.mallopt(_M_ARENA_MAX, 1)  # for all threads: a thread that wants one of its own asks what the jail forbids


def _new_lua_state(parts: Parts, kind: str, memory_bytes: int) -> Any:
    """A Lua state with the kernel loaded. No Python object ever goes into it."""
    lua = parts.luajit.LuaRuntime(
        unpack_returned_tuples=True,
        encoding=None,
        register_eval=False,
        register_builtins=False,
        max_memory=memory_bytes,
    )
    load = lua.eval(
        b"""function(name, text)
          package.preload[name] = assert(loadstring(text, "=kernel/" .. name .. ".lua"))
        end"""
    )
    lua.execute(f'package.cpath, package.path = "{parts.cpath}", "{parts.lua_path}"'.encode())
    for name, text in parts.kernel[kind].items():
        load(name.encode(), text)
    lua.execute(b"python = nil")
    lua.execute(f"require 'start_{kind}'".encode())  # which may load libraries from files, while there are any
    return lua.eval(b"require 'main'")
