"""TCP, UDP and unix socket inputs on real sockets."""

import asyncio
import contextlib
import os
import socket
from pathlib import Path

import msgspec
import pytest

from host.core import addresses
from host.core.errors import StartError
from host.inputs.tcp import TcpInput
from host.inputs.udp import UdpInput
from host.inputs.unix import UnixInput
from host.splitters.length import LengthSplitter
from host.splitters.null import NullSplitter
from host.splitters.token import TokenSplitter
from host.testing.intake import MemoryIntake
from tests.inputs.conftest import Harness


def splitter(cls, max_record_bytes=16384, oversize="truncate", **options):
    return lambda: cls(cls.Options(**options), max_record_bytes=max_record_bytes, oversize=oversize)


def lines(prefix, count):
    return [f"{prefix} {number:06d}".encode() for number in range(count)]


def text(records):
    return b"".join(record + b"\n" for record in records)


async def send(address, *pieces):
    _, writer = await asyncio.open_connection(*address)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
    writer.close()
    await writer.wait_closed()


# TCP.


def test_tcp_reads_many_connections_each_in_order(state_dir):
    harness = Harness(TcpInput, state_dir, address="127.0.0.1:0")

    async def scenario():
        async with harness.running() as intake:
            sending = [send(harness.input.address, text(lines(f"c{n}", 2000))) for n in range(20)]
            await asyncio.gather(*sending)
            return await intake.until_records(40_000)

    records = asyncio.run(scenario())
    for number in range(20):
        assert [r for r in records if r.startswith(b"c%d " % number)] == lines(f"c{number}", 2000)


def test_tcp_reads_connections_that_only_the_kernel_has_accepted(state_dir):
    harness = Harness(TcpInput, state_dir, address="127.0.0.1:0")

    async def scenario():
        await harness.input.open()
        running = asyncio.create_task(harness.input.run())
        await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        for number in range(20):
            with socket.create_connection(harness.input.address) as sender:
                sender.sendall(b"record %d\n" % number)
        await harness.close()

    asyncio.run(scenario())

    assert sorted(harness.intake.records) == sorted(b"record %d" % number for number in range(20))


def test_tcp_delivers_the_unfinished_last_record_when_the_peer_closes(state_dir):
    harness = Harness(TcpInput, state_dir, address="127.0.0.1:0", once=True)

    async def scenario():
        await harness.input.open()
        running = asyncio.create_task(harness.input.run())
        await send(harness.input.address, b"one\ntw", b"o\nthree")
        async with asyncio.timeout(20):
            await running
        await harness.close()

    asyncio.run(scenario())

    assert harness.intake.records == [b"one", b"two", b"three"]
    assert harness.intake.packs[0].stream.label.startswith("127.0.0.1:")


def test_tcp_what_has_arrived_is_taken_at_the_stop(state_dir):
    harness = Harness(TcpInput, state_dir, address="127.0.0.1:0")

    async def scenario():
        async with harness.running() as intake:
            _, writer = await asyncio.open_connection(*harness.input.address)
            await intake.until(lambda: len(intake.streams) == 1)
            writer.write(b"one\nhalf")
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    asyncio.run(scenario())

    assert harness.intake.records == [b"one", b"half"]


def test_tcp_holds_the_sender_back_while_no_slot_is_free(state_dir):
    harness = Harness(TcpInput, state_dir, address="127.0.0.1:0")
    data = text(lines("line", 2_000_000))

    async def scenario():
        async with harness.running() as intake:
            intake.hold()
            loop = asyncio.get_running_loop()
            with socket.create_connection(harness.input.address) as sender:
                sender.setblocking(False)
                await intake.until(lambda: len(intake.streams) == 1)
                sent = 0
                with contextlib.suppress(BlockingIOError):
                    while True:
                        sent += sender.send(data[sent:])
                assert sent < len(data)
                intake.resume()
                sending = asyncio.create_task(loop.sock_sendall(sender, data[sent:]))
                await intake.until(sending.done, 20)
            await intake.until(lambda: sum(len(pack.records) for pack in intake.packs) == 2_000_000, 20)
            return intake.packs[-1].next_position

    assert asyncio.run(scenario()) == len(data)


def test_tcp_a_broken_frame_ends_its_connection_only(state_dir, caplog):
    new_splitter = splitter(LengthSplitter, length_includes_header=True)
    harness = Harness(TcpInput, state_dir, new_splitter=new_splitter, address="127.0.0.1:0")

    async def scenario():
        async with harness.running() as intake:
            good, bad = (5).to_bytes(4, "big") + b"a", (1).to_bytes(4, "big")
            await send(harness.input.address, good + bad)
            await intake.until(lambda: bool(intake.rejected) and intake.streams[0].closed)
            await send(harness.input.address, good)
            return await intake.until_records(2)

    assert asyncio.run(scenario()) == [b"a", b"a"]
    assert harness.metrics.errors["broken stream"] == 1
    assert "cannot be split any further" in caplog.text


