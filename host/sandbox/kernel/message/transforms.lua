-- Transforms of declared fields: a pure function of the field's text, remembered by text.
local ffi = require "ffi"
local L = require "layout"
local W = require "writer"
local handles = require "handles"

local M = {}

-- texts remembered for one field before all are forgotten
local MAX_REMEMBERED = 1000

local KINDS = { string = L.STRING, integer = L.INTEGER, double = L.DOUBLE, bool = L.BOOL }

function M.kind(name)
  return KINDS[name]
end

-- Returns what a transform answered as a plain value of the kind.
local function plain_value(v, kind)
  v = handles.resolve(v)
  local given = type(v)
  if kind == L.BOOL then
    if given == "table" or given == "userdata" or given == "function" then
      error("a transform of type bool must answer a boolean, not a " .. given, 0)
    end
    return v and true or false
  end
  if kind == L.STRING and (given == "number" or given == "boolean" or given == "cdata") then return tostring(v) end
  if kind == L.STRING and given ~= "string" then error("a transform must answer a string, not a " .. given, 0) end
  if kind ~= L.STRING and given ~= "number" and given ~= "cdata" then error("a transform must answer a number, not a " .. given, 0) end
  return v
end

local put = {
  [L.STRING] = function(slot, v)
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
      if v == nil then
        v = M -- stands for "absent"
      else
        v = plain_value(v, kind)
      end
      if count >= MAX_REMEMBERED then
        remembered, count = {}, 0
      end
      remembered[text], count = v, count + 1
    end
    if rawequal(v, M) then
      slot.bits = absent
    else
      write(slot, v)
    end
  end
end

return M
