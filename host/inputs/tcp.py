"""Records over TCP."""

import socket
from typing import Annotated

from msgspec import Meta

from host.core import addresses
from host.core.errors import StartError
from host.inputs._connections import Connections
from host.inputs.base import Input, InputOptions

_BACKLOG = 1024


class TcpOptions(InputOptions, frozen=True, kw_only=True):
    """Options of the TCP input."""

    address: Annotated[str, Meta(description="Where to listen, as 127.0.0.1:5565; :5565 is every interface.")]
    max_connections: Annotated[int, Meta(ge=1, description="How many connections may be open.")] = 1024
    keep_alive: Annotated[bool, Meta(description="Find out when a silent peer has gone.")] = True

    def __post_init__(self) -> None:
        """Refuse what is no address."""
        addresses.check(self.address)


class TcpInput(Input):
    """Listens for connections and reads records from each of them.

    Each connection is a stream with a splitter of its own. When the pipeline is busy, nothing is read, and TCP holds
    the senders back. There are no acknowledgements above those of TCP: what the kernel has received when Hekate is
    killed is lost. With `--once` the input ends when there were connections and all of them have been closed.
    """

    type = "tcp"
    Options = TcpOptions

    options: TcpOptions

    _connections: Connections | None = None
    address: addresses.Address
    """The address it listens on; known once it is open."""

    async def open(self) -> None:
        """Listen."""
        wanted = addresses.parse(self.options.address)
        place = f"inputs.{self.name}.address"
        listener = addresses.bind(place, wanted, socket.SOCK_STREAM)
        try:
            listener.listen(_BACKLOG)
        except OSError as error:
            listener.close()
            raise StartError(f"{place}: cannot listen on {wanted}: {error.strerror}.") from error
        self.address = addresses.Address(*listener.getsockname()[:2])
        self._connections = Connections(
            self, listener, max_connections=self.options.max_connections, keep_alive=self.options.keep_alive
        )
        self.log.info("Listening.", address=str(self.address))

    async def run(self) -> None:
        """Serve connections."""
        assert self._connections is not None
        await self._connections.run()

    async def close(self) -> None:
        """Close all connections."""
        if self._connections is not None:
            await self._connections.close()
