-- Captures that yield no value. LPEG counts `p / 0` as a capture, although it drops the values of `p`. So a pattern that contains `p / 0`
-- has a twin, which has a single byte in place of each such part. The twin contains captures only if the pattern can yield values.
local M = {}

local twins = setmetatable({}, { __mode = "k" }) -- pattern -> its twin

-- Returns true if this pattern has a twin of its own.
function M.has(p)
  return twins[p] ~= nil
end

-- Returns the twin of a pattern. A value without a twin is its own.
function M.of(p)
  return twins[p] or p
end

-- Sets the twin of a pattern.
function M.set(p, twin)
  twins[p] = twin
end

return M
