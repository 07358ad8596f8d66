"""Answers that go on and on: server-sent events.

An event is written straight to the socket, and only if the client has taken the one before: nobody waits, nothing
piles up, and what is the same for many clients is made once.
"""

from __future__ import annotations

from collections.abc import Callable

from tornado.http1connection import HTTP1Connection
from tornado.iostream import IOStream

from host.admin.api.handler import RouteHandler
from host.admin.services.broadcast import Broadcast


class EventStream:
    """Server-sent events to one client.

    Args:
        handler: Of the request.
    """

    def __init__(self, handler: RouteHandler) -> None:
        self._handler = handler
        self._stream: IOStream | None = None

    async def begin(self) -> None:
        """Send the headers.

        Raises:
            StreamClosedError: The client has gone already.
        """
        self._handler.set_header("Content-Type", "text/event-stream; charset=UTF-8")
        self._handler.set_header("X-Accel-Buffering", "no")
        self._handler.write(b": hekate\n\n")
        await self._handler.flush()
        connection = self._handler.request.connection
        assert isinstance(connection, HTTP1Connection)
        self._stream = connection.stream

    @property
    def is_free(self) -> bool:
        """True if the client has received everything sent so far."""
        return self._stream is not None and not self._stream.closed() and not self._stream.writing()

    def push(self, made: bytes) -> None:
        """Send what `event` has made, if the client has taken what came before."""
        if self.is_free:
            assert self._stream is not None
            self._stream.write(made)

    async def ended(self) -> None:
        """Wait until the client goes."""
        await self._handler.gone


async def follow(broadcast: Broadcast, handler: RouteHandler, first: Callable[[], bytes]) -> None:
    """Send a client the events of a broadcast until it disconnects.

    Args:
        broadcast: The source of the events.
        handler: The handler of the client's request.
        first: Returns the event to send immediately.
    """
    stream = EventStream(handler)
    await stream.begin()
    stream.push(first())
    broadcast.add(stream)
    try:
        await stream.ended()
    finally:
        broadcast.remove(stream)
