"""Datagrams: as many in a pack as are waiting. For UDP and unix sockets."""

import asyncio
import socket
from array import array

from host.core.descriptors import wait_readable
from host.inputs._datagram_drops import DatagramDrops
from host.inputs.base import Input, Slot

MAX_BYTES = 65536
"""Longest datagram that is received whole."""

_ONCE_IDLE_S = 2.0
_LAST_PACKS = 64
_READS_PER_TURN = 8


class Datagrams:
    """Receives datagrams, splits each by itself, and hands them in together.

    Args:
        owner: The input.
        receiver: A bound datagram socket that does not block.
        label: Its name for people.
    """

    def __init__(self, owner: Input, receiver: socket.socket, label: str) -> None:
        self._owner = owner
        self._intake = owner.intake
        self._receiver = receiver
        self._splitter = owner.new_splitter()
        self._stream = owner.intake.open_stream(f"{owner.name}/{owner.type}", label)
        self._position = 0
        self._drops = DatagramDrops(owner, receiver)
        owner.metrics.streams_open += 1

    async def run(self) -> None:
        """Receive until cancelled; with `once` until none has come for two seconds since the first."""
        fd = self._receiver.fileno()
        self._drops.start()
        packs = 0
        while True:
            idle, before = False, packs
            try:
                async with asyncio.timeout(_ONCE_IDLE_S if self._owner.once and packs else None):
                    await wait_readable(fd)
            except TimeoutError:
                idle = True  # or we were not scheduled for so long, and much is waiting
            while await self._receive_pack():
                packs += 1
                if packs % _READS_PER_TURN == 0:
                    await asyncio.sleep(0)
            if idle and packs == before:
                return

    async def close(self) -> None:
        """Take what has arrived, and close the socket."""
        self._drops.stop()
        for _ in range(_LAST_PACKS):
            if not await self._receive_pack():
                break
        self._receiver.close()
        self._intake.close_stream(self._stream)
        self._owner.metrics.streams_open -= 1

    async def _receive_pack(self) -> bool:
        """Receive what is waiting, up to a pack; whether there was anything."""
        slot = await self._intake.slot()
        records = array("I")
        try:
            length, received = self._receive_into(slot, records)
        except BaseException:
            self._intake.give_back(slot)
            raise
        if not length or (self._splitter.delimiter is None and not records):
            self._intake.give_back(slot)
            return received > 0
        position = self._position
        self._position += length
        self._intake.submit(
            slot,
            self._stream,
            position=position,
            next_position=self._position,
            length=length,
            records=None if self._splitter.delimiter is not None else records,
        )
        return True

    def _receive_into(self, slot: Slot, records: "array[int]") -> tuple[int, int]:
        """Fill a slot; how many bytes, and how many datagrams were received."""
        view = slot.view
        # One byte stays free for the delimiter that a datagram may lack.
        last_start = max(len(view) - 1 - MAX_BYTES, 0)
        at = received = 0
        while at <= last_start:
            room = view[at : len(view) - 1]
            try:
                size = self._receiver.recv_into(room, 0, socket.MSG_TRUNC)
            except BlockingIOError:
                break
            except OSError as error:
                # The kernel reports here what became of something else on this socket; the socket is still good.
                self._owner.metrics.count_error("receive failed")
                self._owner.log.warning("Could not receive.", error=error.strerror)
                break
            received += 1
            if size > len(room):
                self._refuse(bytes(room), "datagram longer than a pack")
            elif size:
                at += self._split(view, at, size, records)
        return at, received

    def _split(self, view: memoryview, at: int, size: int, records: "array[int]") -> int:
        """Find the records of a datagram; how much of the slot it takes."""
        splitter = self._splitter
        if splitter.delimiter is not None:
            if view[at + size - 1] != splitter.delimiter:
                view[at + size] = splitter.delimiter
                size += 1
            return size
        cut = splitter.split(view[at:], size, True)
        if splitter.truncated_records:
            self._owner.count_truncated(splitter)
        for refused in cut.refused:
            self._refuse(refused.data, refused.reason)
        for offset in cut.records or ():
            records.append(at + offset)
        return size

    def _refuse(self, data: bytes, reason: str) -> None:
        self._intake.reject(self._stream, self._position, data, reason)
