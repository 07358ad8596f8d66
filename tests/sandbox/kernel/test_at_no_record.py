"""Housekeeping of the kernel is not charged to a record."""

import pytest

from tests.lua_runtime import KERNEL, new_runtime

STUBS = rb"""
ffi = require "ffi"
local nothing = function() return "nothing" end
local function stub(more) return setmetatable(more or {}, { __index = function() return nothing end }) end
for _, name in ipairs { "script_calls", "cjson", "dead_letters", "emit", "environment", "line_watch", "message",
  "numbers", "output", "readouts", "re", "scripts", "shapes", "state", "usage", "virtual_time", "matcher" } do
  package.loaded[name] = stub()
end
beat, seen = ffi.new "uint64_t[512]", {}
function see(what) seen[#seen + 1] = what .. " " .. tonumber(beat[2]) end
commands = {}
package.loaded.channel = stub {
  PACK = 1, PROBE = 2, STOP = 3, INIT = 4,
  wait_for = function() return { text = "", flags = 0 } end,
  next = function() return table.remove(commands, 1) end,
  has = function() return false end,
  address = function() return header end,
  report = function() return {} end,
}
package.loaded.cjson.decode = function() return { kind = "test" } end
package.loaded.scripts.coverage = false
package.loaded.shapes.of_pack = function() see "shapes" return { compiled = {} } end
package.loaded.script_calls.process = function() see "script" return 0 end
"""

MAIN = rb"""
local garbage_kib = 0
collectgarbage = function(what)
  if what == "count" then return garbage_kib end
  if not what then see "garbage" end
end
package.loaded.start_test = function()
  return { run = function() see "records" garbage_kib = 1e6 return 1 end }
end
package.loaded.filter = { probe = function() see "matcher" end }
commands = { { op = 1 }, { op = 1 }, { op = 2 } }
seen = {}
require("main")(0, ffi.cast("uintptr_t", beat))
see "end"
return table.concat(seen, ", ")
"""


@pytest.fixture
def runtime():
    made = new_runtime(*KERNEL)
    made.execute(STUBS)
    return made


def test_garbage_of_earlier_packs_is_not_charged_to_the_first_record(runtime):
    assert runtime.execute(MAIN) == b"garbage 1, records 1, garbage 2, records 1, matcher 2, end 0"


@pytest.mark.parametrize("part", [b"filter", b"encoder"])
def test_reading_shapes_is_not_charged_to_the_first_record(runtime, part):
    runtime.globals().part = part
    seen = runtime.execute(
        b"""
        header = ffi.new "uint8_t[512]"
        local kernel = require(part)
        kernel.open({ matcher = function() return false end }, beat)
        beat[2] = 1
        local command = { raw_bytes = 0, pack = 1, first_record = 0, records = 0, loop_depth = 0, position = 0 }
        pcall(kernel.run, command)
        see "records"
        return table.concat(seen, ", ")
        """
    )
    assert seen == b"shapes 2, records 1"
