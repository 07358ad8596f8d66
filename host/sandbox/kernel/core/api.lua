-- The functions that scripts call, by kind of sandbox.
-- A comment that begins with three dashes describes one of them; docs/sandbox-api.md is made of these comments.
local W = require "writer"
local calls = require "script_calls"
local declarations = require "declarations"
local elsewhere = require "unsupported_api"
local emit = require "emit"
local handles = require "handles"
local inject = require "inject"
local matcher = require "matcher"
local message = require "message"
local numbers = require "numbers"
local output = require "output"
local plain = require "sanitize"
local protobuf = require "protobuf"
local protobuf_decode = require "protobuf_decode"
local uuids = require "uuids"

local M = {}

-- ---------------------------------------------------------------- for all kinds

--- read_config(name) -> string, number, boolean, table or nil
-- In: decoders, filters, encoders.
-- The option of that name, from `config` of the instance or, if it is not there, the default of the plugin's header. An option that is
-- `false` is answered as `false`, and not as nil. Lists and tables count from 1.
-- What is no option of the header is answered by the host, under Hindsight's names: Hostname, Logger (the name of the instance), Pid
-- (of the host), filename, log_level (3, 4, 6 or 7), memory_limit and output_limit in bytes, cpu_limit in milliseconds; for filters
-- and encoders message_matcher; for filters ticker_interval in seconds, process_message_inject_limit, timer_event_inject_limit.
-- Paths are nil: a sandbox has no files.
-- Cost: a look-up; call it when the script is loaded and keep the answer.
local function config_reader(config)
  return function(name)
    return config[name]
  end
end

--- read_message(variable [, field_index [, array_index [, zero_copy]]]) -> string, number, boolean, handle or nil
-- In: decoders, filters, encoders; not while the script is loaded, nor in timer_event.
-- A part of the current message. `variable` is a header (Uuid: 16 bytes, Type, Logger, Payload, EnvVersion, Hostname, Timestamp:
-- nanoseconds since 1970, Severity, Pid), `Fields[name]`, or the message in Heka's protobuf: `raw`, `framed` with a frame, `size` its
-- bytes without one. Indexes count from 0: `field_index` among fields of the same name, `array_index` in the values of one field. A string
-- header that the message lacks is "", Severity is 7, anything else is nil.
-- Strings are the bytes of the message as they came, NUL bytes and invalid UTF-8 included. An integer beyond 2^53 is rounded to a
-- Lua number. Yet if this very number is written or injected again in the same call, it is written with all digits that it
-- had, unless two integers of the message are the same Lua number.
-- With `zero_copy` true the answer is a handle, which stands for the value with all its digits. It may be given to
-- add_to_payload, write_message, inject_message and encode_message wherever a value goes; tostring gives its text.
-- Errors: there is no message; the variable is no string.
-- Cost: one small compiled function for each form of message; a string is made of the bytes that are asked for, nothing else is
-- looked at. `raw`, `framed` and `size` encode the whole message.

--- read_next_field() -> value_type, name, value, representation, count; or nil after the last
-- In: decoders, filters, encoders.
-- The fields one after the other; value_type is 0 for a string, 1 bytes, 2 integer, 3 double, 4 bool, `value` the first of `count`,
-- `representation` "" if there is none.
-- Errors: there is no message.

--- write_message(variable, value [, representation [, field_index [, array_index]]])
-- In: decoders, encoders (there the change is seen by this encoder only).
-- Sets a header or `Fields[name]` of the current message; nil deletes it. Indexes count from 0. A field that is there keeps its
-- representation if none is given, an integer stays an integer as long as it is whole, bytes stay bytes; a new number is a
-- double, unless it stands for an integer beyond 2^53. Timestamp takes nanoseconds or an RFC 3339 text.
-- `array_index` sets one value of an array, or adds one behind the last.
-- Errors: there is no message; the variable is neither header nor field; the value is of no type that a message can hold; an
-- array of values of several types. More than `max_message_fields` fields or `max_message_size` bytes end the sandbox.
-- Cost: the first write of a call copies the message's slots, eight bytes for each field.

