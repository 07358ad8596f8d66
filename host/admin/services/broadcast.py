"""Server-sent events that go to many clients. An event is encoded once for all of them."""

from typing import Protocol


def event(name: str, data: bytes) -> bytes:
    """Return a server-sent event as one chunk of a chunked HTTP response."""
    text = b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"
    return b"%x\r\n%b\r\n" % (len(text), text)


class Subscriber(Protocol):
    """A client of a broadcast."""

    def push(self, chunk: bytes) -> None:
        """Send an event, or skip it if the client has not received the previous one yet."""


class Broadcast:
    """Sends the same events to many clients."""

    def __init__(self) -> None:
        self._subscribers: set[Subscriber] = set()

    @property
    def has_subscribers(self) -> bool:
        """True if at least one client is connected."""
        return bool(self._subscribers)

    def add(self, subscriber: Subscriber) -> None:
        """Send all further events to the subscriber too."""
        self._subscribers.add(subscriber)

    def remove(self, subscriber: Subscriber) -> None:
        """Send the subscriber no further events."""
        self._subscribers.discard(subscriber)

    def send(self, chunk: bytes) -> None:
        """Send an event, encoded by `event`, to every client that can take it now."""
        for subscriber in self._subscribers:
            subscriber.push(chunk)
