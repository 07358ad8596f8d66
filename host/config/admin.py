"""The `admin` section: who may do what over HTTP."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from host.config import convert
from host.config.model import Admin, AdminTls
from host.config.nodes import Node
from host.core import addresses
from host.core.errors import ConfigError

_SECTION = "admin"


def resolve(entries: Mapping[str, Node], errors: list[ConfigError]) -> Admin | None:
    """Check the section.

    Args:
        entries: What stands in it.
        errors: Faults are added here.

    Returns:
        The settings, paths absolute; None if there was a fault.
    """
    known = [field.encode_name for field in msgspec.structs.fields(Admin)]
    convert.unknown_keys(entries, known, _SECTION, errors)
    given = convert.to_struct(Node(None, "", 0), entries, Admin, _SECTION, errors)
    if given is None:
        return None
    before = len(errors)
    faults = _Faults(entries, errors)
    _check_listen(given, faults)
    _check_names(given, faults)
    for index, origin in enumerate(given.cors_origins):
        parts = urlsplit(origin)
        if not parts.scheme or not parts.netloc or parts.path or origin == "*":
            message = f"`{origin}` is no origin."
            faults.add(f"cors_origins[{index}]", message, "Write scheme and host: https://example.com.")
    tls = _absolute(given.tls, faults) if given.tls else None
    socket = str(Path(given.socket).expanduser().absolute()) if given.socket else None
    return None if len(errors) > before else msgspec.structs.replace(given, tls=tls, socket=socket)


def _check_listen(given: Admin, faults: _Faults) -> None:
    if given.listen is None:
        if given.socket is None:
            faults.add("listen", "There is neither `listen` nor `socket`.", "Give one, or drop the section.")
        return
    try:
        host = addresses.parse(given.listen).host
    except ValueError as error:
        faults.add("listen", convert.sentence(str(error)))
        return
    if given.tls is None and not given.insecure and not _is_loopback(host):
        message = f"`{given.listen}` can be reached from outside, and there is no TLS: tokens could be read on the way."
        faults.add("listen", message, "Listen on 127.0.0.1, add `tls`, or say `insecure: true`.")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_names(given: Admin, faults: _Faults) -> None:
    """Who is who in the audit log must be clear."""
    seen: set[str] = set()
    for index, token in enumerate(given.tokens):
        if token.name in seen:
            faults.add(f"tokens[{index}]", f"Two tokens are called `{token.name}`.", "Rename one.")
        seen.add(token.name)
    if given.clients and (given.tls is None or given.tls.client_ca is None):
        message = "Client certificates are only asked for with `tls.client_ca`."
        faults.add("clients", message, "Name the authority that signs them.")
    if given.peers and given.socket is None:
        faults.add("peers", "There is no `socket` that they could come by.", "Add `socket`.")


def _absolute(tls: AdminTls, faults: _Faults) -> AdminTls:
    found: dict[str, str | None] = {"client_ca": None}
    for key in ("cert", "key", "client_ca"):
        value = getattr(tls, key)
        if value is not None:
            path = Path(value).expanduser().absolute()
            found[key] = str(path)
            if not path.is_file():
                faults.add(f"tls.{key}", f"There is no file `{value}`.", f"Looked for {path}.")
    return msgspec.structs.replace(tls, **found)


class _Faults:
    """Faults of the section, each at the line of its key."""

    def __init__(self, entries: Mapping[str, Node], errors: list[ConfigError]) -> None:
        self._entries = entries
        self._errors = errors

    def add(self, path: str, message: str, hint: str = "") -> None:
        """Report one; path is below the section, as `tokens[0]`."""
        node = self._entries.get(path.partition("[")[0].partition(".")[0], Node(None, "", 0))
        self._errors.append(ConfigError(f"{_SECTION}.{path}", node.file, node.line, message, hint))
