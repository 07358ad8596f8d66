"""Every splitter gives the records of its rule, however the stream is cut into reads."""

import re
import time
from array import array

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.splitters.base import OVERSIZE_REASON
from host.splitters.length import LengthSplitter
from host.splitters.null import NullSplitter
from host.splitters.regex import RegexSplitter, reach
from host.splitters.token import TokenSplitter
from tests.effort import examples

SLOT_BYTES = 256


def make(cls, max_record_bytes=100, oversize="truncate", **options):
    return cls(cls.Options(**options), max_record_bytes=max_record_bytes, oversize=oversize)


class Reads:
    """Shows a stream to a splitter piece by piece, as the feeder does, and collects what comes of it."""

    def __init__(self, splitter, max_record_bytes=100, oversize="truncate"):
        self.splitter = splitter
        self.max_record_bytes = max_record_bytes
        self.oversize = oversize
        self.carry = b""
        self.records = []
        self.refused = []
        self.resumes = []
        self.position = 0

    def read(self, data, final=False):
        buffer = memoryview(bytearray(SLOT_BYTES))
        filled = len(self.carry) + len(data)
        buffer[:filled] = self.carry + data
        assert filled + self.splitter.tail_bytes <= SLOT_BYTES
        cut = self.splitter.split(buffer, filled, final)
        if cut.records is None:
            self._as_the_decoder_does(bytes(buffer[: cut.end]))
        else:
            spans = list(cut.records)
            self.records += [bytes(buffer[a:b]) for a, b in zip(spans[::2], spans[1::2], strict=True)]
        self.refused += [item.data for item in cut.refused]
        assert all(item.reason for item in cut.refused)
        if cut.records is None or len(cut.records):
            self.resumes.append(self.position + min(cut.resume, filled))
        self.position += min(cut.end, filled)
        self.carry = bytes(buffer[cut.end : filled])
        return cut

    def _as_the_decoder_does(self, region):
        if not region:
            return
        byte = bytes([self.splitter.delimiter])
        assert region.endswith(byte)
        for record in region[:-1].split(byte):
            if len(record) <= self.max_record_bytes:
                self.records.append(record)
            elif self.oversize == "truncate":
                self.records.append(record[: self.max_record_bytes])
            else:
                self.refused.append(record[: self.max_record_bytes])

    def room(self):
        return SLOT_BYTES - self.splitter.tail_bytes - len(self.carry)

    def all(self, data, sizes, final=True):
        at = 0
        for size in sizes:
            piece = data[at : at + min(size, self.room())]
            if piece:
                self.read(piece)
            at += len(piece)
        while at < len(data):
            piece = data[at : at + self.room()]
            self.read(piece)
            at += len(piece)
        if final:
            self.read(b"", final=True)
        return self


def apply_policy(records, max_record_bytes, oversize):
    kept, refused = [], []
    for record in records:
        if len(record) <= max_record_bytes:
            kept.append(record)
        elif oversize == "truncate":
            kept.append(record[:max_record_bytes])
        else:
            refused.append(record[:max_record_bytes])
    return kept, refused


SIZES = st.lists(st.integers(1, 200), max_size=60)
POLICY = st.sampled_from(["truncate", "drop"])
TEXT = st.one_of(
    st.binary(max_size=1500),
    st.text(alphabet="a\n", max_size=900).map(str.encode),
    st.lists(st.sampled_from([b"\n", b"\r\n", b"ab", b"--", b"x" * 70, b"y" * 300]), max_size=40).map(b"".join),
)


def token_records(data, token, count, deliver):
    """The rule, said in another way: every count-th piece of `bytes.split`, joined again."""
    pieces = data.split(token)
    whole = (len(pieces) - 1) // count
    records = [token.join(pieces[i * count : (i + 1) * count]) for i in range(whole)]
    rest = token.join(pieces[whole * count :])
    # A rest that is too long is dealt with as such, whether or not an incomplete one would be delivered.
    too_long = len(rest) - len(token) + 1 > 100
    return records + ([rest] if rest and (deliver or too_long) else [])


@settings(max_examples=examples(150))
@given(TEXT, SIZES, POLICY, st.tuples(st.sampled_from(["\n", "\r\n", "--", "aa"]), st.integers(1, 3)), st.booleans())
def test_token_gives_the_same_records_however_the_stream_is_cut(data, sizes, oversize, form, deliver):
    token, count = form
    splitter = make(TokenSplitter, 100, oversize, delimiter=token, count=count, deliver_incomplete_final=deliver)

    seen = Reads(splitter, 100, oversize).all(data, sizes)

    expected = apply_policy(token_records(data, token.encode(), count, deliver), 100, oversize)
    assert (seen.records, seen.refused) == expected