def test_tcp_refuses_more_connections_than_allowed(state_dir):
    harness = Harness(TcpInput, state_dir, address="127.0.0.1:0", max_connections=1)

    async def scenario():
        async with harness.running() as intake:
            _, first = await asyncio.open_connection(*harness.input.address)
            await intake.until(lambda: len(intake.streams) == 1)
            reader, second = await asyncio.open_connection(*harness.input.address)
            assert await reader.read() == b""
            first.close()
            second.close()
            await intake.until(lambda: intake.streams[0].closed)

    asyncio.run(scenario())

    assert harness.metrics.errors["too many connections"] == 1


def test_tcp_a_reset_connection_is_counted_and_what_came_before_is_kept(state_dir):
    harness = Harness(TcpInput, state_dir, address="127.0.0.1:0")

    async def scenario():
        async with harness.running() as intake:
            sender = socket.create_connection(harness.input.address)
            sender.sendall(b"one\n")
            await intake.until_records(1)
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            sender.close()
            await intake.until(lambda: intake.streams[0].closed)

    asyncio.run(scenario())

    assert harness.intake.records == [b"one"]
    assert harness.metrics.errors["connection lost"] == 1


@pytest.mark.parametrize(("cls", "kind"), [(TcpInput, socket.SOCK_STREAM), (UdpInput, socket.SOCK_DGRAM)])
def test_a_port_in_use_is_a_clear_error(state_dir, cls, kind):
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            other.listen()
        port = other.getsockname()[1]

        with pytest.raises(StartError, match=rf"inputs\.test\.address: port {port} of 127\.0\.0\.1 is in use"):
            asyncio.run(start(Harness(cls, state_dir, address=f"127.0.0.1:{port}")))


def test_an_address_of_another_machine_is_a_clear_error(state_dir):
    with pytest.raises(StartError, match=r"this machine has no address 192\.0\.2\.1"):
        asyncio.run(start(Harness(TcpInput, state_dir, address="192.0.2.1:5565")))


async def start(harness):
    try:
        await harness.input.open()
    finally:
        await harness.close()


@pytest.mark.parametrize("text_of", ["nonsense", "127.0.0.1:", "127.0.0.1:70000", "::1:80", "host:http"])
def test_what_is_no_address_is_refused_with_the_configuration(text_of):
    with pytest.raises(msgspec.ValidationError, match="is no address"):
        msgspec.convert({"address": text_of}, TcpInput.Options)


@pytest.mark.parametrize(
    ("text_of", "expected"),
    [
        ("127.0.0.1:80", ("127.0.0.1", 80)),
        ("[::1]:80", ("::1", 80)),
        (":80", ("", 80)),
        ("a.example:1", ("a.example", 1)),
    ],
)
def test_addresses_are_read_and_written(text_of, expected):
    address = addresses.parse(text_of)

    assert address == expected
    assert str(address) == text_of


def test_all_interfaces_take_ipv4_too(state_dir):
    harness = Harness(TcpInput, state_dir, address=":0")

    async def scenario():
        async with harness.running() as intake:
            await send(("127.0.0.1", harness.input.address.port), b"four\n")
            return await intake.until_records(1)

    assert asyncio.run(scenario()) == [b"four"]


# UDP.


@pytest.mark.parametrize(
    ("new_splitter", "expected"),
    [
        (splitter(NullSplitter), [b"one\ntwo", b"three\n", b"four"]),
        (splitter(TokenSplitter), [b"one", b"two", b"three", b"four"]),
        (splitter(TokenSplitter, delimiter="\r\n"), [b"one\ntwo", b"three\n", b"four"]),
    ],
)
def test_udp_splits_each_datagram_by_itself(state_dir, new_splitter, expected):
    harness = Harness(UdpInput, state_dir, new_splitter=new_splitter, address="127.0.0.1:0")

    async def scenario():
        async with harness.running() as intake:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                for datagram in (b"one\ntwo", b"three\n", b"", b"four"):
                    sender.sendto(datagram, harness.input.address)
            return await intake.until_records(len(expected))

    assert asyncio.run(scenario()) == expected


def test_udp_puts_what_is_waiting_into_one_pack(state_dir):
    intake = MemoryIntake(slot_bytes=200_000)
    harness = Harness(UdpInput, state_dir, intake, splitter(NullSplitter), address="127.0.0.1:0")

    async def scenario():
        async with harness.running():
            intake.hold()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                for number in range(100):
                    sender.sendto(b"%d" % number, harness.input.address)
            await intake.until(lambda: intake.waiting == 1)
            intake.resume()
            return await intake.until_records(100)

    assert asyncio.run(scenario()) == [b"%d" % number for number in range(100)]
    assert len(intake.packs) == 1


def test_udp_follows_the_oversize_policy(state_dir):
    new_splitter = splitter(NullSplitter, 100, "drop")
    harness = Harness(UdpInput, state_dir, new_splitter=new_splitter, address="127.0.0.1:0")

    async def scenario():
        async with harness.running() as intake:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(b"x" * 101, harness.input.address)
                sender.sendto(b"fits", harness.input.address)
            return await intake.until_records(1)

    assert asyncio.run(scenario()) == [b"fits"]
    assert [item.data for item in harness.intake.rejected] == [b"x" * 100]


