-- The time of day for scripts, where it is not the machine's: in a trial and in a replay it is that of the records.
local M = {}

local real_time, real_date = os.time, os.date
local now_s -- nil: the machine's

-- from now on the time is what the host says; seconds: since 1970
function M.begin(seconds)
  now_s = seconds
end

-- a command of the host says what time it is
function M.set(ns)
  if now_s and ns ~= 0 then now_s = tonumber(ns / 1000000000LL) end
end

local function time(...)
  if ... == nil then return now_s end
  return real_time(...)
end

local function date(format, seconds)
  return real_date(format or "%c", seconds or now_s)
end

-- `functions`, of os, as a script is to see them
function M.apply(functions)
  if now_s then functions.time, functions.date = time, date end
  return functions
end

return M
