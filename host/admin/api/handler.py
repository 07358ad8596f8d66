"""Request handling: checks of host and origin, authentication, rate limit, type conversion and audit log."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Protocol

import msgspec
import orjson
from tornado.httputil import HTTPServerRequest
from tornado.iostream import StreamClosedError
from tornado.web import Finish, HTTPError, RequestHandler, stream_request_body

from host.admin import problems
from host.admin.api.origin_check import HSTS, SECURITY_HEADERS, OriginCheck, own_origin
from host.admin.api.route_spec import Call, LuaText, Response, Route, Routes
from host.admin.problems import Problem
from host.admin.services.auth import Access, unauthorized
from host.admin.services.context import AdminContext
from host.admin.services.rate_limit import RequestLimit
from host.admin.types import Caller
from host.config.model import Admin
from host.core.errors import HekateError
from host.telemetry.logs import get_logger

_LOG = get_logger("host.admin")
_FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")


class ServerContext(Protocol):
    """The server as its request handlers see it."""

    settings: Admin
    access: Access
    guard: OriginCheck
    rate: RequestLimit
    context: AdminContext
    parts: Sequence[Routes]
    """All parts of the API, for its description."""

    def socket_of(self, request: HTTPServerRequest) -> socket.socket:
        """Return the socket of the request's connection."""

    def is_unix(self, request: HTTPServerRequest) -> bool:
        """Return True if the request came over the unix socket."""


class BaseHandler(RequestHandler):
    """Headers and errors as all answers have them."""

    server: ServerContext

    def initialize(self, server: ServerContext) -> None:
        """Take what the application was made with."""
        self.server = server

    def set_default_headers(self) -> None:
        """Security headers."""
        for name, value in SECURITY_HEADERS.items():
            self.set_header(name, value)
        if self.request.protocol == "https":
            self.set_header("Strict-Transport-Security", HSTS)
        self.set_header("Server", "hekate")
        self.clear_header("Date")

    def compute_etag(self) -> None:
        """Answers change all the time; files of the page have their own."""

    def check_whence(self) -> None:
        """Refuse what was sent to another name, or by another site's page.

        Raises:
            Problem: It is not for us.
        """
        guard, headers = self.server.guard, self.request.headers
        if not self.is_local:
            guard.check_host(headers.get("Host", ""))
        origin = headers.get("Origin")
        for name, value in guard.cors_headers(origin).items():
            self.set_header(name, value)
        own = own_origin(self.request.protocol, headers.get("Host", ""))
        guard.check_origin(origin, headers.get("Sec-Fetch-Site"), own)

    @property
    def is_local(self) -> bool:
        """True if the request came over the unix socket."""
        return self.server.is_unix(self.request)

    @property
    def address(self) -> str:
        """Address of the client."""
        return "unix" if self.is_local else str(self.request.remote_ip)

    def caller(self) -> Caller:
        """The authenticated caller.

        Raises:
            Problem: That is not known.
        """
        access, header = self.server.access, self.token_header()
        if header is not None:
            return access.by_token(header, self.address)
        if self.is_local:
            return access.by_socket(self.server.socket_of(self.request))
        if self.request.protocol == "https":
            certificate = self.request.get_ssl_certificate()
            caller = access.by_certificate(certificate, self.address) if isinstance(certificate, dict) else None
            if caller is not None:
                return caller
        raise unauthorized("Send `Authorization: Bearer TOKEN`.")

    def token_header(self) -> str | None:
        """The header that holds the token."""
        return self.request.headers.get("Authorization")

    def send_problem(self, problem: Problem) -> None:
        """Answer with a problem."""
        self.set_status(problem.status)
        for name, value in problem.headers.items():
            self.set_header(name, value)
        self.set_header("Content-Type", problems.MEDIA_TYPE)
        self.finish(orjson.dumps(msgspec.to_builtins(problem.document(self.request.path))))

    def write_error(self, status_code: int, **reasons: Any) -> None:
        """Answer errors that tornado raises."""
        fault = reasons.get("exc_info", (None, None, None))[1]
        if isinstance(fault, Problem):
            self.send_problem(fault)
        elif isinstance(fault, HTTPError):
            self.send_problem(Problem(status_code, fault.log_message or HTTPStatus(status_code).description))
        else:
            self.send_problem(Problem(500, "A defect in Hekate; the log of the host says more."))

    def log_exception(self, _type: Any, value: BaseException | None, _traceback: Any) -> None:
        """Only what nobody expected goes to the log."""
        if not isinstance(value, Problem | HTTPError):
            _LOG.error("A request failed.", path=self.request.path, exc_info=value)


