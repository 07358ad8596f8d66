-- The functions that scripts call, by kind of sandbox.
-- A comment that begins with three dashes documents one of them. docs/sandbox-api.md is generated from these comments.
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

-- ---------------------------------------------------------------- all kinds

--- read_config(name) -> string, number, boolean, table or nil
-- In: decoders, filters, encoders.
-- Return the option `name`: its value in the instance's `config`, or else the default from the plugin's header. An option that is `false`
-- is returned as `false`, not as nil. Lists count from 1.
-- If the header has no such option, the host supplies these values under Hindsight's names: Hostname, Logger (the name of the instance),
-- Pid (of the host), filename, log_level (3, 4, 6 or 7), memory_limit and output_limit in bytes, cpu_limit in milliseconds. Filters and
-- encoders also have message_matcher. Filters also have ticker_interval in seconds, process_message_inject_limit and
-- timer_event_inject_limit. Paths are nil: a sandbox has no files.
-- Cost: a table lookup. Call it while the script is loaded and keep the result.
local function config_reader(config)
  return function(name)
    return config[name]
  end
end

--- read_message(variable [, field_index [, array_index [, zero_copy]]]) -> string, number, boolean, handle or nil
-- In: decoders, filters, encoders; not while the script is loaded, nor in timer_event.
-- Return a part of the current message. `variable` is one of these:
-- a header (Uuid: 16 bytes, Type, Logger, Payload, EnvVersion, Hostname, Timestamp: nanoseconds since 1970, Severity, Pid);
-- `Fields[name]`; or the message in Heka's protobuf: `raw` without a frame, `framed` with a frame, `size` the number of its bytes without
-- one. Indexes count from 0. `field_index` selects among fields of the same name, `array_index` among the values of one field. If the
-- message lacks the value, a string header is "", Severity is 7, and anything else is nil.
-- Strings are the bytes of the message, unchanged, including NUL bytes and invalid UTF-8. An integer beyond 2^53 is rounded to a Lua
-- number. If the script writes or injects that number again in the same call, all of the original digits are kept, unless two integers
-- of the message round to the same Lua number.
-- With `zero_copy` true the result is a handle that stands for the value with all its digits. add_to_payload, write_message,
-- inject_message and encode_message accept a handle in place of a value; tostring returns its text.
-- Errors: there is no current message; the variable is not a string.
-- Cost: one small function is compiled for each shape of message. It creates a string only from the requested bytes and looks at nothing
-- else. `raw`, `framed` and `size` encode the whole message.

--- read_next_field() -> value_type, name, value, representation, count; or nil after the last
-- In: decoders, filters, encoders.
-- Return the next field of the message at each call. value_type is 0 for a string, 1 bytes, 2 integer, 3 double, 4 bool. `value` is the
-- first of `count` values. `representation` is "" if the field has none.
-- Errors: there is no current message.

--- write_message(variable, value [, representation [, field_index [, array_index]]])
-- In: decoders, encoders (only the encoder itself sees the change).
-- Set a header or `Fields[name]` of the current message; nil deletes it. Indexes count from 0. An existing field keeps its
-- representation if the call gives none. An integer field stays an integer while its value is whole, and a bytes field stays bytes. A new
-- number is a double, unless it stands for an integer beyond 2^53. Timestamp accepts nanoseconds or RFC 3339 text.
-- `array_index` sets one value of an array, or appends a value after the last one.
-- Errors: there is no current message; the variable is neither a header nor a field; a message cannot hold a value of this type; an
-- array would have values of several types. A message with more than `max_message_fields` fields or `max_message_size` bytes
-- terminates the sandbox.
-- Cost: the first write of a call copies the message's slots, eight bytes for each field.

--- decode_message(bytes) -> table
-- In: decoders, filters, encoders.
-- Convert Heka's protobuf to a table in the form that inject_message accepts: the headers that are present, and Fields as a list of
-- `{name=, value_type=, representation=, value={...}}`, where value is always a list. The bytes may have a frame. Integers beyond 2^53
-- keep their digits as in read_message.
-- Errors: the bytes are not a message, with the reason; the message has no Uuid or no Timestamp.
-- Cost: strings and tables are created for the whole message.
local function decode_message(bytes)
  bytes = handles.resolve(bytes)
  if type(bytes) ~= "string" then error("decode_message: takes a string", 2) end
  return protobuf_decode.decode(bytes, numbers.lend)
