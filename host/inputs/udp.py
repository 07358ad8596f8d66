"""Records over UDP."""

import socket
from typing import Annotated

from msgspec import Meta

from host.core import addresses
from host.inputs._datagrams import Datagrams
from host.inputs.base import Input, InputOptions

_SO_RCVBUFFORCE = 33


class UdpOptions(InputOptions, frozen=True, kw_only=True):
    """Options of the UDP input."""

    address: Annotated[str, Meta(description="Where to listen, as 127.0.0.1:5514; :5514 is every interface.")]
    receive_buffer_bytes: Annotated[
        int,
        Meta(
            ge=0,
            description="Memory of the kernel for datagrams that wait; 0: the system's default. The system's limit is "
            "sysctl net.core.rmem_max, except for root. What does not fit is lost; it is counted as dropped with the "
            "reason kernel_buffer_full, and logged.",
        ),
    ] = 4 << 20

    def __post_init__(self) -> None:
        """Refuse what is no address."""
        addresses.check(self.address)


class UdpInput(Input):
    """Receives datagrams; each is split by itself, so with the null splitter it is one record.

    When the pipeline is busy, datagrams wait in the kernel, and what does not fit there is lost: that is UDP. With
    `--once` the input ends when nothing has come for two seconds since the first datagram.
    """

    type = "udp"
    Options = UdpOptions

    options: UdpOptions

    _datagrams: Datagrams | None = None
    address: addresses.Address
    """The address it listens on; known once it is open."""

    async def open(self) -> None:
        """Bind."""
        wanted = addresses.parse(self.options.address)
        receiver = addresses.bind(f"inputs.{self.name}.address", wanted, socket.SOCK_DGRAM)
        if self.options.receive_buffer_bytes:
            self._set_buffer(receiver, self.options.receive_buffer_bytes)
        self.address = addresses.Address(*receiver.getsockname()[:2])
        self._datagrams = Datagrams(self, receiver, str(self.address))
        self.log.info("Listening.", address=str(self.address))

    def _set_buffer(self, receiver: socket.socket, wanted_bytes: int) -> None:
        try:
            receiver.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, wanted_bytes)
        except OSError:  # only root may exceed the limit
            receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, wanted_bytes)
        # The kernel doubles what it grants.
        granted_bytes = receiver.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2
        if granted_bytes < wanted_bytes:
            self.log.warning(
                "The system grants a smaller receive_buffer_bytes. Raise sysctl net.core.rmem_max.",
                receive_buffer_bytes=granted_bytes,
                wanted_bytes=wanted_bytes,
            )

    async def run(self) -> None:
        """Receive."""
        assert self._datagrams is not None
        await self._datagrams.run()

    async def close(self) -> None:
        """Close the socket."""
        if self._datagrams is not None:
            await self._datagrams.close()
