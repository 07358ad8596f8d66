"""Checks of `Host` and `Origin`: requests to foreign names and from foreign pages are refused.

A page on another site may make a browser send requests here, also by giving its own name our address (DNS rebinding).
Such a request carries a foreign name in `Host`, or a foreign `Origin`.
"""

import ipaddress
import re
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from host.admin.problems import Problem

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?")

SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Of every answer; pages have a content security policy of their own."""

HSTS = "max-age=31536000"
"""Of answers over TLS: browsers use no other way to this name for a year."""


class OriginCheck:
    """Checks `Host` and `Origin`.

    Args:
        hosts: Names under which the API may be reached, beside `localhost`, this machine's name, and addresses: an
            address in `Host` cannot have come from a rebound name.
        cors_origins: Other origins whose pages may use the API.
    """

    def __init__(self, hosts: Iterable[str], cors_origins: Iterable[str]) -> None:
        self._hosts = {name.lower() for name in (*hosts, "localhost", socket.gethostname(), socket.getfqdn())}
        self._cors_origins = frozenset(cors_origins)

    def check_host(self, host: str) -> None:
        """Refuse a request that was sent to a name that is not ours.

        Raises:
            Problem: The name is foreign.
        """
        found = _HOST.fullmatch(host)
        name = found["name"].lower() if found else ""
        if name in self._hosts or _is_address(name.strip("[]")):
            return
        raise Problem(421, "This host is not known by the name in `Host`. Add the name to `admin.hosts`.")

    def check_origin(self, origin: str | None, fetch_site: str | None, own: str) -> None:
        """Refuse a request that a page from elsewhere has sent.

        Args:
            origin: The header `Origin`.
            fetch_site: The header `Sec-Fetch-Site`.
            own: Our own origin, as the request names it.

        Raises:
            Problem: The page is a foreign one.
        """
        if origin is not None and (origin == own or origin in self._cors_origins):
            return
        if origin is not None or fetch_site in {"cross-site", "same-site"}:
            raise Problem(403, "Pages from elsewhere may not use this API (see `admin.cors_origins`).")

    def cors_headers(self, origin: str | None) -> dict[str, str]:
        """Return the CORS headers for a configured origin, or an empty mapping."""
        if origin is None or origin not in self._cors_origins:
            return {}
        return {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Headers": "Authorization, Content-Type",
            "Access-Control-Allow-Methods": "GET, PUT, POST, PATCH, DELETE",
            "Access-Control-Max-Age": "600",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "Vary": "Origin",
        }


def own_origin(protocol: str, host: str) -> str:
    """The origin of a page that this host has served."""
    return f"{protocol}://{urlsplit(f'//{host}').netloc.lower()}"


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
