"""The zygote: a small process, warm with lupa, that forks sandboxes.

It is started as a program of its own, so its children have nothing of the host's memory, its threads or its
files. The host asks over a socket: one datagram per process, with two descriptors (socket, heartbeat page) for each
sandbox in it. The zygote answers with the process id, and later with how the process ended.
"""

import array
import contextlib
import gc
import json
import os
import select
import signal
import socket
import sys
from typing import Any

from host.plugins import lua_modules
from host.sandbox import kernel_code, privileges, process
from host.sandbox.process import MAX_MEMBERS

_MAX_BYTES = 64 * 1024


def _load_parts() -> process.Parts:
    import lupa

    with contextlib.suppress(ImportError, RuntimeError, OSError):  # each child says what is wrong with it
        import pyseccomp  # noqa: F401 -- warm for the children
    with lupa.allow_lua_module_loading():
        from lupa import luajit21
    return process.Parts(luajit21, kernel_code.load(luajit21), lua_modules.cpath(), lua_modules.lua_path())


def _receive(channel: socket.socket) -> tuple[bytes, list[int]]:
    data, ancillary, _, _ = channel.recvmsg(_MAX_BYTES, socket.CMSG_SPACE(2 * MAX_MEMBERS * 4))
    fds = array.array("i")
    for level, kind, payload in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(payload)
    return data, list(fds)


def _spawn(kinds: list[str], orders: list[list[Any]], fds: list[int], parts: process.Parts) -> int:
    pid = os.fork()
    if pid == 0:
        status = 70
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            channels, heartbeats = fds[: len(orders)], fds[len(orders) :]
            process.run(kinds, list(map(process.Order._make, orders)), parts, channels, heartbeats)
            status = 0
        except BaseException as error:  # noqa: BLE001 -- the last frame of the process: say it and end
            with contextlib.suppress(OSError):  # behind the jail there is no stderr
                os.write(2, f"hekate: sandbox: {type(error).__name__}: {str(error)!a}\n".encode())
        finally:
            os._exit(status)
    for fd in fds:
        os.close(fd)
    return pid


def _reap(channel: socket.socket) -> None:
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            with contextlib.suppress(ConnectionError):  # the host is gone; the next read says so
                channel.send(json.dumps({"ended": pid, "status": status}).encode())


def main() -> None:
    """Serve until the host closes the socket; then end, and all children with it."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    # Ctrl-C and the end of a terminal go to the whole process group; what to do about them is the host's decision.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    parts = _load_parts()
    privileges.isolate_zygote()
    gc.collect()
    gc.freeze()
    wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake_write)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        waiting: list[socket.socket | int] = [channel, wake_read]
        readable, _, _ = select.select(waiting, [], [])
        if wake_read in readable:
            with contextlib.suppress(BlockingIOError):
                os.read(wake_read, 4096)
            _reap(channel)
        if channel in readable:
            try:
                data, fds = _receive(channel)
                if not data:
                    return
                request = json.loads(data)
                pid = _spawn(request["kinds"], request["orders"], fds, parts)
                channel.send(json.dumps({"started": request["id"], "pid": pid}).encode())
            except ConnectionError:
                return


if __name__ == "__main__":
    main()
