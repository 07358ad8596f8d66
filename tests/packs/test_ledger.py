"""Who holds which pack, and what is acknowledged when."""

import mmap
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.packs.arena import Arena
from host.packs.ledger import RawPack, Stream, TablePack


@pytest.fixture
def arena():
    made = Arena("test", 4096, 8, host_writes=True)
    yield made
    made.close()


def raw_pack(arena, stream, position, freed=lambda: None):
    pack = RawPack(arena, arena.acquire(), 10, stream, position, position + 10, None, freed)
    stream.add(pack)
    return pack


def table_of(raw, freed, name=0):
    return TablePack(None, name, 1, 1, b"", "", 0, 0, 0, raw, None, freed.append, 0)


def test_a_pack_is_acknowledged_when_its_last_holder_lets_go(arena):
    released, freed = [], []
    stream = Stream("key", "label", released.append)
    raw = raw_pack(arena, stream, 0, lambda: freed.append("raw"))
    table = table_of(raw, freed)
    child = TablePack(None, 1, 1, 1, b"", "filter", 1, 0, 0, None, table, freed.append, 0)

    raw.release()
    table.release()
    assert (freed, released, arena.used_slots) == ([0], [], 1)

    child.release()
    assert (freed, released, arena.used_slots) == ([0, 1, "raw"], [10], 0)


def test_a_table_tells_when_it_is_only_kept_and_not_for_each_keeper(arena):
    told = []
    raw = raw_pack(arena, Stream("key", "label", None), 0)
    table = TablePack(
        arena, 0, 1, 1, b"", "filter", 0, 0, 0, raw, None, lambda _: None, 0, on_pin=lambda: told.append(1)
    )
    table.retain()
    table.pin()
    table.pin()
    assert told == [1]

    table.unpin()
    assert told == [1]
    table.unpin()
    assert (told, table.holders) == ([1], 0)


@given(st.permutations(range(6)))
def test_positions_are_told_in_order_and_without_gaps(order):
    arena, released = Arena("test", 4096, 6, host_writes=True), []
    stream = Stream("key", "label", released.append)
    packs = [raw_pack(arena, stream, 10 * number) for number in range(6)]

    done = set()
    for number in order:
        packs[number].release()
        done.add(number)
        whole = next((n for n in range(7) if n not in done), 6)
        assert (released or [0])[-1] == 10 * whole

    assert released == sorted(set(released))
    assert stream.outstanding == 0
    arena.close()


@given(st.permutations(range(5)), st.lists(st.integers(0, 2), min_size=5, max_size=5))
def test_tables_are_routed_in_the_order_of_the_stream_whoever_is_first(order, counts):
    arena, routed = Arena("test", 4096, 6, host_writes=True), []
    stream = Stream("key", "label", None)
    packs = [raw_pack(arena, stream, 10 * number) for number in range(5)]

    for number in order:
        for part in range(counts[number]):
            packs[number].add_decoded(table_of(packs[number], [], (number, part)))
            stream.in_order(lambda table: routed.append(table.offset))
        packs[number].decoded = True
        stream.in_order(lambda table: routed.append(table.offset))

    assert routed == [(number, part) for number in range(5) for part in range(counts[number])]
    arena.close()


def test_a_stream_has_the_same_number_in_every_run():
    assert Stream("file/1", "", None).number == Stream("file/1", "other", None).number == 6716552814688789219
    assert Stream("file/2", "", None).number != Stream("file/1", "", None).number


def test_an_arena_lends_each_slot_once_and_nobody_else_writes():
    arena = Arena("test", 5000, 3, host_writes=True)
    offsets = [arena.acquire() for _ in range(3)]

    assert (sorted(offsets), arena.acquire()) == ([0, 8192, 16384], None)
    assert (arena.slot_bytes, arena.size_bytes, arena.used_slots, arena.free_slots) == (8192, 24576, 3, 0)
    arena.release(offsets[1])
    assert arena.acquire() == offsets[1]
    os.write(arena.writable_fd, b"seen")
    assert bytes(arena.view[:4]) == b"seen"
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.write(arena.read_only_fd, b"x")
    with pytest.raises(PermissionError):
        mmap.mmap(arena.read_only_fd, 4096, mmap.MAP_SHARED, mmap.PROT_WRITE)
    arena.close()


def test_a_host_does_not_write_what_a_sandbox_owns():
    arena = Arena("test", 4096, 1, host_writes=False)
    with pytest.raises(TypeError, match="read-only"):
        arena.view[0] = 1
    arena.close()
