-- Runs a shipped decoder or filter with the sandbox API in its plainest form:
-- run_decoder(file, config) -> function(line) -> message table, or nil and a reason
-- new_filter(file, config)  -> {feed(message) -> status, why; tick(ns, shutdown); sent()}
local declared = require "declared"

local M = {}

local function load_script(file, env)
  setmetatable(env, {__index = _G})
  setfenv(assert(loadfile(file)), env)()
  return env
end

local HEADERS = {
  Timestamp = true, Type = true, Logger = true, Severity = true, Hostname = true, Payload = true, Pid = true,
}

local function from_fields(spec, line, found)
  local message = {Type = spec.type, Payload = spec.payload_is_record and line or nil, Fields = {}}
  for _, field in ipairs(found) do
    if HEADERS[field.name] then
      message[field.name] = field.value
    else
      message.Fields[#message.Fields + 1] = field
    end
  end
  return message
end

function M.run_decoder(file, config)
  local spec, line, injected, written
  local env = load_script(file, {
    read_config = function(key) return config[key] end,
    declare_grammar = function(grammar) spec = grammar end,
    declare_logfmt = function() end, -- process_message takes all lines, too
    read_message = function(name) return name == "Payload" and line or nil end,
    write_message = function(name, value) written[name] = value end,
    inject_message = function(message) injected = message end,
  })
  local parse = spec and declared(spec)
  return function(text)
    line, injected, written = text, nil, {Payload = text, Fields = {}}
    local found = parse and parse(text)
    if found then return from_fields(spec, text, found) end
    if not env.process_message then return nil, "no match" end
    local status, why = env.process_message()
    if status ~= 0 then return nil, why end
    return injected or written
  end
end

function M.new_filter(file, config)
  local current, sent, payload = nil, {}, {}
  local env = load_script(file, {
    read_config = function(key) return config[key] end,
    read_message = function(name) return current[name] end,
    inject_message = function(message) sent[#sent + 1] = message end,
    add_to_payload = function(...)
      for i = 1, select("#", ...) do payload[#payload + 1] = tostring((select(i, ...))) end
    end,
    inject_payload = function(kind, name)
      sent[#sent + 1] = {payload = table.concat(payload), kind = kind, name = name}
      payload = {}
    end,
  })
  local function take()
    local taken = sent
    sent = {}
    return taken
  end
  return {
    feed = function(message)
      current = message
      return env.process_message()
    end,
    tick = function(ns, shutdown) env.timer_event(ns, shutdown) end,
    sent = take,
    env = env,
  }
end

return M
