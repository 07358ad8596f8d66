-- The payload that a script builds: add_to_payload collects, maybe over many calls, inject_payload sends.
local calls = require "script_calls"

local M = {}

local parts, bytes, limit = {}, 0, 64 * 1024
local finished = nil
local most = 0 -- bytes that were built at once

-- output_limit: bytes that one call may build
function M.open(output_limit)
  limit = output_limit
end

function M.clear()
  if bytes > 0 then parts, bytes = {}, 0 end
  finished = nil
end

function M.add(text)
  bytes = bytes + #text
  if bytes > most then most = bytes end
  if limit > 0 and bytes > limit then
    calls.terminate("output_limit", "more than output_limit, " .. limit .. " bytes, in one payload")
  end
  parts[#parts + 1] = text
end

-- what was collected so far, and starts anew
function M.collect()
  local text = table.concat(parts)
  parts, bytes = {}, 0
  return text
end

-- an encoder's inject_payload: the last one wins
function M.finish(text)
  finished = text
end

function M.take()
  return finished
end

-- the largest payload since this was asked last
function M.take_most()
  local bytes_at_most = most
  most = 0
  return bytes_at_most
end

return M
