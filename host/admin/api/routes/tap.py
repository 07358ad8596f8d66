"""Taps: records on their way, sampled, over server-sent events or a WebSocket."""

from __future__ import annotations

import contextlib
from http import HTTPStatus
from typing import Annotated

import msgspec
from msgspec import Meta
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from host.admin.api.handler import BaseHandler, RouteHandler, convert_query
from host.admin.api.route_spec import Call, Routes, StreamedResponse
from host.admin.api.streams import EventStream
from host.admin.problems import Problem
from host.admin.services.broadcast import event
from host.admin.services.context import AdminContext
from host.admin.services.taps import PointError, Tap

routes = Routes("tap", "Records on their way through the pipeline, sampled, for people to see.")
PATH = "/api/v1/tap"
_PROTOCOL = "hekate.tap"


class TapQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be seen."""

    point: Annotated[str, Meta(max_length=80)] = "router"
    """Where: `router` (everything), `decoders.NAME` (what the decoders of an input make), `filters.NAME` (what a
    filter injects), `outputs.NAME` (what an output is about to get)."""
    match: Annotated[str, Meta(max_length=2000)] = "TRUE"
    """A message matcher, as filters and outputs have it."""
    rate: Annotated[int, Meta(ge=1, le=100)] = 10
    """Records a second, at most."""


@routes.get(PATH, role="viewer", scope="host", problems=(409,), media_types=("text/event-stream",))
async def tap(call: Call, query: TapQuery, handler: RouteHandler) -> StreamedResponse:
    """Watch records pass a point: server-sent events `records`, or the same documents over a WebSocket.

    Each has `records`, messages with all headers and fields, and `counts`: how many records were shown, how many
    matched and were dropped because of `rate`, how many packs and records have passed the point, and how many of
    these were not looked at. A tap sees a sample: the pipeline never waits for it.

    Over a WebSocket, which a browser cannot give an `Authorization` header, the token may come as a subprotocol: ask
    for `hekate.tap` and `bearer.TOKEN`.
    """
    opened = await open_tap(call.context, query)
    try:
        sink = _Events(handler)
        await sink.begin()
        opened.sink = sink
        sink.push(sink.made(opened.bundle()))
        await sink.ended()
    finally:
        call.context.taps.close(opened)
    return StreamedResponse()


class _Events(EventStream):
    """Bundles as events."""

    @staticmethod
    def made(bundle: bytes) -> bytes:
        """An event of a bundle."""
        return event("records", bundle)


async def open_tap(context: AdminContext, query: TapQuery) -> Tap:
    """Begin to watch.

    Raises:
        Problem: There is no such point, the matcher has a fault, or there are too many taps.
    """
    settings = context.pipeline.config.admin
    most = settings.limits.taps if settings else 0
    if context.taps.count >= most:
        raise Problem(409, f"There are {most} taps already (admin.limits.taps).")
    try:
        return await context.taps.open(query.point, query.match, query.rate)
    except PointError as error:
        raise Problem(400, str(error)) from error


class TapSocket(BaseHandler, WebSocketHandler):
    """The same over a WebSocket."""

    _tap: Tap | None = None

    async def prepare(self) -> None:
        """Let in who may, and begin to watch, before the connection becomes a WebSocket."""
        self.check_whence()
        try:
            caller = self.caller()
        except Problem:
            self.server.rate.take(self.address)
            raise
        self.server.rate.take(caller.name)
        if caller.prefixes is not None or caller.role is None:
            raise Problem(403, "This is about the whole host, and your token is for some sandboxes only.")
        query = convert_query(self.request.query_arguments, TapQuery)
        self._tap = await open_tap(self.server.context, query)

    def token_header(self) -> str | None:
        """Also from a subprotocol."""
        for part in self.request.headers.get("Sec-WebSocket-Protocol", "").split(","):
            if part.strip().startswith("bearer."):
                return f"Bearer {part.strip().removeprefix('bearer.')}"
        return super().token_header()

    def check_origin(self, origin: str) -> bool:  # noqa: ARG002 -- `prepare` has done it
        """It was checked already."""
        return True

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """The token is never sent back."""
        return _PROTOCOL if _PROTOCOL in subprotocols else None

    def open(self, *_: str, **__: str) -> None:
        """Begin to send."""
        assert self._tap is not None
        self._tap.sink = self
        self.push(self._tap.bundle())

    @property
    def is_free(self) -> bool:
        """True if the client has received everything sent so far."""
        stream = None if self.ws_connection is None else self.ws_connection.stream
        return stream is not None and not stream.closed() and not stream.writing()

    @staticmethod
    def made(bundle: bytes) -> bytes:
        """A bundle goes as it is."""
        return bundle

    def push(self, made: bytes) -> None:
        """Send a bundle."""
        with contextlib.suppress(WebSocketClosedError):
            # Whoever has gone is told of by on_close.
            self.write_message(made).add_done_callback(lambda written: written.exception())

    def on_message(self, message: str | bytes) -> None:
        """Nothing is expected."""

    def on_finish(self) -> None:
        """It was refused; or it has become a WebSocket, and goes on."""
        if self.get_status() != HTTPStatus.SWITCHING_PROTOCOLS:
            self._end()

    def on_connection_close(self) -> None:
        """However it ended."""
        super().on_connection_close()
        self._end()

    def _end(self) -> None:
        if self._tap is not None:
            self.server.context.taps.close(self._tap)
