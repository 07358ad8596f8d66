--[[
Sessions: groups the events of a stream by key until the key pauses.

    local sessions = require "sessions"
    visits = sessions.new{timeout_s = 1800}
    function process_message()
      local ended = visits:add(read_message "Timestamp", read_message "Fields[user]", {page = read_message "Fields[uri]"})
      ...
    function timer_event(ns)
      for _, session in ipairs(visits:expire(ns)) do ... end

- `new([options])`: timeout_s (1800): the pause that ends a session; max_s (86400): the maximum duration; capacity
  (10000): the maximum number of open sessions; the longest idle one is ended to make room; keep (0): events to keep
- `s:add(ns, key [, event])` -> the session that this event ended, if any: the key's previous one after a long pause, or
  the one that made room
- `s:expire(ns)` -> list of the sessions that have ended, longest idle first
- `s:get(key)` -> the open session of a key; `s:open()` -> number of open sessions; `s:clear()`

A session has: key, first and last (ns), count, duration_s, events (the first `keep`), and after its end reason
("timeout", "max", "capacity"). Events can be late by less than the timeout. Call expire regularly: without it, sessions
end only when their key occurs again.

The state is plain data, the metatable is named "sessions".
--]]

local math = require "math"
local table = require "table"

local error, pairs, setmetatable, tostring, type = error, pairs, setmetatable, tostring, type
local huge, max, min = math.huge, math.max, math.min

local methods = {}
local metatable = {__index = methods, __name = "sessions"}
local M = {metatables = {sessions = metatable}}

local DEFAULTS = {timeout_s = 1800, max_s = 86400, capacity = 10000, keep = 0}

function methods.clear(s)
  s.by_key, s.count = {}, 0
end

function M.new(options)
  local s = {}
  for name, default in pairs(DEFAULTS) do
    local value = options and options[name] or default
    if type(value) ~= "number" or value < 0 or name ~= "keep" and value == 0 then
      error("sessions: " .. name .. " must be a number greater than 0", 2)
    end
    s[name] = value
  end
  methods.clear(s)
  return setmetatable(s, metatable)
end

local function finish(s, session, reason)
  s.by_key[session.key], s.count = nil, s.count - 1
  session.reason = reason
  return session
end

local function reason_to_end(s, session, ns)
  if ns - session.last > s.timeout_s * 1e9 then return "timeout" end
  if ns - session.first > s.max_s * 1e9 then return "max" end
end

local function make_room(s)
  if s.count < s.capacity then return nil end
  local oldest, when = nil, huge
  for _, session in pairs(s.by_key) do
    if session.last < when then oldest, when = session, session.last end
  end
  return finish(s, oldest, "capacity")
end

local function open(s, ns, key)
  local session = {key = key, first = ns, last = ns, count = 0, duration_s = 0, events = {}}
  s.by_key[key], s.count = session, s.count + 1
  return session
end

function methods.add(s, ns, key, event)
  if key == nil then error("sessions: the key must not be nil", 2) end
  local session, ended = s.by_key[key], nil
  local reason = session and reason_to_end(s, session, ns)
  if reason then session, ended = nil, finish(s, session, reason) end
  if not session then
    ended = ended or make_room(s)
    session = open(s, ns, key)
  end
  session.first, session.last = min(session.first, ns), max(session.last, ns)
  session.count = session.count + 1
  session.duration_s = (session.last - session.first) / 1e9
  if event ~= nil and #session.events < s.keep then session.events[#session.events + 1] = event end
  return ended
end

local function by_last(a, b)
  if a.last ~= b.last then return a.last < b.last end
  return tostring(a.key) < tostring(b.key)
end

function methods.expire(s, ns)
  local ended = {}
  for _, session in pairs(s.by_key) do
    local reason = reason_to_end(s, session, ns)
    if reason then ended[#ended + 1] = {session, reason, last = session.last, key = session.key} end
  end
  table.sort(ended, by_last)
  for i = 1, #ended do ended[i] = finish(s, ended[i][1], ended[i][2]) end
  return ended
end

function methods.get(s, key) return s.by_key[key] end

function methods.open(s) return s.count end

return M
