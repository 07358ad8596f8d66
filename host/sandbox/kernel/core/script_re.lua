-- `re` as scripts have it. Definitions are copied raw: `re` runs in the kernel's environment, and calls no metamethod of a script.
local lpeg = require "lpeg"
local script_lpeg = require "script_lpeg"

local next, type = next, type

local MAX_DEFINITIONS = 1000

-- Returns a plain copy of what %name and -> name stand for; a number becomes the pattern that it stands for, once its size is checked.
local function definitions(given)
  if given == nil then return nil end
  if type(given) ~= "table" then error("re.compile: the definitions must be a table, not a " .. type(given), 3) end
  local out, count = {}, 0
  for name, value in next, given do
    count = count + 1
    if count > MAX_DEFINITIONS then error("re.compile: more than " .. MAX_DEFINITIONS .. " definitions", 3) end
    if type(value) == "number" then value = script_lpeg.P(value) end
    if type(name) == "string" then out[name] = value end
  end
  return out
end

local function need_text(name, what, value)
  if type(value) ~= "string" then error("re." .. name .. ": " .. what .. " must be a string, not a " .. type(value), 3) end
end

local function need_pattern(name, p)
  if lpeg.type(p) ~= "pattern" then need_text(name, "the pattern", p) end
end

-- raw: the module
return function(raw)
  local module = {}

  function module.compile(p, given)
    need_pattern("compile", p)
    return raw.compile(p, definitions(given))
  end

  function module.match(subject, p, init)
    need_text("match", "the subject", subject)
    need_pattern("match", p)
    return raw.match(subject, p, init)
  end

  function module.find(subject, p, init)
    need_text("find", "the subject", subject)
    need_pattern("find", p)
    return raw.find(subject, p, init)
  end

  function module.gsub(subject, p, replacement)
    need_text("gsub", "the subject", subject)
    need_pattern("gsub", p)
    return raw.gsub(subject, p, replacement)
  end

  module.updatelocale = function() end -- the locale is C
  return module
end
