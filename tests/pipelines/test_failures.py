"""What a user reads when something is wrong outside of Hekate, and with which status it ends."""

import os
import socket
import subprocess

import pytest

from tests.running import to_json, to_text

UNAVAILABLE, SOFTWARE, IOERR, CONFIG = os.EX_UNAVAILABLE, os.EX_SOFTWARE, os.EX_IOERR, os.EX_CONFIG


def failed(bench, config, status, *said):
    """Start, expect the status, and a message without a traceback."""
    host = bench.once(config, status=status)
    for text in said:
        assert text in host.log
    assert "Traceback" not in host.log
    assert "Running." not in host.log
    return host


def lines_input(bench, data=b"one\ntwo\n"):
    return {"type": "file", "path": bench.write("in.log", data)}


def test_a_port_in_use(bench):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        config = {
            "inputs": {"net": {"type": "tcp", "address": address}, "file": lines_input(bench)},
            "outputs": {"o": to_text(bench.path("o"))},
        }
        failed(bench, config, UNAVAILABLE, "inputs.net.address", f"port {address[10:]} of 127.0.0.1 is in use")


def test_an_output_that_cannot_be_opened(bench):
    (bench.folder / "folder").mkdir()
    config = {"inputs": {"in": lines_input(bench)}, "outputs": {"o": to_text(bench.path("folder"))}}
    failed(bench, config, UNAVAILABLE, "outputs.o.path: cannot write to", "folder", "it is no file")


def test_two_faults_at_the_start_are_both_cleaned_up(bench):
    config = {
        "inputs": {"in": lines_input(bench)},
        "outputs": {"a": to_text(bench.path(".")), "b": to_text("/proc/nowhere/b"), "c": to_text(bench.path("c"))},
    }
    failed(bench, config, UNAVAILABLE, "outputs.")


@pytest.mark.parametrize("kind", ["decoder", "encoder", "filter"])
def test_a_script_that_fails_when_it_is_loaded(bench, kind):
    bench.plugin(kind, "broken", "local x = nil\nlocal y = x.field\nfunction process_message() return 0 end")
    failed(bench, using(bench, kind, "broken"), SOFTWARE, "broken.lua:9: attempt to index local 'x' (a nil value)")


def test_a_script_without_process_message(bench):
    bench.plugin("decoder", "empty", "local x = 1")
    failed(bench, using(bench, "decoder", "empty"), SOFTWARE, "empty.lua", "must define the function process_message")


def test_a_script_with_a_syntax_error(bench):
    bench.plugin("filter", "typo", "function process_message(\nreturn 0 end")
    host = bench.once(using(bench, "filter", "typo"), status=SOFTWARE)
    assert "typo.lua:9:" in host.log
    assert "Traceback" not in host.log


def test_a_module_that_is_not_there(bench):
    bench.plugin("decoder", "needy", "local m = require 'no_such'\nfunction process_message() return 0 end")
    failed(bench, using(bench, "decoder", "needy"), SOFTWARE, "module 'no_such' not found")


def test_a_wrong_matcher(bench):
    config = {"inputs": {"in": lines_input(bench)}, "outputs": {"o": to_text(bench.path("o"), "Fields[status] >")}}
    host = bench.once(config, status=SOFTWARE)
    assert "Fields[status] >" in host.log
    assert "Traceback" not in host.log


def test_a_wrong_configuration(bench):
    config = {"inputs": {"in": {"type": "fiel", "path": "x"}}, "outputs": {"o": to_text(bench.path("o"))}}
    failed(bench, config, CONFIG, "inputs.in.type", "Did you mean `file`?")


def using(bench, kind, name):
    decoder = name if kind == "decoder" else "payload"
    encoder = name if kind == "encoder" else "payload"
    config = {
        "inputs": {"in": lines_input(bench) | {"decoder": decoder}},
        "outputs": {"o": to_text(bench.path("o"), encoder=encoder)},
    }
    return config | ({"filters": {name: {"message_matcher": "TRUE"}}} if kind == "filter" else {})


def test_an_unreadable_file_is_told_and_the_others_are_read(bench):
    bench.write("a.log", b"one\n")
    (bench.folder / "b.log").symlink_to("/proc/self/mem")
    inputs = {"in": {"type": "file", "path": bench.path("*.log")}}

    host = bench.once({"inputs": inputs, "outputs": {"o": to_text(bench.path("o"))}})

    assert bench.lines("o") == [b"one"]
    assert "b.log" in host.log


def test_a_full_disk_holds_the_records_until_there_is_space(bench):
    small = bench.folder / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("only root can mount a small disk")
    try:
        lines = [b"line %06d of a disk that is too small" % number for number in range(5000)]
        filler = small / "filler"
        filler.write_bytes(bytes(48 * 1024))
        retries = {"max_attempts": 0, "delay_ms": 10, "max_delay_ms": 20}
        config = {
            "inputs": {"in": {"type": "file", "path": bench.write("in.log", lines[:800])}},
            "outputs": {"o": to_json(small / "o", retries=retries, encoder="payload")},
        }
        host = bench.start(config, "--once")
        host.saw("No space left on device; free some space")
        assert host.process.poll() is None
        filler.unlink()
        assert host.wait() == 0
        assert (small / "o").read_bytes() == b"".join(line + b"\n" for line in lines[:800])
    finally:
        bench.close()
        subprocess.run(["umount", "-l", str(small)], check=True)


def test_a_device_that_is_always_full_sends_records_to_the_dead_letters(bench):
    lines = [b"line %d" % number for number in range(10)]
    retries = {"max_attempts": 2, "delay_ms": 1, "max_delay_ms": 1}
    config = {
        "inputs": {"in": {"type": "file", "path": bench.write("in.log", lines)}},
        "outputs": {"o": to_text("/dev/full", retries=retries)},
    }

    host = bench.once(config, status=65)

    assert "No space left on device" in host.log
    assert "10 rejected" in host.log
    letters = bench.dead_letters()
    assert [letter["record"] for letter in letters] == [line.decode() + "\n" for line in lines]
    assert all("No space left on device" in letter["reason"] for letter in letters)


def test_a_state_folder_in_use_by_another_host(bench):
    config = {"inputs": {"net": {"type": "udp", "address": "127.0.0.1:0"}}, "outputs": {"o": to_text(bench.path("o"))}}
    first = bench.start(config).ready()

    second = bench.once(config, status=UNAVAILABLE)

    assert bench.path("state") in second.log
    assert "Traceback" not in second.log
    assert first.terminate() == 0