--- decode_message(bytes) -> table
-- In: decoders, filters, encoders.
-- Heka's protobuf to a table as inject_message takes it: the headers that are there, and Fields as a list of `{name=, value_type=,
-- representation=, value={...}}`, where value is always a list. The bytes may have their frame around them. Integers beyond 2^53
-- keep their digits as those of read_message do.
-- Errors: bytes that are no message, with what is wrong with them; no Uuid or no Timestamp.
-- Cost: all of the message is made into strings and tables.
local function decode_message(bytes)
  bytes = handles.resolve(bytes)
  if type(bytes) ~= "string" then error("decode_message: takes a string", 2) end
  return protobuf_decode.decode(bytes, numbers.lend)
end

local function text_header(msg, name, default)
  local v = handles.resolve(msg[name])
  return v == nil and default or calls.text_of(v)
end

-- the bytes of a table; headers: what it does not say itself
local function encode(msg, framed, headers)
  local uuid = handles.resolve(msg.Uuid)
  msg.Uuid = type(uuid) == "string" and uuids.bytes(uuid) or headers.uuid and headers.uuid() or uuids.new()
  if msg.Hostname == nil and headers.hostname ~= "" then msg.Hostname = headers.hostname end
  local now = headers.timestamp and headers.timestamp() or emit.now or 0LL
  return protobuf.encode_table(msg, text_header(msg, "Type", ""), text_header(msg, "Logger", headers.logger), now, framed)
end

--- encode_message(table [, framed]) -> string
-- In: decoders, filters, encoders.
-- The table of a message, as inject_message takes it, to Heka's protobuf; with `framed` true the frame stands in front: 0x1E, the
-- header's length, the header, 0x1F. A Uuid that is missing is made up, a missing Timestamp is now, Logger and Hostname are
-- those of the sandbox.
-- Errors: as inject_message.
-- Cost: as inject_message, and a copy of the bytes.
local function message_encoder(settings)
  return function(msg, framed)
    if type(msg) ~= "table" then error("encode_message: takes a table", 2) end
    return encode(plain.copy(msg), framed == true, { logger = settings.name or "", hostname = settings.hostname })
  end
end

--- create_message_matcher(expression) -> matcher
-- In: decoders, filters, encoders.
-- `matcher:eval()` says whether the current message matches; the language is that of `message_matcher`.
-- Errors: the expression has a fault, with its position; eval: there is no message.
-- Cost: compiled once for each form of message, so make it when the script is loaded; then as a message_matcher.
local function create_message_matcher(expression)
  if type(expression) ~= "string" then error("create_message_matcher: takes a string", 2) end
  local test_of = matcher.new(expression)
  return {
    eval = function()
      local record, raw, pack, shape = message.current()
      if record == nil then error("eval: there is no message here", 2) end
      local test = test_of(shape)
      if type(test) == "boolean" then return test end
      return test(record, raw, pack) and true or false
    end,
  }
end

local function payload_text(v)
  if type(v) == "string" then return v end
  if type(v) == "boolean" then return v and "true" or "false" end
  if type(v) == "number" then
    local exact = message.exact(v)
    return exact and numbers.int64_text(exact) or numbers.double_text(v)
  end
  if type(v) == "cdata" then return numbers.int64_text(v) end
  if handles.value(v) ~= nil then return handles.text(v) end
  return handles.has_text(v) and calls.text_of(v) or nil
end

--- add_to_payload(...)
-- In: decoders, filters, encoders.
-- Adds to the payload that the next inject_payload sends: strings, numbers, booleans, handles, and objects that can be written as
-- text, such as a circular buffer; nil adds nothing. Whole numbers have no point, others as many digits as they need.
-- Errors: a value of another type; more than `output_limit` bytes in one call ends the sandbox.
local function add_to_payload(...)
  for i = 1, select("#", ...) do
    local v = select(i, ...)
    if v ~= nil then
      local text = payload_text(v)
      if type(text) ~= "string" then error("add_to_payload: takes strings, numbers and booleans, not a " .. type(v), 2) end
      output.add(text)
    end
  end
end

--- inject_payload([type [, name [, ...]]])
-- In: decoders, filters, encoders.
-- Adds the further arguments to the payload and sends it. In a filter: as a message of Type `heka.sandbox-output` with the Fields
-- payload_type (default "txt") and payload_name. In a decoder: the current message with this Payload and these Fields. In an
-- encoder the payload is the encoded record; if it is called again, the last call counts.
-- Errors: as add_to_payload and inject_message.
local function payload_fields(type_, name)
  return {
    { name = "payload_type", value = type_ == nil and "txt" or calls.text_of(type_), representation = "file-extension" },
    { name = "payload_name", value = name == nil and "" or calls.text_of(name) },
  }
end

--- inject_message(table or protobuf)
-- In: decoders, filters, encoders.
-- Sends a message: a table, or a string of Heka's protobuf, framed or not. The table has the headers Uuid, Timestamp (nanoseconds or
-- RFC 3339), Type, Logger, Severity, Payload, EnvVersion, Pid, Hostname, and Fields: by name, `name = value`, `name = {v1, v2}` or `name =
-- {value=, value_type=, representation=}`, or as a list of `{name=, value=, value_type=, representation=}`, which keeps its
-- order. An empty list is left out, unless value_type says what it is a list of. A Lua number is a double unless value_type is 2
-- or it stands for an integer beyond 2^53; LuaJIT's 42LL is an integer.
-- In a filter: Type is preceded by `heka.sandbox.`, Logger and Hostname are the filter's own; at most max_process_inject (1)
-- messages in process_message, max_timer_inject (10) in timer_event.
-- In a decoder: the message takes the place of the current one, and each further call adds one more. Headers that the first one
-- leaves out are those of the current message; a message given as protobuf is sent as it is.
-- In an encoder: the message in protobuf, without a frame, is the encoded record; if it is called again, the last call counts.
-- Errors: bytes that are no message; a value that a message cannot hold. Too many messages in one call, a message of more than
-- `max_message_size` bytes or `max_message_fields` fields end the sandbox.
-- Cost: the values are copied into a pack; for each new set of names and types its description is made once.
local function message_of(given, name) -- and whether it is protobuf
  given = handles.resolve(given)
  if type(given) == "string" then return protobuf_decode.decode(given), true end
  if type(given) ~= "table" then error(name .. ": takes a table or a string of protobuf", 3) end
  return plain.copy(given), false
end

-- functions that all kinds have
local function common(config, settings)
  return {
    read_config = config_reader(config),
    read_message = message.read_message,
    read_next_field = message.read_next_field,
    add_to_payload = add_to_payload,
    decode_message = decode_message,
    encode_message = message_encoder(settings),
    create_message_matcher = create_message_matcher,
  }
end

-- ---------------------------------------------------------------- decoders

local ORIGINAL = { "Uuid", "Payload", "EnvVersion", "Hostname", "Severity", "Pid" }

-- a message that a decoder injects takes from the record what it does not say itself, unless it is whole
local function decoder_send(msg, whole)
  local record, _, _, shape = message.current()
  if record == nil then error("inject_message: there is no record here", 3) end
  if calls.count_injection() == 1 and not whole then
    for _, header in ipairs(ORIGINAL) do
      if msg[header] == nil and shape.first[header] then msg[header] = message.read_message(header) end
    end
    if msg.Payload == nil and shape.payload_is_record then msg.Payload = message.read_message "Payload" end
  end
  emit.reserve(inject.estimate(msg), emit.first_record)
  inject.append(msg, text_header(msg, "Type", whole and "" or shape.type), text_header(msg, "Logger", whole and "" or shape.logger),
    record.timestamp, record.raw_start, record.raw_end)
end

--- declare_grammar(table)
-- In: decoders, while the script is loaded.
-- The fields of the records as LPEG patterns, instead of process_message. Keys: `type`, the Type; `payload_is_record`, whether the
-- record is the Payload; `alternatives`, tried in this order, each a list of items: literal text, an LPEG pattern that is not kept, a field
-- `{name=, grammar=, type=, representation=, transform=, also=}`, or `{optional = {items}}`. Patterns capture nothing: one that
-- captures, or calls a function, is refused; `pattern / 0` drops the captures of one that is made elsewhere. No table has a metatable.
-- `type` is string, bytes, integer, double, bool, json_string, json_value, or for Timestamp timestamp: and clf, rfc3339, rfc3164, epoch_s,
-- epoch_ms, epoch_us or epoch_ns, between the years 1678 and 2261. `transform` answers the value for the field's text, nil for
-- none, nanoseconds for Timestamp; it is called once for each text that it has not seen of late. `also` is a list of further fields of
-- the same text.
-- A field named as a header is that header. If process_message is defined too, it gets the records that no alternative takes.
-- Errors: a part of the table that makes no grammar, with its place.
-- Cost: positions are stored, eight bytes for each field; no string and no table is made of a record.

--- declare_json(table)
-- In: decoders, while the script is loaded.
-- Records are JSON objects, instead of process_message. Options as those of the shipped decoder `json`.
-- Errors: an option that makes no sense.
-- Cost: each form of object is parsed in full a few times, then as a declared grammar.

--- declare_logfmt(table)
-- In: decoders, while the script is loaded.
-- Records are lines of `key=value key="some text"`. process_message gets those that are not plain: with keys without a value, or
-- headers that cannot be read; and the first of each form. Keys: `type`, the Type; `typed`, whether numbers and true and false without
-- quotes get their type; `payload_keep`, whether the record is the Payload; `severities`, numbers by name in small letters;
-- Timestamp, Severity, Hostname, Logger, Pid, Payload: the key that becomes the header.
-- Cost: each form of line, keys and kinds of values in their order, is parsed twice, then it is a declared grammar.

--- declare_payload(table)
-- In: decoders, while the script is loaded.
-- Records become messages as they are, with the Type `type`, instead of process_message.
-- Cost: next to nothing; no byte of a record is looked at.

-- declared: filled with what the script declares; settings: {name, hostname}
function M.decoder(config, declared, settings)
  local api = common(config, settings or {})
  api.write_message = message.write_message
  api.inject_message = function(given) decoder_send(message_of(given, "inject_message")) end
  api.inject_payload = function(type_, name, ...)
    add_to_payload(...)
    decoder_send { Payload = output.collect(), Fields = payload_fields(type_, name) }
  end
  api.declare_grammar = function(spec)
    declared.grammar = declarations.grammar(spec)
  end
  api.declare_json = function(options) declared.json = declarations.json(options) end
  api.declare_logfmt = function(options) declared.logfmt = declarations.logfmt(options) end
  api.declare_payload = function(options) declared.payload = declarations.payload(options) end
  return elsewhere.add(api, "decoder")
end

-- ---------------------------------------------------------------- filters

-- settings: {name, hostname, max_process_inject, max_timer_inject}
function M.filter(config, settings)
  local limit, limit_name = 0, "max_process_inject"
  local function send(msg, type_)
    if calls.count_injection() > limit then
      calls.terminate(limit_name, "more than " .. limit_name .. ", " .. limit .. ", messages in one call")
    end
    if emit.muted then return end
    msg.Hostname = settings.hostname
    emit.reserve(inject.estimate(msg), emit.first_record)
    local of = message.current()
    local place = of and of.raw_end or 0 -- so that who keeps state can tell what it has had when records are read again
    inject.append(msg, type_, settings.name, emit.now, place, place)
  end
  local api = common(config, settings)
  api.inject_message = function(given)
    local msg = message_of(given, "inject_message")
    send(msg, "heka.sandbox." .. text_header(msg, "Type", ""))
  end
  api.inject_payload = function(type_, name, ...)
    add_to_payload(...)
    send({ Payload = output.collect(), Fields = payload_fields(type_, name) }, "heka.sandbox-output")
  end
  return elsewhere.add(api, "filter"), function(in_timer)
    limit = in_timer and settings.max_timer_inject or settings.max_process_inject
    limit_name = in_timer and "max_timer_inject" or "max_process_inject"
  end
end

-- ---------------------------------------------------------------- encoders

-- the current message gives what a table leaves out
local function of_current(name)
  return function()
    local record, raw, pack, shape = message.current()
    if record == nil then return nil end
    if name == "Timestamp" then return record.timestamp + 0LL end
    return uuids.bytes(shape.readers.Uuid and shape.readers.Uuid(record, raw, pack) or message.read_message "Uuid")
  end
end

--- declare_encoder(table)
-- In: encoders, while the script is loaded.
-- `format` is json, payload, template or protobuf, the other keys are the options of the shipped encoder of that name. Records are then
-- encoded without a call into the script.
-- Errors: a format that there is not; an option that makes no sense.
-- Cost: code is generated once for each form of message; then bytes are copied.

function M.encoder(config, declared, settings)
  settings = settings or {}
  local headers = {
    logger = settings.name or "", hostname = settings.hostname, uuid = of_current "Uuid", timestamp = of_current "Timestamp",
  }
  local function finish(text)
    output.collect()
    output.add(text)
    output.finish(output.collect())
  end
  local api = common(config, settings)
  api.write_message = message.write_message
  api.inject_message = function(msg)
    finish(encode((message_of(msg, "inject_message")), false, headers))
  end
  api.inject_payload = function(_, _, ...)
    add_to_payload(...)
    output.finish(output.collect())
  end
  api.declare_encoder = function(options) declared.encoder = declarations.encoder(options) end
  return elsewhere.add(api, "encoder")
end

-- memory that write_message of an encoder writes into: nothing of it is kept
function M.open_scratch(base, bytes)
  W.open(base, bytes)
end

return M
