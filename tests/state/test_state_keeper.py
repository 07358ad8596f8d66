"""The state keeper on its own: which records a state includes, what is kept and stored, and how a loss is reported."""

import struct

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.delivery.checkpoints import Checkpoints
from host.packs.intake import MAX_PINNED
from host.packs.ledger import Stream
from host.packs.protocol import Report, Said
from host.pipeline.state_commits import StateCommits
from host.pipeline.state_keeper import StateKeeper, StoredState, pack_state, preservation_version, unpack
from host.sandbox.assignment import Assignment
from host.sandbox.journal import Journal
from host.telemetry.metrics import ComponentMetrics
from tests.packs.making import Memory


@pytest.fixture
def memory():
    made = Memory(200)
    yield made
    made.close()


@pytest.fixture
def store(tmp_path):
    made = Checkpoints(tmp_path)
    yield made
    made.close()


def keeper_of(store, name="counts"):
    return StateKeeper(name, None if store is None else StateCommits(store), ComponentMetrics("filters", name, name))


def report(end):
    return Report(Said.DONE, 1, 0, end, 0, 0, 1, 1, 0, 0, 0, 0)


def table(memory, stream, position, end, made_by=""):
    """A table that only the filter holds."""
    raw = memory.read(stream, position, end)
    made = memory.decoded(raw, made_by=made_by)
    raw.release()
    return made


def keep(keeper, pack, end=None):
    """Let the filter be done with a pack, up to a record that ends there in its raw bytes."""
    work = Assignment(1, pack, keeper.done_to(pack), 0)
    keeper.pin(work, report(pack.origin.length if end is None else end))
    return work


def restarted(store, **positions):
    """A keeper that begins with a state that includes streams up to these positions."""
    store.put_state("counts", pack_state(StoredState(b"state", {f"{k}/1": p for k, p in positions.items()}, 7)))
    keeper = keeper_of(store)
    assert keeper.load() == b"state"
    return keeper


def stream_of(key="a", reading=None, released=None):
    return Stream(key, key, released, reading=f"{key}/1" if reading is None else reading)


def test_a_new_filter_has_no_state_and_has_done_nothing(store, memory):
    keeper = keeper_of(store)
    pack = table(memory, stream_of(), 0, 100)

    assert (keeper.load(), keeper.done_to(pack), keeper.saved_ns, keeper.positions()) == (None, 0, 0, {})
    assert keeper_of(None).load() is None


def test_a_pack_is_in_the_state_up_to_the_stored_position(store, memory):
    keeper = restarted(store, a=150)
    stream = stream_of()

    found = [keeper.done_to(table(memory, stream, position, position + 100)) for position in (0, 100, 140, 149)]
    assert found == [150, 50, 10, 1]


def test_from_the_stored_position_on_nothing_is_in_the_state(store, memory):
    keeper = restarted(store, a=150)
    stream = stream_of()

    assert keeper.done_to(table(memory, stream, 150, 200)) == 0
    assert keeper.done_to(table(memory, stream, 100, 200)) == 0, "the stream has gone beyond it, and never goes back"


def test_each_stream_has_its_own_position(store, memory):
    keeper = restarted(store, a=150, b=20)

    assert keeper.done_to(table(memory, stream_of("b"), 30, 40)) == 0
    assert keeper.done_to(table(memory, stream_of("c"), 0, 40)) == 0
    assert keeper.done_to(table(memory, stream_of("a"), 30, 40)) == 120


def test_another_reading_of_the_same_stream_is_not_in_the_state(store, memory):
    keeper = restarted(store, a=150)

    assert keeper.done_to(table(memory, stream_of("a", reading="a/2"), 0, 100)) == 0
    assert keeper.done_to(table(memory, stream_of("a", reading=""), 0, 100)) == 0


def test_what_a_filter_makes_of_a_stream_counts_for_itself(store, memory):
    keeper = keeper_of(store)
    stream = stream_of()
    keep(keeper, table(memory, stream, 0, 100, made_by="echo"))

    assert keeper.positions() == {"a/1/echo": 100}
    assert keeper.done_to(table(memory, stream, 0, 100)) == 0


def test_a_state_far_ahead_fits_into_a_command(store, memory):
    keeper = restarted(store, a=1 << 40)

    assert keeper.done_to(table(memory, stream_of(), 0, 100)) == (1 << 32) - 1


