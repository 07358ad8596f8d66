"""TCP and UDP outputs against real sockets."""

import asyncio
import contextlib
import socket
import time

import msgspec
import pytest

from host.core.errors import RetryDelivery
from host.outputs.base import RejectRecords
from host.outputs.tcp import TcpOutput
from host.outputs.udp import UdpOutput
from host.testing.batches import batch_of
from tests.outputs.conftest import opened, until, write


class Server:
    """Takes connections and keeps what each sent."""

    def __init__(self):
        self.connections = []
        self.writers = []

    async def start(self, bound=None):
        where = {"host": "127.0.0.1", "port": 0} if bound is None else {"sock": bound}
        self.server = await asyncio.start_server(self._serve, **where)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def _serve(self, reader, writer):
        received = bytearray()
        self.connections.append(received)
        self.writers.append(writer)
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                received += data
        writer.close()

    async def stop(self):
        self.server.close()
        for writer in self.writers:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        await self.server.wait_closed()


def test_tcp_sends_batches_in_order_and_all_of_the_last_one(make):
    async def scenario():
        server = await Server().start()
        async with opened(make(TcpOutput, address=f"127.0.0.1:{server.port}")) as output:
            for number in range(200):
                await write(output, batch_of(b"%05d\n" % number * 1000))
        expected = b"".join(b"%05d\n" % number * 1000 for number in range(200))
        await until(lambda: len(server.connections[0]) == len(expected))
        await server.stop()
        return bytes(server.connections[0]) == expected

    assert asyncio.run(scenario())


def test_tcp_writes_without_a_task_while_the_peer_keeps_up(make):
    async def scenario():
        server = await Server().start()
        async with opened(make(TcpOutput, address=f"127.0.0.1:{server.port}")) as output:
            await write(output, batch_of(b"one\n"))
            assert output.write(batch_of(b"two\n")) is None
            await until(lambda: server.connections[0] == b"one\ntwo\n")
        await server.stop()

    asyncio.run(scenario())


def test_tcp_waits_for_a_slow_peer(make):
    data = b"x" * 20_000_000

    async def scenario():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            output = make(TcpOutput, address=f"127.0.0.1:{listener.getsockname()[1]}")
            async with opened(output):
                sending = asyncio.ensure_future(output.write(batch_of(data)))
                await until(lambda: output._socket is not None)
                listener.setblocking(False)
                peer, _ = listener.accept()
                peer.setblocking(False)
                received = 0
                loop = asyncio.get_running_loop()
                while received < len(data):
                    received += len(await loop.sock_recv(peer, 1 << 20))
                await sending
                peer.close()

    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_tcp_a_peer_that_took_something_while_the_host_was_not_scheduled_is_not_given_up(make):
    data = b"x" * 20_000_000

    async def scenario():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            address = f"127.0.0.1:{listener.getsockname()[1]}"
            async with opened(make(TcpOutput, address=address, send_timeout_ms=100)) as output:
                sending = asyncio.ensure_future(output.write(batch_of(data)))
                await until(lambda: output._socket is not None)
                peer, _ = listener.accept()
                with peer:
                    await asyncio.sleep(0)  # it has filled the socket, and waits
                    received = 0
                    end_s = time.monotonic() + 0.12
                    while time.monotonic() < end_s:  # the host does nothing meanwhile
                        with contextlib.suppress(BlockingIOError):
                            received += len(peer.recv(1 << 20, socket.MSG_DONTWAIT))
                    peer.setblocking(False)
                    loop = asyncio.get_running_loop()
                    while part := await loop.sock_recv(peer, 1 << 20):
                        received += len(part)
                        if received == len(data):
                            break
                    await sending

    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_tcp_a_peer_that_takes_nothing_is_given_up(make):
    async def scenario():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            address = f"127.0.0.1:{listener.getsockname()[1]}"
            async with opened(make(TcpOutput, address=address, send_timeout_ms=50)) as output:
                with pytest.raises(RetryDelivery, match="took nothing for 50 ms"):
                    await write(output, batch_of(b"x" * 20_000_000))

    asyncio.run(scenario())


