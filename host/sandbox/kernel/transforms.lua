-- Transforms of declared fields: a pure function of the field's text, remembered by text.
local ffi = require "ffi"
local L = require "layout"
local W = require "writer"

local M = {}

-- texts remembered for one field before all are forgotten
local MOST_REMEMBERED = 1000

local KINDS = { string = L.STRING, integer = L.INTEGER, double = L.DOUBLE, bool = L.BOOL }

function M.kind(name)
  return KINDS[name]
end

local put = {
  [L.STRING] = function(slot, v)
    v = tostring(v)
    local at = W.put(v, #v)
    slot.from, slot.to = at, at + #v
  end,
  [L.INTEGER] = function(slot, v) slot.integer = v end,
  [L.DOUBLE] = function(slot, v) slot.number = v end,
  [L.BOOL] = function(slot, v) slot.integer = v and 1 or 0 end,
}

-- answers store(base, from, to, slot): computes the value of the bytes and writes it into the slot
function M.new(transform, kind)
  local remembered, count = {}, 0
  local write = put[kind]
  local absent = kind == L.INTEGER and L.ABSENT_INTEGER or L.ABSENT
  return function(base, from, to, slot)
    local text = ffi.string(base + from, to - from)
    local v = remembered[text]
    if v == nil then
      v = transform(text)
      if v == nil then v = M end -- stands for "absent"
      if count >= MOST_REMEMBERED then
        remembered, count = {}, 0
      end
      remembered[text], count = v, count + 1
    end
    if v == M then
      slot.bits = absent
    else
      write(slot, v)
    end
  end
end

return M
