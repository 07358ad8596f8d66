"""Stopping and reloading a running host."""

import contextlib
import os
import signal
import socket
from pathlib import Path

import psutil
import pytest

from tests.running import nobodys_address, to_json, to_text, until

COUNT = "n = 0\nfunction process_message() n = n + 1 return 0 end\n"
LAST_WORD = "function timer_event(_, last) if last then inject_payload('txt', 'n', n) end end"


@pytest.fixture
def nobody():
    with nobodys_address() as address:
        yield address


def append(path, lines):
    with Path(path).open("ab") as file:
        file.write(b"".join(line + b"\n" for line in lines))


def numbered(first, last):
    return [b"line %d" % number for number in range(first, last)]


def test_sigterm_delivers_what_was_read_and_lets_filters_speak_last(bench):
    bench.plugin("filter", "count", COUNT + LAST_WORD)
    path = bench.write("in.log", numbered(0, 50_000))
    host = bench.start(
        {
            "inputs": {"in": {"type": "file", "path": path}},
            "filters": {"count": {"message_matcher": "Logger == 'in'", "ticker_interval": 3600}},
            "outputs": {
                "copy": to_text(bench.path("copy"), "Logger == 'in'"),
                "count": to_text(bench.path("count"), "Logger == 'count'"),
            },
        }
    ).ready()
    until(lambda: bench.read("copy"), "first records")

    assert host.terminate() == 0

    got = bench.lines("copy")
    assert got == numbered(0, len(got))
    assert bench.read("count") == b"%d\n" % len(got)
    assert "Draining" in host.log
    (bench.folder / "plugins/filters/count.lua").unlink()  # it is of no use without what the configuration says of it
    bench.once(remembering(bench, path))
    assert bench.lines("copy") == numbered(0, 50_000)


def test_a_single_run_that_is_interrupted_has_not_done_what_it_was_asked_to(bench):
    config = {
        "inputs": {"in": {"type": "generate", "lines": ["x"], "rate": 1000, "count": 10**6}},
        "outputs": {"copy": to_text(bench.path("copy"))},
    }
    host = bench.start(config, "--once").ready()
    until(lambda: bench.read("copy"), "the first record")
    host.signal(signal.SIGINT)
    assert host.wait() == os.EX_TEMPFAIL
    assert "Stopped before all was read." in host.log


def remembering(bench, path):
    return {
        "inputs": {"in": {"type": "file", "path": path, "keep_position": True}},
        "outputs": {"copy": to_text(bench.path("copy"), "Logger == 'in'")},
    }


def test_a_second_signal_stops_at_once_and_the_rest_comes_after_the_restart(bench, nobody):
    path = bench.write("in.log", numbered(0, 20_000))
    retries = {"max_attempts": 0, "delay_ms": 50, "max_delay_ms": 50}
    config = {
        "inputs": {"in": {"type": "file", "path": path}},
        "outputs": {"net": {"type": "tcp", "address": nobody, "message_matcher": "TRUE", "retries": retries}},
    }
    host = bench.start(config).ready()
    host.saw("Could not deliver")

    host.signal(signal.SIGINT)
    host.saw("Draining")
    assert host.process.poll() is None
    host.signal(signal.SIGTERM)

    assert host.wait() == os.EX_TEMPFAIL
    assert "a second signal" in host.log
    assert "Traceback" not in host.log
    config["outputs"] = {"copy": to_text(bench.path("copy"))}
    second = bench.start(config).ready()
    until(lambda: bench.read("copy").count(b"\n") >= 20_000, "all records")
    assert second.terminate() == 0
    assert bench.lines("copy") == numbered(0, 20_000)


def test_a_drain_that_takes_too_long_is_forced(bench, nobody):
    path = bench.write("in.log", numbered(0, 10))
    retries = {"max_attempts": 0, "delay_ms": 50, "max_delay_ms": 50}
    host = bench.start(
        {
            "hekate": {"shutdown_timeout_ms": 100},
            "inputs": {"in": {"type": "file", "path": path}},
            "outputs": {"net": {"type": "tcp", "address": nobody, "message_matcher": "TRUE", "retries": retries}},
        }
    ).ready()
    host.saw("Could not deliver")

    assert host.terminate() == os.EX_TEMPFAIL
    assert "shutdown_timeout_ms (0.1 s) is over" in host.log


def reloading(bench, path):
    return {
        "hekate": {"hot_load": False},
        "inputs": {"in": {"type": "file", "path": path}, "other": {"type": "udp", "address": "127.0.0.1:0"}},
        "filters": {"count": {"message_matcher": "Logger == 'in'"}, "still": {"message_matcher": "Logger == 'in'"}},
        "outputs": {
            "copy": to_text(bench.path("copy"), "Logger == 'in'"),
            "count": to_text(bench.path("count"), "Logger == 'count'"),
        },
    }


