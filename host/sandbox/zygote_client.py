"""The host's side of the zygote: start it, ask it for sandboxes, hear how they end."""

import asyncio
import itertools
import json
import os
import socket
import subprocess
import sys
from array import array
from collections.abc import Callable
from pathlib import Path

from host.errors import SandboxError
from host.sandbox.process import Order
from host.telemetry.logs import get_logger

_LOG = get_logger("host.sandbox")
_MOST_BYTES = 64 * 1024

_PACKAGE_PARENT = Path(__file__).resolve().parents[2]

Ended = Callable[[int], None]
"""Told the wait status of a process."""


def child_environment() -> dict[str, str]:
    """Environment in which a child process finds the same modules as this one."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(_PACKAGE_PARENT), *filter(None, sys.path)])}


class ZygoteClient:
    """Starts the zygote and talks to it. If the zygote dies, so do its children, and a new one is started."""

    def __init__(self) -> None:
        self._channel: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._ids = itertools.count(1)
        self._asked: dict[int, asyncio.Future[int]] = {}
        self._ended: dict[int, Ended] = {}
        self._early: dict[int, int] = {}
        self._closing = False
        self._answered = False

    @property
    def pid(self) -> int:
        """The zygote's process id."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the zygote, and listen to it in the running event loop."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        fd = theirs.fileno()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "host.sandbox.zygote", str(fd)],
            pass_fds=(fd,),
            stdin=subprocess.DEVNULL,
            env=child_environment(),
        )
        theirs.close()
        ours.setblocking(False)
        self._channel = ours
        self._answered = False
        asyncio.get_running_loop().add_reader(ours, self._readable)

    async def spawn(self, order: Order, channel: socket.socket, heartbeat_fd: int, ended: Ended) -> int:
        """Start a sandbox process.

        Args:
            order: What to start.
            channel: The sandbox's end of its socket.
            heartbeat_fd: Its heartbeat page.
            ended: Called with the wait status once the process has ended.

        Returns:
            The process id.
        """
        number = next(self._ids)
        answer = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        request = json.dumps({"id": number, "order": order._asdict()}).encode()
        fds = array("i", [channel.fileno(), heartbeat_fd])
        if self._channel is None:
            raise SandboxError("The process that starts sandboxes is gone.")
        self._channel.sendmsg([request], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds.tobytes())])
        pid: int = await answer
        if pid in self._early:
            ended(self._early.pop(pid))
        else:
            self._ended[pid] = ended
        return pid

    def _readable(self) -> None:
        assert self._channel is not None
        try:
            data = self._channel.recv(_MOST_BYTES)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if not data:
            self._lost()
            return
        message = json.loads(data)
        self._answered = True
        if "started" in message:
            self._asked.pop(message["started"]).set_result(message["pid"])
        elif message["ended"] in self._ended:
            self._ended.pop(message["ended"])(message["status"])
        else:
            self._early[message["ended"]] = message["status"]

    def _lost(self) -> None:
        """The zygote has died, and its children are killed with it."""
        self._drop_channel()
        if self._closing:
            return
        _LOG.error("The process that starts sandboxes died.", restarting=self._answered)
        if self._process is not None:
            self._process.wait()
        if self._answered:
            self.start()
        else:
            _LOG.error("It could not even start once; see what it said above.")
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(SandboxError("The process that starts sandboxes died."))
        self._asked.clear()
        ended, self._ended = self._ended, {}
        for callback in ended.values():
            callback(9)

    def _drop_channel(self) -> None:
        if self._channel is not None:
            asyncio.get_running_loop().remove_reader(self._channel)
            self._channel.close()
            self._channel = None

    def close(self) -> None:
        """End the zygote, and with it all children."""
        self._closing = True
        self._drop_channel()
        if self._process is not None:
            self._process.wait()
