"""Answers that go on and on: server-sent events."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tornado.iostream import StreamClosedError

if TYPE_CHECKING:
    from host.admin.handler import RouteHandler

_ALIVE_S = 15.0


class Latest:
    """A value that is made once and sent to all who wait for the next one. Who is slow misses some."""

    def __init__(self) -> None:
        self.value = b""
        self._next: asyncio.Future[None] | None = None
        self.waiting = 0
        """How many wait, or have waited a moment ago."""

    def put(self, value: bytes) -> None:
        """Wake all who wait."""
        self.value = value
        if self._next is not None and not self._next.done():
            self._next.set_result(None)
        self._next = None

    async def next(self) -> bytes:
        """The next value."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._next)
        return self.value


class EventStream:
    """Server-sent events to one client.

    Args:
        handler: Of the request.
    """

    def __init__(self, handler: RouteHandler) -> None:
        self._handler = handler

    async def begin(self) -> None:
        """Send the headers."""
        self._handler.set_header("Content-Type", "text/event-stream; charset=UTF-8")
        self._handler.set_header("X-Accel-Buffering", "no")
        self._handler.write(b": hekate\n\n")
        await self._flush()

    async def send(self, event: str, data: bytes) -> None:
        """Send an event, once the client has taken what came before.

        Raises:
            StreamClosedError: The client has gone.
        """
        self._handler.write(b"event: " + event.encode() + b"\ndata: " + data + b"\n\n")
        await self._flush()

    async def keep_alive(self) -> None:
        """Send a comment, so that everybody between here and the client sees that it lives."""
        self._handler.write(b":\n\n")
        await self._flush()

    async def _flush(self) -> None:
        await self._handler.flush()


async def follow(handler: RouteHandler, latest: Latest, event: str) -> None:
    """Send each value to a client until it goes."""
    stream = EventStream(handler)
    latest.waiting += 1
    try:
        await stream.begin()
        if latest.value:
            await stream.send(event, latest.value)
        while True:
            try:
                value = await asyncio.wait_for(latest.next(), _ALIVE_S)
            except TimeoutError:
                await stream.keep_alive()
                continue
            await stream.send(event, value)
    except StreamClosedError:
        return
    finally:
        latest.waiting -= 1
