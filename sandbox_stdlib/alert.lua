--[[
Throttled alerts: at most one message per period.

    local alert = require "alert"
    alert.set_throttle(30 * 60 * 1e9)
    alert.send(ns, "disk is full")

- `send(ns, text)` -> true if the alert was sent, by inject_payload("alert", "", text); false if it is throttled or empty
- `queue(ns, text)` -> true if the text was queued, false if it would be throttled
- `send_queue(ns)` -> true if the queued texts were sent, as one message with a line each; the queue is then empty
- `throttled(ns)` -> true if an alert would be throttled now: within the throttle time after the last one, or before it
- `set_throttle(ns)`: the minimum time between alerts; default one hour

Times are nanoseconds; 0 is never throttled. The time of the last alert is the global _LAST_ALERT, so that it is
preserved. The queue and the throttle time are not preserved.

Source: the API of Heka's alert module.
--]]

local table = require "table"

local globals, inject_payload = _G, inject_payload -- luacheck: ignore 113

local HOUR_NS = 60 * 60 * 1e9

local M = {}

local queued, throttle_ns = {}, HOUR_NS

globals._LAST_ALERT = globals._LAST_ALERT or 0

local function is_empty(text) return text == nil or text == "" end

function M.throttled(ns)
  if ns == 0 then return false end
  return ns - globals._LAST_ALERT <= throttle_ns
end

function M.set_throttle(ns) throttle_ns = ns end

function M.send(ns, text)
  if is_empty(text) or M.throttled(ns) then return false end
  inject_payload("alert", "", text)
  if ns > globals._LAST_ALERT then globals._LAST_ALERT = ns end
  return true
end

function M.queue(ns, text)
  if is_empty(text) or M.throttled(ns) then return false end
  queued[#queued + 1] = text
  return true
end

function M.send_queue(ns)
  local text = table.concat(queued, "\n")
  queued = {}
  return M.send(ns, text)
end

return M
