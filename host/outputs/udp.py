"""Records over UDP."""

import asyncio
import errno
import socket
from collections.abc import Awaitable
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from host.core import addresses
from host.core.descriptors import wait_writable
from host.core.errors import RetryDelivery
from host.outputs.base import Batch, Output, OutputOptions, RejectRecords
from host.telemetry.metrics import ComponentMetrics


class UdpOptions(OutputOptions, frozen=True, kw_only=True):
    """Options of the UDP output."""

    address: Annotated[str, Meta(description="Where to send to, as logs.example.com:5514.")]
    max_datagram_bytes: Annotated[
        int, Meta(ge=1, le=65507, description="A longer record is not sent: it goes to the dead letters.")
    ] = 65507

    def __post_init__(self) -> None:
        """Refuse what is no address."""
        addresses.check(self.address)


class UdpOutput(Output):
    """Sends each record as a datagram.

    Sent is delivered, as far as anyone can know. Only where the peer's machine says that nobody listens is a batch
    tried again.
    """

    type = "udp"
    Options = UdpOptions

    options: UdpOptions

    def __init__(self, name: str, options: Any, metrics: ComponentMetrics, *, state_dir: Path) -> None:
        super().__init__(name, options, metrics, state_dir=state_dir)
        self._address = addresses.parse(self.options.address)
        self._socket: socket.socket | None = None

    async def open(self) -> None:
        """Nothing to do: the name is looked up with the first batch, so that it may come to be later."""

    def write(self, batch: Batch) -> Awaitable[None] | None:
        """Send a batch."""
        if self._socket is None:
            return self._look_up_and_send(batch)
        too_long: list[int] = []
        sent = self._send_some(self._socket, batch, 0, too_long)
        if sent < batch.count:
            return self._send_rest(self._socket, batch, sent, too_long)
        self._report(too_long)
        return None

    async def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send_some(self, sender: socket.socket, batch: Batch, first: int, too_long: list[int]) -> int:
        """Send records until the kernel takes no more; which is the next one."""
        data, ends = batch.data, batch.ends
        start = ends[first - 1] if first else 0
        for index in range(first, batch.count):
            end = ends[index]
            try:
                if end - start > self.options.max_datagram_bytes:
                    too_long.append(index)
                else:
                    sender.send(data[start:end])
            except BlockingIOError:
                return index
            except OSError as error:
                if error.errno != errno.EMSGSIZE:
                    raise RetryDelivery(f"cannot send to {self._address}: {error.strerror}") from error
                too_long.append(index)
            start = end
        return batch.count

    async def _send_rest(self, sender: socket.socket, batch: Batch, sent: int, too_long: list[int]) -> None:
        while sent < batch.count:
            await wait_writable(sender.fileno())
            sent = self._send_some(sender, batch, sent, too_long)
        self._report(too_long)

    async def _look_up_and_send(self, batch: Batch) -> None:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(self._address.host or None, self._address.port, type=socket.SOCK_DGRAM)
            family, kind, protocol, _, target = found[0]
            made = socket.socket(family, kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, protocol)
            made.connect(target)
        except OSError as error:
            raise RetryDelivery(f"cannot send to {self._address}: {error.strerror or error}") from error
        self._socket = made
        await self._send_rest(made, batch, 0, [])

    def _report(self, too_long: list[int]) -> None:
        if too_long:
            raise RejectRecords(f"longer than a datagram of {self.options.max_datagram_bytes} bytes", too_long)