def test_a_reload_restarts_only_what_changed(bench):
    bench.plugin("filter", "count", COUNT + LAST_WORD)
    bench.plugin("filter", "still", COUNT)
    path = bench.write("in.log", numbered(0, 100))
    config = reloading(bench, path)
    host = bench.start(config).ready()
    until(lambda: len(bench.read("copy").splitlines()) == 100, "first records")
    before = host.sandboxes()

    bench.plugin("filter", "count", COUNT + LAST_WORD.replace("'n', n", "'n', 'edited ', n"))
    config["outputs"]["more"] = to_json(bench.path("more"), "Logger == 'in'")
    host.write_config(config)
    host.signal(signal.SIGHUP)
    host.saw("Reloaded. changed=outputs.more,filters.count")

    after = host.sandboxes()
    assert set(after) == {*before, "more"}
    assert {name for name in before if before[name] != after[name]} == {"count"}
    until(lambda: bench.read("count") == b"100\n", "the last word of the old version")
    append(path, numbered(100, 150))
    until(
        lambda: len(bench.read("copy").splitlines()) == 150 and len(bench.read("more").splitlines()) == 50,
        "records after",
    )
    assert host.terminate() == 0
    assert bench.lines("copy") == numbered(0, 150)
    assert bench.lines("count") == [b"100", b"edited 50"]


def test_an_invalid_configuration_leaves_the_old_one_running(bench):
    bench.plugin("filter", "count", COUNT + LAST_WORD)
    bench.plugin("filter", "still", COUNT)
    path = bench.write("in.log", [])
    config = reloading(bench, path)
    host = bench.start(config).ready()
    before = host.sandboxes()

    config["outputs"]["copy"]["typ"] = "null"
    host.write_config(config)
    host.signal(signal.SIGHUP)
    host.saw("The new configuration is invalid; the old one goes on.")

    assert "outputs.copy.typ" in host.log
    append(path, numbered(0, 10))
    until(lambda: len(bench.read("copy").splitlines()) == 10, "records after")
    assert host.sandboxes() == before
    assert host.terminate() == 0


def test_a_reload_that_fails_leaves_the_old_one_running(bench):
    """The configuration is valid, but a script does not load and a port is taken."""
    bench.plugin("filter", "count", COUNT + LAST_WORD)
    bench.plugin("filter", "still", COUNT)
    path = bench.write("in.log", [])
    config = reloading(bench, path)
    host = bench.start(config).ready()
    before = host.sandboxes()

    bench.plugin("filter", "still", "error('not today')")
    host.signal(signal.SIGHUP)
    host.saw("The reload failed")

    assert "not today" in host.log
    append(path, numbered(0, 10))
    until(lambda: len(bench.read("copy").splitlines()) == 10, "records after")
    assert host.sandboxes() == before
    bench.plugin("filter", "still", COUNT + "-- well again")
    host.signal(signal.SIGHUP)
    host.saw("Reloaded. changed=filters.still")
    assert host.terminate() == 0
    assert bench.lines("count") == [b"10"]


@pytest.mark.slow
def test_a_reload_that_fails_half_way_leaves_no_process_behind(bench):
    def config(taken, free, packs):
        def tcp(address):
            return {"type": "tcp", "address": address, "decoder": "payload", "packs": packs}

        return {
            "inputs": {"taken": tcp(taken), "free": tcp(free)},
            "outputs": {"copy": to_text(bench.path("copy"))},
        }

    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        host = bench.start(config("127.0.0.1:0", "127.0.0.1:0", 8)).ready()
        processes = len(psutil.Process(host.pid).children(recursive=True))
        host.write_config(config(address, "127.0.0.1:0", 9))
        host.signal(signal.SIGHUP)
        host.saw("The reload failed")
    until(lambda: len(psutil.Process(host.pid).children(recursive=True)) == processes, "the end of what was started")
    assert host.terminate() == 0


SPEAKS_SLOWLY = """
n = 0
function process_message() n = n + 1 return 0 end
function timer_event(_, last)
  if not last then return end
  if n > 0 then print("speaking") end
  for i = 1, 5e7 do local x = i % 7 end
  if n > 0 then inject_payload("txt", "n", n) end
end
"""


@pytest.mark.slow
def test_what_is_being_replaced_at_sigterm_is_replaced_first(bench):
    """Edited filters say their last just when the host is to stop: once, and the stop does not wait for ever."""
    header = "limits: {cpu_limit: 10000}\n"
    bench.plugin("filter", "count", SPEAKS_SLOWLY, header)
    path = bench.write("in.log", numbered(0, 100))
    host = bench.start(
        {
            "hekate": {"shutdown_timeout_ms": 15_000},
            "inputs": {"in": {"type": "file", "path": path}},
            "filters": {
                f"count{number}": {"type": "count", "message_matcher": "Logger == 'in'"} for number in range(6)
            },
            "outputs": {
                "copy": to_text(bench.path("copy"), "Logger == 'in'"),
                "count": to_text(bench.path("count"), "Logger =~ /^count/"),
            },
        }
    ).ready()
    until(lambda: len(bench.read("copy").splitlines()) == 100, "the records")
    bench.plugin("filter", "count", COUNT, header)
    host.saw("speaking")

    assert host.terminate() == 0, host.log
    assert bench.lines("count") == [b"100"] * 6


