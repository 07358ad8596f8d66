"""Snapshots are put once the messages injected before them are delivered; nothing waits for ever."""

import pytest

from host.delivery.checkpoints import Checkpoints
from host.packs.ledger import Stream
from host.packs.protocol import Report, Said
from host.pipeline.state_commits import StateCommits
from host.pipeline.state_keeper import StateKeeper, unpack
from host.sandbox.assignment import Assignment
from host.sandbox.journal import Journal
from host.telemetry.metrics import ComponentMetrics
from tests.packs.making import Memory


@pytest.fixture
def memory():
    memory = Memory(200)
    yield memory
    memory.close()


@pytest.fixture
def store(tmp_path):
    store = Checkpoints(tmp_path)
    yield store
    store.close()


class Filter:
    """A filter with preserved state: the real keeper and journal without a sandbox."""

    def __init__(self, name, commits, memory):
        self.name = name
        self.keeper = StateKeeper(name, commits, ComponentMetrics("filters", name, name))
        self.journal = Journal(self.keeper, None, preserves=True)
        self._memory = memory

    def inject(self, parent=None, *, preserves=True):
        """Return a pack that this filter injects, and that only the caller holds."""
        inherited = () if parent is None else parent.deliveries
        own = (self.keeper.deliveries,) if preserves else ()
        return self._memory.decoded(None, parent=parent, made_by=self.name, deliveries=(*inherited, *own))

    def process(self, pack):
        """Finish a pack and take over the caller's hold."""
        work = Assignment(1, pack, 0, 0)
        self.journal.entries.append(work)
        self.keeper.pin(work, Report(Said.DONE, 1, 0, 10, 0, 0, 1, 1, 0, 0, 0, 0))


@pytest.fixture
def filters(store, memory):
    commits = StateCommits(store)
    return [Filter(name, commits, memory) for name in ("first", "second")]


class Source:
    def __init__(self, memory):
        self.position = 0
        self.acknowledged = 0
        self._memory = memory
        self._stream = Stream("in", "in", self._on_released, reading="in/1")

    def _on_released(self, position):
        self.acknowledged = position

    def read(self):
        raw = self._memory.read(self._stream, self.position, self.position + 10)
        self.position += 10
        table = self._memory.decoded(raw)
        raw.release()
        return table


@pytest.fixture
def source(memory):
    return Source(memory)


def stored(store, name):
    state = store.get_state(name)
    return None if state is None else unpack(state).snapshot


def test_a_snapshot_waits_for_the_injected_messages_and_so_does_the_acknowledgement(store, filters, source, memory):
    first, _ = filters
    table = source.read()
    injected = first.inject(table)
    first.process(table)
    first.journal.take(b"1")
    assert (stored(store, "first"), source.acknowledged) == (None, 0)
    assert memory.used[1] == 1, "only the injected pack is in memory: the processed one is released"

    injected.release()

    assert (stored(store, "first"), source.acknowledged, memory.used) == (b"1", 10, (0, 0, 0, 0))


def test_messages_of_a_timer_event_are_waited_for(store, filters):
    first, _ = filters
    injected = first.inject()
    first.journal.take(b"1")
    assert stored(store, "first") is None
    injected.release()
    assert stored(store, "first") == b"1"


def test_what_a_filter_without_state_makes_of_injected_messages_is_waited_for(store, filters):
    first, second = filters
    injected = first.inject()
    derived = second.inject(injected, preserves=False)
    injected.release()
    first.journal.take(b"1")
    assert stored(store, "first") is None
    derived.release()
    assert stored(store, "first") == b"1"


def test_later_messages_do_not_delay_the_first_snapshot(store, filters):
    first, _ = filters
    packs = []
    for number in range(5):
        packs.append(first.inject())
        first.journal.take(b"%d" % number)

    packs[0].release()
    assert stored(store, "first") == b"0"
    packs[4].release()
    assert stored(store, "first") == b"0", "the second pending snapshot was replaced by later ones"
    for pack in packs[1:4]:
        pack.release()
    assert stored(store, "first") == b"4"


def test_a_later_snapshot_is_not_put_before_a_pending_one(store, filters):
    first, _ = filters
    injected = first.inject()
    first.journal.take(b"1")
    first.journal.take(b"2")
    assert stored(store, "first") is None
    injected.release()
    assert stored(store, "first") == b"2"


def test_a_chain_of_filters_with_state_is_stored(store, filters, source, memory):
    first, second = filters
    table = source.read()
    middle = first.inject(table)
    first.process(table)
    last = second.inject(middle)
    second.process(middle)
    first.journal.take(b"1")
    assert stored(store, "first") is None, "the other state does not include the message yet"
    second.journal.take(b"2")
    assert stored(store, "second") is None
    last.release()
    assert (stored(store, "first"), stored(store, "second")) == (b"1", b"2")
    assert (source.acknowledged, memory.used) == (10, (0, 0, 0, 0))


def test_filters_that_inject_for_each_other_are_stored_together(store, filters, source, memory):
    first, second = filters
    table = source.read()
    there = first.inject(table)
    first.process(table)
    first.journal.take(b"1")
    back = second.inject(there)
    second.process(there)
    second.journal.take(b"1")
    assert (stored(store, "first"), stored(store, "second")) == (None, None)

    first.process(back)
    assert (stored(store, "first"), stored(store, "second")) == (None, None)
    first.journal.take(b"2")

    assert (stored(store, "first"), stored(store, "second")) == (b"2", b"1")
    assert (source.acknowledged, memory.used) == (10, (0, 0, 0, 0))


def test_a_successor_begins_with_a_pending_state(store, filters, memory):
    first, _ = filters
    first.inject()
    first.journal.take(b"1")
    successor = Filter("first", first.keeper._commits, memory)

    assert (stored(store, "first"), successor.keeper.load()) == (None, b"1")


def test_a_state_that_is_deleted_is_not_put_later(store, filters, source):
    first, _ = filters
    table = source.read()
    injected = first.inject()
    first.process(table)
    first.journal.take(b"1")

    first.keeper._commits.forget("first")
    assert source.acknowledged == 10
    injected.release()

    assert stored(store, "first") is None


def test_injected_messages_that_are_dropped_are_not_waited_for(store, filters):
    first, _ = filters
    injected = first.inject()
    injected.retain()
    injected.pin()  # as a queue does that may drop it
    injected.release()
    first.journal.take(b"1")
    assert stored(store, "first") is None
    injected.unpin()
    assert stored(store, "first") == b"1"