def test_positions_only_grow_and_are_those_of_the_last_records(store, memory):
    keeper = keeper_of(store)
    stream = stream_of()
    keep(keeper, table(memory, stream, 0, 100), end=90)
    assert keeper.positions() == {"a/1": 90}
    keep(keeper, table(memory, stream, 200, 300))
    assert keeper.positions() == {"a/1": 300}
    keep(keeper, table(memory, stream, 100, 200))
    assert keeper.positions() == {"a/1": 300}


def test_the_position_zero_is_a_position(store, memory):
    keeper = keeper_of(store)
    keep(keeper, table(memory, stream_of(), 0, 100), end=0)

    assert keeper.positions() == {"a/1": 0}


@pytest.mark.parametrize("made_by", ["", "echo"])
def test_what_cannot_be_read_again_is_kept_without_a_position(store, memory, made_by):
    keeper = keeper_of(store)
    work = keep(keeper, table(memory, stream_of(reading=""), 0, 100, made_by))

    assert (keeper.positions(), keeper.pinned, memory.used) == ({}, 1, (1, 1, 1, 1))
    keeper.release([work])
    assert (keeper.pinned, memory.used) == (0, (0, 0, 0, 0))


def test_a_snapshot_is_put_before_anything_is_acknowledged(store, memory):
    keeper = keeper_of(store)
    seen = []
    stream = stream_of(released=lambda position: seen.append((position, unpack(store.get_state("counts")))))
    journal = Journal(keeper, None, preserves=True)
    for position in (0, 100):
        journal.entries.append(keep(keeper, table(memory, stream, position, position + 100)))
    assert seen == []

    journal.take(b"two packs")

    assert [position for position, _ in seen] == [100, 200]
    assert all(state.snapshot == b"two packs" and state.positions == {"a/1": 200} for _, state in seen)
    assert keeper.saved_ns == unpack(store.get_state("counts")).saved_ns > 0


def test_a_snapshot_is_counted_and_measured(store):
    metrics = ComponentMetrics("filters", "counts", "counts")
    keeper = StateKeeper("counts", StateCommits(store), metrics)
    keeper.on_snapshot(b"12345", [])
    keeper.on_snapshot(b"123456", [])

    assert (metrics.snapshots, metrics.state_bytes) == (2, 6)


def test_without_a_store_a_snapshot_only_lets_go(memory):
    keeper = keeper_of(None)
    work = keep(keeper, table(memory, stream_of(), 0, 100))
    keeper.on_snapshot(b"state", [work])
    assert memory.used == (0, 0, 0, 0)


def test_an_acknowledged_position_is_forgotten_with_the_next_snapshot(store, memory):
    keeper = keeper_of(store)
    done, waiting = stream_of("done"), stream_of("waiting")
    works = [keep(keeper, table(memory, stream, 0, 100)) for stream in (done, waiting)]
    works[1].pack.retain()  # an output needs it
    keeper.on_snapshot(b"1", works)
    keeper.on_snapshot(b"2", [])

    assert unpack(store.get_state("counts")).positions == {"waiting/1": 100}


def test_a_position_is_kept_as_long_as_anything_before_it_is_needed(store, memory):
    keeper = keeper_of(store)
    stream = stream_of()
    first, second = table(memory, stream, 0, 100), table(memory, stream, 100, 200)
    second.retain()
    keeper.on_snapshot(b"1", [keep(keeper, first), keep(keeper, second)])
    keeper.on_snapshot(b"2", [])

    assert stream.released_position == 100
    assert keeper.positions() == {"a/1": 200}


def test_the_position_of_a_stream_that_was_not_read_since_is_kept(store):
    keeper = restarted(store, a=150)
    keeper.on_snapshot(b"2", [])

    assert unpack(store.get_state("counts")).positions == {"a/1": 150}


def test_the_number_of_positions_is_bounded_and_the_latest_stay(store):
    keeper = restarted(store, **{f"s{number}": number + 1 for number in range(10_050)})
    keeper.on_snapshot(b"2", [])

    assert list(keeper.positions()) == [f"s{number}/1" for number in range(50, 10_050)]


@pytest.mark.parametrize(
    ("size", "most"), [(0, 8), (8 * 16384, 8), (9 * 16384, 9), (119 * 16384, 119), (120 * 16384, 120), (1 << 24, 120)]
)
def test_a_larger_state_is_written_less_often(store, memory, size, most):
    keeper = keeper_of(store)
    keeper.on_snapshot(bytes(size), [])
    stream = stream_of()
    works, wanted = [], []
    for number in range(121):
        wanted.append(keeper.wants_snapshot)
        works.append(keep(keeper, table(memory, stream, number, number + 1)))

    assert wanted.index(True) == most < MAX_PINNED
    keeper.release(works)
    assert not keeper.wants_snapshot


