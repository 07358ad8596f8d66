"""Parts of a pack say what the whole one says."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.core.errors import PackError
from host.packs import cut, reader
from host.packs.protocol import PACK_HEADER
from tests.packs.harness import decode, script
from tests.packs.test_reader import SLOT_BYTES, messages, simple, written

LINE = b'192.0.2.7 - - [01/May/2024:12:00:%02d +0200] "GET /%d HTTP/1.1" 200 17 "-" "curl/7.88.1"\n'


def parts(slot, used_bytes, ends, raw=b""):
    """The messages of all parts, and the timestamps as they were found."""
    records = cut.records_of(slot, used_bytes)
    found = []
    for first, end in pairwise([0, *ends, len(records.timestamps)]):
        if first < end:
            target = memoryview(bytearray(len(slot)))
            cut.cut(slot, used_bytes, records, range(first, end), target)
            found += reader.read(target, raw)
    return found, records.timestamps


@given(st.lists(messages, min_size=1, max_size=8), st.lists(st.integers(0, 8), max_size=4))
def test_the_parts_are_the_whole(given, ends):
    slot, report = written(SLOT_BYTES, *given)
    whole = list(reader.read(slot))
    # A Uuid comes of the place in the raw bytes, or in the pack if there are none; only packs with raw bytes are cut.

    found, timestamps = parts(slot, report.used_bytes, sorted(min(end, len(given)) for end in ends))

    assert [message | {"Uuid": ""} for message in found] == [message | {"Uuid": ""} for message in whole]
    assert timestamps == [message["Timestamp"] for message in whole]


def test_positions_in_raw_bytes_stay_what_they_are():
    raw = b"".join(LINE % (number, number) for number in range(60))
    captured = decode(raw, script("nginx_access"))
    slot = memoryview(captured.packs[0])
    whole = list(reader.read(slot, raw))
    assert len(whole) == 60

    assert parts(slot, captured.reports[0].used_bytes, [1, 20, 59], raw)[0] == whole


@given(st.data())
def test_a_damaged_pack_is_cut_or_told_of(data):
    slot, report = written(4096, *(simple(number) for number in range(5)))
    at = data.draw(st.integers(0, 500))
    slot[at : at + 4] = data.draw(st.binary(min_size=4, max_size=4))
    target = memoryview(bytearray(len(slot)))
    try:
        records = cut.records_of(slot, report.used_bytes)
        cut.cut(slot, report.used_bytes, records, range(1, len(records.timestamps)), target)
    except PackError:
        return
    assert len(records.timestamps) == PACK_HEADER.unpack_from(slot)[4]


def test_a_part_wants_a_slot_of_the_same_size():
    slot, report = written(4096, simple(1))
    records = cut.records_of(slot, report.used_bytes)

    with pytest.raises(PackError, match="4096 bytes does not go into a slot of 8192"):
        cut.cut(slot, report.used_bytes, records, range(1), memoryview(bytearray(8192)))
