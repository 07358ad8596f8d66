-- A script sees integers as Lua numbers, which beyond 2^53 stand for several integers each. When such a number comes back, to
-- be written or sent, it is most likely one that the script has read: then the digits of that one are meant.
local ffi = require "ffi"
local bit = require "bit"
local L = require "layout"
local json_values = require "json_values"
local numbers = require "numbers"

local M = {}

local cast = ffi.cast

-- Each looks at what a slot holds and calls see(int64) for the integers that are there.
local LOOK = {
  [L.INTEGER] = function(see, slot) see(slot.integer) end,
  [L.INTEGER_TEXT] = function(see, slot, base)
    if slot.to - slot.from > 15 then see(numbers.exact_int64(base, slot.from, slot.to)) end
  end,
  [L.ARRAY] = function(see, slot, base)
    local head = cast(L.u32_ptr, base + slot.from)
    if head[0] ~= L.INTEGER then return end
    for i = 1, head[1] do
      see((cast(L.slot_ptr, base + slot.from) + i).integer)
    end
  end,
  [L.JSON_VALUE] = function(see, slot, base)
    local text = ffi.string(base + slot.from, slot.to - slot.from)
    if not json_values.is_array(text) then return end
    for digits in text:gmatch "%-?%d+" do
      if #digits > 15 then see(numbers.int64_of(digits)) end
    end
  end,
}

local function look_at(record, raw, pack, shape, see)
  see(record.timestamp)
  for _, column in ipairs(shape.columns) do
    local look = LOOK[column.kind]
    if look then
      local slot = cast(L.slot_ptr, record + 1) + column.slot
      local absent = column.kind == L.INTEGER and L.ABSENT_INTEGER or L.ABSENT
      if bit.band(column.flags, L.OPTIONAL) == 0 or slot.bits ~= absent then
        look(see, slot, bit.band(column.flags, L.IN_HEAP) ~= 0 and pack or raw)
      end
    end
  end
end

-- n: a Lua number of at least 2^53 or at most -2^53; record: where it may have been read, or nil. Answers the int64 that it stands
-- for; nil if there is none, or if there are several.
function M.of(n, record, raw, pack, shape)
  local found = numbers.lent(n)
  if found == false then return nil end
  local ambiguous = false
  if record ~= nil then
    look_at(record, raw, pack, shape, function(v)
      if v == nil or tonumber(v) ~= n then return end
      if found and found ~= v then ambiguous = true end
      found = v + 0LL -- a copy: what the slot holds may change
    end)
  end
  return not ambiguous and found or nil
end

return M
