"""What fails at a component, counted and judged: the clock is given."""

import orjson
import pytest

from host.telemetry.failures import PERIOD_S, Failures


class Clock:
    now_s = 1000.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def failures(clock):
    return Failures(monotonic_s=clock, wall_ns=lambda: 5)


def test_nothing_is_well(failures):
    assert (failures.condition, failures.share, failures.recent, failures.summary) == ("ok", 0.0, (0, 0), "")


@pytest.mark.parametrize(
    ("failed", "condition"), [(0, "ok"), (1, "warning"), (79, "warning"), (80, "failing"), (100, "failing")]
)
def test_any_failure_warns_and_many_are_failing(failures, failed, condition):
    failures.count(100, failed)
    assert failures.condition == condition
    assert failures.share == failed / 100


def test_it_is_the_recent_share_that_counts(failures, clock):
    failures.count(1_000_000, 0)
    for _ in range(3):
        clock.now_s += PERIOD_S + 1
        failures.count(10, 10)
    assert failures.recent == (20, 20)
    assert failures.condition == "failing"
    for _ in range(3):
        clock.now_s += PERIOD_S + 1
        failures.count(10, 0)
    assert failures.condition == "ok"
    assert failures.total == 30


def test_what_fails_seldom_but_always_is_failing_until_something_passes(failures, clock):
    failures.count(1, 1)
    clock.now_s += 3600
    assert failures.condition == "failing"


def test_a_single_failure_is_no_warning_for_ever(failures, clock):
    failures.count(100, 1)
    clock.now_s += 2 * PERIOD_S - 1
    assert failures.condition == "warning"
    clock.now_s += 2
    assert failures.condition == "ok"


def test_another_version_begins_anew_but_the_first_one_does_not(failures):
    failures.count(10, 10, "one")
    failures.note_record("why", b"record")
    failures.count(10, 10, "one")
    assert failures.recent == (20, 20)
    failures.count(10, 0, "two")
    assert (failures.condition, failures.recent, failures.first, failures.total) == ("ok", (10, 0), None, 20)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("mine.lua:12: attempt to index", ("mine.lua", 12)),
        ("One record took more than 30 ms of CPU (cpu_limit). It was at mine.lua:7.", ("mine.lua", 7)),
        ("es: mine.lua:3: bad", ("mine.lua", 3)),
        ("five is too", ("given.lua", 9)),
        ("http://host.lua.example:80: refused", ("given.lua", 9)),
    ],
)
def test_the_place_is_that_of_the_text_or_else_what_is_known(failures, text, place):
    failures.note(text, "given.lua", 9)
    assert (failures.last.file, failures.last.line) == place
    assert place[0] in failures.last.summary


def test_texts_and_records_are_escaped_and_bounded(failures):
    failures.note("\x1b[31m\u202ered" + "x" * 10_000)
    failures.note_record("\x07", b"\x1b\xff" + b"y" * 10_000, "\x1bstream", 3)
    assert failures.last.text.startswith("\\x1b[31m\\u202ered")
    assert len(failures.last.text) < 2100
    first = failures.first
    assert first.text.startswith("\\x1b\\xff")
    assert len(first.text) < 1100
    assert (first.reason, first.bytes, first.position) == ("\\x07", 10_002, 3)


def test_the_first_record_comes_from_dead_letters_and_stays(failures, clock):
    letters = b"".join(
        orjson.dumps({"reason": "bad", "record": f"r{number}", "bytes": 2, "position": 4, "stream": "s"}) + b"\n"
        for number in range(3)
    )
    failures.note_letters(letters)
    clock.now_s += 10
    failures.note_letters(letters.replace(b"r0", b"r9"))
    assert (failures.first.text, failures.first.reason, failures.first.position) == ("r0", "bad", 4)


@pytest.mark.parametrize(
    "lines", [b"", b"no JSON\n", b"[]\n", b'{"record":5,"bytes":"x","position":null}\n', b"no end"]
)
def test_whatever_a_sandbox_sends_as_dead_letters_does_no_harm(failures, lines):
    failures.note_letters(lines)
    assert failures.first is None or failures.first.bytes == 0
