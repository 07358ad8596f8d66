"""The intake: slots in turn, waiting, and giving up."""

import asyncio
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.packs.intake import Intake
from host.telemetry.metrics import ComponentMetrics


class Decoder:
    """Stands for the decoders: has room or not, keeps what it was given."""

    def __init__(self, slots=2):
        self.room = True
        self.packs = []
        self.rejected = []
        self.metrics = ComponentMetrics("inputs", "test", "test")
        self.intake = Intake(
            "test", slot_bytes=4096, slots=slots, max_record_bytes=100, has_room=lambda: self.room,
            decode=self.packs.append, reject=lambda *what: self.rejected.append(what), metrics=self.metrics,
        )  # fmt: skip

    def set_room(self, room):
        self.room = room
        self.intake.wake()


async def submit(intake, stream, slot, data=b"one\n", records=None):
    slot.view[: len(data)] = data
    intake.submit(slot, stream, position=0, next_position=len(data), length=len(data), records=records)


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture
def decoder():
    made = Decoder()
    yield made
    made.intake.close()


def test_a_pack_carries_bytes_and_the_table_behind_them(decoder):
    async def run():
        stream = decoder.intake.open_stream("key", "label")
        await submit(decoder.intake, stream, await decoder.intake.slot(), b"--one-two", array("I", [2, 5, 6, 9]))

    asyncio.run(run())

    (pack,) = decoder.packs
    view = decoder.intake.arena.view[pack.offset :]
    assert bytes(view[: pack.length]) == b"--one-two"
    assert list(view[16:32].cast("I")) == [2, 5, 6, 9]
    assert (decoder.metrics.packs_sent, decoder.metrics.bytes_received, decoder.intake.in_flight) == (1, 9, 1)
    view.release()


def test_no_slot_is_lent_while_all_are_taken_or_the_decoder_has_no_room(decoder):
    async def run():
        intake, stream = decoder.intake, decoder.intake.open_stream("key", "label")
        for _ in range(2):
            await submit(intake, stream, await intake.slot())
        third = asyncio.ensure_future(intake.slot())
        await settle()
        assert not third.done()
        decoder.set_room(room=False)
        decoder.packs[0].release()
        await settle()
        assert not third.done()
        decoder.set_room(room=True)
        intake.give_back(await third)
        assert intake.arena.used_slots == 1

    asyncio.run(run())


def test_those_who_wait_get_their_turn_in_order(decoder):
    async def run():
        intake, turns = decoder.intake, []
        decoder.set_room(room=False)

        async def wait(number):
            slot = await intake.slot()
            turns.append(number)
            await settle()
            intake.give_back(slot)

        waiting = [asyncio.ensure_future(wait(number)) for number in range(6)]
        await settle()
        decoder.set_room(room=True)
        await asyncio.wait_for(asyncio.gather(*waiting), 5)
        assert turns == list(range(6))

    asyncio.run(run())


@given(st.sets(st.integers(0, 7)), st.booleans())
def test_a_waiter_that_is_cancelled_keeps_nobody_waiting(cancelled, late):
    """late: cancelled at the very moment at which its turn has come."""

    async def run():
        decoder = Decoder(slots=1)
        intake = decoder.intake
        held = await intake.slot()
        waiting = [asyncio.ensure_future(intake.slot()) for _ in range(8)]
        await settle()
        if late:
            intake.give_back(held)
        for number in cancelled:
            waiting[number].cancel()
        if not late:
            intake.give_back(held)
        for number, waiter in enumerate(waiting):
            if number not in cancelled:
                intake.give_back(await asyncio.wait_for(waiter, 5))
        await asyncio.gather(*waiting, return_exceptions=True)
        assert intake.arena.used_slots == 0
        intake.close()

    asyncio.run(run())


def test_what_is_only_kept_for_a_snapshot_does_not_hold_the_input_back(decoder):
    async def run():
        intake, stream = decoder.intake, decoder.intake.open_stream("key", "label")
        for _ in range(2):
            await submit(intake, stream, await intake.slot())
        third = asyncio.ensure_future(intake.slot())
        await settle()
        assert not third.done()
        decoder.packs[0].pin()
        await submit(intake, stream, await asyncio.wait_for(third, 5))
        fourth = asyncio.ensure_future(intake.slot())
        await settle()
        decoder.packs[0].unpin()
        decoder.packs[0].release()
        await settle()
        assert not fourth.done()
        decoder.packs[1].release()
        intake.give_back(await asyncio.wait_for(fourth, 5))
        assert (intake.pinned, intake.in_flight) == (0, 1)

    asyncio.run(run())


def test_what_is_refused_is_handed_on(decoder):
    stream = decoder.intake.open_stream("key", "label")
    decoder.intake.reject(stream, 7, b"bad", "no frame")

    assert decoder.rejected == [(stream, 7, b"bad", "no frame")]
