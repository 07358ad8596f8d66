-- Plain copies of what a script hands in. Every value of a script passes through here before the kernel works with it: tables are read
-- raw, and the copies have no metatables and no circles, so nothing that the kernel does with them later calls the script.
local calls = require "script_calls"
local handles = require "handles"
local lpeg = require "lpeg"

local M = {}

local getmetatable = debug.getmetatable
local next, type = next, type

local MAX_MESSAGE_DEPTH, MAX_OPTION_DEPTH, MAX_VALUES = 6, 16, 20000

-- ---------------------------------------------------------------- messages

-- Copies the message of inject_message or encode_message. Handles stay; objects that can be written as text become that text.
function M.copy(msg)
  local values = 0
  local copy

  local function one(v, depth)
    if type(v) ~= "table" and type(v) ~= "userdata" or handles.value(v) ~= nil then return v end
    if handles.has_text(v) then return calls.text_of(v) end
    return type(v) == "table" and copy(v, depth) or v
  end

  function copy(t, depth)
    if depth > MAX_MESSAGE_DEPTH then error("inject_message: tables are nested too deeply, or in a circle", 0) end
    local out = {}
    for k, v in next, t do
      values = values + 1
      if values > MAX_VALUES then error("inject_message: more than " .. MAX_VALUES .. " values", 0) end
      if type(k) ~= "string" and type(k) ~= "number" then
        error("inject_message: a key must be a string or a number, not a " .. type(k), 0)
      end
      out[k] = one(v, depth + 1)
    end
    return out
  end

  return copy(msg, 0)
end

-- ---------------------------------------------------------------- declarations

local LEAVES = { string = true, number = true, boolean = true, ["function"] = true }

local function place(where, key)
  if type(key) == "number" then return ("%s[%g]"):format(where, key) end
  if not key:find "^[%w_]+$" or #key > 60 then return where .. "[a key]" end
  return where == "" and key or where .. "." .. key
end

-- Copies the table that a `declare_*` function was given. name: of that function, for errors. A table with a metatable is refused:
-- raw access would read something else than the script sees.
function M.options(name, given)
  local values = 0

  local function bad(where, what)
    error(name .. ": " .. (where == "" and "the table" or where) .. " " .. what, 0)
  end

  local function copy(v, where, depth)
    local kind = type(v)
    if LEAVES[kind] or kind == "userdata" and lpeg.type(v) == "pattern" then return v end
    if kind ~= "table" then bad(where, "is a " .. kind .. ", which cannot be declared") end
    if getmetatable(v) ~= nil then bad(where, "has a metatable; give a plain table") end
    if depth > MAX_OPTION_DEPTH then bad(where, "is nested too deeply, or in a circle") end
    local out = {}
    for k, inner in next, v do
      values = values + 1
      if values > MAX_VALUES then bad("", "has more than " .. MAX_VALUES .. " values") end
      if type(k) ~= "string" and type(k) ~= "number" then bad(where, "has a key that is a " .. type(k)) end
      out[k] = copy(inner, place(where, k), depth + 1)
    end
    return out
  end

  if type(given) ~= "table" then error(name .. ": takes a table, not a " .. type(given), 0) end
  return copy(given, "", 0)
end

return M
