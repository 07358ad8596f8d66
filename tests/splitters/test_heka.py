"""Heka's frames are found however the stream is cut into reads, and what is none is refused up to the next 0x1E."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from host.splitters import heka
from host.splitters.base import OVERSIZE_REASON
from tests.effort import examples
from tests.sandbox.kernel.heka_schema import block, frame, varint
from tests.splitters.test_splitters import POLICY, SIZES, Reads, make

MAX_BYTES = 100


def oracle(data):
    """The rule on the whole stream at once: what is at an 0x1E is a frame, or is refused up to the next 0x1E."""
    records, refused, at = [], [], 0
    while at < len(data):
        found = parse(data, at)
        if found is None:
            end = data.find(b"\x1e", at if data[at] != 0x1E else at + 1)
            end = len(data) if end < 0 else end
            refused.append(data[at : min(end, at + MAX_BYTES)])
            at = end
        else:
            start, length = found
            if length > MAX_BYTES:
                refused.append(data[start : start + MAX_BYTES])
            else:
                records.append(data[start : start + length])
            at = min(start + length, len(data))
    return records, refused


def parse(data, at):
    """Start and length of the message; the header of a test has message_length alone, or with a signer behind it."""
    if data[at] != 0x1E or at + 1 >= len(data):
        return None
    header = data[at + 2 : at + 2 + data[at + 1]]
    start = at + 3 + data[at + 1]
    if start > len(data) or data[start - 1] != 0x1F or header[:1] != b"\x08":
        return None
    length, place = 0, 1
    for place in range(1, len(header)):
        length |= (header[place] & 127) << 7 * (place - 1)
        if header[place] < 128:
            break
    else:
        return None
    if header[place + 1 :] not in (b"", SIGNER):
        return None
    enough = len(data) - start >= min(length, MAX_BYTES)
    return (start, length) if enough else None


SIGNER = block(3, b"me") + varint(4 << 3) + varint(300)


def signed(message):
    header = varint(1 << 3) + varint(len(message)) + SIGNER
    return b"\x1e" + bytes([len(header)]) + header + b"\x1f" + message


MESSAGES = st.one_of(
    st.binary(max_size=60),
    st.sampled_from([b"\x1e" * 9, b"\x1e\x02\x08\x01\x1fx", b"f" * 99, b"f" * 100, b"f" * 101, b"f" * 300]),
)
PIECES = st.one_of(
    MESSAGES.map(frame),
    MESSAGES.map(signed),
    st.binary(max_size=20),
    st.sampled_from(
        [
            b"\x1e",
            b"junk",
            b"j" * 150,
            b"\x1e\x03\x08\x05\x1f",
            b"\x1e\x00\x1f",
            b"\x1e\x02\x08\x05\x1e",
            frame(b"x" * 9)[:-4],
        ]
    ),
)


@settings(max_examples=examples(400))
@given(st.lists(PIECES, max_size=12).map(b"".join).filter(lambda data: b"\x1e\xff" not in data), SIZES, POLICY)
@example(b"\x1e", [], "drop")
def test_the_same_frames_are_found_however_the_stream_is_cut(data, sizes, oversize):
    seen = Reads(make(heka.HekaSplitter, MAX_BYTES, oversize), MAX_BYTES, oversize).all(data, sizes)

    other = Reads(make(heka.HekaSplitter, MAX_BYTES, oversize), MAX_BYTES, oversize).all(data, [])
    assert (seen.records, seen.refused) == (other.records, other.refused)


@settings(max_examples=examples(400))
@given(
    st.lists(st.one_of(MESSAGES.map(frame), MESSAGES.map(signed), st.sampled_from([b"junk", b"j" * 150])), max_size=12),
    SIZES,
)
def test_whole_frames_and_what_stands_between_them(pieces, sizes):
    data = b"".join(pieces)

    seen = Reads(make(heka.HekaSplitter, MAX_BYTES), MAX_BYTES).all(data, sizes)

    assert (seen.records, seen.refused) == oracle(data)


@pytest.mark.parametrize(
    ("data", "reasons"),
    [
        (b"junk" + frame(b"a"), [heka.NO_FRAME]),
        (b"\x1e\x02\x08\x05\x1e" + frame(b"a"), [heka.BAD_FRAME, heka.CUT_SHORT]),
        (b"\x1e\x02\x07\x05\x1f" + frame(b"a"), [heka.BAD_FRAME]),
        (b"\x1e\x00\x1f" + frame(b"a"), [heka.BAD_FRAME]),
        (frame(b"x" * 101) + frame(b"a"), [OVERSIZE_REASON]),
        (frame(b"a") + frame(b"bcd")[:-1], [heka.CUT_SHORT]),
        (b"\x1e\x03\x08\xff\x01\x1f" + frame(b"a"), [heka.CUT_SHORT]),
        (b"\x1e\x02\x08\x60\x1f" + frame(b"a"), [heka.CUT_SHORT]),
    ],
)
def test_what_is_refused_is_refused_with_its_reason_and_the_next_frame_is_found(data, reasons):
    splitter = make(heka.HekaSplitter, MAX_BYTES)

    cut = splitter.split(memoryview(data), len(data), True)

    assert [item.reason for item in cut.refused] == reasons
    spans = list(cut.records)
    assert [data[a:b] for a, b in zip(spans[::2], spans[1::2], strict=True)] == [b"a"]


def test_a_message_cut_short_is_delivered_where_that_is_wanted():
    seen = Reads(make(heka.HekaSplitter, MAX_BYTES, deliver_incomplete_final=True), MAX_BYTES)

    seen.all(frame(b"one") + frame(b"two")[:-1], [])

    assert (seen.records, seen.refused) == ([b"one", b"tw"], [])
