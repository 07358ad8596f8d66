"""Grammars for times, against Python's datetime."""

from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lua_runtime import STDLIB, load_module, new_runtime, to_python

RUNTIME = new_runtime(STDLIB)
DATE_TIME = load_module(RUNTIME, "date_time")
TO_NS = DATE_TIME[b"time_to_ns"]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_ns(grammar: Any, text: str) -> float | None:
    return TO_NS(grammar.match(grammar, text.encode()))


def nanoseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1) * 1000


zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(min_value=datetime(1902, 1, 1), max_value=datetime(2100, 1, 1), timezones=zones)  # noqa: DTZ001
whole = moments.map(lambda moment: moment.replace(microsecond=0))


@given(moments)
def test_rfc3339(moment: datetime) -> None:
    assert to_ns(DATE_TIME[b"rfc3339"], moment.isoformat()) == pytest.approx(nanoseconds(moment), abs=512)


@given(whole)
def test_clf(moment: datetime) -> None:
    assert to_ns(DATE_TIME[b"clf_timestamp"], moment.strftime("%d/%b/%Y:%H:%M:%S %z")) == nanoseconds(moment)


FORMATS = [
    "%Y-%m-%d %H:%M:%S %z",
    "%a, %d %b %Y %T %z",
    "%A %e %B %Y %I:%M:%S %p %z",
    "%d.%m.%y %R:%S %z",
    "%c %z",
    "%D %r %z",
    "%F%%%T%z",
    "%j %Y-%m-%dT%H:%M:%S%z",
]


@given(whole.filter(lambda moment: 1970 <= moment.year < 2069), st.sampled_from(FORMATS))
def test_strftime(moment: datetime, text_format: str) -> None:
    grammar = DATE_TIME[b"build_strftime_grammar"](text_format.encode())

    assert to_ns(grammar, moment.strftime(text_format)) == nanoseconds(moment)


def test_strftime_without_a_zone_is_utc_and_seconds_since_the_epoch_work() -> None:
    build = DATE_TIME[b"build_strftime_grammar"]

    assert to_ns(build(b"%Y/%m/%d %H:%M:%S.%f"), "2024/05/01 12:00:00.5") == 1714564800_500000000
    assert to_ns(build(b"%s.%f"), "1714564800.5") == 1714564800_500000000
    with pytest.raises(Exception, match="unknown specifier %Q"):
        build(b"%Q")


@pytest.mark.parametrize(
    ("grammar", "text", "expected"),
    [
        ("rfc3339", "2024-05-01t12:00:00z", "2024-05-01T12:00:00+00:00"),
        ("rfc3339", "2024-05-01 12:00:00.5-07:30", "2024-05-01T12:00:00.5-07:30"),
        ("mysql_timestamp", "20240501120000", "2024-05-01T12:00:00+00:00"),
        ("pgsql_timestamp", "2024-05-01 12:00:00.5-07", "2024-05-01T12:00:00.5-07:00"),
        ("pgsql_timestamp", "2024-05-01 12:00:00 CEST", "2024-05-01T12:00:00+02:00"),
        ("pgsql_timestamp", "2024-05-01 12:00:00", "2024-05-01T12:00:00+00:00"),
    ],
)
def test_other_forms(grammar: str, text: str, expected: str) -> None:
    assert to_ns(DATE_TIME[grammar.encode()], text) == nanoseconds(datetime.fromisoformat(expected))


@pytest.mark.parametrize(
    ("grammar", "text"),
    [
        ("rfc3339", "2024-05-01T12:00:00"),
        ("rfc3339", "2024-13-01T12:00:00Z"),
        ("rfc3339", "2024-05-32T12:00:00Z"),
        ("rfc3339", "2024-05-01T24:00:00Z"),
        ("clf_timestamp", "01/Foo/2024:12:00:00 +0000"),
        ("rfc3164_timestamp", "May 01 12:00"),
    ],
)
def test_what_is_no_time_does_not_match(grammar: str, text: str) -> None:
    found = DATE_TIME[grammar.encode()]

    assert found.match(found, text.encode()) is None


def test_the_parts_are_captured_as_text() -> None:
    grammar = DATE_TIME[b"rfc3339"]

    parts = to_python(grammar.match(grammar, b"2024-05-01T12:34:56.5-07:30"))

    assert parts == {
        "year": b"2024", "month": b"05", "day": b"01", "hour": b"12", "min": b"34", "sec": b"56", "sec_frac": 0.5,
        "offset_sign": b"-", "offset_hour": b"07", "offset_min": b"30",
    }  # fmt: skip


@pytest.mark.parametrize("days", [-360, -170, -30, -1, 0])
def test_a_time_without_a_year_is_the_latest_that_is_not_ahead(days: int) -> None:
    moment = (datetime.now(UTC) + timedelta(days=days)).replace(microsecond=0)
    text = f"{moment:%b} {moment.day:2d} {moment:%H:%M:%S}"

    assert to_ns(DATE_TIME[b"rfc3164_timestamp"], text) == nanoseconds(moment)


def test_a_date_of_mail() -> None:
    moment = datetime(2024, 5, 1, 12, tzinfo=UTC)
    grammar = DATE_TIME[b"build_strftime_grammar"](b"%a, %d %b %Y %H:%M:%S %z")

    assert to_ns(grammar, format_datetime(moment)) == nanoseconds(moment)
