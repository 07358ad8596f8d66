"""Nanoseconds of texts, and those that scripts calculate with Lua numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lua_runtime import KERNEL, load_module, new_runtime

RUNTIME = new_runtime(*KERNEL)
TIMESTAMPS = load_module(RUNTIME, "timestamps")
AS_TEXT = RUNTIME.eval(b"function(of_number, n) return (tostring(of_number(n)):gsub('LL', '')) end")

PARSE = RUNTIME.eval(
    b"""function(timestamps, parser, text)
      local ffi = require "ffi"
      local found = timestamps[parser](ffi.cast("const uint8_t *", text), 0, #text)
      return found and (tostring(timestamps.value[0]):gsub("LL", "")) or nil
    end"""
)


def of_number(number: float) -> int:
    return int(AS_TEXT(TIMESTAMPS[b"of_number"], number))


def parsed(parser: str, text: str) -> int | None:
    found = PARSE(TIMESTAMPS, parser.encode(), text.encode())
    return int(found) if found else None


@pytest.mark.parametrize(
    ("parser", "text", "nanoseconds"),
    [
        ("epoch_s", "1714557600.5", 1714557600500000000),
        ("epoch_s", "-9223372034", -9223372034000000000),
        ("epoch_s", "1714557600123", None),
        ("epoch_ms", "9223372036854", None),
        ("epoch_us", "9999999999999999999", None),
        ("epoch_ns", "9223372036854775806", 2**63 - 2),
        ("epoch_ns", "9223372036854775808", None),
        ("rfc3339", "0001-01-01T00:00:00Z", None),
        ("rfc3339", "1678-01-01T00:00:00Z", -9214560000000000000),
        ("rfc3339", "2261-12-31T23:59:60Z", 9214646400000000000),
        ("rfc3339", "2262-01-01T00:00:00Z", None),
    ],
)
def test_a_time_that_no_int64_of_nanoseconds_holds_is_none(parser: str, text: str, nanoseconds: int | None) -> None:
    assert parsed(parser, text) == nanoseconds


@pytest.mark.parametrize("number", [1714557600123e9, -1e19, 2.0**63, float("inf"), float("nan")])
def test_a_number_that_is_no_int64_is_no_time(number: float) -> None:
    assert TIMESTAMPS[b"of_number"](number) is None


@given(st.integers(-(2**61) // 1000, 2**61 // 1000))
def test_whole_microseconds_survive_a_lua_number(microseconds: int) -> None:
    assert of_number(float(microseconds * 1000)) == microseconds * 1000


@given(st.integers(-(2**61), 2**61))
def test_no_time_moves_by_more_than_a_lua_number_may_be_off(ns: int) -> None:
    assert abs(of_number(float(ns)) - ns) <= 256
