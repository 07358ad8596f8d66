"""The host is killed exactly between a filter's state and its input's position: counts stay exact all the same."""

import json
import signal

import lmdb
import pytest

from host.delivery import checkpoints, state_files
from host.pipeline.state_keeper import unpack
from tests.running import nobodys_address, to_json, until

TALLY = """
count, sum = 0, 0
function process_message()
  local n = tonumber(read_message("{number}"))
  count, sum = count + 1, sum + n
  return 0
end
function timer_event(ns, shutdown)
  if shutdown then inject_message {{Type = "tally", Fields = {{count = count, sum = sum}}}} end
end
"""
ECHO = """
function process_message()
  inject_message {Type = "echo", Fields = {n = tonumber(read_message("Payload"))}}
  return 0
end
"""
INJECTS = """
count = 0
function process_message()
  count = count + 1
  inject_message {Type = "echo", Fields = {n = tonumber(read_message("Payload"))}}
  return 0
end
"""
PRESERVED = "message_matcher: {matcher}\npreserve_data: true\n"
LINE_BYTES = 10


@pytest.fixture
def filters(bench):
    """A filter that counts the lines, and one that counts what another one injects for each line."""
    in_header = PRESERVED.format(matcher="Logger == 'in'")
    bench.plugin("filter", "tally", TALLY.format(number="Payload"), in_header)
    bench.plugin("filter", "echo", ECHO, "message_matcher: Logger == 'in'\n")
    of_echo = PRESERVED.format(matcher="Type == 'heka.sandbox.echo'")
    bench.plugin("filter", "second", TALLY.format(number="Fields[n]"), of_echo)


def numbers(bench, count, first=0):
    with (bench.folder / "in.log").open("ab") as file:
        file.writelines(b"%09d\n" % number for number in range(first, first + count))
    return bench.path("in.log")


def config(bench, *, pack_bytes=8192, snapshot_ms=100, checkpoint_ms=20, outputs=None):
    source = {"type": "file", "path": bench.path("in.log"), "pack_bytes": pack_bytes, "max_record_bytes": 512}
    return {
        "hekate": {"snapshot_interval_ms": snapshot_ms, "checkpoint_interval_ms": checkpoint_ms},
        "inputs": {"in": {**source, "keep_position": True}},
        "outputs": {"said": to_json(bench.path("said"), "Type == 'heka.sandbox.tally'"), **(outputs or {})},
    }


def check_exact(bench, count):
    """Each filter has counted each line once."""
    said = {member["Logger"]: (member["count"], member["sum"]) for member in bench.jsons("said")}
    assert said == dict.fromkeys(("tally", "second"), (count, count * (count - 1) / 2))


def on_disk(bench):
    """Up to where the state on disk includes the file, by filter, and the position of its input."""
    folder = str(bench.folder / "state" / "checkpoints")
    with lmdb.open(folder, readonly=True, lock=False) as env, env.begin() as transaction:
        keys = {name: b"\0state/" + name.encode() for name in ("tally", "second")}
        stored = {name: transaction.get(key) for name, key in keys.items()}
    states = {name: unpack(state_files.unseal(keys[name], state)) for name, state in stored.items() if state}
    included = {name: max(state.positions.values(), default=0) for name, state in states.items()}
    positions = [value["position"] for value in checkpoints.stored(bench.folder / "state").values()]
    return included, max(positions, default=0)


@pytest.mark.parametrize(
    "pack_bytes", [65536, pytest.param(4096, marks=pytest.mark.slow), pytest.param(8192, marks=pytest.mark.slow)]
)
def test_what_a_state_includes_is_not_counted_again_though_its_position_is_behind(bench, filters, pack_bytes):
    count, more = 2_000, 777
    numbers(bench, count)
    with nobodys_address() as address:
        stuck = {"type": "tcp", "address": address, "message_matcher": "Logger == 'in'", "encoder": "payload"}
        stuck["retries"] = {"max_attempts": 0}
        host = bench.start(config(bench, outputs={"stuck": stuck})).ready()
        everything = dict.fromkeys(("tally", "second"), count * LINE_BYTES - 1)  # without the last line feed
        until(lambda: on_disk(bench)[0] == everything, "the states on disk")
        host.kill()
        assert on_disk(bench) == (everything, 0), "the output holds everything, so the input has no position"

    # The packs of the next run end elsewhere, and the file has grown.
    numbers(bench, more, first=count)
    bench.once(config(bench, pack_bytes=pack_bytes))

    check_exact(bench, count + more)


