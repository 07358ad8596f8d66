"""Datagrams that the kernel dropped because the socket's buffer was full."""

import asyncio
import socket
import struct
import time

from host.inputs.base import Input

_SO_MEMINFO = 55
_MEMINFO = struct.Struct("9I")
_DROPS = 8
"""Index of the drop count in SO_MEMINFO."""
_COUNTER = 1 << 32
_EVERY_S = 1.0
_WARN_EVERY_S = 10.0


class DatagramDrops:
    """Counts and reports what the kernel drops at one socket.

    The count is the one that /proc/net/udp shows. It goes on while the pipeline is busy and nothing is received.

    Args:
        owner: The input.
        receiver: A bound datagram socket.
    """

    def __init__(self, owner: Input, receiver: socket.socket) -> None:
        self._owner = owner
        self._receiver = receiver
        self._seen = _dropped(receiver) or 0
        self._unreported = 0
        self._warned_s = float("-inf")
        self._ticker: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Look every second from now on."""
        self._ticker = asyncio.get_running_loop().call_later(_EVERY_S, self._tick)

    def stop(self) -> None:
        """Look a last time."""
        if self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None
        self._look()
        self._warn()

    def _tick(self) -> None:
        self._look()
        if time.monotonic() - self._warned_s >= _WARN_EVERY_S:
            self._warn()
        self.start()

    def _look(self) -> None:
        dropped = _dropped(self._receiver)
        if dropped is None or dropped == self._seen:
            return
        count = (dropped - self._seen) % _COUNTER
        self._seen = dropped
        self._unreported += count
        self._owner.metrics.count_drop("kernel_buffer_full", count)

    def _warn(self) -> None:
        if not self._unreported:
            return
        self._warned_s = time.monotonic()
        self._owner.log.warning(
            "The kernel dropped datagrams: they came faster than they were processed, and the buffer was full. "
            "Raise receive_buffer_bytes (and sysctl net.core.rmem_max), or make the pipeline faster.",
            datagrams=self._unreported,
            receive_buffer_bytes=self._receiver.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2,
        )
        self._unreported = 0


def _dropped(receiver: socket.socket) -> int | None:
    try:
        values = _MEMINFO.unpack(receiver.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size))
    except (OSError, struct.error):
        return None  # a kernel before 4.12
    return int(values[_DROPS])