def test_tcp_a_peer_that_is_down_is_tried_again_and_found_when_it_is_back(make):
    async def scenario():
        bound = socket.socket()  # it is nobody else's, and refuses connections until somebody listens
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        async with opened(make(TcpOutput, address=f"127.0.0.1:{port}")) as output:
            with pytest.raises(RetryDelivery, match=rf"cannot connect to 127\.0\.0\.1:{port}: .*refused"):
                await write(output, batch_of(b"one\n"))
            server = await Server().start(bound)
            await write(output, batch_of(b"one\n"))
            await until(lambda: server.connections and server.connections[0] == b"one\n")
        await server.stop()

    asyncio.run(scenario())


def test_tcp_a_peer_that_went_away_gets_the_next_batch_over_a_new_connection(make):
    async def scenario():
        server = await Server().start()
        async with opened(make(TcpOutput, address=f"127.0.0.1:{server.port}")) as output:
            await write(output, batch_of(b"one\n"))
            await until(lambda: server.connections and server.connections[0] == b"one\n")
            server.writers[0].close()
            await server.writers[0].wait_closed()
            await write(output, batch_of(b"two\n"))
            await until(lambda: len(server.connections) == 2 and server.connections[1] == b"two\n")
        await server.stop()

    asyncio.run(scenario())


def test_tcp_what_the_peer_says_is_ignored(make):
    async def scenario():
        server = await Server().start()
        async with opened(make(TcpOutput, address=f"127.0.0.1:{server.port}")) as output:
            await write(output, batch_of(b"one\n"))
            await until(lambda: bool(server.writers))
            server.writers[0].write(b"hello " * 1000)
            await server.writers[0].drain()
            await write(output, batch_of(b"two\n"))
            await until(lambda: server.connections[0] == b"one\ntwo\n")
        await server.stop()

    asyncio.run(scenario())


def test_tcp_a_host_that_does_not_exist_is_tried_again(make):
    async def scenario():
        async with opened(make(TcpOutput, address="host.invalid:5565")) as output:
            with pytest.raises(RetryDelivery, match=r"cannot connect to host\.invalid:5565"):
                await write(output, batch_of(b"one\n"))

    asyncio.run(scenario())


@pytest.mark.parametrize("cls", [TcpOutput, UdpOutput])
def test_what_is_no_address_is_refused_with_the_configuration(cls):
    with pytest.raises(msgspec.ValidationError, match="is no address"):
        msgspec.convert({"address": "nowhere"}, cls.Options)


@pytest.fixture
def receiver():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        made.settimeout(20)
        yield made


def address_of(receiver):
    return f"127.0.0.1:{receiver.getsockname()[1]}"


def test_udp_sends_each_record_as_a_datagram(make, receiver):
    async def scenario():
        async with opened(make(UdpOutput, address=address_of(receiver))) as output:
            await write(output, batch_of(b"one\n", b"two\n"))
            assert output.write(batch_of(b"three\n")) is None

    asyncio.run(scenario())

    assert [receiver.recv(100) for _ in range(3)] == [b"one\n", b"two\n", b"three\n"]


def test_udp_rejects_a_record_that_is_too_long_and_sends_the_others(make, receiver):
    async def scenario():
        async with opened(make(UdpOutput, address=address_of(receiver), max_datagram_bytes=10)) as output:
            with pytest.raises(RejectRecords, match="longer than a datagram of 10 bytes") as failure:
                await write(output, batch_of(b"one", b"x" * 11, b"three"))
            return failure.value.indices

    assert asyncio.run(scenario()) == [1]
    assert [receiver.recv(100) for _ in range(2)] == [b"one", b"three"]


def test_udp_a_record_longer_than_any_datagram_is_rejected(make, receiver):
    async def scenario():
        async with opened(make(UdpOutput, address=address_of(receiver))) as output:
            with pytest.raises(RejectRecords):
                await write(output, batch_of(b"x" * 65_508))

    asyncio.run(scenario())


async def write_often(output):
    for _ in range(100):
        await write(output, batch_of(b"one"))


def test_udp_tries_again_where_nobody_listens(make):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        gone.connect(("127.0.0.1", 9))  # it takes nothing from others, and nobody else can have its port

        async def scenario():
            async with opened(make(UdpOutput, address=address_of(gone))) as output:
                with pytest.raises(RetryDelivery, match="refused"):
                    await write_often(output)

        asyncio.run(scenario())
