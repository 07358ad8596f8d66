-- What a declared grammar means, written from its description and independent
-- of the kernel: compile(spec) -> function(line) -> message table or nil.
local lpeg = require "lpeg"
local P, Cp, Ct, Cc = lpeg.P, lpeg.Cp, lpeg.Ct, lpeg.Cc

local function item_pattern(item)
  if type(item) == "string" or lpeg.type(item) == "pattern" then return P(item) end
  if item.optional then
    local inner = P(true)
    for _, part in ipairs(item.optional) do inner = inner * item_pattern(part) end
    return inner ^ -1
  end
  return Ct(Cc(item) * Cp() * item.grammar * Cp())
end

local CONVERT = {
  integer = tonumber, double = tonumber,
  json_string = require "escape_sequences".decode_json, string = function(text) return text end, bytes = function(text) return text end,
}

local function add(fields, field, text)
  local value = text
  if field.transform then value = field.transform(text) end
  if value == nil then return end
  local convert = CONVERT[field.type or "string"]
  if convert then value = convert(value) end
  local entry = {name = field.name, type = field.type, value = value, representation = field.representation}
  fields[#fields + 1] = entry
end

local function message(line, captures)
  local fields = {}
  for _, capture in ipairs(captures) do
    local field, text = capture[1], line:sub(capture[2], capture[3] - 1)
    add(fields, field, text)
    for _, extra in ipairs(field.also or {}) do add(fields, extra, text) end
  end
  return fields
end

return function(spec)
  local patterns = {}
  for i, items in ipairs(spec.alternatives) do
    local pattern = P(true)
    for _, item in ipairs(items) do pattern = pattern * item_pattern(item) end
    patterns[i] = Ct(pattern) * -1
  end
  return function(line)
    for i, pattern in ipairs(patterns) do
      local captures = pattern:match(line)
      if captures then return message(line, captures), i end
    end
  end
end
