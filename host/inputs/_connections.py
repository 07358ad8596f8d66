"""Connections that are read at the same time, each a stream of its own. For TCP and unix sockets."""

import asyncio
import contextlib
import errno
import itertools
import socket
from typing import Any

from host.core.descriptors import wait_readable
from host.inputs.base import Feeder, Input

_ACCEPT_AGAIN_S = 1.0
_LAST_READS = 64
_MAX_LAST_ACCEPTS = 1024
"""Connections that are accepted at the end, if clients go on connecting."""


class Connections:
    """Accepts connections and feeds what they send to the intake.

    Args:
        owner: The input.
        listener: A listening socket that does not block.
        max_connections: One more is closed at once.
        keep_alive: Whether to find out that a silent peer has gone.
    """

    def __init__(self, owner: Input, listener: socket.socket, *, max_connections: int, keep_alive: bool) -> None:
        self._owner = owner
        self._listener = listener
        self._max_connections = max_connections
        self._keep_alive = keep_alive
        self._numbers = itertools.count(1)
        self._open: dict[Feeder, socket.socket] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._last_one_left = asyncio.Event()
        self._has_run = False

    async def run(self) -> None:
        """Serve until cancelled; with `once` until there were connections and all of them have ended."""
        self._has_run = True
        accepting = asyncio.create_task(self._accept_all(), name=f"{self._owner.name} accepts")
        self._tasks.add(accepting)
        try:
            if self._owner.once:
                ended = asyncio.create_task(self._last_one_left.wait())
                self._tasks.add(ended)
                await asyncio.wait({accepting, ended}, return_when=asyncio.FIRST_COMPLETED)
            else:
                await accepting
        finally:
            await self._cancel_tasks()
        if accepting.done() and not accepting.cancelled():
            accepting.result()

    async def close(self) -> None:
        """Take what has arrived, and close all connections."""
        if self._has_run:
            self._accept_rest()
        self._listener.close()
        for feeder, connection in list(self._open.items()):
            await self._take_rest(feeder, connection)
            await self._end(feeder, connection)

    async def _cancel_tasks(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._tasks.clear()

    async def _accept_all(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, peer = await loop.sock_accept(self._listener)
            except OSError as error:
                if error.errno not in {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.ECONNABORTED}:
                    raise
                self._owner.metrics.count_error("cannot accept")
                self._owner.log.warning("A connection cannot be accepted; trying again.", error=error.strerror)
                await asyncio.sleep(_ACCEPT_AGAIN_S)
                continue
            self._accepted(connection, peer)

    def _accept_rest(self) -> None:
        """Accept the connections that the kernel has: their clients believe that they have sent their records."""
        for _ in range(_MAX_LAST_ACCEPTS):
            try:
                connection, peer = self._listener.accept()
            except OSError:  # there is none, or no descriptor for it
                return
            connection.setblocking(False)
            self._add(connection, peer)

    def _accepted(self, connection: socket.socket, peer: object) -> None:
        feeder = self._add(connection, peer)
        if feeder is None:
            return
        task = asyncio.create_task(self._serve(feeder, connection), name=f"{self._owner.name} {feeder.label}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _add(self, connection: socket.socket, peer: object) -> Feeder | None:
        """Open a stream for a connection; close it and return None if there are too many."""
        label = self._label(peer)
        if len(self._open) >= self._max_connections:
            connection.close()
            self._owner.metrics.count_error("too many connections")
            self._owner.log.warning("Closed a connection: there are max_connections already.", peer=label)
            return None
        if self._keep_alive:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        feeder = self._owner.new_feeder(f"{self._owner.name}/{self._owner.type}/{label}", label)
        self._open[feeder] = connection
        return feeder

    def _label(self, peer: object) -> str:
        if isinstance(peer, tuple) and len(peer) >= 2:
            host, port = peer[:2]
            return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        # A client's unix socket seldom has a name.
        return f"{self._listener.getsockname()}#{next(self._numbers)}"

    async def _serve(self, feeder: Feeder, connection: socket.socket) -> None:
        """Read a connection to its end."""
        fd = connection.fileno()
        try:
            while not feeder.broken:
                # A slot is asked for when there is something to put into it, not before.
                if not feeder.full:
                    await wait_readable(fd)
                try:
                    if not await feeder.feed(connection.recv_into):
                        break
                except BlockingIOError:
                    feeder.full = False
        except OSError as error:
            self._owner.metrics.count_error("connection lost")
            self._owner.log.warning("A connection was lost.", peer=feeder.label, error=error.strerror)
        await self._end(feeder, connection)

    async def _end(self, feeder: Feeder, connection: socket.socket) -> None:
        # If this is cancelled while it waits for a slot, `close` does it again.
        await feeder.finish()
        connection.close()
        self._open.pop(feeder, None)
        if not self._open:
            self._last_one_left.set()

    async def _take_rest(self, feeder: Feeder, connection: socket.socket) -> None:
        """Read what the kernel holds already: the peer believes it delivered. Within reason, if it goes on sending."""
        with contextlib.suppress(OSError):
            for _ in range(_LAST_READS):
                if feeder.broken or not await feeder.feed(connection.recv_into):
                    break