@settings(max_examples=examples(60))
@given(TEXT, SIZES, SIZES, st.integers(0, 30), st.sampled_from([("\n", 1), ("--", 1), ("\n", 2)]))
def test_a_new_splitter_at_a_resume_position_finds_all_records_that_follow(data, sizes, again, which, form):
    token, count = form
    first = Reads(make(TokenSplitter, delimiter=token, count=count)).all(data, sizes, final=False)
    positions = [0, *first.resumes]
    position = positions[which % len(positions)]

    second = Reads(make(TokenSplitter, delimiter=token, count=count)).all(data[position:], again)

    expected, _ = apply_policy(token_records(data, token.encode(), count, deliver=True), 100, "truncate")
    assert second.records == expected[len(expected) - len(second.records) :]


def test_token_with_one_byte_leaves_the_records_to_the_decoder():
    splitter = make(TokenSplitter)
    buffer = memoryview(bytearray(b"one\ntwo\nthr.........."))

    cut = splitter.split(buffer, 11, False)

    assert (cut.end, cut.records, cut.resume) == (8, None, 8)


def test_token_completes_the_last_record_in_the_buffer():
    splitter = make(TokenSplitter)
    buffer = memoryview(bytearray(b"one\ntwo."))

    cut = splitter.split(buffer, 7, True)

    assert bytes(buffer[: cut.end]) == b"one\ntwo\n"


def test_a_record_without_an_end_is_delivered_once_and_then_passed_over():
    seen = Reads(make(TokenSplitter, 100), 100).all(b"z" * 5000 + b"\nnext\n", [50] * 101)

    assert seen.records == [b"z" * 100, b"next"]


def regex_records(data, delimiter, eol):
    """The rule, over the whole stream at once."""
    records, start, at = [], 0, 0
    pattern = re.compile(delimiter)
    while (match := pattern.search(data[start:], at)) is not None:
        end, following = match.span()
        if pattern.groups and match.start(1) >= 0:
            end, following = (match.end(1), following) if eol else (end, match.start(1))
        if following == 0:
            at = max(match.end(), 1)
            continue
        records.append(data[start : start + end])
        start, at = start + following, 0
    return records + ([data[start:]] if start < len(data) else [])


DELIMITERS = st.sampled_from(
    [
        rb"\n",
        rb"\r?\n",
        rb"\n{1,3}",
        rb"\n(\d{,2}-)",
        rb"(?m)^(\d\d-)",
        rb"\n(\d\d-)",
        rb"(;|END)",
        rb"(;)\n",
        rb"\n([^ \t])",
        rb"[\s;]\S{0,2}",
        rb"(?s:;.?)|[]\s]{2}\b",
        rb"(?i)end\b",
    ]
)
REGEX_TEXT = st.lists(
    st.sampled_from(
        [b"\n", b"\r", b"12-", b"3", b"END", b"end", b";", b" ", b"abc", b"\t", b"q" * 60, b"\x0b", b"\xe9", b"]"]
    ),
    max_size=60,
).map(b"".join)


@settings(max_examples=examples(200))
@given(REGEX_TEXT, SIZES, POLICY, DELIMITERS, st.booleans())
def test_regex_gives_the_same_records_however_the_stream_is_cut(data, sizes, oversize, delimiter, eol):
    splitter = make(RegexSplitter, 100, oversize, delimiter=delimiter.decode(), delimiter_eol=eol)

    seen = Reads(splitter, 100, oversize).all(data, sizes)

    assert (seen.records, seen.refused) == apply_policy(regex_records(data, delimiter, eol), 100, oversize)


def test_regex_capture_ends_the_record_or_begins_the_next():
    data = b"2024 a\n b\n2025 c\n"

    ends = Reads(make(RegexSplitter, delimiter=r"(\n)2")).all(data, [7, 7])
    begins = Reads(make(RegexSplitter, delimiter=r"\n(\d{4})", delimiter_eol=False)).all(data, [3, 5])

    assert ends.records == [b"2024 a\n b\n", b"025 c\n"]
    assert begins.records == [b"2024 a\n b", b"2025 c\n"]


def test_regex_with_an_unbounded_repetition_waits_for_the_text_it_may_need():
    splitter = make(RegexSplitter, delimiter=r"\n+", lookahead_bytes=4)

    seen = Reads(splitter)

    seen.read(b"one\n")
    assert seen.records == []
    seen.read(b"\ntwo")
    assert seen.records == [b"one"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (rb"\n", (1, 1)),
        (rb"\r?\n(\d{4}-)", (7, 1)),
        (rb"a|bcd", (3, 1)),
        (rb"\n\b", (2, 1)),
        (rb"x+", (50, 1)),
        (rb"(?:ab){2,3}", (6, 1)),
        (rb"(?m:;$)", (2, 1)),
        (rb"(a)?b\x00", (3, 1)),
    ],
)
def test_reach_is_how_far_an_expression_looks(pattern, expected):
    assert reach(pattern, 50) == expected


