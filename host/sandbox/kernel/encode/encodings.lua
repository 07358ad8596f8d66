-- What an encoder may declare: json, payload, template and protobuf, which run without a call into the script per record.
local ffi = require "ffi"
local calls = require "script_calls"
local C = require "channel"
local encoder = require "encoder"
local date_text = require "date_text"
local json_encoder = require "json_encoder"
local L = require "layout"
local message = require "message"
local numbers = require "numbers"
local output = require "output"
local protobuf = require "protobuf"
local uuids = require "uuids"
local values = require "values"

local M = {}

local batch, copy, cast = encoder.batch, ffi.copy, ffi.cast

local function nothing() end

local function add_text(text)
  if text == "" then encoder.count_empty() end
  if not encoder.reserve(#text) then return false end
  copy(batch.base + batch.used, text, #text)
  encoder.finish_record(batch.used + #text)
  return true
end

local function bad(what)
  error("declare_encoder: " .. what, 0)
end

-- ---------------------------------------------------------------- json

local MAX_SCRATCH_BYTES = 2 * 1024 * 1024
local scratch = { memory = nil, bytes = 0 }

-- Encodes a record that might not fit into a batch, if each of its bytes needed an escape, to see what it takes. Answers where it is and
-- how long it is, or nil.
local function encode_apart(e, most, record, raw, pack)
  if most > MAX_SCRATCH_BYTES then return nil end
  if most > scratch.bytes then
    scratch.memory, scratch.bytes = ffi.new("uint8_t[?]", most), most
  end
  local at = cast(L.bytes_ptr, scratch.memory)
  return at, e.write(at, 0, record, raw, pack)
end

local function json(options)
  local encoder_of = json_encoder.new(options)
  local newline = options.newline ~= false
  return {
    start_pack = json_encoder.start_pack,
    record = function(record, raw, pack, shape)
      local e = encoder_of(shape)
      local most = e.measure(record, raw, pack) + 1
      local at
      if encoder.reserve(most) then
        at = e.write(batch.base, batch.used, record, raw, pack)
      else
        local from, n = encode_apart(e, most, record, raw, pack)
        if not from or not encoder.reserve(n + 1) then return false, "encoded it is larger than a batch" end
        copy(batch.base + batch.used, from, n)
        at = batch.used + n
      end
      if newline then
        batch.base[at] = 10
        at = at + 1
      end
      encoder.finish_record(at)
      return true
    end,
  }
end

-- ---------------------------------------------------------------- payload

-- Payload as it is.
local function payload(options)
  local newline = options.append_newlines ~= false
  local told = false

  -- It is the encoder of who names none, and decoders as a rule make fields and no Payload.
  local function tell_of_nothing(shape)
    told = true
    C.text(C.PRINT, ("Messages%s have no Payload: each is an empty %s in this output. `encoder: json` writes their fields."):format(
      shape.type and " of Type " .. shape.type or "", newline and "line" or "text"))
  end

  return {
    start_pack = nothing,
    record = function(record, raw, pack, shape)
      local from, n
      if shape.payload_is_record then
        from, n = raw + record.raw_start, record.raw_end - record.raw_start
      else
        local text = values.reader(shape, "Payload", 0, 0)(record, raw, pack)
        from, n = text, #text
        if n == 0 and not told and not shape.first.Payload then tell_of_nothing(shape) end
      end
      if n == 0 then encoder.count_empty() end
      if not encoder.reserve(n + 1) then return false, "the payload is larger than a batch" end
      local base, at = batch.base, batch.used
      copy(base + at, from, n)
      at = at + n
      if newline then
        base[at] = 10
        at = at + 1
      end
      encoder.finish_record(at)
      return true
    end,
  }
end

-- ---------------------------------------------------------------- template

-- text of a value
local function text_of(v)
  if type(v) == "number" then return numbers.double_text(v) end
  if type(v) == "boolean" then return v and "true" or "false" end
  return v
end

local HEADERS = {
  Uuid = true, Timestamp = true, Type = true, Logger = true, Severity = true, Payload = true, EnvVersion = true, Pid = true,
  Hostname = true,
}

local function part_of(name)
  if name == "Timestamp" then return { timestamp = true } end
  if HEADERS[name] or name:find "^Fields%[" then return { variable = name } end
  return { variable = "Fields[" .. name .. "]" }
end

-- "%{Timestamp} %{Fields[status]} %{status}" -> a list of literals and variables
local function parse_template(template)
  local parts, at = {}, 1
  while true do
    local from, to, name = template:find("%%{(.-)}", at)
    if not from then break end
    if from > at then parts[#parts + 1] = template:sub(at, from - 1) end
    parts[#parts + 1] = part_of(name)
    at = to + 1
  end
  if at <= #template then parts[#parts + 1] = template:sub(at) end
  return parts
end

local function template(options)
  if type(options.template) ~= "string" then bad "template: needs a text such as '%{Timestamp} %{Payload}'" end
  local parts = parse_template(options.template)
  if options.append_newlines ~= false then parts[#parts + 1] = "\n" end
  local missing = options.missing or "-"
  local pieces = {}
  return {
    start_pack = nothing,
    record = function(record, raw, pack, shape)
      for i, part in ipairs(parts) do
        if type(part) == "string" then
          pieces[i] = part
        elseif part.timestamp then
          pieces[i] = date_text.rfc3339(record.timestamp)
        else
          local v = values.text_reader(shape, part.variable)(record, raw, pack)
          if v == nil or v == "" then v = missing end
          pieces[i] = part.variable == "Uuid" and type(v) == "string" and uuids.text(v) or text_of(v)
        end
      end
      local text = table.concat(pieces, "", 1, #parts)
      if not add_text(text) then return false, "the text is larger than a batch" end
      return true
    end,
  }
end

-- ---------------------------------------------------------------- protobuf

-- Heka's message, framed or not
local function heka_message(options)
  local framed = options.framed ~= false
  return {
    start_pack = nothing,
    record = function(record, raw, pack, shape)
      protobuf.record(record, raw, pack, shape)
      local from, n = protobuf.span(framed)
      if not encoder.reserve(n) then return false, "the message is larger than a batch" end
      copy(batch.base + batch.used, from, n)
      encoder.finish_record(batch.used + n)
      return true
    end,
  }
end

-- ---------------------------------------------------------------- scripts

local SKIP = -2

-- what process_message injected is the record's encoding; if it injected nothing, the message itself in protobuf
function M.script(name, process_message)
  return {
    start_pack = nothing,
    record = function(record, raw, pack, shape)
      output.clear()
      message.set(record, raw, pack, shape)
      local status, why = calls.process(process_message)
      local text = output.take()
      if status == 0 and not text then text = protobuf.encode_record(message.current()) end
      message.discard()
      if status == SKIP then return false, nil end
      if status < 0 then return false, name .. ": " .. (why or "process_message returned " .. status) end
      if not add_text(text) then return false, name .. ": the payload is larger than a batch" end
      return true
    end,
  }
end

local FORMATS = { json = json, payload = payload, template = template, protobuf = heka_message }

-- options: what declare_encoder was given
function M.declared(options)
  if type(options) ~= "table" then bad "takes a table" end
  local make = FORMATS[options.format]
  if not make then bad("format: '" .. tostring(options.format) .. "' is not one of json, payload, template, protobuf") end
  return make(options)
end

return M
