"""The ledger under random interleavings: each position is acknowledged once, in order, and never too early."""

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from host.packs.ledger import Stream
from tests.packs.making import Memory

SLOTS = 40


class Held:
    """A table, and the raw pack that it comes of. Each holder is in one of two lists."""

    def __init__(self, table, raw):
        self.table = table
        self.raw = raw
        self.holders = 1
        self.pins = 0


class Raw:
    """What the test expects of a raw pack."""

    def __init__(self, pack):
        self.pack = pack
        self.decoding = True
        self.tables = []
        self.routed = 0

    @property
    def needed(self):
        return self.decoding or any(held.holders for held in self.tables)


class Ledger(RuleBasedStateMachine):
    """Random reads, decodings, holds, keeps and releases on two streams."""

    raws = Bundle("raws")
    tables = Bundle("tables")

    def __init__(self):
        super().__init__()
        self.memory = Memory(SLOTS)
        self.released = ([], [])
        self.streams = [Stream(str(n), "", self.released[n].append) for n in range(2)]
        self.read = ([], [])
        """What was read, in order, by stream."""
        self.routed = ([], [])

    @rule(target=raws, number=st.integers(0, 1), size=st.integers(1, 9))
    def read_bytes(self, number, size):
        if self.memory.raw.free_slots == 0:
            return multiple()
        before = self.read[number]
        position = before[-1].pack.next_position if before else 0
        raw = Raw(self.memory.read(self.streams[number], position, position + size))
        before.append(raw)
        return raw

    @rule(target=tables, raw=raws)
    def decode_some(self, raw):
        if not raw.decoding or self.memory.tables.free_slots == 0:
            return multiple()
        held = Held(self.memory.decoded(raw.pack), raw)
        raw.pack.add_decoded(held.table)
        raw.tables.append(held)
        self.route()
        return held

    @rule(raw=raws)
    def decode_the_rest(self, raw):
        if raw.decoding:
            raw.decoding = False
            raw.pack.decoded = True
            self.route()
            raw.pack.release()

    @rule(target=tables, held=tables)
    def inject(self, held):
        if not held.holders or self.memory.tables.free_slots == 0:
            return multiple()
        child = Held(self.memory.decoded(None, parent=held.table, made_by="filter"), held.raw)
        held.raw.tables.append(child)
        return child

    @rule(held=tables)
    def hold(self, held):
        if held.holders:
            held.holders += 1
            held.table.retain()

    @rule(held=tables)
    def keep(self, held):
        if held.holders > held.pins:
            held.pins += 1
            held.table.pin()

    @rule(held=tables)
    def unpin(self, held):
        if held.pins:
            held.pins -= 1
            held.holders -= 1
            held.table.unpin()

    @rule(held=tables)
    def release(self, held):
        if held.holders > held.pins:
            held.holders -= 1
            held.table.release()

    def route(self):
        for number, stream in enumerate(self.streams):
            stream.in_order(self.routed[number].append)

    @invariant()
    def acknowledged_up_to_the_first_pack_that_is_needed(self):
        for number, stream in enumerate(self.streams):
            packs = self.read[number]
            done = next((n for n, raw in enumerate(packs) if raw.needed), len(packs))
            expected = packs[done - 1].pack.next_position if done else 0
            assert stream.released_position == expected
            told = self.released[number]
            assert told == sorted(set(told))
            assert (told or [0])[-1] == expected
            assert stream.outstanding == len(packs) - done

    @invariant()
    def each_table_is_routed_once_in_the_order_of_the_stream(self):
        for number, stream in enumerate(self.streams):
            packs = self.read[number]
            decoded = next((n for n, raw in enumerate(packs) if raw.decoding), len(packs))
            by_decoders = [
                [held.table for held in raw.tables if not held.table.made_by] for raw in packs[: decoded + 1]
            ]
            assert self.routed[number] == [table for tables in by_decoders for table in tables]
            assert stream.undecoded == len(packs) - decoded

    @invariant()
    def memory_is_free_exactly_when_nothing_needs_it(self):
        packs = [raw for packs in self.read for raw in packs]
        tables = [held for raw in packs for held in raw.tables]
        kept = [held for held in tables if held.pins]
        assert self.memory.used == (
            sum(raw.needed for raw in packs),
            sum(held.holders > 0 for held in tables),
            len(kept),
            len({id(held.raw) for held in kept}),
        )
        assert len(self.memory.freed) == sum(not raw.needed for raw in packs)

    def teardown(self):
        for raw in [raw for packs in self.read for raw in packs]:
            self.decode_the_rest(raw)
            for held in raw.tables:
                while held.pins:
                    self.unpin(held)
                while held.holders:
                    self.release(held)
        self.acknowledged_up_to_the_first_pack_that_is_needed()
        self.memory_is_free_exactly_when_nothing_needs_it()
        assert self.memory.used == (0, 0, 0, 0)
        self.memory.close()


TestLedger = Ledger.TestCase
