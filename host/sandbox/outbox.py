"""What is sent to another process over a socket of ours, in order, however long that process has to wait for a core.

As a rule it goes out at once. What does not fit into the socket waits here: the other one may not have been scheduled.
"""

import asyncio
import contextlib
import errno
import os
import socket
from array import array
from collections import deque
from collections.abc import Sequence

_MAX_WAITING_BYTES = 64 << 20
"""More than one has to say to a process that reads."""
_FULL = {errno.EAGAIN, errno.ETOOMANYREFS}
_AGAIN_S = 0.01
"""When to try again if too many descriptors are under way, of which nobody tells when they have arrived."""


class OutboxFullError(Exception):
    """The other process does not read at all."""


class Outbox:
    """The sending half of a socket of whole datagrams that does not block.

    Args:
        channel: The socket.
    """

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._waiting: deque[tuple[bytes, tuple[int, ...]]] = deque()
        """Datagrams, with descriptors of our own for what goes with them."""
        self._waiting_bytes = 0
        self._timer: asyncio.TimerHandle | None = None

    def send(self, data: bytes, fds: Sequence[int] = ()) -> None:
        """Send a datagram, now or behind those that wait.

        Raises:
            OSError: It cannot be sent, now or ever.
            OutboxFullError: Too much waits already.
        """
        if not self._waiting:
            try:
                self._send(data, fds)
            except OSError as error:
                if error.errno not in _FULL:
                    raise
                self._wait(error.errno)
            else:
                return
        if self._waiting_bytes + len(data) > _MAX_WAITING_BYTES:
            raise OutboxFullError
        self._waiting_bytes += len(data)
        self._waiting.append((data, tuple(os.dup(fd) for fd in fds)))

    def close(self) -> None:
        """Send nothing more. Before the socket is closed."""
        self._stop_waiting()
        while self._waiting:
            self._drop_first()

    def _send(self, data: bytes, fds: Sequence[int]) -> None:
        if fds:
            self._channel.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", fds).tobytes())])
        else:
            self._channel.send(data)

    def _flush(self) -> None:
        """The socket takes more."""
        try:
            while self._waiting:
                self._send(*self._waiting[0])
                self._drop_first()
        except OSError as error:
            self._stop_waiting()
            if error.errno in _FULL:
                self._wait(error.errno)
            else:
                self.close()  # it has just died; whoever reads of the socket hears of that
        else:
            self._stop_waiting()

    def _wait(self, full: int) -> None:
        loop = asyncio.get_running_loop()
        if full == errno.EAGAIN:
            loop.add_writer(self._channel, self._flush)
        else:
            self._timer = loop.call_later(_AGAIN_S, self._flush)

    def _stop_waiting(self) -> None:
        asyncio.get_running_loop().remove_writer(self._channel)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _drop_first(self) -> None:
        data, fds = self._waiting.popleft()
        self._waiting_bytes -= len(data)
        for fd in fds:
            with contextlib.suppress(OSError):
                os.close(fd)