@pytest.mark.parametrize(
    ("delimiter", "complaint"),
    [
        ("(", "no regular expression"),
        ("(a)(b)", "more than one capture"),
        ("\\n$", "end of the text"),
        ("\\n(?=a)", r"a look-ahead, \(\?=.*delimiter_eol: false"),
        ("a|(?:b(?!c))+", r"a negative look-ahead"),
        ("(?<=a)b", r"a look-behind"),
        ("(?<!a)b", r"a negative look-behind"),
        (r"(a)\1", r"a back-reference"),
        (r"(?P<x>a)(?:b|(?P=x))", r"a back-reference"),
        ("(a)?b(?(1)c|d)", r"a conditional"),
        ("(?>ab)", r"an atomic group"),
        ("a*+b", r"a possessive repetition"),
        ("(?x) a b", r"of the flags only"),
        ("(?a)x", r"of the flags only"),
        ("[[:alpha:]]", r"ambiguous"),
        ("x{2000}", r"RE2 does not take it.*repetition"),
        ("(?:(?:x{1,30}){1,30}y){1,30}", r"RE2 does not take it|too large"),
        ("(?:x{1,40}){1,40}", r"RE2 does not take it|too large"),
        ("x" * 5000, r"longer than 4096 bytes"),
        ("(" * 2000 + ")" * 2000, r"no regular expression"),
    ],
)
def test_a_regex_that_cannot_split_is_refused_with_the_reason(delimiter, complaint):
    with pytest.raises(msgspec.ValidationError, match=complaint):
        msgspec.convert({"delimiter": delimiter}, RegexSplitter.Options)


@pytest.mark.parametrize(
    ("delimiter", "byte"),
    [
        (r"(x{1,9}){1,60}y", b"x"), (r"(?:x+x+)+y", b"x"), (r"(x|xx)+y", b"x"), (r"(?:.*.*)*=", b"x"),
        (r"(\s*)*;", b" "),
        (r"\n(?s:.*Z)?", b"\n"), (r"(?:a|b|ab)*c", b"ab"), (r"([^;]*;?){1,20}!", b";"),
    ],
)  # fmt: skip
def test_no_expression_takes_more_than_linear_time(delimiter, byte):
    """Each takes a backtracking engine longer than the test may, or time quadratic in the size of a buffer."""
    splitter = make(RegexSplitter, 100_000, delimiter=delimiter)
    data = byte * (60_000 // len(byte))

    before_ns = time.process_time_ns()
    for final in (False, True):
        splitter.split(memoryview(data), len(data), final)

    assert time.process_time_ns() - before_ns < 5e9


def test_a_repetition_that_goes_on_beyond_what_is_looked_at_at_a_time_is_one_delimiter():
    data = b"a" + b"\n" * 20_000 + b"b\n"

    cut = make(RegexSplitter, 100_000, delimiter=r"\n+").split(memoryview(data), len(data), final=True)

    assert list(cut.records) == [0, 1, 20_001, 20_002]


FRAMES = st.lists(st.one_of(st.binary(max_size=60), st.integers(90, 110).map(lambda n: b"f" * n)), max_size=12)


@settings(max_examples=examples(150))
@given(
    FRAMES, SIZES, POLICY, st.tuples(st.sampled_from([1, 2, 4, 8]), st.sampled_from(["big", "little"]), st.booleans())
)
def test_length_gives_the_same_records_however_the_stream_is_cut(frames, sizes, oversize, form):
    header, order, inclusive = form
    extra = header if inclusive else 0
    data = b"".join((len(frame) + extra).to_bytes(header, order) + frame for frame in frames)
    options = {"header_bytes": header, "byte_order": order, "length_includes_header": inclusive}

    seen = Reads(make(LengthSplitter, 100, oversize, **options), 100, oversize).all(data, sizes)

    assert (seen.records, seen.refused) == apply_policy(frames, 100, oversize)


@settings(max_examples=examples(60))
@given(FRAMES.filter(bool), SIZES, st.integers(1, 60), st.booleans())
def test_a_frame_cut_short_by_the_end_is_refused_or_delivered_as_told(frames, sizes, missing, deliver):
    data = b"".join(len(frame).to_bytes(4, "big") + frame for frame in frames)
    data = data[: max(len(data) - min(missing, len(frames[-1])), 0)]
    whole = frames if not frames[-1] else frames[:-1]

    seen = Reads(make(LengthSplitter, deliver_incomplete_final=deliver)).all(data, sizes)

    assert seen.records[: len(whole)] == [frame[:100] for frame in whole]
    if frames[-1] and not deliver and len(frames[-1]) <= 100:
        assert len(seen.refused) == 1


def test_a_length_shorter_than_its_header_breaks_the_stream():
    seen = Reads(make(LengthSplitter, length_includes_header=True))

    cut = seen.read(b"\x00\x00\x00\x05a" + b"\x00\x00\x00\x01bcd")

    assert seen.records == [b"a"]
    assert cut.broken
    assert seen.refused == [b"\x00\x00\x00\x01bcd"]


def test_null_makes_each_read_a_record():
    seen = Reads(make(NullSplitter))

    seen.read(b"one\ntwo")
    seen.read(b"three")

    assert seen.records == [b"one\ntwo", b"three"]


def test_null_follows_the_oversize_policy():
    cut = make(NullSplitter, 4, "drop").split(memoryview(b"too long"), 8, False)

    assert cut.records == array("I")
    assert [(item.data, item.reason) for item in cut.refused] == [(b"too ", OVERSIZE_REASON)]