class UnknownHandler(BaseHandler):
    """No route has this path."""

    def prepare(self) -> None:
        """Say so."""
        self.check_whence()
        raise Problem(404, "There is no such path; /openapi.json lists them all.")


@stream_request_body
class RouteHandler(BaseHandler):
    """One path, with a route for each of its methods."""

    def initialize(self, server: ServerContext, routes: Mapping[str, Route]) -> None:  # type: ignore[override]
        """Take the routes."""
        super().initialize(server)
        self._routes = routes
        self._route: Route | None = None
        self._caller = Caller(name="anonymous", role=None)
        self._body = bytearray()
        self._is_too_large = False
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the client has closed the connection before the answer was complete."""
        self._audited = False
        self._started_s = time.monotonic()

    def prepare(self) -> None:
        """Decide by the headers, before anything of the body is read."""
        self._caller = Caller(name="anonymous", role=None, address=self.address)
        self.check_whence()
        if self.request.method == "OPTIONS" and self.server.guard.cors_headers(self.request.headers.get("Origin")):
            self.set_status(204)
            raise Finish
        route = self._route = self._routes.get(str(self.request.method))
        if route is None:
            raise HTTPError(405)
        try:
            self._let_in(route)
        except Problem as error:
            self._note_refusal(route, error)
            raise

    def _note_refusal(self, route: Route, problem: Problem) -> None:
        """Count it. A change that a known caller may not make also has a line of its own, once for each period."""
        is_first = self.server.context.refusals.note(
            who=self._caller.name, address=self._caller.address, what=route.name, status=problem.status
        )
        if is_first and self._caller.role is not None and problem.status != HTTPStatus.TOO_MANY_REQUESTS:
            self._audit(problem.status, {"reason": problem.detail})

    def _let_in(self, route: Route) -> None:
        rate = self.server.rate
        if route.role is None:
            rate.take(self.address)
        else:
            try:
                self._caller = self.caller()
            except Problem:
                rate.take(self.address)
                raise
            rate.take(f"{self._caller.name} {self._caller.address if self.is_local else ''}")
        if not self._caller.has_role(route.role):
            raise Problem(403, f"This needs the role {route.role}, and yours is {self._caller.role}.")
        if route.scope == "host" and self._caller.prefixes is not None:
            raise Problem(403, "This is about the whole host, and your token is for some sandboxes only.")

    def _too_large(self) -> Problem:
        return Problem(413, f"The body has more than {self.server.settings.limits.body_bytes} bytes (admin.limits).")

    def write_error(self, status_code: int, **reasons: Any) -> None:
        """Also for methods that nobody knows, before they come here."""
        if status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            allowed = ", ".join(sorted(self._routes))
            self.send_problem(Problem(405, f"This path takes {allowed}.", headers={"Allow": allowed}))
        else:
            super().write_error(status_code, **reasons)

    def data_received(self, chunk: bytes) -> None:
        """Collect the body, but not more than it may have; the rest is taken in, or the client would not read why."""
        if len(self._body) + len(chunk) > self.server.settings.limits.body_bytes:
            self._is_too_large = True
        else:
            self._body += chunk

    def on_connection_close(self) -> None:
        """The client has gone."""
        super().on_connection_close()
        if not self.gone.done():
            self.gone.set_result(None)

    async def _serve(self, **parameters: str) -> None:
        route = self._route
        assert route is not None
        call = Call(context=self.server.context, caller=self._caller, parts=self.server.parts)
        try:
            answer = await self._answer(route, call, parameters)
        except Problem as error:
            self._audit(error.status, {**call.facts, "reason": error.detail})
            raise
        except HekateError as error:
            self._audit(409, {**call.facts, "reason": str(error)})
            raise Problem(409, str(error)) from error
        except BaseException:
            self._audit(500, call.facts)
            raise
        self._audit(answer.status, call.facts)
        self._send(route, answer)

    get = put = post = patch = delete = _serve

    async def _answer(self, route: Route, call: Call, parameters: Mapping[str, str]) -> Response[Any]:
        arguments: dict[str, Any] = {}
        if self._is_too_large:
            raise self._too_large()
        if route.path_type is not None:
            arguments["path"] = _convert(dict(parameters), route.path_type, "The path", status=404)
            name = parameters.get("name")
            if route.scope == "sandbox" and name is not None and not call.caller.owns(name):
                raise Problem(403, "This sandbox is not among those that your token is for.")
        arguments |= self._query(route)
        if route.body_type is not None:
            arguments["body"] = self._read_body(route)
        elif self._body:
            raise Problem(400, "This operation takes no body.")
        if route.is_stream:
            return await self._stream(route, call, arguments)
        timeout_s = self.server.settings.limits.request_timeout_ms / 1000
        work = asyncio.get_running_loop().create_task(route.handler(call, **arguments), name=route.name)
        try:
            # What changes something is carried to its end, whoever waits for it: nothing is left half done.
            value = await asyncio.wait_for(asyncio.shield(work) if route.changes else work, timeout_s)
        except TimeoutError:
            work.add_done_callback(_log_failure)
            goes_on = " It goes on; the audit log will not say how it ends." if route.changes else ""
            reason = f"It takes longer than {timeout_s:g} s (admin.limits.request_timeout_ms).{goes_on}"
            raise Problem(503, reason) from None
        return value if isinstance(value, Response) else Response(value, status=route.statuses[0])

    async def _stream(self, route: Route, call: Call, arguments: Mapping[str, Any]) -> Response[Any]:
        try:
            await route.handler(call, handler=self, **arguments)
        except StreamClosedError:
            return Response(None)  # the client has gone
        except asyncio.CancelledError:
            if self._headers_written:  # the host ends, and so does the answer
                self.finish()
            raise
        return Response(None)

    def _query(self, route: Route) -> dict[str, Any]:
        given = self.request.query_arguments
        if route.query_type is not None:
            return {"query": convert_query(given, route.query_type)}
        if given:
            raise Problem(400, "This operation takes no query parameters.")
        return {}

    def _read_body(self, route: Route) -> Any:
        media_type = self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if route.body_type is LuaText:
            if media_type in _FORM_TYPES:
                hint = "Send the script with Content-Type: text/x-lua (curl: `-T FILE`, which sends none)."
                raise Problem(415, f"A script does not come as {media_type}. {hint}")
            return LuaText(self._body)
        if not self._body and type(None) in getattr(route.body_type, "__args__", ()):
            return None
        if media_type != "application/json":
            raise Problem(415, "The body must be application/json.")
        try:
            document = orjson.loads(self._body)
        except orjson.JSONDecodeError as error:
            raise Problem(400, f"The body is not valid JSON: {error}.") from None
        return _convert(document, route.body_type, "The body", strict=True)

    def _send(self, route: Route, answer: Response[Any]) -> None:
        if route.is_stream:
            return
        self.set_status(answer.status)
        for name, value in answer.headers.items():
            self.set_header(name, value)
        if answer.status == 204:
            self.clear_header("Content-Type")
            self.finish()
            return
        media_type = answer.media_type or route.media_types[0]
        if media_type.startswith("text/"):
            media_type += "; charset=UTF-8"
        self.set_header("Content-Type", media_type)
        if isinstance(answer.value, bytes | str):
            self.finish(answer.value)
        else:
            self.finish(orjson.dumps(msgspec.to_builtins(answer.value)))

    def _audit(self, status: int, facts: Mapping[str, Any]) -> None:
        route = self._route
        if route is None or not route.changes or self._audited:
            return
        self._audited = True
        self.server.context.audit.write(
            who=self._caller.name,
            address=self._caller.address,
            what=route.name,
            target=f"{route.method} {self.request.path}",
            result=status,
            facts={**facts, "elapsed_ms": round((time.monotonic() - self._started_s) * 1000, 1)},
        )


def _log_failure(work: asyncio.Task[Any]) -> None:
    if not work.cancelled() and work.exception() is not None:
        _LOG.error(
            "A request failed after its client had timed out.", what=work.get_name(), reason=str(work.exception())
        )


def convert_query(given: Mapping[str, list[bytes]], wanted: Any) -> Any:
    """The parameters of a query as their type has them.

    Raises:
        Problem: They are not as they should be.
    """
    values: dict[str, str] = {}
    for name, found in given.items():
        if len(found) > 1:
            raise Problem(400, f"The parameter `{name}` is given more than once.")
        try:
            values[name] = found[0].decode()
        except UnicodeDecodeError:
            raise Problem(400, f"The parameter `{name}` is no UTF-8.") from None
    return _convert(values, wanted, "The query")


def _convert(value: Any, wanted: Any, what: str, *, strict: bool = False, status: int = 400) -> Any:
    try:
        return msgspec.convert(value, wanted, strict=strict)
    except msgspec.ValidationError as error:
        raise Problem(status, f"{what} is not as it should be: {error}.") from None
