"""A filter's state under random deaths: each record is counted once, whatever dies when.

The stream, journal, state keeper and checkpoints are the real ones. The filter and its input are models: the filter's
state is the list of records that it has counted, and a crash of the host starts from a copy of what was on disk.
"""

import itertools
import shutil
import tempfile
from collections import Counter, deque
from pathlib import Path

import orjson
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from host.delivery.checkpoints import Checkpoints
from host.packs.ledger import Stream
from host.packs.protocol import Report, Said
from host.pipeline.state_commits import StateCommits
from host.pipeline.state_keeper import StateKeeper, unpack
from host.sandbox.assignment import Assignment
from host.sandbox.journal import Journal
from host.telemetry.metrics import ComponentMetrics
from tests.effort import examples
from tests.packs.making import Memory

RECORD_BYTES = 10
KEYS = ("a", "b")
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""A folder without a disk: the checkpoints are synced after each write."""


class Host:
    """One life of the host: everything that a crash takes with it."""

    def __init__(self, state_dir):
        self.checkpoints = Checkpoints(state_dir)
        self.memory = Memory()
        self.streams = {key: Stream(key, "", self._on_released(key), reading=f"{key}/1") for key in KEYS}
        stored = {key: self.checkpoints.get(key) for key in KEYS}
        self.positions = {key: 0 if value is None else value["position"] for key, value in stored.items()}
        """Where the input reads on."""
        self.keeper = StateKeeper(
            "filter", StateCommits(self.checkpoints), ComponentMetrics("filters", "filter", "filter")
        )
        self.journal = Journal(self.keeper, self.keeper.load(), preserves=True)
        self.counted = self._from_snapshot()
        self.waiting = deque()
        """Work for the filter."""
        self.undelivered = []
        """Tables that an output holds."""
        self._numbers = itertools.count(1)

    def _on_released(self, key):
        def put(position):
            stored = unpack(self.checkpoints.get_state("filter"))
            counted = {at for name, at in orjson.loads(stored.snapshot) if name == key}
            assert counted >= set(range(0, position, RECORD_BYTES)), "put before the state that includes it"
            self.checkpoints.put(key, {"position": position})

        return put

    def _from_snapshot(self):
        return Counter(map(tuple, orjson.loads(self.journal.snapshot or b"[]")))

    def read(self, key, records):
        position = self.positions[key]
        end = self.positions[key] = position + records * RECORD_BYTES
        raw = self.memory.read(self.streams[key], position, end)
        table = self.memory.decoded(raw, records)
        raw.decoded = True
        for _ in range(2):  # the filter and the output
            table.retain()
        self.waiting.append(Assignment(next(self._numbers), table, self.keeper.done_to(table), 0))
        self.undelivered.append(table)
        table.release()
        raw.release()

    def _count(self, work):
        """Count as kernel/filter.lua does; return the end of the last record."""
        table = work.pack
        key, end = table.origin.stream.key, 0
        for number in range(table.count):
            end = (number + 1) * RECORD_BYTES
            if work.done_to == 0 or end > work.done_to:
                self.counted[key, table.position + number * RECORD_BYTES] += 1
        return end

    def filter_one(self):
        work = self.waiting.popleft()
        end = self._count(work)
        self.journal.entries.append(work)
        report = Report(Said.DONE, work.number, 0, end, 0, 0, work.pack.count, work.pack.count, 0, 0, 0, 0)
        self.keeper.pin(work, report)

    def restart_filter(self):
        self.journal.on_death("signal")
        self.counted = self._from_snapshot()
        for work in self.journal.entries:
            self._count(work)

    def snapshot(self):
        self.journal.take(orjson.dumps(sorted(self.counted.elements())))

    def deliver(self, index):
        self.undelivered.pop(index).release()

    def finish(self):
        while self.waiting:
            self.filter_one()
        while self.undelivered:
            self.deliver(0)
        self.snapshot()

    def close(self):
        self.checkpoints.close()
        self.memory.close()


class ExactState(RuleBasedStateMachine):
    """Random reads, deliveries, snapshots and deaths; two streams."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="hekate-keeper-", dir=MEMORY))
        self.lives = itertools.count(1)
        self.host = Host(self.folder / "0")
        self.written = dict.fromkeys(KEYS, 0)
        """How far each stream was ever read: all of that must be counted at the end."""

    @precondition(lambda self: len(self.host.undelivered) < 20 and self.host.memory.raw.free_slots)
    @rule(key=st.sampled_from(KEYS), records=st.integers(1, 4))
    def read_bytes(self, key, records):
        self.host.read(key, records)
        self.written[key] = max(self.written[key], self.host.positions[key])

    @precondition(lambda self: self.host.waiting)
    @rule()
    def filter_one(self):
        self.host.filter_one()

    @precondition(lambda self: self.host.undelivered)
    @rule(data=st.data())
    def deliver_one(self, data):
        self.host.deliver(data.draw(st.integers(0, len(self.host.undelivered) - 1)))

    @rule()
    def take_snapshot(self):
        self.host.snapshot()

    @rule()
    def kill_filter(self):
        self.host.restart_filter()

    @rule()
    def write_checkpoints(self):
        self.host.checkpoints.flush()

    @rule()
    def kill_host(self):
        old, folder = self.host, self.folder / str(next(self.lives))
        shutil.copytree(self.current, folder)
        old.close()
        self.host = Host(folder)

    @property
    def current(self):
        return max(self.folder.iterdir(), key=lambda path: int(path.name))

    @invariant()
    def nothing_is_counted_twice(self):
        assert not [record for record, times in self.host.counted.items() if times != 1]

    @invariant()
    def what_is_kept_is_what_the_journal_holds(self):
        assert self.host.keeper.pinned == len(self.host.journal.entries)
        assert self.host.keeper.wants_snapshot == (self.host.keeper.pinned >= 8)

    def teardown(self):
        try:
            self.host.finish()
            for key in KEYS:
                while self.host.positions[key] < self.written[key]:
                    self.host.read(key, 1)
                    self.host.finish()
            every = [(key, at) for key in KEYS for at in range(0, self.written[key], RECORD_BYTES)]
            assert self.host.counted == Counter(every)
            assert self.host.memory.used == (0, 0, 0, 0)
            for key in KEYS:
                assert self.host.streams[key].outstanding == 0
                known = self.host.checkpoints.get(key)
                assert (known["position"] if known else 0) == self.written[key]
        finally:
            self.host.close()
            shutil.rmtree(self.folder)


TestExactState = ExactState.TestCase
TestExactState.settings = settings(max_examples=examples(100), stateful_step_count=40)
