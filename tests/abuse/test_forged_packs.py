"""Packs of a process that was taken over: their header is sound, and what they hold is not.

Who reads them may die of it, but reads nothing that lies outside of the arenas.
"""

import asyncio
import itertools
import struct

import pytest

from host.packs import writer
from host.packs.arena import Arena
from host.packs.ledger import TablePack
from host.packs.protocol import PACK_HEADER
from host.sandbox.process import Order
from host.sandbox.sandbox import Sandbox
from host.sandbox.supervisor import Supervisor
from host.sandbox.zygote_client import ZygoteClient
from host.telemetry.metrics import ComponentMetrics

SLOT_BYTES = 64 * 1024
SLOTS = 2
RECORD_BYTES = 24
FIRST_SLOT = PACK_HEADER.size + RECORD_BYTES

READS = """
function process_message()
  inject_message {Payload = "read " .. #(read_message "Fields[text]" or "nothing")}
  return 0
end
"""
WALKS = """
function process_message()
  for i = 0, 1e9 do if read_message("Fields[list]", 0, i) == nil then break end end
  inject_message {Payload = "read"}
  return 0
end
"""


class SandboxListener:
    """Ends after the first pack or death."""

    def __init__(self):
        self.ended = asyncio.Event()
        self.payloads = []
        self.termination = None

    def on_emit(self, sandbox, _, report):
        slot = bytes(sandbox.arena.view[report.offset : report.offset + SLOT_BYTES])
        self.payloads.append(slot)
        sandbox.release_slot(report.offset)

    def on_done(self, *_):
        self.ended.set()

    def on_failure(self, *_):
        pass

    def on_room(self, _):
        pass

    def on_terminated(self, _, termination):
        self.termination = termination
        self.ended.set()
        return False


def ranges(begin, end):
    """The slot of the field says that its bytes are there."""

    def forge(slot):
        struct.pack_into("<II", slot, FIRST_SLOT, begin, end)

    return forge


def array_of(count):
    """The array has so many elements."""

    def forge(slot):
        at = struct.unpack_from("<I", slot, FIRST_SLOT)[0]
        struct.pack_into("<I", slot, at + 4, count)

    return forge


def words(number):
    """The next record is so many words away."""

    def forge(slot):
        struct.pack_into("<H", slot, PACK_HEADER.size, number)

    return forge


ARENA_BYTES = SLOT_BYTES * SLOTS
MOST = 2**32 - 1
FORGERIES = {
    "right behind the arena": ("text", ranges(ARENA_BYTES, ARENA_BYTES + 4096)),
    "across its end": ("text", ranges(ARENA_BYTES - 16, ARENA_BYTES + 16)),
    "a megabyte behind it": ("text", ranges(ARENA_BYTES + (1 << 20), ARENA_BYTES + (1 << 20) + 64)),
    "as far as it goes": ("text", ranges(MOST - 8, MOST)),
    "all that there is": ("text", ranges(0, MOST)),
    "an end before the beginning": ("text", ranges(4096, 0)),
    "an end far before the beginning": ("text", ranges(MOST, 0)),
    "an array without end": ("list", array_of(MOST)),
    "an array behind the arena": ("list", ranges(ARENA_BYTES + 8, ARENA_BYTES + 64)),
    "records that are longer than the pack": ("text", words(0xFFFF)),
}


async def read(field, forge):
    """Have a filter read a forged pack; answers how it ended, and what it sent."""
    arena = Arena("forged", SLOT_BYTES, SLOTS, host_writes=True)
    offset = arena.acquire()
    slot = arena.view[offset : offset + SLOT_BYTES]
    value = "a text" if field == "text" else ["one", "two", "three"]
    messages = [writer.Message("t", "l", 1, {}, [writer.Field(field, value)])] * 3
    written = writer.write(slot, messages, loop_depth=0)
    forge(slot)
    pack = TablePack(
        arena, offset, written.used_bytes, 3, written.shapes, "", 0, 0, 0, None, None, arena.release, 0
    )  # fmt: skip
    zygote, owner = ZygoteClient(), SandboxListener()
    zygote.start()
    spec = {
        "name": "reader", "kind": "filter", "hostname": "here", "output_limit": 65536, "max_message_size": 131072,
        "max_message_fields": 1024, "max_process_inject": 1, "max_timer_inject": 1, "message_matcher": "TRUE",
        "readouts": [],
        "scripts": [
            {"name": "r", "file": "r.lua", "text": READS if field == "text" else WALKS, "config": {"": None}}
        ],
    }  # fmt: skip
    sandbox = Sandbox(
        "reader", order=Order("reader", 8 << 20, 0, 0, allow_unjailed=False), spec=spec,
        arena=Arena("own", SLOT_BYTES, 4, host_writes=False), housing=zygote, owner=owner,
        metrics=ComponentMetrics("filters", "reader", "reader"), cpu_limit_ms=2000, read_module=str,
    )  # fmt: skip
    watch = asyncio.create_task(Supervisor([sandbox]).run())
    try:
        async with asyncio.timeout(20):
            await sandbox.start()
            sandbox.give(pack)
            await owner.ended.wait()
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        await sandbox.stop()
        zygote.close()
    return owner


@pytest.mark.parametrize("name", FORGERIES)
def test_nothing_outside_of_the_arenas_is_read(name):
    field, forge = FORGERIES[name]

    owner = asyncio.run(read(field, forge))

    if owner.termination is not None:
        assert owner.termination.limit in {"signal", "memory_limit", "error", "cpu_limit"}, owner.termination
    if name.startswith(("right behind", "across", "a megabyte", "as far")):
        assert "SIGSEGV" in owner.termination.text, owner.termination
    outside = [size for size in sizes(owner.payloads) if size > ARENA_BYTES]
    assert not outside


def sizes(packs):
    """How much the filter says that it has read."""
    found = (pack.partition(b"read ")[2][:12] for pack in packs)
    return [int(bytes(itertools.takewhile(lambda digit: 48 <= digit <= 57, text)) or b"0") for text in found]
