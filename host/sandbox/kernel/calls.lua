-- Calls into a script, and what it injects while it runs.
local M = {}

local pcall, type = pcall, type
local MEMORY = "not enough memory"

local injected = 0 -- messages in this call

function M.injected()
  return injected
end

function M.count_injection()
  injected = injected + 1
  return injected
end

-- ends the sandbox: the host is told the reason and the process exits
M.terminate = nil

local function checked(ok, status, why)
  if not ok then
    if status == MEMORY then M.terminate("memory_limit", MEMORY) end
    return -1, tostring(status)
  end
  if type(status) ~= "number" then
    return -1, "process_message must return a number, not a " .. type(status)
  end
  if status > 0 then M.terminate("fatal", why and tostring(why) or "process_message returned " .. status) end
  return status, why ~= nil and tostring(why) or nil
end

-- process_message: answers its status (0, or below 0 for a failure) and its text. A Lua error is a failure too.
function M.process(process_message)
  injected = 0
  return checked(pcall(process_message))
end

-- timer_event(ns, shutdown): answers true, or false and the error
function M.timer(timer_event, ns, shutdown)
  injected = 0
  local ok, err = pcall(timer_event, ns, shutdown)
  if not ok and err == MEMORY then M.terminate("memory_limit", MEMORY) end
  return ok, err
end

return M
