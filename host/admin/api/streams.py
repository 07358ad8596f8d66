"""Answers that go on and on: server-sent events.

An event is written straight to the socket, and only if the client has taken the one before: nobody waits, nothing
piles up, and what is the same for many clients is made once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tornado.http1connection import HTTP1Connection

if TYPE_CHECKING:
    from tornado.iostream import IOStream

    from host.admin.api.handler import RouteHandler


def event(name: str, data: bytes) -> bytes:
    """An event as it is written: a chunk of the answer."""
    text = b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"
    return b"%x\r\n%b\r\n" % (len(text), text)


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
        """Whether the client has taken everything so far."""
        return self._stream is not None and not self._stream.closed() and not self._stream.writing()

    def push(self, made: bytes) -> None:
        """Send what `event` has made, if the client has taken what came before."""
        if self.is_free:
            assert self._stream is not None
            self._stream.write(made)

    async def ended(self) -> None:
        """Wait until the client goes."""
        await self._handler.gone


class Broadcast:
    """The same events for many clients."""

    def __init__(self) -> None:
        self._streams: set[EventStream] = set()

    @property
    def wanted(self) -> bool:
        """Whether anybody listens."""
        return bool(self._streams)

    def send(self, made: bytes) -> None:
        """Send an event to all who can take it."""
        for stream in self._streams:
            stream.push(made)

    async def follow(self, handler: RouteHandler, first: Callable[[], bytes]) -> None:
        """Let a client listen until it goes.

        Args:
            handler: Of its request.
            first: Makes the event that it gets at once.
        """
        stream = EventStream(handler)
        await stream.begin()
        stream.push(first())
        self._streams.add(stream)
        try:
            await stream.ended()
        finally:
            self._streams.discard(stream)
