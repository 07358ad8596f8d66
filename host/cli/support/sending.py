"""Sends bytes to an input of a host: over TCP, UDP or a unix socket."""

import socket
from urllib.parse import urlsplit

from host.cli.support.admin_client import UnreachableError
from host.core import addresses

SCHEMES = ("tcp", "udp", "unix")
_TIMEOUT_S = 10.0


class Sender:
    """A connection to an input.

    Args:
        where: `tcp://host:port`, `udp://host:port` or `unix:///path/of/socket`.

    Raises:
        ValueError: The address has another form.
        UnreachableError: No process listens there.
    """

    def __init__(self, where: str) -> None:
        parts = urlsplit(where)
        if parts.scheme not in SCHEMES:
            raise ValueError(
                f"`{where}` is no place to send to: write tcp://host:port, udp://host:port or unix:///path."
            )
        self._where = where
        self.is_datagrams = parts.scheme == "udp"
        try:
            self._socket = self._connected(parts.scheme, parts.netloc, parts.path)
        except OSError as error:
            raise UnreachableError(
                f"Nobody listens at {where}: {error.strerror or error}. Is the host running, with such an input?"
            ) from error
        self._socket.settimeout(_TIMEOUT_S)

    def _connected(self, scheme: str, netloc: str, path: str) -> socket.socket:
        if scheme == "unix":
            try:
                return _unix(path, socket.SOCK_STREAM)
            except OSError:
                made = _unix(path, socket.SOCK_DGRAM)
                self.is_datagrams = True
                return made
        address = addresses.parse(netloc)
        if scheme == "tcp":
            return socket.create_connection((address.host or "127.0.0.1", address.port), _TIMEOUT_S)
        found = socket.getaddrinfo(address.host or "127.0.0.1", address.port, type=socket.SOCK_DGRAM)[0]
        made = socket.socket(found[0], socket.SOCK_DGRAM)
        made.connect(found[4])
        return made

    def send(self, data: bytes) -> None:
        """Send bytes. A datagram socket sends them as one datagram.

        Raises:
            UnreachableError: The bytes could not be sent.
        """
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise UnreachableError(f"{self._where} takes nothing more: {error}.") from error

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


def _unix(path: str, kind: socket.SocketKind) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, kind)
    try:
        made.connect(path)
    except OSError:
        made.close()
        raise
    return made
