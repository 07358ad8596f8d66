"""Nanoseconds that scripts calculate with Lua numbers."""

from hypothesis import given
from hypothesis import strategies as st

from tests.lua_runtime import KERNEL, load_module, new_runtime

RUNTIME = new_runtime(KERNEL)
TIMESTAMPS = load_module(RUNTIME, "timestamps")
AS_TEXT = RUNTIME.eval(b"function(of_number, n) return (tostring(of_number(n)):gsub('LL', '')) end")


def of_number(number: float) -> int:
    return int(AS_TEXT(TIMESTAMPS[b"of_number"], number))


@given(st.integers(-(2**61) // 1000, 2**61 // 1000))
def test_whole_microseconds_survive_a_lua_number(microseconds: int) -> None:
    assert of_number(float(microseconds * 1000)) == microseconds * 1000


@given(st.integers(-(2**61), 2**61))
def test_no_time_moves_by_more_than_a_lua_number_may_be_off(ns: int) -> None:
    assert abs(of_number(float(ns)) - ns) <= 256
