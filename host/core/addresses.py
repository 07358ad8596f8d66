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
        ValueError: It is none.
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
    """Refuse what is no address, when the configuration is read."""
    parse(text)


def bind(place: str, address: Address, kind: socket.SocketKind) -> socket.socket:
    """Make a socket with a local address; it does not block.

    Args:
        place: Where the address stands in the configuration.
        address: Where to bind; an empty host means all interfaces, port 0 a free port.
        kind: SOCK_STREAM or SOCK_DGRAM.

    Raises:
        StartError: The address cannot be had, and what to do about it.
    """
    try:
        found = socket.getaddrinfo(address.host or None, address.port, type=kind, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise StartError(f"{place}: the host `{address.host}` cannot be resolved: {error.strerror}.") from error
    # All interfaces are best served by one socket for both IPv6 and IPv4.
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
    """How to call the other side of a connection."""
    if isinstance(peer, tuple) and len(peer) >= 2:
        return str(Address(str(peer[0]), int(peer[1])))
    return str(peer)