def test_outputs_open_their_files_again(bench):
    path = bench.write("in.log", numbered(0, 10))
    host = bench.start(
        {"inputs": {"in": {"type": "file", "path": path}}, "outputs": {"copy": to_text(bench.path("copy"))}}
    ).ready()
    until(lambda: len(bench.read("copy").splitlines()) == 10, "first records")
    before = host.sandboxes()

    (bench.folder / "copy").rename(bench.folder / "copy.1")
    os.killpg(host.pid, signal.SIGHUP)  # as a terminal does when it is closed: to all at once
    host.saw("Reloaded. changed=nothing")
    assert host.sandboxes() == before
    append(path, numbered(10, 20))
    until(lambda: len(bench.read("copy").splitlines()) == 10, "records in the new file")

    assert host.terminate() == 0
    assert bench.lines("copy.1") == numbered(0, 10)
    assert bench.lines("copy") == numbered(10, 20)


def checks(host):
    """Whether the host has its configuration checked, as it does first of all in a reload."""
    with contextlib.suppress(psutil.Error):
        return any("validate" in child.cmdline() for child in psutil.Process(host.pid).children())
    return False


@pytest.mark.slow
def test_a_reload_that_is_asked_for_during_another_follows_it(bench):
    path = bench.write("in.log", numbered(0, 10))
    outputs = {"copy": to_text(bench.path("copy"))}
    config = {"inputs": {"in": {"type": "file", "path": path}}, "outputs": outputs}
    host = bench.start(config).ready()
    until(lambda: len(bench.read("copy").splitlines()) == 10, "first records")

    outputs["second"] = to_text(bench.path("second"))
    host.write_config(config)
    host.signal(signal.SIGHUP)
    until(lambda: checks(host), "the beginning of the reload")
    outputs["third"] = to_text(bench.path("third"))
    host.write_config(config)
    host.signal(signal.SIGHUP)

    until(lambda: host.log.count("Reloaded.") == 2, "the second reload")
    append(path, numbered(10, 20))
    until(lambda: bench.read("third").endswith(numbered(10, 20)[-1] + b"\n"), "records in the last one's output")
    assert host.terminate() == 0


SLOW = """
function process_message()
  local n = 0
  for i = 1, 5000 do n = (n + i) % 7 end
  add_to_payload(read_message("Payload"), "\\n")
  inject_payload()
  return 0
end
"""


@pytest.mark.slow
def test_a_reload_in_full_flow_replaces_an_output_and_loses_nothing(bench):
    bench.plugin("encoder", "slow", SLOW)
    config = {
        "inputs": {
            "in": {
                "type": "generate",
                "lines": ["{sequence}"],
                "rate": 300_000,
                "pack_bytes": 16384,
                "max_record_bytes": 1024,
            }
        },
        "outputs": {"copy": to_text(bench.path("copy"), encoder="slow")},
    }
    host = bench.start(config).ready()
    until(lambda: bench.read("copy"), "first records")

    config["outputs"]["copy"]["queue"] = {"policy": "block", "max_packs": 4}
    host.write_config(config)
    host.signal(signal.SIGHUP)
    host.saw("Reloaded. changed=outputs.copy")

    copy = bench.folder / "copy"
    size = copy.stat().st_size
    until(lambda: copy.stat().st_size > size, "records from the new output")
    assert host.terminate() == 0
    got = bench.lines("copy")
    assert got == [b"%d" % number for number in range(len(got))]


def test_a_reload_replaces_an_output_whose_target_is_gone(bench, nobody):
    path = bench.write("in.log", numbered(0, 5000))
    retries = {"max_attempts": 0, "delay_ms": 50, "max_delay_ms": 50}
    config = {
        "hekate": {"shutdown_timeout_ms": 200},
        "inputs": {"in": {"type": "file", "path": path}},
        "outputs": {"out": {"type": "tcp", "address": nobody, "message_matcher": "TRUE", "retries": retries}},
    }
    host = bench.start(config).ready()
    host.saw("Could not deliver")

    config["outputs"]["out"] = to_text(bench.path("copy"))
    host.write_config(config)
    host.signal(signal.SIGHUP)
    host.saw("Reloaded. changed=outputs.out")

    until(lambda: len(bench.read("copy").splitlines()) == 5000, "what the old output could not deliver")
    append(path, numbered(5000, 6000))
    until(lambda: len(bench.read("copy").splitlines()) == 6000, "what came later")
    assert host.terminate() == 0
    assert bench.lines("copy") == numbered(0, 6000)
