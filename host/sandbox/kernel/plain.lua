-- Copies of what a script hands in that run no code of the script when they are read later: no metatables, no circles. While a
-- message is being written nothing may call back into the script, which could begin another one.
local calls = require "calls"
local handles = require "handles"

local M = {}

local DEEPEST, MOST_VALUES = 6, 20000

local function has_text(t)
  local mt = debug.getmetatable(t)
  return type(mt) == "table" and rawget(mt, "__tostring") ~= nil
end

-- the message of inject_message, copied. Handles stay, and objects that can be written as text become it.
function M.copy(msg)
  local values = 0
  local copy

  local function one(v, depth)
    if type(v) ~= "table" and type(v) ~= "userdata" or handles.value(v) ~= nil then return v end
    if has_text(v) then return calls.text_of(v) end
    return type(v) == "table" and copy(v, depth) or v
  end

  function copy(t, depth)
    if depth > DEEPEST then error("inject_message: tables are nested too deeply, or in a circle", 0) end
    local out = {}
    for k, v in next, t do
      values = values + 1
      if values > MOST_VALUES then error("inject_message: more than " .. MOST_VALUES .. " values", 0) end
      out[k] = one(v, depth + 1)
    end
    return out
  end

  return copy(msg, 0)
end

return M