end

local function text_header(msg, name, default)
  local v = handles.resolve(msg[name])
  return v == nil and default or calls.text_of(v)
end

-- Returns a message table as protobuf. headers: the defaults for headers that the table omits.
local function encode(msg, framed, headers)
  local uuid = handles.resolve(msg.Uuid)
  msg.Uuid = type(uuid) == "string" and uuids.bytes(uuid) or headers.uuid and headers.uuid() or uuids.new()
  if msg.Hostname == nil and headers.hostname ~= "" then msg.Hostname = headers.hostname end
  local now = headers.timestamp and headers.timestamp() or emit.now or 0LL
  return protobuf.encode_table(msg, text_header(msg, "Type", ""), text_header(msg, "Logger", headers.logger), now, framed)
end

--- encode_message(table [, framed]) -> string
-- In: decoders, filters, encoders.
-- Convert a message table, in the form that inject_message accepts, to Heka's protobuf. With `framed` true the frame precedes it: 0x1E, the
-- length of the header, the header, 0x1F. Defaults: a new random Uuid, the current time as Timestamp, and the Logger and Hostname of the
-- sandbox.
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
-- Compile an expression in the language of `message_matcher`. `matcher:eval()` returns true if the current message matches.
-- Errors: the expression is invalid, with the position; eval: there is no current message.
-- Cost: the expression is compiled once for each shape of message, so create the matcher while the script is loaded. An evaluation costs
-- as much as that of a message_matcher.
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
-- Append to the payload that the next inject_payload sends. Accepts strings, numbers, booleans, handles, and objects that have a text
-- form, such as a circular buffer; nil appends nothing. Whole numbers are written without a decimal point, others with as many digits as
-- they need.
-- Errors: a value of another type. More than `output_limit` bytes in one call terminate the sandbox.
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
-- Append the remaining arguments to the payload and send it. In a filter: as a message of Type `heka.sandbox-output` with the Fields
-- payload_type (default "txt") and payload_name. In a decoder: as the current message with this Payload and these Fields. In an
-- encoder: the payload is the encoded record, and a later call replaces an earlier one.
-- Errors: as add_to_payload and inject_message.
local function payload_fields(type_, name)
  return {
    { name = "payload_type", value = type_ == nil and "txt" or calls.text_of(type_), representation = "file-extension" },
    { name = "payload_name", value = name == nil and "" or calls.text_of(name) },
  }
end

--- inject_message(table or protobuf)
-- In: decoders, filters, encoders.
-- Send a message, given as a table or as a string of Heka's protobuf, framed or not. The table has the headers Uuid, Timestamp (nanoseconds
-- or RFC 3339), Type, Logger, Severity, Payload, EnvVersion, Pid, Hostname, and Fields. Fields is either a table by name, with `name =
-- value`, `name = {v1, v2}` or `name = {value=, value_type=, representation=}`, or a list of `{name=, value=, value_type=,
-- representation=}`, which keeps its order. An empty list is omitted, unless it has a value_type. A Lua number becomes a double, unless
-- its value_type is 2 or it stands for an integer beyond 2^53. LuaJIT's 42LL is an integer.
-- In a filter: Type gets the prefix `heka.sandbox.`, and Logger and Hostname are those of the filter. A call of process_message may inject
-- max_process_inject (1) messages, a call of timer_event max_timer_inject (10).
-- In a decoder: the message replaces the current one, and each further call adds one more. Headers that the first message omits are
-- taken from the current message. A message given as protobuf is sent unchanged.
-- In an encoder: the message in protobuf, without a frame, is the encoded record. A later call replaces an earlier one.
-- Errors: the bytes are not a message; a message cannot hold a value. Too many messages in one call, or a message of more than
-- `max_message_size` bytes or `max_message_fields` fields, terminate the sandbox.
-- Cost: the values are copied into a pack. Each new set of names and types is described once.
local function message_of(value, name) -- also returns true if the value is protobuf
  value = handles.resolve(value)
  if type(value) == "string" then return protobuf_decode.decode(value), true end
  if type(value) ~= "table" then error(name .. ": takes a table or a string of protobuf", 3) end
  return plain.copy(value), false
end

-- Returns the functions that all kinds of sandboxes have.
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

