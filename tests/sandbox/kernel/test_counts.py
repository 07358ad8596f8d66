"""Counts and sizes that scripts give to LPEG and cjson have limits."""

from functools import cache

import pytest

from tests.lua_runtime import KERNEL, load_module, new_runtime


@cache
def kernel():
    """Return a function that runs a text with LPEG and cjson as scripts have them."""
    runtime = new_runtime(*KERNEL)
    lpeg = load_module(runtime, "script_lpeg")
    raw = load_module(runtime, "cjson")[b"new"]()
    cjson = load_module(runtime, "script_cjson")(raw)
    compile_ = runtime.eval(b"function(text) return assert(loadstring(text)) end")
    return lambda text: compile_(b"local lpeg, cjson = ... " + text.encode())(lpeg, cjson)


HUGE = ["1e5", "2 ^ 30", "2 ^ 31", "-2 ^ 31", "2 ^ 53", "1 / 0", "-1 / 0", "0 / 0", "1.5"]
TAKING_COUNTS = [
    "lpeg.P({})", "lpeg.B({})", "lpeg.C({})", "lpeg.Ct({})", "lpeg.match({}, 'x')", "lpeg.P 'a' * ({})",
    "({}) * lpeg.P 'a'", "lpeg.P 'a' + ({})", "lpeg.P 'a' - ({})", "lpeg.P 'a' ^ ({})", "lpeg.P 'a' / ({})",
]  # fmt: skip


@pytest.mark.parametrize("call", TAKING_COUNTS)
@pytest.mark.parametrize("count", HUGE)
def test_lpeg_refuses_counts_that_would_overflow(call, count):
    assert b"whole number from" in kernel()(f"return select(2, pcall(function() return {call.format(count)} end))")


@pytest.mark.parametrize("count", ["0", "-1", "2 ^ 31", "1 / 0", "0 / 0", "'x'", "nil"])
def test_the_stack_of_lpeg_may_not_shrink_nor_overflow(count):
    assert b"lpeg.setmaxstack: takes a whole number" in kernel()(f"return select(2, pcall(lpeg.setmaxstack, {count}))")


def test_lpeg_does_not_repeat_a_large_pattern_until_its_size_overflows():
    said = kernel()("return select(2, pcall(function() return lpeg.P(('a'):rep(20000)) ^ 60000 end))")
    assert b"too large to be repeated" in said


@pytest.mark.parametrize("depth", ["0", "1001", "2 ^ 31", "1 / 0", "0 / 0", "'x'"])
def test_cjson_takes_no_depth_that_would_overflow_the_stack(depth):
    for name in ("encode_max_depth", "decode_max_depth"):
        assert b"from 1 to 1000" in kernel()(f"return select(2, pcall(cjson.{name}, {depth}))")


def test_cjson_refuses_a_list_whose_gaps_would_fill_the_memory():
    text = "cjson.encode_sparse_array(false, 0) return select(2, pcall(cjson.encode, { [1e12] = 1 }))"
    assert b"too large" in kernel()(text)


def test_cjson_encodes_what_it_always_did():
    assert kernel()("return cjson.encode { 1, 'a/b', { c = true } }") == b'[1,"a\\/b",{"c":true}]'
    assert kernel()("return #cjson.encode(('x'):rep(1000000))") == 1_000_002
