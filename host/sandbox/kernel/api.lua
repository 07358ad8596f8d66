-- The functions that scripts call, by kind of sandbox.
local W = require "writer"
local calls = require "calls"
local emit = require "emit"
local encodings = require "encodings"
local inject = require "inject"
local message = require "message"
local output = require "output"

local M = {}

-- ---------------------------------------------------------------- for all kinds

local function config_reader(config)
  -- read_config(name): the option of that name, or nil. Options come from the `config` of the instance, with the
  -- defaults of the plugin's header.
  return function(name)
    return config[name]
  end
end

local function add_to_payload(...)
  for i = 1, select("#", ...) do
    local v = select(i, ...)
    if v ~= nil then
      local text = encodings.text_of(v)
      if type(text) ~= "string" then error("add_to_payload: takes strings, numbers and booleans, not a " .. type(v), 2) end
      output.add(text)
    end
  end
end

local function payload_type(type_, name)
  return type_ == nil and "txt" or calls.text_of(type_), name == nil and "" or calls.text_of(name)
end

-- ---------------------------------------------------------------- decoders

local ORIGINAL = { "Uuid", "Payload", "EnvVersion", "Hostname", "Severity", "Pid" }

-- a message that a decoder injects takes from the record what it does not say itself
local function decoder_inject()
  return function(msg)
    if type(msg) ~= "table" then error("inject_message: takes a table", 2) end
    local record, _, _, shape = message.current()
    if record == nil then error("inject_message: there is no message here", 2) end
    local first = calls.count_injection() == 1
    local filled = inject.plain(msg)
    if first then
      for _, header in ipairs(ORIGINAL) do
        if filled[header] == nil and shape.first[header] then filled[header] = message.read_message(header) end
      end
      if filled.Payload == nil and shape.payload_is_record then filled.Payload = message.read_message "Payload" end
    end
    emit.reserve(inject.estimate(filled), emit.first_record)
    local type_, logger = calls.text_of(filled.Type or shape.type), calls.text_of(filled.Logger or shape.logger)
    inject.append(filled, type_, logger, record.timestamp, record.raw_start, record.raw_end)
  end
end

-- declared: filled with what the script declares
function M.decoder(config, declared)
  return {
    read_config = config_reader(config),
    read_message = message.read_message,
    read_next_field = message.read_next_field,
    write_message = message.write_message,
    inject_message = decoder_inject(),
    declare_grammar = function(spec)
      if type(spec) ~= "table" then error("declare_grammar: takes a table", 2) end
      declared.grammar = spec
    end,
    declare_json = function(options)
      declared.json = options or {}
    end,
    declare_payload = function(options)
      declared.payload = options or {}
    end,
  }
end

-- ---------------------------------------------------------------- filters

-- settings: {name, hostname, process_inject_limit, timer_inject_limit}
function M.filter(config, settings)
  local limit, limit_name = 0, "max_process_inject"
  local function send(msg, type_)
    if calls.count_injection() > limit then
      calls.terminate(limit_name, "more than " .. limit_name .. ", " .. limit .. ", messages in one call")
    end
    emit.reserve(inject.estimate(msg), emit.first_record)
    msg.Hostname = settings.hostname
    inject.append(msg, type_, settings.name, emit.now, 0, 0)
  end
  local api = {
    read_config = config_reader(config),
    read_message = message.read_message,
    read_next_field = message.read_next_field,
    add_to_payload = add_to_payload,
    -- inject_message(table): sends a new message to the router. Its Type is preceded by "heka.sandbox.", its Logger and
    -- Hostname are the filter's own.
    inject_message = function(msg)
      if type(msg) ~= "table" then error("inject_message: takes a table", 2) end
      local copy = inject.plain(msg)
      send(copy, "heka.sandbox." .. calls.text_of(copy.Type or ""))
    end,
    -- inject_payload([type [, name [, ...]]]): sends what add_to_payload collected, and the further arguments, as the
    -- Payload of a message of Type heka.sandbox-output.
    inject_payload = function(type_, name, ...)
      add_to_payload(...)
      type_, name = payload_type(type_, name)
      send({
        Payload = output.collect(),
        Fields = {
          { name = "payload_type", value = type_, representation = "file-extension" },
          { name = "payload_name", value = name },
        },
      }, "heka.sandbox-output")
    end,
  }
  return api, function(in_timer)
    limit = in_timer and settings.timer_inject_limit or settings.process_inject_limit
    limit_name = in_timer and "max_timer_inject" or "max_process_inject"
  end
end

-- ---------------------------------------------------------------- encoders

function M.encoder(config, declared)
  return {
    read_config = config_reader(config),
    read_message = message.read_message,
    read_next_field = message.read_next_field,
    write_message = message.write_message,
    add_to_payload = add_to_payload,
    inject_payload = function(_, _, ...)
      add_to_payload(...)
      output.finish(output.collect())
    end,
    declare_encoder = function(options)
      declared.encoder = options
    end,
  }
end

-- memory that write_message of an encoder writes into: nothing of it is kept
function M.open_scratch(base, bytes)
  W.open(base, bytes)
end

return M
