"""The host's end of the socket to a sandbox process; `kernel/channel.lua` is the other one.

What arrives comes from a process that may have been taken over, so every datagram is checked before anybody acts on it.
"""

import asyncio
import os
import socket
from collections.abc import Sequence
from typing import Protocol

from host.packs import protocol
from host.packs.arena import Arena
from host.packs.protocol import REPORT, Op, Report
from host.sandbox.outbox import Outbox, OutboxFullError

_TEXT_CHUNK_BYTES = 100 * 1024
_MAX_TEXTS = 5000
"""Texts that a process may send between two things that it has done: a script can print 100 lines a command."""


class Listener(Protocol):
    """Who is told what a process says."""

    def on_report(self, report: Report) -> None:
        """A report without text."""

    def on_text(self, report: Report, data: bytes) -> None:
        """A report with what follows it."""

    def kill(self, reason: str) -> None:
        """The process broke the rules of its socket."""

    def on_closed(self) -> None:
        """The process has closed its end."""


class Channel:
    """One socket, for the life of one process.

    Args:
        listener: Who is told what arrives.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._socket, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (self._socket, self.theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, protocol.MAX_DATAGRAM_BYTES * 2)
        self._socket.setblocking(False)
        self._outbox = Outbox(self._socket)
        self._mapped: set[int] = set()
        self._texts = 0

    def listen(self) -> None:
        """From now on tell the listener."""
        asyncio.get_running_loop().add_reader(self._socket, self._read_one)

    def drain(self) -> None:
        """Read what the process said before it ended."""
        while self._read_one():
            pass

    def close(self) -> None:
        """Read what is left, and close."""
        self.drain()
        asyncio.get_running_loop().remove_reader(self._socket)
        self._outbox.close()
        self._socket.close()

    def has_done_something(self) -> None:
        """It may send texts again."""
        self._texts = 0

    # ------------------------------------------------------------------ sending

    def map(self, arena: Arena, *, writable: bool = False) -> None:
        """Let it have an arena's memory, once."""
        if arena.number in self._mapped:
            return
        self._mapped.add(arena.number)
        fd = arena.writable_fd if writable else arena.read_only_fd
        if fd < 0:
            return  # everything is being stopped, and this process only wanted to go on with what it has
        command = protocol.command(Op.MAP, raw=(arena.number, 0, 0), position=arena.size_bytes, flags=int(writable))
        self.send(command, [fd])

    def send_state(self, state: bytes) -> None:
        """Have it take a snapshot for its state. It travels in memory of its own: a socket may hold less."""
        fd = os.memfd_create("hekate-state", os.MFD_CLOEXEC)
        try:
            with open(fd, "wb", closefd=False) as file:
                file.write(state)
            self.send(protocol.command(Op.RESTORE, position=len(state)), [fd])
        finally:
            os.close(fd)

    def unmap(self, arena_number: int) -> None:
        """An arena is gone: its memory is free once nobody maps it."""
        if arena_number in self._mapped:
            self._mapped.discard(arena_number)
            self.send(protocol.command(Op.UNMAP, raw=(arena_number, 0, 0)))

    def send(self, data: bytes, fds: Sequence[int] = ()) -> None:
        """Send one datagram of commands, with copies of descriptors."""
        if not data:
            return
        try:
            self._outbox.send(data, fds)
        except ConnectionError:
            return  # it has just died; the next process gets everything anew
        except OutboxFullError:
            self._listener.kill("it does not read its socket")

    def send_texts(self, op: Op, text: bytes) -> None:
        """Send a text of any length, in as many commands as it needs."""
        for start in range(0, len(text), _TEXT_CHUNK_BYTES) or (0,):
            more = start + _TEXT_CHUNK_BYTES < len(text)
            self.send(protocol.command(op, flags=int(more)) + text[start : start + _TEXT_CHUNK_BYTES])

    # ------------------------------------------------------------------ receiving

    def _receive(self) -> bytes:
        try:
            return self._socket.recv(protocol.MAX_DATAGRAM_BYTES)
        except ConnectionError:
            # It ended with commands unread. We hear of that once, and first; what it said before is still there.
            return self._socket.recv(protocol.MAX_DATAGRAM_BYTES)

    def _read_one(self) -> bool:
        """Read one datagram; whether there may be more."""
        try:
            data = self._receive()
        except BlockingIOError:
            return False
        if not data:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._listener.on_closed()
            return False
        if len(data) < REPORT.size:
            self._listener.kill("it sent a malformed report")
            return False
        first = Report._make(REPORT.unpack_from(data))
        if first.op in protocol.TEXTS:
            self._texts += 1
            if self._texts > _MAX_TEXTS:
                self._listener.kill("it floods its socket")
                return False
            self._listener.on_text(first, data[REPORT.size :])
            return True
        for report in map(Report._make, REPORT.iter_unpack(data[: len(data) - len(data) % REPORT.size])):
            self._listener.on_report(report)
        return True
