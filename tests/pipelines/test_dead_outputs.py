"""A dead output beside a healthy one: the healthy one gets everything on time, and every drop is counted."""

import contextlib
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.running import nobodys_address, to_text, until

QUICK = {"shutdown_timeout_ms": 200}
DROPPING = {"policy": "drop_oldest"}
RATE = 200
COUNT = 100
"""More packs than an input may have in flight, and than the queue of the dead output may hold."""


@pytest.fixture
def refusing():
    with nobodys_address() as address:
        yield {"type": "tcp", "address": address, "retries": {"max_attempts": 0}}


@pytest.fixture
def silent():
    """A port that accepts connections and reads nothing."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield {"type": "tcp", "address": f"127.0.0.1:{listener.getsockname()[1]}"}


def full_disk():
    return {"type": "file", "path": "/dev/full", "retries": {"max_attempts": 0}}


def outputs(bench, dead, **queue):
    return {
        "dead": {**dead, "message_matcher": "TRUE", "encoder": "payload", "queue": {**DROPPING, **queue}},
        "copy": to_text(bench.path("copy")),
    }


def dropped(host):
    row = next(line for line in host.log.splitlines() if line.startswith("outputs   dead"))
    return int(row.split(" queue_full")[0].split()[-1].replace(",", "")) if "queue_full" in row else 0


def lines():
    return [b"record %d" % number for number in range(COUNT)]


class Sources:
    """Each sends one record at a time to an input, or has the input make them."""

    def __init__(self, bench):
        self.bench = bench

    def file(self):
        path = Path(self.bench.write("in.log", b""))
        return {"type": "file", "path": str(path)}, lambda: _appending(path)

    def tcp(self):
        return self._network("tcp", socket.SOCK_STREAM)

    def udp(self):
        return self._network("udp", socket.SOCK_DGRAM)

    def unix(self):
        path = self.bench.path("in.sock")

        @contextlib.contextmanager
        def connected():
            with socket.socket(socket.AF_UNIX) as sender:
                sender.connect(path)
                yield sender.sendall

        return {"type": "unix", "path": path}, connected

    def _network(self, kind, socket_kind):
        with socket.socket(type=socket_kind) as free:
            free.bind(("127.0.0.1", 0))
            address = free.getsockname()

        @contextlib.contextmanager
        def connected():
            with socket.socket(type=socket_kind) as sender:
                sender.connect(address)
                yield sender.send

        return {"type": kind, "address": f"127.0.0.1:{address[1]}"}, connected


@contextlib.contextmanager
def _appending(path):
    with path.open("ab", buffering=0) as file:
        yield file.write


def send_one_by_one(bench, connected):
    """Send each record once the healthy output has the one before: each is a pack of its own."""
    slowest_s = 0.0
    with connected() as send:
        for number, line in enumerate(lines(), 1):
            sent_s = time.monotonic()
            send(line + b"\n")
            until(lambda number=number: bench.read("copy").count(b"\n") >= number, f"record {number}", 10)
            slowest_s = max(slowest_s, time.monotonic() - sent_s)
    return slowest_s


@pytest.mark.parametrize("kind", ["file", "tcp", "udp", "unix"])
def test_a_healthy_output_gets_everything_on_time_from_every_input(bench, refusing, kind):
    config, connected = getattr(Sources(bench), kind)()
    host = bench.start({"hekate": {**QUICK}, "inputs": {"in": config}, "outputs": outputs(bench, refusing)}).ready()

    slowest_s = send_one_by_one(bench, connected)
    host.terminate()

    assert bench.lines("copy") == lines()
    assert slowest_s < 2.0
    assert dropped(host) == COUNT - 32


def test_a_healthy_output_gets_everything_on_time_from_standard_input(bench, refusing):
    config = {"hekate": {**QUICK}, "inputs": {"in": {"type": "stdin"}}, "outputs": outputs(bench, refusing)}
    host = bench.start(config, stdin=subprocess.PIPE).ready()

    @contextlib.contextmanager
    def connected():
        def send(data):
            host.process.stdin.write(data)
            host.process.stdin.flush()

        yield send

    assert send_one_by_one(bench, connected) < 2.0
    host.terminate()
    host.process.stdin.close()
    assert bench.lines("copy") == lines()
    assert dropped(host) == COUNT - 32


@pytest.mark.parametrize("dead", ["refusing", "silent", "full"])
def test_a_generator_is_not_held_back_by_any_kind_of_dead_output(bench, request, dead):
    target = full_disk() if dead == "full" else request.getfixturevalue(dead)
    line = "x" * 60_000 if dead == "silent" else "x"
    generator = {"type": "generate", "lines": [line], "rate": RATE, "count": COUNT}
    config = {"hekate": {**QUICK}, "inputs": {"in": generator}, "outputs": outputs(bench, target, max_packs=5)}
    started_s = time.monotonic()
    host = bench.start(config).ready()

    until(lambda: bench.read("copy").count(b"\n") == COUNT, "all records")
    assert time.monotonic() - started_s < 10.0
    host.terminate()

    assert dropped(host) > 0


def test_what_the_dead_output_still_holds_are_the_newest_records_in_order(bench):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))  # it refuses connections until it listens
        port = listener.getsockname()[1]
        dead = {
            "type": "tcp",
            "address": f"127.0.0.1:{port}",
            "retries": {"max_attempts": 0, "delay_ms": 20, "max_delay_ms": 20},
        }
        config, connected = Sources(bench).file()
        host = bench.start({"inputs": {"in": config}, "outputs": outputs(bench, dead, max_packs=8)}).ready()
        send_one_by_one(bench, connected)
        listener.listen()
        listener.settimeout(20)
        with listener.accept()[0] as receiver:
            receiver.settimeout(20)
            got = b""
            while got.count(b"\n") < 8:
                got += receiver.recv(65536)
            assert host.terminate() == 0

    assert got.split(b"\n")[:-1] == [lines()[0], *lines()[-7:]]
    assert dropped(host) == COUNT - 8


@pytest.mark.parametrize("preserve_data", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_filter_that_is_slow_drops_and_holds_nothing_back(bench, preserve_data):
    bench.plugin(
        "filter",
        "slow",
        "function process_message() local n = 0 for i = 1, 3e7 do n = (n + i) % 7 end return 0 end",
        "message_matcher: 'TRUE'\nlimits: {cpu_limit: 10000}\n",
    )
    config, connected = Sources(bench).file()
    host = bench.start(
        {
            "hekate": {**QUICK},
            "inputs": {"in": config},
            "filters": {"slow": {"queue": DROPPING, "preserve_data": preserve_data}},
            "outputs": {"copy": to_text(bench.path("copy"))},
        }
    ).ready()

    slowest_s = send_one_by_one(bench, connected)
    host.terminate()

    assert bench.lines("copy") == lines()
    assert slowest_s < 2.0
    assert "queue_full" in next(line for line in host.log.splitlines() if line.startswith("filters   slow"))


def test_a_reload_that_removes_a_dead_output_moves_its_records_to_the_dead_letters(bench, refusing):
    records = [b"record %d" % number for number in range(3000)]
    path = bench.write("in.log", b"".join(record + b"\n" for record in records))
    dead = {**refusing, "message_matcher": "TRUE", "encoder": "payload", "queue": {"policy": "block"}}
    config = {
        "hekate": QUICK,
        "inputs": {"in": {"type": "file", "path": path}},
        "outputs": {"dead": dead, "copy": to_text(bench.path("copy"))},
    }
    host = bench.start(config).ready()
    host.saw("Could not deliver")

    del config["outputs"]["dead"]
    host.write_config(config)
    host.signal(signal.SIGHUP)
    host.saw("Reloaded. changed=outputs.dead")

    letters = bench.dead_letters()
    assert [letter["record"].rstrip("\n").encode() for letter in letters] == records
    assert all("was removed" in letter["reason"] and letter["component"] == "dead" for letter in letters)
    assert f"records={len(records)}" in next(line for line in host.log.splitlines() if "Removed an output" in line)
    assert host.terminate() == 0
    assert bench.lines("copy") == records
    assert bench.start(config).ready().terminate() == 0
    assert bench.lines("copy") == records, "the packs were still held, so the file was read again"