def test_without_a_snapshot_everything_is_let_go_and_said(store, memory):
    metrics = ComponentMetrics("filters", "counts", "counts")
    keeper = StateKeeper("counts", StateCommits(store), metrics)
    work = keep(keeper, table(memory, stream_of(), 0, 100))
    keeper.on_no_snapshot("too large", [work])

    assert (memory.used, keeper.pinned, metrics.errors) == ((0, 0, 0, 0), 0, {"no_snapshot": 1})
    assert store.get_state("counts") is None


def test_a_state_in_memory_only_is_not_missed(memory):
    metrics = ComponentMetrics("filters", "counts", "counts")
    keeper = StateKeeper("counts", None, metrics)
    work = keep(keeper, table(memory, stream_of(), 0, 100))
    keeper.on_no_snapshot("too large", [work])

    assert (memory.used, metrics.errors) == ((0, 0, 0, 0), {})


def test_a_lost_state_is_counted_and_nothing_is_in_it_any_more(store, memory):
    metrics = ComponentMetrics("filters", "counts", "counts")
    store.put_state("counts", pack_state(StoredState(b"state", {"a/1": 150}, 7)))
    keeper = StateKeeper("counts", StateCommits(store), metrics)
    keeper.load()
    assert (keeper.saved_ns, metrics.state_bytes) == (7, 5)
    work = keep(keeper, table(memory, stream_of("b"), 0, 100))

    keeper.on_state_lost("it does not fit", [work])

    assert keeper.done_to(table(memory, stream_of(), 0, 100)) == 0
    assert (keeper.positions(), keeper.saved_ns, keeper.pinned) == ({}, 0, 0)
    assert (metrics.state_bytes, metrics.errors) == (0, {"state_discarded": 1})


@pytest.mark.parametrize(
    "damage", [b"", b"\n", b"x", b"{}\nstate", b"[]\nstate", b"null\nstate", b'{"bytes": 5}\nstate']
)
def test_a_damaged_state_is_not_begun_with(store, damage):
    metrics = ComponentMetrics("filters", "counts", "counts")
    store.put_state("counts", damage)

    assert StateKeeper("counts", StateCommits(store), metrics).load() is None
    assert metrics.errors == {"state_discarded": 1}


def test_a_successor_goes_on_with_the_state(store, memory):
    old = keeper_of(store)
    old.on_snapshot(b"state", [keep(old, table(memory, stream_of(), 0, 100))])
    new = keeper_of(store)
    new.adopt(old, b"state")

    assert (new.positions(), new.saved_ns) == ({"a/1": 100}, old.saved_ns)
    assert new.done_to(table(memory, stream_of(), 40, 140)) == 60


STATES = st.builds(
    StoredState,
    st.binary(max_size=100),
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=20), st.integers(0, 1 << 60), max_size=5
    ),
    st.integers(0, 1 << 62),
)


@given(STATES)
def test_a_state_comes_back_as_it_was(state):
    assert unpack(pack_state(state)) == state


@given(STATES, st.data())
def test_a_snapshot_with_any_byte_changed_or_missing_is_refused(state, data):
    stored = pack_state(state)
    start = stored.index(b"\n") + 1
    if start < len(stored):
        at = data.draw(st.integers(start, len(stored) - 1))
        assert unpack(stored[:at] + bytes([stored[at] ^ 1]) + stored[at + 1 :]) is None
        assert unpack(stored[:at]) is None
    assert unpack(stored + b"x") is None


@given(st.one_of(st.binary(max_size=80), st.recursive(st.none() | st.integers() | st.text(), st.lists).map(repr)))
def test_any_bytes_are_a_state_or_refused(stored):
    found = unpack(stored if isinstance(stored, bytes) else stored.encode(errors="replace"))
    assert found is None or isinstance(found, StoredState)


def test_the_preservation_version_is_read_from_the_snapshot():
    assert preservation_version(b"HKS1\x03" + struct.pack("<d", 2.5) + b"rest") == 2.5
    assert preservation_version(b"HKS1\x04" + struct.pack("<I", 3) + b"oneREST") == "one"
    assert preservation_version(b"HKS1\x00") is None


def test_positions_of_a_state_are_numbers():
    about, snapshot = pack_state(StoredState(b"s", {"a": 5}, 1)).split(b"\n", 1)
    changed = {**orjson.loads(about), "positions": {"a": "five"}}

    assert unpack(orjson.dumps(changed) + b"\n" + snapshot) is None
