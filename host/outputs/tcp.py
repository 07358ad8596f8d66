"""Records over TCP."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from host.core import addresses
from host.core.descriptors import wait_writable
from host.core.errors import RetryDelivery
from host.outputs.base import Batch, Output, OutputOptions
from host.telemetry.metrics import ComponentMetrics

_DISCARD_BYTES = 4096


class TcpOptions(OutputOptions, frozen=True, kw_only=True):
    """Options of the TCP output."""

    address: Annotated[str, Meta(description="Where to connect to, as logs.example.com:5565.")]
    connect_timeout_ms: Annotated[int, Meta(ge=1, description="How long to try to connect.")] = 5000
    send_timeout_ms: Annotated[int, Meta(ge=1, description="A peer that takes nothing for so long counts as gone.")] = (
        30_000
    )

    def __post_init__(self) -> None:
        """Refuse what is no address."""
        addresses.check(self.address)


class TcpOutput(Output):
    """Sends records over one connection, which is made anew when it is lost.

    A batch that was under way when the connection was lost is sent again as a whole over the next one, so the
    receiver may see records twice, and the last one of a lost connection cut short. There are no acknowledgements
    above those of TCP: what the peer's kernel has received when the peer dies is lost.
    """

    type = "tcp"
    Options = TcpOptions

    options: TcpOptions

    def __init__(self, name: str, options: Any, metrics: ComponentMetrics, *, state_dir: Path) -> None:
        super().__init__(name, options, metrics, state_dir=state_dir)
        self._address = addresses.parse(self.options.address)
        self._socket: socket.socket | None = None

    async def open(self) -> None:
        """Nothing to do: the connection is made with the first batch, so that the peer may start later."""

    def write(self, batch: Batch) -> Awaitable[None] | None:
        """Send a batch."""
        if self._socket is not None and self._peer_has_closed(self._socket):
            self._disconnect()
        if self._socket is None:
            return self._connect_and_send(batch.data)
        sent = self._send_some(self._socket, batch.data)
        return None if sent == len(batch.data) else self._send_rest(self._socket, batch.data[sent:])

    async def close(self) -> None:
        """Close the connection; what was sent still arrives."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)
            self._disconnect()

    def _disconnect(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _lost(self, reason: str) -> RetryDelivery:
        self._disconnect()
        self.metrics.count_error("connection lost")
        return RetryDelivery(f"the connection to {self._address} was lost: {reason}")

    def _peer_has_closed(self, connection: socket.socket) -> bool:
        """Return True if the peer will not read any more. Ignore the bytes that it sends."""
        try:
            while data := connection.recv(_DISCARD_BYTES, socket.MSG_DONTWAIT):
                if len(data) < _DISCARD_BYTES:
                    return False
        except BlockingIOError:
            return False
        except OSError as error:
            self.log.warning("The connection was lost.", peer=str(self._address), error=error.strerror)
        return True

    def _send_some(self, connection: socket.socket, data: memoryview) -> int:
        try:
            return connection.send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise self._lost(error.strerror or str(error)) from error

    async def _send_rest(self, connection: socket.socket, data: memoryview) -> None:
        while len(data):
            try:
                async with asyncio.timeout(self.options.send_timeout_ms / 1000):
                    await wait_writable(connection.fileno())
            except TimeoutError:
                # It may have been us who were not scheduled for so long, so it is tried once more.
                sent = self._send_some(connection, data)
                if not sent:
                    raise self._lost(f"it took nothing for {self.options.send_timeout_ms} ms") from None
            else:
                sent = self._send_some(connection, data)
            data = data[sent:]

    async def _connect_and_send(self, data: memoryview) -> None:
        try:
            async with asyncio.timeout(self.options.connect_timeout_ms / 1000):
                self._socket = await _connect(self._address)
        except TimeoutError:
            reason = f"no answer within {self.options.connect_timeout_ms} ms"
            raise RetryDelivery(f"cannot connect to {self._address}: {reason}") from None
        except OSError as error:
            # The event loop has a text of its own here, which does not say what is wrong.
            code = error.errno or 0
            reason = os.strerror(code) if code > 0 else error.strerror or str(error)
            raise RetryDelivery(f"cannot connect to {self._address}: {reason}") from error
        self.log.info("Connected.", peer=str(self._address))
        await self._send_rest(self._socket, data)


async def _connect(address: addresses.Address) -> socket.socket:
    """Connect to the first of a host's addresses that answers."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(address.host or None, address.port, type=socket.SOCK_STREAM)
    for number, (family, kind, protocol, _, target) in enumerate(found, 1):
        made = socket.socket(family, kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, protocol)
        try:
            await loop.sock_connect(made, target)
        except OSError:
            made.close()
            if number == len(found):
                raise
        except BaseException:
            made.close()
            raise
        else:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            return made
    raise OSError(f"the host {address.host} has no address")
