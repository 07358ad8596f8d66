-- Calls into a script, and what it injects while it runs.
local elsewhere = require "unsupported_api"

local M = {}

local pcall, rawget, tostring, type = pcall, rawget, tostring, type
local getmetatable = debug.getmetatable

-- what LuaJIT says then
M.OUT_OF_MEMORY = "not enough memory"
local MEMORY = M.OUT_OF_MEMORY

local injected = 0 -- messages in this call
local most_injected = 0 -- in one call

function M.injected()
  return injected
end

function M.count_injection()
  injected = injected + 1
  if injected > most_injected then most_injected = injected end
  return injected
end

-- the most messages of one call since this was asked last
function M.take_most_injected()
  local most = most_injected
  most_injected = 0
  return most
end

-- terminate(limit, text, about): ends the sandbox. The host is told the reason and the process exits; no `pcall` of the script
-- can hold that up. about: "matcher" if `text` is the error in the message matcher. Set by main.
M.terminate = nil

-- Returns the function with which a script writes one of its objects as text, or nil. A __tostring that is no function is none: calling
-- it would go through another metatable of the script.
function M.text_function(v)
  if type(v) ~= "table" and type(v) ~= "userdata" then return nil end
  local mt = getmetatable(v)
  local f = type(mt) == "table" and rawget(mt, "__tostring")
  return type(f) == "function" and f or nil
end

-- Returns the text of a plain value, or of an object without a function for it.
local function plain_text(v)
  if type(v) == "table" or type(v) == "userdata" then
    local mt = getmetatable(v)
    if type(mt) == "table" and rawget(mt, "__tostring") ~= nil then return nil end
  end
  return tostring(v)
end

-- Returns a text for any value of a script. The script's own function for it may fail or answer what is no text.
function M.text_of(v)
  if type(v) == "string" then return v end
  local ok, text = pcall(M.text_function(v) or plain_text, v)
  return ok and type(text) == "string" and text or "(a " .. type(v) .. " without a text)"
end
local text_of = M.text_of

-- the text of what a script raised
function M.error_text(err)
  return elsewhere.explain(text_of(err))
end

local function checked(ok, status, why)
  if not ok then
    if status == MEMORY then M.terminate("memory_limit", MEMORY) end
    return -1, M.error_text(status)
  end
  if type(status) ~= "number" or status ~= status then
    return -1, "process_message must return a number, not " .. (status ~= status and "NaN" or "a " .. type(status))
  end
  if status > 0 then M.terminate("fatal", why and text_of(why) or "process_message returned " .. status) end
  return status, why ~= nil and text_of(why) or nil
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
