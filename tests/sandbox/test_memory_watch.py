"""Processes that hold memory which Lua's allocator does not see are measured by the supervisor, and ended."""

import asyncio
import ctypes
import mmap
import os

import pytest

from host.sandbox.cpu import ProcessClock
from host.sandbox.memory import max_process_bytes, process_bytes
from host.sandbox.supervisor import Supervisor
from host.sandbox.zygote_client import Place
from tests.abuse import test_malicious_child as malicious

MIB = 1 << 20
PAGE_TABLE_REACH = 2 * MIB
"""Memory that one page of the page table describes."""


def hoard_written(libc, size):
    address = libc.mmap(None, size, 3, 0x22, -1, 0)
    ctypes.memset(address, 1, size)
    return address


def hoard_made_executable(libc, size):
    libc.mprotect(ctypes.c_void_p(hoard_written(libc, size)), size, 5)


def hoard_private_copy_of_a_file(libc, size):
    fd = os.memfd_create("test")
    os.ftruncate(fd, size)
    ctypes.memset(libc.mmap(None, size, 3, 0x02, fd, 0), 1, size)


def hoard_page_tables(libc, size):
    pages = size // mmap.PAGESIZE
    start = libc.mmap(None, ctypes.c_size_t(pages * PAGE_TABLE_REACH), 1, 0x4022, -1, 0)
    for page in range(pages):
        ctypes.string_at(start + page * PAGE_TABLE_REACH, 1)


WAYS = {
    "written": hoard_written,
    "made executable": hoard_made_executable,
    "a private copy of a file": hoard_private_copy_of_a_file,
    "page tables": hoard_page_tables,
}


def hoarder(way):
    def live(child):
        child.ready()
        libc = ctypes.CDLL(None)
        libc.mmap.restype = ctypes.c_void_p
        child.beat[8:24] = (5).to_bytes(8, "little") + (1).to_bytes(8, "little")  # record 5, busy
        way(libc, 96 * MIB)

    return live


class MeasuredZygote(malicious.Zygote):
    """Its processes may hold so much more than a fork of this one does."""

    async def house(self, seat, tenant):
        place = await super().house(seat, tenant)
        return Place(place.pid, ProcessClock(place.pid), 1, process_bytes(os.getpid()) + 64 * MIB)


async def hoard(way, folder):
    sandbox, decoding, ends, routed, letters = await malicious.decoder_of(folder, hoarder(way), malicious.honest)
    sandbox.cpu_limit_ms = 60_000
    watch = asyncio.create_task(Supervisor([sandbox]).run())
    try:
        async with asyncio.timeout(20):
            await sandbox.start()
            while not (ends and decoding.idle):  # noqa: ASYNC110 -- looked at from outside
                await asyncio.sleep(0.005)
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        await sandbox.stop()
        letters.close()
    return ends, routed


@pytest.mark.parametrize("way", WAYS)
def test_a_process_that_holds_more_than_its_limit_is_ended(way, tmp_path, monkeypatch):
    monkeypatch.setattr(malicious, "Zygote", MeasuredZygote)

    ends, routed = asyncio.run(hoard(WAYS[way], tmp_path))

    first = ends[0]
    assert first.limit == "memory_limit", first
    assert first.value == 8 * MIB
    assert first.usage > 64 * MIB
    assert str(first.usage) in first.text
    assert first.record == 5
    assert len(routed) == 1, "the next process did the work"


def test_a_real_sandbox_is_far_below_its_limit():
    from tests.sandbox.test_privileges import look_at

    [found] = look_at(process_bytes)

    assert 4 * MIB < found[0] < max_process_bytes([8 * MIB]) / 2


def test_a_process_that_is_gone_holds_nothing_that_could_be_measured():
    assert process_bytes(2**22 + 1) is None


def test_the_limit_grows_with_the_members_of_a_process():
    alone, together = max_process_bytes([8 * MIB]), max_process_bytes([8 * MIB] * 10)
    assert alone < together < 10 * alone
