"""What is cut off or dropped at an input is counted and said."""

import socket

import pytest

from tests.admin.client import admin_section, api_of
from tests.running import to_json, until


def counts(host, name):
    """The samples of a metric that are not zero: labels -> value."""
    lines = api_of(host).ask("GET", "/metrics").body.decode().splitlines()
    found = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line.startswith(name)}
    return {labels: count for labels, count in found.items() if count}


LONG = "x" * 5_000


@pytest.mark.parametrize("pack_bytes", [65536, 4096])
@pytest.mark.parametrize(("decoder", "text"), [("payload", LONG), ("logfmt", "a=1 b=" + LONG)])
def test_a_record_that_is_cut_says_so_and_is_counted(bench, pack_bytes, decoder, text):
    log = bench.write("app.log", f"a=short\n{text}\na=after\n")
    config = {
        "admin": admin_section(),
        "inputs": {
            "app": {
                "type": "file", "path": log, "decoder": decoder, "max_record_bytes": 1000, "pack_bytes": pack_bytes,
            }
        },
        "outputs": {"all": to_json(bench.path("out"))},
    }  # fmt: skip
    host = bench.start(config).ready()
    until(lambda: len(bench.jsons_so_far("out")) == 3, "three records")
    records, cut_bytes = sum(counts(host, "hekate_component_truncated_records_total").values()), len(text) - 1000

    assert records == 1
    assert sum(counts(host, "hekate_component_truncated_bytes_total").values()) == cut_bytes
    if pack_bytes > len(text):
        assert [each.get("truncated") for each in bench.jsons_so_far("out")] == [None, "true", None]
    assert host.terminate() == 0


@pytest.mark.parametrize("pack_bytes", [65536, 4096])
@pytest.mark.parametrize("policy", ["dead_letter", "drop"])
def test_a_record_that_is_too_long_goes_to_the_dead_letters(bench, policy, pack_bytes):
    log = bench.write("app.log", f"short\n{LONG}\nafter\n")
    config = {
        "inputs": {
            "app": {
                "type": "file", "path": log, "oversize": policy, "max_record_bytes": 1000, "pack_bytes": pack_bytes,
            }
        },
        "outputs": {"all": to_json(bench.path("out"))},
    }  # fmt: skip
    bench.once(config, status=65)

    (letter,) = bench.dead_letters()
    assert letter["record"].startswith("x" * 1000)
    assert letter["reason"] in {"oversize", "longer than max_record_bytes"}
    assert len(bench.jsons("out")) == 2


def test_datagrams_that_the_kernel_drops_are_counted_and_warned_of(bench):
    config = {
        "admin": admin_section(),
        "inputs": {"in": {"type": "udp", "address": "127.0.0.1:0", "receive_buffer_bytes": 8192}},
        "outputs": {"all": to_json(bench.path("out"))},
    }
    host = bench.start(config).ready()
    api = api_of(host)
    address = host.log.split("Listening. ")[1].split("address=127.0.0.1:")[1].split()[0]
    api.do("POST", "/api/v1/inputs/in/pause")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(2_000):
            sender.sendto(b"x" * 500, ("127.0.0.1", int(address)))
    until(lambda: "The kernel dropped datagrams" in host.log, "the warning")
    assert "receive_buffer_bytes=" in host.log
    api.do("POST", "/api/v1/inputs/in/resume")

    def all_counted():
        dropped = sum(v for k, v in counts(host, "hekate_component_dropped").items() if "kernel_buffer_full" in k)
        return dropped and dropped + len(bench.jsons_so_far("out")) == 2_000

    until(all_counted, "each datagram delivered or counted")
    assert host.terminate() == 0