-- Sends a message of a decoder. Unless it is complete, headers that it omits are taken from the record.
local function decoder_send(msg, is_complete)
  local record, _, _, shape = message.current()
  if record == nil then error("inject_message: there is no record here", 3) end
  if calls.count_injection() == 1 and not is_complete then
    for _, header in ipairs(ORIGINAL) do
      if msg[header] == nil and shape.first[header] then msg[header] = message.read_message(header) end
    end
    if msg.Payload == nil and shape.payload_is_record then msg.Payload = message.read_message "Payload" end
  end
  emit.reserve(inject.estimate(msg), emit.first_record)
  local type_ = text_header(msg, "Type", is_complete and "" or shape.type)
  local logger = text_header(msg, "Logger", is_complete and "" or shape.logger)
  inject.append(msg, type_, logger, record.timestamp, record.raw_start, record.raw_end)
end

--- declare_grammar(table)
-- In: decoders, while the script is loaded.
-- Describe the fields of the records as LPEG patterns, instead of process_message. Keys: `type`, the Type; `payload_is_record`, true if the
-- record becomes the Payload; `alternatives`, a list that is tried in order. Each alternative is a list of items: literal text, an LPEG
-- pattern that is not kept, a field `{name=, grammar=, type=, representation=, transform=, also=}`, or `{optional = {items}}`.
-- Patterns must not capture values or call functions; such patterns are refused. `pattern / 0` drops the captures of a pattern from
-- a library. No table may have a metatable.
-- `type` is string, bytes, integer, double, bool, json_string or json_value. For Timestamp it is `timestamp:` followed by clf, rfc3339,
-- rfc3164, epoch_s, epoch_ms, epoch_us or epoch_ns, for the years 1678 to 2261. `transform` receives the text of the field and returns its
-- value: nil for none, nanoseconds for Timestamp. Results are cached, so it is called once for each recent text. `also` is a list of
-- further fields that use the same text.
-- A field with the name of a header becomes that header. If the script also defines process_message, it receives the records that no
-- alternative matches.
-- Errors: an invalid part of the table, with the item and its name.
-- Cost: positions are stored, eight bytes for each field. No string and no table is created for a record.

--- declare_json(table)
-- In: decoders, while the script is loaded.
-- Decode records as JSON objects, instead of process_message. The options are those of the shipped decoder `json`.
-- Errors: an invalid option.
-- Cost: the first few objects of each form are parsed in full. Later ones cost as much as a declared grammar.

--- declare_logfmt(table)
-- In: decoders, while the script is loaded.
-- Decode records as lines of `key=value key="some text"`. process_message receives the first record of each form, and the records
-- that have keys without a value or unreadable headers. Options: `type`, the Type; `typed`, true if unquoted numbers, true and false keep
-- their type; `payload_keep`, true if the record becomes the Payload; `severities`, a table from names in lower case to numbers;
-- Timestamp, Severity, Hostname, Logger, Pid and Payload, the key that becomes the header.
-- Cost: a form is the keys and the kinds of values in their order. Each form is parsed in full twice. Then it costs as much as a declared
-- grammar.

--- declare_payload(table)
-- In: decoders, while the script is loaded.
-- Use each record unchanged as the Payload of a message with the Type `type`, instead of process_message.
-- Cost: almost none. The bytes of a record are not read.

-- declared: receives the declarations of the script; settings: {name, hostname}
function M.decoder(config, declared, settings)
  local api = common(config, settings or {})
  api.write_message = message.write_message
  api.inject_message = function(value) decoder_send(message_of(value, "inject_message")) end
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
    local record = message.current()
    -- A consumer that preserves state recognizes by this position the messages that it has had when records are read again.
    local position = record and record.raw_end or 0
    inject.append(msg, type_, settings.name, emit.now, position, position)
  end
  local api = common(config, settings)
  api.inject_message = function(value)
    local msg = message_of(value, "inject_message")
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

-- Returns a function that reads a header of the current message, the default for a table that omits it.
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
-- Encode records without a call into the script. `format` is json, payload, template or protobuf. The other keys are the options of the
-- shipped encoder of that name.
-- Errors: an unknown format; an invalid option.
-- Cost: code is generated once for each shape of message. After that, bytes are copied.

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

-- Sets the memory that write_message of an encoder writes into. It is reused for each record.
function M.open_scratch(base, bytes)
  W.open(base, bytes)
end

return M
