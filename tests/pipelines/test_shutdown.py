"""A stop before everything was delivered: what cannot be read again goes to the dead letters, and can be replayed."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading

import psutil
import pytest

from tests.running import ROOT, nobodys_address, to_text, until

COUNT = 5_000
QUICK = {"shutdown_timeout_ms": 300}
FOREVER = {"max_attempts": 0, "delay_ms": 50, "max_delay_ms": 50}


def numbered(count=COUNT):
    return [b"record %d" % number for number in range(count)]


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(type=kind) as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture
def nobody():
    with nobodys_address() as address:
        yield address


def dead_tcp(address, **more):
    return {
        "type": "tcp",
        "address": address,
        "message_matcher": "TRUE",
        "encoder": {"type": "payload", "config": {"append_newlines": True}},
        "retries": FOREVER,
        **more,
    }


def records_of(letters):
    return [letter["record"].rstrip("\n").encode() for letter in letters]


class Listener:
    """Receives everything that is sent to a port."""

    def __init__(self, address):
        host, port = address.split(":")
        self._listener = socket.create_server((host, int(port)))
        self._listener.settimeout(30)
        self.data = b""
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()

    def _receive(self):
        with self._listener, self._listener.accept()[0] as connection:
            while data := connection.recv(1 << 16):
                self.data += data

    def lines(self, count):
        until(lambda: self.data.count(b"\n") >= count, f"{count} records")
        return self.data.split(b"\n")[:-1]


def hekate(bench, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "host", *arguments, "--api", bench.path("admin.sock")],
        env=environment, cwd=bench.folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr + bench.hosts[-1].log
    return done.stdout


def queued(bench, component):
    rows = json.loads(hekate(bench, "top", "--once", "--format", "json"))
    return next(row["queue_packs"] for row in rows if row["id"] == component)


def connected(port):
    """The host has accepted a connection to its port."""
    found = psutil.net_connections("tcp")
    return any(each.laddr.port == port and each.status == "ESTABLISHED" and each.pid for each in found)


def replay(bench):
    hekate(bench, "deadletters", "replay", "--reason", "shutdown", "--limit", "10000", "--input", "in")


def test_what_came_over_a_socket_outlives_a_stop_and_can_be_replayed(bench):
    address = f"127.0.0.1:{free_port()}"
    port = free_port()
    config = {
        "hekate": {**QUICK},
        "admin": {"listen": None, "socket": bench.path("admin.sock")},
        "inputs": {"in": {"type": "tcp", "address": f"127.0.0.1:{port}"}},
        "outputs": {"out": dead_tcp(address)},
    }
    host = bench.start(config).ready()
    with socket.create_connection(("127.0.0.1", port)) as sender:
        sender.sendall(b"".join(line + b"\n" for line in numbered()))
        until(lambda: "Could not deliver" in host.log, "the first failure")
        assert host.terminate() == os.EX_TEMPFAIL

    assert records_of(bench.dead_letters()) == numbered()
    assert all(letter["reason"].startswith("shutdown: ") for letter in bench.dead_letters())
    assert "cannot be read again are in the dead letters" in host.log
    assert f"records={COUNT}" in host.log
    assert "will be read again" not in host.log

    listener = Listener(address)
    again = bench.start(config).ready()
    replay(bench)
    assert listener.lines(COUNT) == numbered()
    assert again.terminate() == 0
    assert bench.dead_letters() == []


def test_a_second_signal_keeps_records_too_and_those_of_files_are_read_again(bench, nobody):
    port = free_port()
    path = bench.write("in.log", numbered(3_000))
    config = {
        "inputs": {
            "sock": {"type": "tcp", "address": f"127.0.0.1:{port}"},
            "log": {"type": "file", "path": path},
        },
        "outputs": {
            "sock": dead_tcp(nobody, message_matcher="Logger == 'sock'"),
            "log": dead_tcp(nobody, message_matcher="Logger == 'log'"),
        },
    }
    host = bench.start(config).ready()
    with socket.create_connection(("127.0.0.1", port)) as sender:
        sender.sendall(b"".join(line + b"\n" for line in numbered(1_000)))
        for name in ("sock", "log"):
            host.saw(f"outputs/{name}: Could not deliver")
        host.signal(signal.SIGTERM)
        host.saw("Draining")
        host.signal(signal.SIGTERM)
        assert host.wait() == os.EX_TEMPFAIL

    assert records_of(bench.dead_letters()) == numbered(1_000)
    assert "will be read again by the next run. records=3000" in host.log
    assert "records=1000" in host.log
    config["outputs"]["log"] = to_text(bench.path("copy"), "Logger == 'log'")
    again = bench.start(config).ready()
    until(lambda: bench.read("copy").count(b"\n") >= 3_000, "the records of the file")
    assert again.terminate() == 0
    assert bench.lines("copy") == numbered(3_000)


def test_every_source_that_cannot_be_read_again_is_kept(bench, nobody):
    udp, unix = free_port(socket.SOCK_DGRAM), bench.path("in.sock")
    bench.plugin(
        "filter",
        "maker",
        "n = 0\nfunction process_message() n = n + 1 inject_payload('txt', 'made', 'made ' .. n) return 0 end\n"
        "function timer_event(_, last) if last then inject_payload('txt', 'last', 'last ' .. n) end end",
        "message_matcher: \"Logger == 'log'\"\nticker_interval: 3600\npreserve_data: true\n",
    )
    config = {
        "hekate": {**QUICK},
        "inputs": {
            "udp": {"type": "udp", "address": f"127.0.0.1:{udp}"},
            "unix": {"type": "unix", "path": unix},
            "stdin": {"type": "stdin"},
            "generate": {"type": "generate", "lines": ["generated"], "count": 10},
            "log": {"type": "file", "path": bench.write("in.log", numbered(5))},
        },
        "outputs": {"out": dead_tcp(nobody, message_matcher="Logger != 'log'")},
    }
    host = bench.start(config, stdin=subprocess.PIPE).ready()
    host.process.stdin.write(b"from stdin\n")
    host.process.stdin.close()
    with socket.socket(type=socket.SOCK_DGRAM) as sender:
        sender.sendto(b"from udp", ("127.0.0.1", udp))
    with socket.socket(socket.AF_UNIX) as sender:
        sender.connect(unix)
        sender.sendall(b"from unix\n")
    host.saw("Could not deliver")

    assert host.terminate() == os.EX_TEMPFAIL

    made = [b"made %d" % number for number in range(1, 6)]
    expected = [b"from udp", b"from unix", b"from stdin", *[b"generated"] * 10, *made, b"last 5"]
    assert sorted(records_of(bench.dead_letters())) == sorted(expected)


def test_more_than_fits_into_the_pipeline_is_kept_as_far_as_the_kernel_had_it(bench, nobody):
    """The intake is full, so that the connection can only be read on once the outputs have given up."""
    port = free_port()
    config = {
        "hekate": {**QUICK},
        "inputs": {
            "in": {
                "type": "tcp",
                "address": f"127.0.0.1:{port}",
                "packs": 2,
                "pack_bytes": 4096,
                "max_record_bytes": 1024,
            }
        },
        "outputs": {"out": dead_tcp(nobody)},
    }
    host = bench.start(config).ready()
    with socket.create_connection(("127.0.0.1", port)) as sender:
        sender.sendall(b"".join(line + b"\n" for line in numbered(2_000)))
        host.saw("Could not deliver")
        assert host.terminate() == os.EX_TEMPFAIL

    assert records_of(bench.dead_letters()) == numbered(2_000)


@pytest.mark.parametrize("kind", ["decoder", "encoder"])
def test_what_a_stopped_sandbox_holds_is_kept_and_can_be_replayed(bench, kind):
    bench.plugin("decoder", "mine", "function process_message() return 0 end")
    bench.plugin(
        "encoder", "theirs",
        "function process_message() add_to_payload(read_message('Payload'), '\\n') inject_payload() return 0 end",
    )  # fmt: skip
    port = free_port()
    config = {
        "hekate": {**QUICK},
        "admin": {"listen": None, "socket": bench.path("admin.sock")},
        "inputs": {"in": {"type": "tcp", "address": f"127.0.0.1:{port}", "decoder": "mine"}},
        "outputs": {"copy": to_text(bench.path("copy"), encoder="theirs")},
    }
    host = bench.start(config).ready()
    hekate(bench, "sandbox", "stop", "mine" if kind == "decoder" else "theirs", "--kind", kind)
    with socket.create_connection(("127.0.0.1", port)) as sender:
        sender.sendall(b"".join(line + b"\n" for line in numbered(20)))
        if kind == "encoder":
            until(lambda: queued(bench, "encoders.copy"), "packs in the queue")
        else:
            until(lambda: connected(port), "the connection")
        assert host.terminate() != 0

    assert "Undelivered records that cannot be read again are in the dead letters. records=20" in host.log
    assert records_of(bench.dead_letters()) == numbered(20)
    assert {letter["kind"] for letter in bench.dead_letters()} == {"inputs" if kind == "decoder" else "encoder"}
    again = bench.start(config).ready()
    replay(bench)
    until(lambda: bench.read("copy").count(b"\n") >= 20, "the records")
    assert again.terminate() == 0
    assert bench.lines("copy") == numbered(20)
