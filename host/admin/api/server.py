"""The HTTP server of the admin API: its sockets, and what stands behind each path."""

from __future__ import annotations

import logging
import socket
import ssl
from pathlib import Path
from typing import Any

from tornado.http1connection import HTTP1Connection
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPServerRequest
from tornado.iostream import IOStream
from tornado.routing import Matcher, PathMatches, Rule
from tornado.web import Application

from host.admin.api.handler import RouteHandler, UnknownHandler
from host.admin.api.origin_check import OriginCheck
from host.admin.api.pages import PageHandler
from host.admin.api.route_spec import Route
from host.admin.api.routes import PARTS, all_routes, tap
from host.admin.services.auth import Access
from host.admin.services.context import AdminContext
from host.admin.services.rate_limit import RequestLimit
from host.config.model import Admin, AdminTls
from host.core import addresses
from host.core.errors import StartError
from host.telemetry.logs import get_logger

_LOG = get_logger("host.admin")
_IDLE_S = 75
_BODY_S = 30
_HEADER_BYTES = 32 * 1024
_MAX_WASTED_BYTES = 64 * 1024 * 1024
"""Of a body that is too large, which are read for nothing before the answer."""
_BACKLOG = 128
_SOCKET_MODE = 0o666
"""Everybody may knock: the kernel says who it is. The folder of the socket may keep others out altogether."""


class AdminServer:
    """Serves the API.

    Args:
        settings: The `admin` section.
        context: The pipeline and services that the routes use.
    """

    def __init__(self, settings: Admin, context: AdminContext) -> None:
        self.context = context
        self.parts = PARTS
        self._use(settings)
        self._servers: list[_Server] = []

    def _use(self, settings: Admin) -> None:
        self.settings = settings
        self.access = Access(settings, self.context.state_dir)
        self.guard = OriginCheck(settings.hosts, settings.cors_origins)
        self.rate = RequestLimit(settings.limits.requests_per_second, settings.limits.burst)

    def start(self) -> None:
        """Listen. What tornado has to say goes to the log of the host, as seldom as everything else.

        Raises:
            StartError: An address or a file cannot be used.
        """
        settings = self.settings
        tornado_log = logging.getLogger("tornado")
        tornado_log.handlers, tornado_log.propagate = logging.getLogger("host").handlers, False
        context = _tls_context(settings.tls) if settings.tls else None
        application = self._application()
        if settings.listen is not None:
            bound = addresses.bind("admin.listen", addresses.parse(settings.listen), socket.SOCK_STREAM)
            bound.listen(_BACKLOG)
            self._serve(application, bound, context)
            address = addresses.name_of(bound.getsockname())
            _LOG.info("The admin API listens.", address=f"{'https' if context else 'http'}://{address}")
        if settings.socket is not None:
            self._serve(application, _bind_unix(Path(settings.socket)), None)
            _LOG.info("The admin API listens.", address=settings.socket)

    def _serve(self, application: Application, bound: socket.socket, context: ssl.SSLContext | None) -> None:
        limits = self.settings.limits
        server = _Server(
            application,
            ssl_options=context,
            max_header_size=_HEADER_BYTES,
            max_body_size=limits.body_bytes + _MAX_WASTED_BYTES,
            idle_connection_timeout=_IDLE_S,
            body_timeout=_BODY_S,
        )
        server.most_connections = limits.connections
        server.add_sockets([bound])
        self._servers.append(server)

    async def stop(self) -> None:
        """Close everything."""
        servers, self._servers = self._servers, []
        for server in servers:
            server.stop()
            await server.close_all_connections()
        if servers and self.settings.socket is not None:
            _remove(Path(self.settings.socket))

    async def reload(self, settings: Admin) -> None:
        """Use other settings; connections stay open unless addresses, certificates or limits change.

        Raises:
            StartError: A new address cannot be used.
        """
        old = self.settings
        same = (settings.listen, settings.socket, settings.tls, settings.limits) == (
            old.listen, old.socket, old.tls, old.limits,
        )  # fmt: skip
        if not same:
            await self.stop()
        self._use(settings)
        self.context.audit.settings = settings.audit
        if not same:
            self.start()

    def _application(self) -> Application:
        by_path: dict[str, dict[str, Route]] = {}
        for route in all_routes():
            by_path.setdefault(route.pattern, {})[route.method] = route
        handlers: list[Any] = [Rule(_Upgrade(PathMatches(tap.PATH)), tap.TapSocket, {"server": self})]
        handlers += [
            (pattern, RouteHandler, {"server": self, "routes": by_path[pattern]})
            # `dead-letters/replay` comes before `dead-letters/{id}`
            for pattern in sorted(by_path, key=lambda pattern: pattern.count("(?P<"))
        ]
        handlers.append((r"/(?!api/)(?P<name>[A-Za-z0-9_./-]*)", PageHandler, {"server": self}))
        return Application(
            handlers, default_handler_class=UnknownHandler, default_handler_args={"server": self},
            log_function=_log_nothing, websocket_ping_interval=30, websocket_max_message_size=1024,
        )  # fmt: skip

    @staticmethod
    def socket_of(request: HTTPServerRequest) -> socket.socket:
        """The socket that a request came by."""
        connection = request.connection
        assert isinstance(connection, HTTP1Connection)
        stream = connection.stream
        assert isinstance(stream, IOStream)
        return stream.socket

    def is_unix(self, request: HTTPServerRequest) -> bool:
        """Return True if a request came over the unix socket."""
        return self.socket_of(request).family == socket.AF_UNIX


class _Upgrade(Matcher):
    """Requests that are to become WebSockets."""

    def __init__(self, path: Matcher) -> None:
        self._path = path

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """What the path says, if it is one."""
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return None
        return self._path.match(request)


class _Server(HTTPServer):
    """Takes so many connections, and no more."""

    most_connections: int

    def handle_stream(self, stream: IOStream, address: Any) -> None:
        """Serve a connection, or close it."""
        if len(self._connections) >= self.most_connections:
            stream.close()
            _LOG.warning("Too many connections to the admin API (admin.limits.connections).")
            return
        super().handle_stream(stream, address)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def _bind_unix(path: Path) -> socket.socket:
    """Bind a unix socket; one that a process left behind is replaced."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        if path.is_socket():
            _check_unused(path)
            path.unlink()
        made.bind(str(path))
        path.chmod(_SOCKET_MODE)
        made.listen(_BACKLOG)
    except OSError as error:
        made.close()
        raise StartError(f"admin.socket: cannot make {path}: {error.strerror or error}.") from error
    return made


def _check_unused(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return
    raise StartError(f"admin.socket: {path} is in use by another process.")


def _tls_context(tls: AdminTls) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(tls.cert, tls.key)
        if tls.client_ca is not None:
            context.load_verify_locations(tls.client_ca)
            context.verify_mode = ssl.CERT_OPTIONAL
    except (OSError, ssl.SSLError) as error:
        raise StartError(f"admin.tls: the certificates cannot be used: {error}.") from error
    return context


def _log_nothing(handler: object) -> None:
    """Requests are not logged one by one; what changes something is in the audit log."""
