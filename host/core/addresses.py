"""Network addresses as users write them: `127.0.0.1:5565`, `[::1]:5565`, `:5565`, `logs.example.com:5565`."""

import errno
import socket
from typing import NamedTuple

from host.core.errors import StartError


class Address(NamedTuple):
    """Host and port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse(text: str) -> Address:
    """Read an address.

    Raises:
        ValueError: The text is not an address.
    """
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"`{text}` is no address: put the IPv6 address in brackets, as [::1]:5565")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"`{text}` is no address: write host:port, as 127.0.0.1:5565, or :5565 for all interfaces")
    return Address(host, int(port))


def check(text: str) -> None:
    """Check an address of the configuration; raise ValueError if it is invalid."""
    parse(text)


def bind(place: str, address: Address, kind: socket.SocketKind) -> socket.socket:
    """Return a non-blocking socket that is bound to a local address.

    Args:
        place: Path of the address in the configuration.
        address: The local address; an empty host means all interfaces, port 0 a free port.
        kind: SOCK_STREAM or SOCK_DGRAM.

    Raises:
        StartError: The address cannot be used; the message says what to do.
    """
    try:
        found = socket.getaddrinfo(address.host or None, address.port, type=kind, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise StartError(f"{place}: the host `{address.host}` cannot be resolved: {error.strerror}.") from error
    # For all interfaces, one IPv6 socket serves IPv4 too.
    family, _, protocol, _, target = max(found, key=lambda item: not address.host and item[0] == socket.AF_INET6)
    made = socket.socket(family, kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, protocol)
    try:
        if kind == socket.SOCK_STREAM:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if not address.host else 1)
        made.bind(target)
    except OSError as error:
        made.close()
        raise StartError(f"{place}: {_explain(error, address, kind)}") from error
    return made


def _explain(error: OSError, address: Address, kind: socket.SocketKind) -> str:
    where = f"port {address.port} of {address.host or 'all interfaces'}"
    if error.errno == errno.EADDRINUSE:
        flag = "t" if kind == socket.SOCK_STREAM else "u"
        return f"{where} is in use by another program (`ss -l{flag}np` shows which). Stop it, or choose another port."
    if error.errno == errno.EACCES:
        return (
            f"this user may not use {where}. Choose a port above 1023, or give the service CAP_NET_BIND_SERVICE "
            "(AmbientCapabilities= in its systemd unit)."
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return f"this machine has no address {address.host}. Write one that `ip address` shows, or :{address.port}."
    return f"cannot use {where}: {error.strerror}."


def name_of(peer: object) -> str:
    """Return a printable name for the other side of a connection."""
    if isinstance(peer, tuple) and len(peer) >= 2:
        return str(Address(str(peer[0]), int(peer[1])))
    return str(peer)
