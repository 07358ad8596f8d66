"""The feeder joins reads of any size into packs, with positions from which all could be read again."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.inputs.base import Input, InputOptions
from host.splitters.regex import RegexSplitter
from host.splitters.token import TokenSplitter
from host.telemetry.metrics import ComponentMetrics
from host.testing.intake import MemoryIntake
from tests.effort import examples


class Replay(Input):
    """Feeds bytes in reads of given sizes, from a position on."""

    type = "replay"
    Options = InputOptions

    def __init__(self, intake, new_splitter):
        metrics = ComponentMetrics("inputs", "test", "replay")
        super().__init__("test", InputOptions(), intake, new_splitter, None, metrics, once=True)

    async def open(self):
        pass

    async def run(self):
        pass

    async def close(self):
        pass

    async def replay(self, data, sizes, position=0):
        feeder = self.new_feeder("key", "label", position)
        sizes = iter(sizes)

        def read(view):
            size = min(next(sizes, len(view)), len(view), len(data) - feeder.read_position)
            view[:size] = data[feeder.read_position : feeder.read_position + size]
            return size

        while await feeder.feed(read):
            pass
        await feeder.finish()
        return self.intake


def splitters(oversize):
    def token(delimiter):
        return lambda: TokenSplitter(TokenSplitter.Options(delimiter=delimiter), max_record_bytes=50, oversize=oversize)

    def regex():
        options = RegexSplitter.Options(delimiter=r"\n(\d)", delimiter_eol=False)
        return RegexSplitter(options, max_record_bytes=50, oversize=oversize)

    return [token("\n"), token("ab"), regex]


DATA = st.lists(st.sampled_from([b"\n", b"a", b"ab", b"1", b"word ", b"long" * 30]), max_size=120).map(b"".join)
SIZES = st.lists(st.integers(1, 90), max_size=80)


def replay(new_splitter, data, sizes, position=0):
    intake = MemoryIntake(slot_bytes=128, max_record_bytes=50)
    return asyncio.run(Replay(intake, new_splitter).replay(data, sizes, position))


@settings(max_examples=examples(60))
@given(DATA, SIZES, SIZES, st.integers(0, 2), st.integers(0, 40))
def test_reading_again_from_any_released_position_gives_the_rest(data, sizes, again, which, back):
    new_splitter = splitters("truncate")[which]
    first = replay(new_splitter, data, sizes)
    whole = replay(new_splitter, data, [])
    assert first.records == whole.records

    if first.packs:
        pack = first.packs[back % len(first.packs)]
        rest = replay(new_splitter, data, again, pack.next_position).records
        assert rest == first.records[len(first.records) - len(rest) :]
        behind = sum(len(other.records) for other in first.packs[back % len(first.packs) + 1 :])
        assert len(rest) >= behind


@settings(max_examples=examples(40))
@given(DATA, SIZES, st.integers(0, 2))
def test_every_slot_comes_back_and_positions_only_grow(data, sizes, which):
    intake = replay(splitters("drop")[which], data, sizes)

    assert intake.slots_out == 0
    assert [stream.closed for stream in intake.streams] == [True]
    positions = [pack.next_position for pack in intake.packs]
    assert positions == sorted(positions)
    assert all(position <= len(data) for position in positions)


def test_what_a_read_raises_costs_nothing():
    intake = MemoryIntake()

    async def scenario():
        feeder = Replay(intake, intake.new_splitter).new_feeder("key", "label")

        def fail(_view):
            raise ConnectionResetError

        def half(view):
            view[:4] = b"half"
            return 4

        assert await feeder.feed(half) == 4
        with pytest.raises(ConnectionResetError):
            await feeder.feed(fail)
        await feeder.finish()

    asyncio.run(scenario())

    assert intake.records == [b"half"]
    assert intake.slots_out == 0


def test_the_loop_has_its_turn_while_slots_are_always_free():
    intake = MemoryIntake()
    turns = []

    async def scenario():
        async def count():
            while True:
                turns.append(1)
                await asyncio.sleep(0)

        counter = asyncio.create_task(count())
        await Replay(intake, intake.new_splitter).replay(b"line\n" * 2000, [5] * 2000)
        counter.cancel()

    asyncio.run(scenario())

    assert len(turns) >= 200


def test_a_cancelled_finish_may_be_called_again():
    intake = MemoryIntake()

    async def scenario():
        feeder = Replay(intake, intake.new_splitter).new_feeder("key", "label")

        def half(view):
            view[:4] = b"half"
            return 4

        await feeder.feed(half)
        intake.hold()
        finishing = asyncio.create_task(feeder.finish())
        await intake.until(lambda: intake.waiting == 1)
        finishing.cancel()
        await asyncio.wait([finishing])
        intake.resume()
        await feeder.finish()

    asyncio.run(scenario())

    assert intake.records == [b"half"]
