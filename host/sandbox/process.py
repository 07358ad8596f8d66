"""The life of a sandbox process, after the fork: build the Lua state, shut the jail, hand over to the kernel."""

import contextlib
import ctypes
import json
import mmap
import os
import socket
from typing import Any, NamedTuple

from host.packs.protocol import REPORT, Said
from host.sandbox import jail

MAIN = "main"
_KERNEL_BYTES = 4 * 1024 * 1024
"""What the kernel's own code and the text of a pack take of the Lua memory, beside what the script may use."""

_REFUSAL = "Scripts do not run without a jail, unless hekate.allow_unjailed is set, which is for development only."

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_KEEP_BYTES = 64 * 1024


class Order(NamedTuple):
    """What the zygote is asked to start."""

    name: str
    memory_limit: int
    """Bytes of Lua memory that the script may use."""
    pack_bytes: int
    """Bytes of the largest text that the kernel copies at once."""
    snapshot_bytes: int
    """Bytes that the kernel may need beside the script's own to take a snapshot of its state."""
    allow_unjailed: bool


class Parts(NamedTuple):
    """What the zygote has ready for each child."""

    luajit: Any
    """The module `lupa.luajit21`."""
    kernel: dict[str, bytes]
    """Source of each kernel module, by name."""
    cpath: str
    lua_path: str


def run(order: Order, parts: Parts, channel: socket.socket, heartbeat_fd: int) -> None:
    """Be a sandbox until the host says stop or goes away. Never returns to the zygote's loop."""
    jail.die_with_parent()
    jail.set_process_name(f"hk:{order.name}")
    beat = mmap.mmap(heartbeat_fd, mmap.PAGESIZE)
    jail.close_all_but({2, channel.fileno()})
    _return_freed_memory()
    # The kernel copies the text of a pack, and the copy before it may not have been collected yet.
    memory_bytes = order.memory_limit + _KERNEL_BYTES + 4 * order.pack_bytes + order.snapshot_bytes
    start = _new_lua_state(parts, memory_bytes)
    for step in (jail.check, lambda: jail.limit_resources(memory_bytes), jail.shut):
        try:
            step()
        except jail.JailError as fault:
            _unjailed(order, channel, fault)
    start(channel.fileno(), ctypes.addressof(ctypes.c_char.from_buffer(beat)))
    os._exit(0)


def _unjailed(order: Order, channel: socket.socket, fault: jail.JailError) -> None:
    """There is no jail: end, or say so as loudly as can be."""
    if not order.allow_unjailed:
        _last_words(channel, f"{fault}. {_REFUSAL}")
        os._exit(os.EX_CONFIG)
    with contextlib.suppress(OSError):  # once its resources are limited it cannot write into files any more
        os.write(2, f"hekate: sandbox {order.name} RUNS WITHOUT A JAIL (allow_unjailed): {fault}\n".encode())


def _last_words(channel: socket.socket, text: str) -> None:
    """Tell the host why the process ends; stderr may be a file, which a sandbox cannot write to."""
    words = json.dumps({"limit": "error", "text": text}).encode()
    channel.send(REPORT.pack(Said.TERMINATED, *([0] * 11)) + words)


def _return_freed_memory() -> None:
    """Have the C library give back what was freed: the texts that LPEG is given come and go all the time."""
    libc = ctypes.CDLL(None)
    libc.mallopt(_M_TRIM_THRESHOLD, _KEEP_BYTES)
    libc.mallopt(_M_MMAP_THRESHOLD, _KEEP_BYTES)


def _new_lua_state(parts: Parts, memory_bytes: int) -> Any:
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
    for name, text in parts.kernel.items():
        load(name.encode(), text)
    lua.execute(b"python = nil")
    return lua.eval(b"require 'main'")
