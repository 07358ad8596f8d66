-- Handles: what read_message answers when it is asked for zero copy. A handle stands for one value of a message with all its digits, and
-- may be given wherever a value goes.
local calls = require "script_calls"
local numbers = require "numbers"
local values = require "values"

local M = {}

-- handle -> {value, text}. A script has the handle only; what it stands for is out of its reach.
local held = setmetatable({}, { __mode = "k" })

local metatable = { __metatable = "handle" }

local function new(value, text)
  local handle = setmetatable({}, metatable)
  held[handle] = { value, text }
  return handle
end

-- string, number, boolean or int64; nil if it is no handle
function M.value(handle)
  local h = held[handle]
  if h then return h[1] end
end

local function text_of(value)
  if type(value) == "number" then return numbers.double_text(value) end
  if type(value) == "cdata" then return numbers.int64_text(value) end
  return tostring(value)
end

function M.text(handle)
  local h = held[handle]
  return h and (h[2] or text_of(h[1]))
end

metatable.__tostring = function(handle) return M.text(handle) or "handle" end

-- a handle of what read_message(variable, fi, ai) would answer, or nil
function M.read(variable, fi, ai, record, raw, pack, shape)
  local value = values.reader(shape, variable, fi, ai)(record, raw, pack)
  if value == nil then return nil end
  if type(value) ~= "number" then return new(value) end
  if variable == "Timestamp" then return new(record.timestamp + 0LL) end
  local list = shape.occurrences[variable]
  local column = list and shape.columns[list[fi + 1]]
  if not column then return new(value) end
  return new(values.exact_number(column, ai, value, record, raw, pack))
end

-- whether v is an object that can be written as text: a circular buffer, say
function M.has_text(v)
  return calls.text_function(v) ~= nil
end

-- What a script gave as a value, as one: a handle becomes what it stands for, an object that can be written as text becomes the
-- text. Anything else is answered as it is.
function M.resolve(v)
  if type(v) ~= "table" and type(v) ~= "userdata" then return v end
  local value = M.value(v)
  if value ~= nil then return value end
  return M.has_text(v) and calls.text_of(v) or v
end

return M
