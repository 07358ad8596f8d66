"""The host's side of the zygote: start it, ask it for sandboxes, hear how they end."""

import asyncio
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

from host.core.errors import SandboxError
from host.sandbox.cpu import CpuClock, ProcessClock
from host.sandbox.memory import max_process_bytes
from host.sandbox.outbox import Outbox, OutboxFullError
from host.sandbox.process import Order, lua_bytes
from host.telemetry.logs import get_logger

_LOG = get_logger("host.sandbox")
_MAX_BYTES = 64 * 1024
_MAX_FAILED_STARTS = 3
"""Deaths in a row, with no answer between them."""
_MAX_SILENT_S = 5.0
"""How long nothing may be heard of it while everything ends: somebody may have stopped it, or it may not get a core."""
_LOOKS = 20
"""In that time: if the host waits for a slow disk meanwhile, it has not listened, and that is one of them."""

_ZYGOTE_VARIABLES = frozenset({"PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH"})

_PACKAGE_PARENT = Path(__file__).resolve().parents[2]

Ended = Callable[[int], None]
"""Told the wait status of a process."""


class SandboxMember(Protocol):
    """A sandbox that lives in a process."""

    name: str

    @property
    def is_busy(self) -> bool:
        """Whether it says of itself that it is at work."""

    def has_ended_its_process(self) -> bool:
        """The process is gone. Whether it was this one that ended it, by its own words or by ours."""

    def ended(self, status: int, culprit: str = "") -> None:
        """The process is gone. culprit: another sandbox of the same process that ended it."""


class Place(NamedTuple):
    """Where a sandbox lives."""

    pid: int
    clock: CpuClock
    members: int
    """How many sandboxes share the process."""
    max_memory_bytes: int = 0
    """Memory that the process may hold, all of its sandboxes together; 0: the supervisor does not measure it."""


class SpawnRequest(NamedTuple):
    """What one sandbox brings into its process."""

    kind: str
    """Which part of the kernel it needs: see `host.sandbox.kernel_code.KINDS`."""
    order: Order
    channel: socket.socket
    """The sandbox's end of its socket."""
    heartbeat_fd: int


