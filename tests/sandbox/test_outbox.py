"""What is sent to a process that was not scheduled yet."""

import array
import asyncio
import errno
import os
import socket
from pathlib import Path

import pytest

from host.sandbox import outbox
from host.sandbox.outbox import Outbox, OutboxFullError

MANY = 5000


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    theirs.setblocking(False)
    yield ours, theirs
    ours.close()
    theirs.close()


async def received(theirs, count):
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(20):
        return [await loop.sock_recv(theirs, 100_000) for _ in range(count)]


def test_what_does_not_fit_into_the_socket_arrives_in_order_once_it_is_read(ends):
    async def run():
        box = Outbox(ends[0])
        for number in range(MANY):
            box.send(b"%d" % number)
        assert await received(ends[1], MANY) == [b"%d" % number for number in range(MANY)]
        box.send(b"and at once again")
        assert ends[1].recv(100) == b"and at once again"
        box.close()

    asyncio.run(run())


def test_a_descriptor_that_waits_arrives_though_its_owner_has_closed_it(ends):
    async def run():
        box, read_and_write = Outbox(ends[0]), os.pipe()
        for _ in range(MANY):
            box.send(b"x")
        box.send(b"pipe", read_and_write)
        for fd in read_and_write:
            os.close(fd)
        await received(ends[1], MANY)
        data, ancillary, *_ = ends[1].recvmsg(100, 100)
        reads, writes = array.array("i", ancillary[0][2])
        os.write(writes, b"through")
        assert (data, os.read(reads, 100)) == (b"pipe", b"through")
        os.close(reads)
        os.close(writes)

    asyncio.run(run())


def test_what_waits_is_bounded_and_let_go(ends, monkeypatch):
    monkeypatch.setattr(outbox, "_MAX_WAITING_BYTES", 10)

    async def run():
        box, before = Outbox(ends[0]), open_files()
        while not box._waiting:
            box.send(b"x", [0])
        for _ in range(9):
            box.send(b"x", [0])
        with pytest.raises(OutboxFullError):
            box.send(b"x", [0])
        assert open_files() == before + 10
        box.close()
        assert open_files() == before

    asyncio.run(run())


def test_too_many_descriptors_under_way_are_no_failure(ends, monkeypatch):
    async def run():
        box, send, tries = Outbox(ends[0]), Outbox._send, []

        def full_twice(*given):
            tries.append(given)
            if len(tries) < 3:
                raise OSError(errno.ETOOMANYREFS, "Too many references")
            send(*given)

        monkeypatch.setattr(Outbox, "_send", full_twice)
        box.send(b"x", [0])
        assert await received(ends[1], 1) == [b"x"]

    asyncio.run(run())


def test_a_peer_that_dies_while_something_waits_is_no_failure(ends):
    async def run():
        box = Outbox(ends[0])
        for _ in range(MANY):
            box.send(b"x")
        ends[1].close()
        async with asyncio.timeout(20):
            while box._waiting:  # noqa: ASYNC110 -- nobody tells
                await asyncio.sleep(0)
        with pytest.raises(ConnectionError):
            box.send(b"x")

    asyncio.run(run())
