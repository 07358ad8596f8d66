"""Packs in files come back as they were, and what is damaged is told of."""

import io
import os
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.core.errors import PackError
from host.packs import pack_file, reader
from tests.packs.test_reader import SLOT_BYTES, messages, simple, written


class File(io.FileIO):
    """A file in memory that has a number, as `os.pread` wants."""

    def __init__(self, data):
        super().__init__(os.memfd_create("packs"), "r+")
        self.write(data)


def in_file(*packs):
    """The bytes of a file of packs, each given as its messages."""
    data = pack_file.MAGIC
    for pack_messages in packs:
        slot, report = written(SLOT_BYTES, *pack_messages)
        arena = SimpleNamespace(view=slot, slot_bytes=SLOT_BYTES)
        pack = SimpleNamespace(arena=arena, offset=0, used_bytes=report.used_bytes, raw=None)
        data += b"".join(pack_file.parts(pack))
    return data


def read(data):
    """The messages in the bytes of a file."""
    found = []
    with File(data) as file:
        for entry in pack_file.entries(file, "packs"):
            slot = memoryview(bytearray(entry.size))
            pack_file.load(file, entry, slot, memoryview(bytearray(entry.raw)))
            found.append(list(reader.read(slot)))
    return found


@given(st.lists(st.lists(messages, min_size=1, max_size=4), max_size=3))
def test_what_was_written_is_read(packs):
    whole = [list(reader.read(written(SLOT_BYTES, *given)[0])) for given in packs]

    assert read(in_file(*packs)) == whole


@given(st.data())
def test_a_damaged_file_is_read_or_told_of(data):
    good = in_file([simple(1), simple(2)], [simple(3)])
    at = data.draw(st.integers(0, 200))
    damaged = good[:at] + data.draw(st.binary(min_size=1, max_size=8)) + good[at + 8 :]
    try:
        read(damaged[: data.draw(st.integers(0, len(damaged)))])
    except PackError:
        return


def test_what_is_no_file_of_packs_is_called_so():
    for data, said in (
        (b"HKPF\x02\0\0\0", "another version"),
        (b"", "no file of packs"),
        (in_file([simple(1)])[:-1], "cut"),
    ):
        with pytest.raises(PackError, match=said):
            read(data)
