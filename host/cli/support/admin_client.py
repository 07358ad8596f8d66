"""A client of a running host's admin API, over its unix socket or over HTTP with a token."""

import http.client
import json
import os
import re
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote, urlencode, urlsplit

from host.core.errors import HekateError
from host.core.problem_types import ProblemType

DEFAULT_API = "http://127.0.0.1:4352"
DEFAULT_TOKEN_FILE = "var/hekate/admin-token"  # noqa: S105 -- a path
_MAX_PORT = 65535
_CONNECT_S = 5.0
_PARAMETER = re.compile(r"`\?(\w+)=(\w+)`")
_TIMEOUT_S = 35.0
"""Longer than the API's own timeout."""


class ApiError(HekateError):
    """The host refused the request, or it failed."""

    exit_code = 1


class UnreachableError(HekateError):
    """No host answers at the address."""

    exit_code = os.EX_UNAVAILABLE


class NotAllowedError(HekateError):
    """The token is missing, wrong, or has too few rights."""

    exit_code = os.EX_NOPERM


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float | None) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Client:
    """Sends requests to one host.

    Args:
        where: A URL, `host:port`, or the path of a unix socket.
        token: Sent with every request unless empty.
        timeout_s: Longest time for an answer.
    """

    def __init__(self, where: str, token: str = "", timeout_s: float = _TIMEOUT_S) -> None:
        self.where = where
        self._token = token
        self._timeout_s = timeout_s

    @classmethod
    def default(
        cls, where: str | None = None, token_file: Path | None = None, timeout_s: float = _TIMEOUT_S
    ) -> "Client":
        """Return a client for the given host, else that of `HEKATE_API`, else the default address.

        Raises:
            NotAllowedError: The token file cannot be read, or holds no valid token.
        """
        where = where or os.environ.get("HEKATE_API") or DEFAULT_API
        given = token_file or Path(os.environ.get("HEKATE_TOKEN_FILE") or DEFAULT_TOKEN_FILE)
        token = os.environ.get("HEKATE_TOKEN", "")
        if not token and not where.startswith("/"):
            try:
                token = given.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                if token_file is not None or "HEKATE_TOKEN_FILE" in os.environ:
                    why = error.strerror if isinstance(error, OSError) else "it is no text"
                    raise NotAllowedError(f"Cannot read the token in {given}: {why}.") from error
        if not token.isascii() or not token.isprintable():
            raise NotAllowedError("The token is no line of ASCII text, so it is none; see docs/admin-api.md.")
        return cls(where, token, timeout_s)

    def _connection(self, timeout: float | None) -> http.client.HTTPConnection:
        if self.where.startswith(("/", "./")):
            return _UnixConnection(self.where, timeout)
        parts = urlsplit(self.where if "//" in self.where else f"http://{self.where}")
        if parts.scheme not in {"http", "https"} or not parts.hostname or not 0 <= (parts.port or 0) <= _MAX_PORT:
            raise ValueError("it is no http or https URL")
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=os.environ.get("HEKATE_CA"))
            return http.client.HTTPSConnection(parts.netloc, timeout=timeout, context=context)
        return http.client.HTTPConnection(parts.netloc, timeout=timeout)

    def _send(
        self, method: str, path: str, body: bytes | None, media_type: str, timeout: float | None
    ) -> http.client.HTTPResponse:
        headers = {"Accept": "*/*"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if body is not None:
            headers["Content-Type"] = media_type
        try:
            connection = self._connection(_CONNECT_S if timeout is None else min(timeout, _CONNECT_S))
            connection.connect()
            connection.sock.settimeout(timeout)
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise UnreachableError(
                f"No host answers at {self.where}: {self._why(error)}. Is it running with an `admin` section? "
                "Name another with --api, or HEKATE_API: a URL, or the path of admin.socket."
            ) from error
        if answer.status >= http.client.BAD_REQUEST:
            self._refuse(answer, path)
        return answer

    def _why(self, fault: Exception) -> str:
        """Return why no host answered."""
        if isinstance(fault, ssl.SSLCertVerificationError):
            return f"its certificate is not to be trusted ({fault.verify_message}); HEKATE_CA names the authority"
        if isinstance(fault, ssl.SSLError | TimeoutError) and self.where.startswith("https"):
            return "it does not speak https"
        return (fault.strerror if isinstance(fault, OSError) else "") or str(fault) or "it hangs up"

    def _refuse(self, answer: http.client.HTTPResponse, path: str) -> NoReturn:
        text = answer.read()
        try:
            problem = json.loads(text)
        except ValueError:
            problem = {"detail": text.decode(errors="replace")[:200]}
        said = str(problem.get("detail") or problem.get("title") or answer.reason)
        faults = [f"\n    {each.get('file', '')}:{each.get('line', 0)}: {each.get('message', '')}" for each in
                  problem.get("errors") or []]  # fmt: skip
        if answer.status == http.client.UNAUTHORIZED:
            which = "another" if self._token else "one"
            raise NotAllowedError(
                f"{said} Give {which} with --token-file, HEKATE_TOKEN_FILE or HEKATE_TOKEN; "
                f"the one that a host has made for itself is in its state_dir, as {DEFAULT_TOKEN_FILE}."
            )
        if answer.status == http.client.FORBIDDEN:
            raise NotAllowedError(said)
        kind = path.removeprefix("/api/v1/").partition("/")[0]
        kind = "versions" if problem.get("type") == ProblemType.NO_SUCH_VERSION else kind
        said = _PARAMETER.sub(r"`--\1 \2`", said)  # what is a parameter of the API is an option here
        raise ApiError(
            said + "".join(faults) + (_WHICH.get(kind, "") if answer.status == http.client.NOT_FOUND else "")
        )

    def ask(
        self, method: str, path: str, body: Any = None, *, media_type: str = "application/json", **query: Any
    ) -> Any:
        """Send a request; return the decoded JSON document, or text.

        Args:
            method: HTTP method, such as `GET`.
            path: A path whose names are quoted already (`path_of`).
            body: Bytes, or a value that is encoded as JSON.
            media_type: Media type of a body of bytes.
            query: Query parameters; those that are None are left out.

        Raises:
            HekateError: The host did not answer or refused.
        """
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        answer = self._send(method, _with_query(path, query), data, media_type, self._timeout_s)
        text = answer.read()
        is_json = "json" in answer.headers.get("Content-Type", "")
        return (json.loads(text) if text else None) if is_json else text.decode(errors="replace")

    def items(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Yield all items of a list, page by page."""
        cursor: str | None = None
        while True:
            page = self.ask("GET", path, **query, cursor=cursor)
            yield from page["items"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def events(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Yield the documents of an event stream until the host stops.

        Raises:
            UnreachableError: The stream has ended.
        """
        answer = self._send("GET", _with_query(path, query), None, "", None)
        try:
            for line in answer:
                if line.startswith(b"data:"):
                    yield json.loads(line[5:])
        except (OSError, http.client.HTTPException) as error:
            raise UnreachableError(f"The host at {self.where} has gone: {error}.") from error
        raise UnreachableError(f"The host at {self.where} has gone; nothing more comes from it.")


_WHICH = {
    "versions": " `hekate sandbox rollback NAME` shows which there are.",
    "sandboxes": " `hekate sandbox list` shows which there are.",
    "dead-letters": " `hekate deadletters list` shows which there are.",
}


def path_of(*parts: str) -> str:
    """Return a path of the API with quoted parts."""
    return "/api/v1/" + "/".join(quote(part, safe="") for part in parts)


def _with_query(path: str, query: dict[str, Any]) -> str:
    given = {name: value for name, value in query.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path