@pytest.fixture
def injecting(bench):
    """A filter with state that injects a message for each line, and one that only counts the lines."""
    header = PRESERVED.format(matcher="Logger == 'in'")
    bench.plugin("filter", "second", INJECTS, header)
    bench.plugin("filter", "tally", TALLY.format(number="Payload"), header)


def injected_to(bench, **output):
    """Return a configuration that sends only the injected messages to an output."""
    settings = config(bench)
    settings["outputs"] = {"out": {"message_matcher": "Type == 'heka.sandbox.echo'", "encoder": "json", **output}}
    return settings


def stuck_output(bench, address):
    return injected_to(bench, type="tcp", address=address, retries={"max_attempts": 0})


def test_what_a_filter_with_state_injected_is_delivered_though_the_host_is_killed(bench, injecting):
    count = 2_000
    numbers(bench, count)
    with nobodys_address() as address:
        host = bench.start(stuck_output(bench, address)).ready()
        until(lambda: on_disk(bench)[0].get("tally") == count * LINE_BYTES - 1, "the state on disk")
        host.kill()
        assert "second" not in on_disk(bench)[0], "a stored state includes records whose messages are not delivered"
    bench.once(injected_to(bench, type="file", path=bench.path("out")))

    assert sorted({member["n"] for member in bench.jsons("out")}) == list(range(count))


def test_a_stop_stores_the_state_and_keeps_undelivered_injected_messages_as_dead_letters(bench, injecting):
    count = 2_000
    numbers(bench, count)
    with nobodys_address() as address:
        settings = stuck_output(bench, address)
        settings["hekate"]["shutdown_timeout_ms"] = 500
        host = bench.start(settings).ready()
        until(lambda: on_disk(bench)[0].get("tally") == count * LINE_BYTES - 1, "the state on disk")
        host.terminate()
    kept = [json.loads(letter["record"])["n"] for letter in bench.dead_letters()]
    assert sorted(kept) == list(range(count)), host.log
    bench.once(injected_to(bench, type="file", path=bench.path("out")))

    assert bench.read("out") == b"", "the state includes the records, and their messages are dead letters"


KEEPER = "host.pipeline.state_keeper:StateKeeper"
POINTS = [
    pytest.param(f"before:{KEEPER}.release", 3, id="between the state and its packs"),
    pytest.param("after:host.delivery.checkpoints:Checkpoints._write_once", 3, id="when a state is on disk"),
    pytest.param(f"after:{KEEPER}.pin", 12, id="when a pack is kept", marks=pytest.mark.slow),
    pytest.param(f"before:{KEEPER}.on_snapshot", 3, id="before a state is put", marks=pytest.mark.slow),
    pytest.param(f"after:{KEEPER}.on_snapshot", 3, id="when its packs are released", marks=pytest.mark.slow),
    pytest.param("after:host.packs.ledger:Stream.released", 7, id="when a position was told", marks=pytest.mark.slow),
    pytest.param(
        "before:host.delivery.checkpoints:Checkpoints._write_once",
        3,
        id="before a state is on disk",
        marks=pytest.mark.slow,
    ),
]


@pytest.mark.parametrize(("point", "calls"), POINTS)
def test_counts_are_exact_though_the_host_dies(bench, filters, point, calls):
    count = 30_000
    numbers(bench, count)
    host = bench.start(config(bench), "--once", program=("tests.crashing", point, str(calls)))
    assert host.wait() == -signal.SIGKILL, host.log
    host.kill()

    bench.once(config(bench))

    check_exact(bench, count)
