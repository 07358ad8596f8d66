-- `in` with many values: looked up in tables, since a function has no room for thousands of comparisons.
--
--   of(values) -> set       set.texts[text], and:
--   has(set, v) -> boolean     v: what was read, or an int64 where a number of Lua's has not enough digits
local exactly = require "matcher_numbers"

local M = {}

-- what is beyond 2^53: [double nearest to it] = tests of the literals that it may stand for
local function add_wide(wide, value)
  local tests = wide[value.number] or {}
  wide[value.number] = tests
  tests[#tests + 1] = exactly.test("==", value)
end

function M.of(values)
  local set = { texts = {}, numbers = {}, wide = {} }
  for _, value in ipairs(values) do
    if value.type == "string" then
      set.texts[value.text] = true
    elseif exactly.is_exact(value) then
      set.numbers[value.number] = true
    else
      add_wide(set.wide, value)
    end
  end
  return set
end

local function is_wide(set, v)
  for _, test in ipairs(set.wide[tonumber(v)] or {}) do
    if test(v) then return true end
  end
  return false
end

function M.has(set, v)
  if type(v) == "string" then return set.texts[v] == true end
  if type(v) ~= "number" and type(v) ~= "cdata" then return false end
  return set.numbers[tonumber(v)] or is_wide(set, v)
end

return M
