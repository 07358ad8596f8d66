"""A producer is rejected when consumers die at its packs, but only if the packs are malformed."""

import struct

import pytest

from host.packs import writer
from host.packs.arena import Arena
from host.packs.ledger import TablePack
from host.packs.producer import MAX_DEATHS, PackProducer
from host.packs.protocol import PACK_HEADER

SLOT_BYTES = 64 * 1024
FIRST_SLOT = PACK_HEADER.size + 24


class Case:
    """A producer and its packs."""

    def __init__(self):
        self.ended = []
        self.producer = PackProducer("bad", "decoder", lambda producer, reason: self.ended.append((producer, reason)))
        self.arena = Arena("test", SLOT_BYTES, 4, host_writes=True)

    def pack(self, *, malformed):
        offset = self.arena.acquire()
        slot = self.arena.view[offset : offset + SLOT_BYTES]
        message = writer.Message("t", "l", 1, {}, [writer.Field("text", "a text")])
        written = writer.write(slot, [message] * 3, loop_depth=0)
        if malformed:
            struct.pack_into("<II", slot, FIRST_SLOT, SLOT_BYTES, SLOT_BYTES + 1)
        return TablePack(
            self.arena, offset, written.used_bytes, 3, written.shapes, "", 0, 0, 0, None, None,
            self.arena.release, 0, None, self.producer,
        )  # fmt: skip


@pytest.fixture
def case():
    return Case()


def test_the_maker_of_malformed_packs_is_ended_after_two_deaths(case):
    pack = case.pack(malformed=True)

    assert [case.producer.record_death(pack) for _ in range(MAX_DEATHS)] == [False, True]
    assert [producer for producer, _ in case.ended] == [case.producer]
    assert "A value lies outside of the pack." in case.ended[0][1]
    assert pack.is_rejected
    assert case.pack(malformed=False).is_rejected, "nothing that it made is read any more"


def test_deaths_at_several_packs_count_together(case):
    assert not case.producer.record_death(case.pack(malformed=True))
    assert case.producer.record_death(case.pack(malformed=True))


def test_it_is_ended_once(case):
    pack = case.pack(malformed=True)

    assert [case.producer.record_death(pack) for _ in range(4)] == [False, True, True, True]
    assert len(case.ended) == 1


def test_the_maker_of_sound_packs_is_never_to_blame(case):
    pack = case.pack(malformed=False)

    assert not any(case.producer.record_death(pack) for _ in range(10))
    assert (case.ended, pack.is_rejected) == ([], False)


def test_what_a_pack_is_found_to_be_is_looked_at_once(case):
    pack = case.pack(malformed=False)
    case.producer.record_death(pack)
    struct.pack_into("<II", case.arena.view, pack.offset + FIRST_SLOT, SLOT_BYTES, SLOT_BYTES + 1)

    assert not any(case.producer.record_death(pack) for _ in range(3))
