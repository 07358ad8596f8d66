"""Authentication of callers by token, unix socket or client certificate."""

import hashlib
import hmac
import os
import pwd
import secrets
import socket
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from host.admin.problems import Problem
from host.admin.types import Caller
from host.config.model import Admin, Role
from host.core import private_files
from host.core.errors import StartError
from host.telemetry.logs import get_logger

_LOG = get_logger("host.admin")
_TOKEN_FILE = "admin-token"  # noqa: S105 -- a name of a file
_CREDENTIALS = struct.Struct("3i")
_MAX_TOKEN_BYTES = 512
_MIN_TOKEN_CHARACTERS = 8
"""Shorter ones can be guessed, and let nobody in. Of the token in a file more is asked, see below."""
_MIN_FILE_TOKEN_CHARACTERS = 20
_DIGEST_OF_NOTHING = hashlib.sha256(b"").hexdigest()


class _Token(msgspec.Struct, frozen=True):
    name: str
    digest: bytes
    role: Role
    prefixes: tuple[str, ...] | None


class Access:
    """Knows the tokens, users and certificates of a configuration.

    Args:
        settings: The `admin` section.
        state_dir: Where the first token is kept, if the section has none.
    """

    def __init__(self, settings: Admin, state_dir: Path) -> None:
        self._settings = settings
        self._tokens = [
            _Token(token.name, bytes.fromhex(token.sha256), token.role, _prefixes(token.sandboxes))
            for token in settings.tokens
            if token.sha256.lower() != _DIGEST_OF_NOTHING
        ]
        if len(self._tokens) < len(settings.tokens):
            raise StartError("admin.tokens: a sha256 is that of the empty text. Make a token: openssl rand -hex 24.")
        if not self._tokens:
            digest = hashlib.sha256(_first_token(state_dir / _TOKEN_FILE).encode()).digest()
            self._tokens.append(_Token(_TOKEN_FILE, digest, "admin", None))

    def by_token(self, header: str, address: str) -> Caller:
        """Return the caller that owns the token of an `Authorization` header.

        Raises:
            Problem: Nobody has.
        """
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or len(token) > _MAX_TOKEN_BYTES:
            raise unauthorized("Send `Authorization: Bearer TOKEN`.")
        token = token.strip()
        if len(token) < _MIN_TOKEN_CHARACTERS:
            raise unauthorized("This token is too short to be one.")
        digest = hashlib.sha256(token.encode(errors="surrogateescape")).digest()
        # All are compared, so that the time tells nothing of which came close.
        found = [known for known in self._tokens if hmac.compare_digest(known.digest, digest)]
        if not found:
            raise unauthorized("This token is not known.")
        return Caller(name=found[0].name, role=found[0].role, prefixes=found[0].prefixes, address=address)

    def by_socket(self, connection: socket.socket) -> Caller:
        """Return the caller at the other end of a unix socket, identified by the kernel.

        Raises:
            Problem: A user whom the configuration does not know.
        """
        size = _CREDENTIALS.size
        _, uid, _ = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
        name = _user_name(uid)
        if uid in {0, os.geteuid()}:
            return Caller(name=f"user:{name}", role="admin", address="unix")
        for peer in self._settings.peers:
            if peer.user in {uid, name}:
                return Caller(name=f"user:{name}", role=peer.role, prefixes=_prefixes(peer.sandboxes), address="unix")
        raise Problem(403, f"The user {name} is not among `admin.peers`.")

    def by_certificate(self, certificate: dict[str, Any], address: str) -> Caller | None:
        """Return the owner of a client certificate, or None if its name is unknown."""
        names = {value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"}
        for client in self._settings.clients:
            if client.common_name in names:
                prefixes = _prefixes(client.sandboxes)
                return Caller(name=f"cert:{client.common_name}", role=client.role, prefixes=prefixes, address=address)
        return None


def unauthorized(detail: str) -> Problem:
    """Return the problem for a caller that cannot be identified."""
    return Problem(401, detail, headers={"WWW-Authenticate": 'Bearer realm="hekate"'})


def _prefixes(given: Iterable[str] | None) -> tuple[str, ...] | None:
    return None if given is None else tuple(given)


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _first_token(path: Path) -> str:
    """Return the token that was made at the first start; make it now if there is none.

    Raises:
        StartError: It cannot be kept, or what is in the file cannot be trusted.
    """
    try:
        try:
            descriptor = private_files.open_private(path, os.O_RDONLY)
        except FileNotFoundError:
            token = secrets.token_hex(24)
            path.parent.mkdir(parents=True, exist_ok=True)
            private_files.write_new(path, f"{token}\n".encode())
            _LOG.info("Made the first admin token; it is in this file.", file=str(path))
            return token
        with os.fdopen(descriptor, encoding="ascii") as file:
            token = file.read(_MAX_TOKEN_BYTES + 1).strip()
    except PermissionError as error:
        raise StartError(f"admin: the token in {path} cannot be trusted: {error.strerror}.") from error
    except (OSError, ValueError) as error:
        raise StartError(f"admin: cannot keep the first token in {path}: {error}.") from error
    if not _MIN_FILE_TOKEN_CHARACTERS <= len(token) <= _MAX_TOKEN_BYTES or not token.isprintable() or " " in token:
        raise StartError(
            f"admin: there is no token in {path}: it has {len(token)} characters, and at least "
            f"{_MIN_FILE_TOKEN_CHARACTERS} are needed. Remove the file, and the next start makes a new one."
        )
    return token