def child_environment() -> dict[str, str]:
    """Environment in which a child process finds the same modules as this one."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(_PACKAGE_PARENT), *filter(None, sys.path)])}


def _zygote_environment() -> dict[str, str]:
    """What Python needs to start, and nothing else: copies of it could stay in the memory of sandboxes."""
    return {name: value for name, value in child_environment().items() if name in _ZYGOTE_VARIABLES}


class ZygoteClient:
    """Starts the zygote and talks to it. If the zygote dies, so do its children, and a new one is started."""

    def __init__(self) -> None:
        self._channel: socket.socket | None = None
        self._outbox: Outbox | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._ids = itertools.count(1)
        self._asked: dict[int, tuple[asyncio.Future[int], Ended]] = {}
        self._ended: dict[int, Ended] = {}
        self._early: dict[int, int] = {}
        self._closing = False
        self._heard = 0
        """Counts what it said."""
        self._ending: asyncio.Task[None] | None = None
        self._failed_starts = 0
        self.gone = False
        """Whether it could not be started, time and again; nothing will start any more."""

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
            env=_zygote_environment(),
        )
        theirs.close()
        ours.setblocking(False)
        self._channel, self._outbox = ours, Outbox(ours)
        asyncio.get_running_loop().add_reader(ours, self._readable)

    async def spawn(self, seats: list[SpawnRequest], ended: Ended) -> int:
        """Start a process with one sandbox in it, or with several that trust each other.

        Args:
            seats: Of the sandboxes.
            ended: Called with the wait status once the process has ended; maybe before this returns.

        Returns:
            The process id.

        Raises:
            SandboxError: There is no process. `ended` is not called.
        """
        number = next(self._ids)
        request = json.dumps(
            {"id": number, "kinds": [seat.kind for seat in seats], "orders": [seat.order for seat in seats]}
        ).encode()
        fds = [seat.channel.fileno() for seat in seats] + [seat.heartbeat_fd for seat in seats]
        if self._outbox is None:
            raise SandboxError("The process that starts sandboxes is gone.")
        try:
            self._outbox.send(request, fds)
        except (OSError, OutboxFullError) as error:
            raise SandboxError(f"The process that starts sandboxes does not answer: {error}.") from error
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._asked[number] = (answer, ended)
        return await answer

    async def house(self, seat: SpawnRequest, tenant: SandboxMember) -> Place:
        """Start a process for one sandbox.

        Raises:
            SandboxError: There is no process.
        """
        pid = await self.spawn([seat], tenant.ended)
        return Place(pid, ProcessClock(pid), 1, max_process_bytes([lua_bytes(seat.order)]))

    def left(self, tenant: SandboxMember) -> None:
        """A sandbox has closed its socket, as it was told to: the end of its process follows."""

    def _readable(self) -> None:
        assert self._channel is not None
        try:
            data = self._channel.recv(_MAX_BYTES)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if not data:
            self._lost()
            return
        message = json.loads(data)
        self._failed_starts = 0
        self._heard += 1
        if "started" in message:
            self._started(message["started"], message["pid"])
        elif message["ended"] in self._ended:
            self._ended.pop(message["ended"])(message["status"])
        else:
            self._early[message["ended"]] = message["status"]

    def _started(self, number: int, pid: int) -> None:
        answer, ended = self._asked.pop(number)
        if not answer.done():
            answer.set_result(pid)
        if pid in self._early:
            ended(self._early.pop(pid))
        else:
            self._ended[pid] = ended

    def _lost(self) -> None:
        """The zygote has died, and its children are killed with it."""
        self._drop_channel()
        if not self._closing:
            self._start_again()
        asked, self._asked = self._asked, {}
        for answer, _ in asked.values():
            if not answer.done():
                answer.set_exception(SandboxError("The process that starts sandboxes died."))
        ended, self._ended = self._ended, {}
        self._early.clear()
        for callback in ended.values():
            callback(signal.SIGKILL)

    def _start_again(self) -> None:
        self._failed_starts += 1
        self.gone = self._failed_starts > _MAX_FAILED_STARTS
        _LOG.error("The process that starts sandboxes died.", restarting=not self.gone)
        if self._process is not None:
            self._process.wait()
        if self.gone:
            _LOG.error("It does not start; see what it said above.")
        else:
            self.start()

    def _drop_channel(self) -> None:
        if self._channel is not None and self._outbox is not None:
            asyncio.get_running_loop().remove_reader(self._channel)
            self._outbox.close()
            self._channel.close()
            self._channel = self._outbox = None

    def expect_end(self) -> None:
        """All sandboxes end now. If nothing is heard of that for too long, the zygote is ended, and they with it."""
        if self._ending is None:
            self._ending = asyncio.get_running_loop().create_task(self._end_if_silent(), name="end of the zygote")

    async def _end_if_silent(self) -> None:
        heard = -1
        while self._heard != heard:
            heard = self._heard
            for _ in range(_LOOKS):
                await asyncio.sleep(_MAX_SILENT_S / _LOOKS)
        self._closing = self.gone = True
        self._kill()

    def _kill(self) -> None:
        if self._process is not None:
            _LOG.error("The process that starts sandboxes does not answer; ended it, and all of them.", pid=self.pid)
            self._process.kill()

    def close(self) -> None:
        """End the zygote, and with it all children."""
        self._closing = True
        if self._ending is not None:
            self._ending.cancel()
        self._drop_channel()
        if self._process is not None:
            try:
                self._process.wait(_MAX_SILENT_S)
            except subprocess.TimeoutExpired:
                self._kill()
                self._process.wait()
