"""The `admin` section: the HTTP API, its listeners and its access rules."""

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
    """Check the section and return its settings.

    Args:
        entries: Its nodes by key.
        errors: Errors are appended here.

    Returns:
        The settings, paths absolute; None if there was an error.
    """
    known = [field.encode_name for field in msgspec.structs.fields(Admin)]
    convert.unknown_keys(entries, known, _SECTION, errors)
    given = convert.to_struct(Node(None, "", 0), entries, Admin, _SECTION, errors)
    if given is None:
        return None
    before = len(errors)
    problems = _Errors(entries, errors)
    _check_listen(given, problems)
    _check_names(given, problems)
    for index, origin in enumerate(given.cors_origins):
        parts = urlsplit(origin)
        if not parts.scheme or not parts.netloc or parts.path or origin == "*":
            message = f"`{origin}` is not an origin."
            problems.add(f"cors_origins[{index}]", message, "Write scheme and host: https://example.com.")
    tls = _absolute(given.tls, problems) if given.tls else None
    socket = str(Path(given.socket).expanduser().absolute()) if given.socket else None
    return None if len(errors) > before else msgspec.structs.replace(given, tls=tls, socket=socket)


def _check_listen(given: Admin, problems: _Errors) -> None:
    if given.listen is None:
        if given.socket is None:
            problems.add("listen", "There is neither `listen` nor `socket`.", "Set one, or remove the section.")
        return
    try:
        host = addresses.parse(given.listen).host
    except ValueError as error:
        problems.add("listen", convert.sentence(str(error)))
        return
    if given.tls is None and not given.insecure and not _is_loopback(host):
        message = f"`{given.listen}` is reachable from other machines without TLS: tokens could be intercepted."
        problems.add("listen", message, "Listen on 127.0.0.1, add `tls`, or set `insecure: true`.")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_names(given: Admin, problems: _Errors) -> None:
    """Check that every name identifies one caller in the audit log, and that each kind of caller has a way in."""
    seen: set[str] = set()
    for index, token in enumerate(given.tokens):
        if token.name in seen:
            problems.add(f"tokens[{index}]", f"Two tokens are named `{token.name}`.", "Rename one.")
        seen.add(token.name)
    if given.clients and (given.tls is None or given.tls.client_ca is None):
        message = "Client certificates are requested only if `tls.client_ca` is set."
        problems.add("clients", message, "Set `tls.client_ca` to the CA that signs them.")
    if given.peers and given.socket is None:
        problems.add("peers", "Peers connect by the unix socket, and there is no `socket`.", "Add `socket`.")


def _absolute(tls: AdminTls, problems: _Errors) -> AdminTls:
    paths: dict[str, str | None] = {"client_ca": None}
    for key in ("cert", "key", "client_ca"):
        value = getattr(tls, key)
        if value is not None:
            path = Path(value).expanduser().absolute()
            paths[key] = str(path)
            if not path.is_file():
                problems.add(f"tls.{key}", f"There is no file `{value}`.", f"Looked for {path}.")
    return msgspec.structs.replace(tls, **paths)


class _Errors:
    """Collects errors of the section, each with the line of its key."""

    def __init__(self, entries: Mapping[str, Node], errors: list[ConfigError]) -> None:
        self._entries = entries
        self._errors = errors

    def add(self, path: str, message: str, hint: str = "") -> None:
        """Append an error. `path` is relative to the section, such as `tokens[0]`."""
        node = self._entries.get(path.partition("[")[0].partition(".")[0], Node(None, "", 0))
        self._errors.append(ConfigError(f"{_SECTION}.{path}", node.file, node.line, message, hint))
