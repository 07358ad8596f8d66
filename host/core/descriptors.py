"""Waiting for file descriptors on the event loop."""

import asyncio


async def wait_readable(fd: int) -> None:
    """Wait until a file descriptor has data to read, or is at its end."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(fd, _wake, ready)
    try:
        await ready
    finally:
        loop.remove_reader(fd)


async def wait_writable(fd: int) -> None:
    """Wait until a file descriptor accepts more data, or a write to it would report an error."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_writer(fd, _wake, ready)
    try:
        await ready
    finally:
        loop.remove_writer(fd)


def _wake(future: "asyncio.Future[None]") -> None:
    # The loop may call twice before the waiter runs.
    if not future.done():
        future.set_result(None)