def test_udp_largest_datagram_fits(state_dir):
    intake = MemoryIntake(slot_bytes=70_000)
    harness = Harness(UdpInput, state_dir, intake, splitter(NullSplitter, 65_535), address="127.0.0.1:0")

    async def scenario():
        async with harness.running():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(b"x" * 65_507, harness.input.address)
            return await intake.until_records(1)

    assert asyncio.run(scenario()) == [b"x" * 65_507]


def test_udp_once_ends_when_nothing_comes_any_more(state_dir, monkeypatch):
    monkeypatch.setattr("host.inputs._datagrams._ONCE_IDLE_S", 0.05)
    harness = Harness(UdpInput, state_dir, address="127.0.0.1:0", once=True)

    async def scenario():
        await harness.input.open()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"one", harness.input.address)
        async with asyncio.timeout(20):
            await harness.input.run()
        await harness.close()

    asyncio.run(scenario())

    assert harness.intake.records == [b"one"]


def test_udp_once_takes_what_has_come_while_the_host_was_not_scheduled(state_dir, monkeypatch):
    harness = Harness(UdpInput, state_dir, address="127.0.0.1:0", once=True)
    left = [b"one", b"two"]

    async def scenario():
        await harness.input.open()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:

            async def wait_readable(_fd):
                """Behind the first datagram, the time is over whenever one looks, be there another one or not."""
                is_over = len(left) < 2
                if left:
                    sender.sendto(left.pop(0), harness.input.address)
                if is_over:
                    raise TimeoutError

            monkeypatch.setattr("host.inputs._datagrams.wait_readable", wait_readable)
            async with asyncio.timeout(20):
                await harness.input.run()
        taken = list(harness.intake.records)  # closing would take what it has left
        await harness.close()
        return taken

    assert asyncio.run(scenario()) == [b"one", b"two"]


# Unix sockets.


def test_unix_stream_connections(state_dir, tmp_path):
    path = tmp_path / "in.sock"
    harness = Harness(UnixInput, state_dir, path=str(path), perm="0600")

    async def scenario():
        async with harness.running() as intake:
            assert path.stat().st_mode & 0o777 == 0o600
            for name in (b"one\n", b"two"):
                _, writer = await asyncio.open_unix_connection(str(path))
                writer.write(name)
                writer.close()
                await writer.wait_closed()
            await intake.until_records(2)

    asyncio.run(scenario())

    assert sorted(harness.intake.records) == [b"one", b"two"]
    assert not path.exists()


def test_unix_datagrams_longer_than_those_of_udp(state_dir, tmp_path):
    path = tmp_path / "in.sock"
    intake = MemoryIntake(slot_bytes=300_000)
    harness = Harness(UnixInput, state_dir, intake, splitter(NullSplitter, 150_000), path=str(path), kind="datagram")

    async def scenario():
        async with harness.running():
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.connect(str(path))
                for datagram in (b"one", b"x" * 100_000, b"three"):
                    sender.send(datagram)
            return await intake.until_records(3)

    assert asyncio.run(scenario()) == [b"one", b"x" * 100_000, b"three"]


def test_unix_abstract_socket(state_dir):
    harness = Harness(UnixInput, state_dir, path=f"@hekate-test-{os.getpid()}", kind="datagram")

    async def scenario():
        async with harness.running() as intake:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.sendto(b"one", f"\0hekate-test-{os.getpid()}")
            return await intake.until_records(1)

    assert asyncio.run(scenario()) == [b"one"]


@pytest.mark.parametrize("kind", ["stream", "datagram"])
def test_unix_replaces_a_socket_that_a_crash_left(state_dir, tmp_path, kind):
    path = tmp_path / "in.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))

    asyncio.run(start(Harness(UnixInput, state_dir, path=str(path), kind=kind)))

    assert not path.exists()


@pytest.mark.parametrize("kind", ["stream", "datagram"])
def test_unix_leaves_a_socket_that_is_in_use_alone(state_dir, tmp_path, kind):
    path = tmp_path / "in.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.bind(str(path))
        other.listen()
        with pytest.raises(StartError, match="another program listens on"):
            asyncio.run(start(Harness(UnixInput, state_dir, path=str(path), kind=kind)))

    assert path.exists()


@pytest.mark.parametrize(
    ("name", "complaint"),
    [("file", "exists and is no socket"), ("gone/in.sock", "Create its folder"), ("x" * 200, "too long")],
)
def test_unix_paths_that_cannot_be_are_clear_errors(state_dir, tmp_path, name, complaint):
    Path(tmp_path / "file").write_text("")

    with pytest.raises(StartError, match=complaint):
        asyncio.run(start(Harness(UnixInput, state_dir, path=str(tmp_path / name))))
