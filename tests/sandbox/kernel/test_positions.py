"""The generated loop of a declared grammar checks the positions of each record, whatever its pattern answers."""

import pytest

from tests.lua_runtime import KERNEL, new_runtime

HARNESS = b"""
local ffi = require "ffi"
package.loaded.channel = setmetatable({}, { __index = function(_, name) return name end })
local declared, W, lpeg = require "declared", require "writer", require "lpeg"
local C, Cc, Cp, P, R = lpeg.C, lpeg.Cc, lpeg.Cp, lpeg.P, lpeg.R
local memory, raw = ffi.new("uint64_t[?]", 32768), ffi.new("uint8_t[64]")
KEEP = { memory, raw }
return function(items, text)
  local spec = { type = "t", hostname = "h", alternatives = { setfenv(assert(loadstring("return " .. items)), {
    C = C, Cc = Cc, Cp = Cp, P = P, R = R })() } }
  local one = declared.compile(spec, "\\n")[1]
  W.open(ffi.cast("uint8_t *", memory), 32768 * 8)
  ffi.copy(raw, text, #text)
  local ok, taken, why = pcall(one.single, text, ffi.cast("uint8_t *", raw), 0, 0LL)
  return ok and taken, W.count, tostring(ok and why or taken)
end
"""
SECOND = '" ", { name = "b", grammar = P(1) ^ 0 }'


@pytest.fixture(scope="module")
def take():
    runtime = new_runtime(*KERNEL)
    return runtime.execute(HARNESS)


@pytest.mark.parametrize(
    "first",
    [
        "Cc(60) * R '09' ^ 1",
        "R '09' ^ 1 * Cc(-5)",
        "Cc(1e9) * Cc(1e9 + 48) * R '09' ^ 1",
        "R '09' ^ 1 * Cc(2 ^ 32)",
        "Cp() * Cc(0) * R '09' ^ 1",
        "R '09' ^ 1 * Cc(0 / 0)",
    ],
)
def test_positions_outside_of_the_record_are_refused(take, first):
    taken, count, why = take(f'{{ {{ name = "a", grammar = {first} }}, {SECOND} }}'.encode(), b"123 rest")

    assert (taken, count) == (False, 0)
    assert why == b"a pattern answered a position outside of its record"


@pytest.mark.parametrize(
    ("items", "text"),
    [
        (f'{{ {{ name = "a", grammar = R "09" ^ 1 }}, {SECOND} }}', b"123 rest"),
        ('{ "x=", { name = "a", grammar = R "09" ^ 0 } }', b"x="),
        ('{ { name = "a", grammar = P(1) ^ 0 } }', b""),
        ('{ { name = "a", grammar = R "09" ^ 1 }, { optional = { ";", { name = "b", grammar = P(1) ^ 0 } } } }', b"1"),
        (
            '{ { name = "a", grammar = R "09" ^ 1 }, { optional = { ";", { name = "b", grammar = P(1) ^ 0 } } } }',
            b"1;x",
        ),
        ('{ "a" }', b"a"),
    ],
)
def test_positions_within_the_record_are_taken(take, items, text):
    assert take(items.encode(), text)[:2] == (True, 1)
