--[[
---
name: message_schema
kind: filter
summary: Discovers the structure of a stream's messages. Lists Types, fields and value types.
message_matcher: "TRUE"
ticker_interval: 60
preserve_data: true
limits:
  memory_limit: 16777216
  output_limit: 458752
  max_message_size: 491520
config:
  max_fields:
    type: integer
    default: 5000
    description: Maximum number of fields, and of pairs of Type and Logger. Further ones are only counted.
---
Every tick emits the payload `txt` named Message Schema, a tree:

    nginx.access (Logger access): 1000 messages
      Hostname: string
      body_bytes_sent: integer (B)
      remote_user: string, in 12 of them
      status: integer; also string in 3 of them

Under each Type and Logger are the fields by name, with the type and unit of their values. A field that some messages lack has the
number of messages with it. A field with several types breaks most databases, so all its types are listed. The text is limited to
440 KiB; its end then has the number of omitted lines. Names of more than 512 bytes are omitted.

    filters:
      schema: {type: message_schema, ticker_interval: 300}
--]]

_PRESERVATION_VERSION = 1

local MAX_NAME_BYTES = 512
local MAX_TEXT_BYTES = 440 * 1024 -- below output_limit, with room for the last lines

streams = {}              -- Type, a line feed, Logger -> {count = , fields = {name -> {count = , types = {type -> count}, unit = }}}
field_count, stream_count, left_out = 0, 0, 0

local max_fields = read_config "max_fields"
local TYPES = {[0] = "string", "bytes", "integer", "double", "boolean"}
local HEADERS = {EnvVersion = "string", Hostname = "string", Payload = "string", Pid = "integer"}

local function new_stream(key)
  if stream_count >= max_fields or #key > MAX_NAME_BYTES then
    left_out = left_out + 1
    return nil
  end
  stream_count = stream_count + 1
  local stream = {count = 0, fields = {}}
  streams[key] = stream
  return stream
end

local function new_field(stream, name)
  if field_count >= max_fields or #name > MAX_NAME_BYTES then
    left_out = left_out + 1
    return nil
  end
  field_count = field_count + 1
  local field = {count = 0, types = {}, unit = ""}
  stream.fields[name] = field
  return field
end

local function record(stream, name, kind, unit, seen)
  local field = stream.fields[name] or new_field(stream, name)
  if not field then return end
  if not seen[name] then
    field.count, seen[name] = field.count + 1, true
  end
  field.types[kind] = (field.types[kind] or 0) + 1
  if unit ~= "" then field.unit = unit end
end

function process_message()
  local key = read_message "Type" .. "\n" .. read_message "Logger"
  local stream, seen = streams[key] or new_stream(key), {}
  if not stream then return 0 end
  stream.count = stream.count + 1
  for header, kind in pairs(HEADERS) do
    local value = read_message(header)
    if value ~= nil and value ~= "" then record(stream, header, kind, "", seen) end
  end
  while true do
    local kind, name, _, unit, count = read_next_field()
    if not kind then break end
    record(stream, name, (count > 1 and "list of " or "") .. TYPES[kind], unit, seen)
  end
  return 0
end

local function sorted_keys(entries)
  local keys = {}
  for key in pairs(entries) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

local function type_text(field)
  local kinds = sorted_keys(field.types)
  table.sort(kinds, function(a, b)
    if field.types[a] ~= field.types[b] then return field.types[a] > field.types[b] end
    return a < b
  end)
  local text = kinds[1] .. (field.unit ~= "" and " (" .. field.unit .. ")" or "")
  for i = 2, #kinds do text = text .. ("; also %s in %d of them"):format(kinds[i], field.types[kinds[i]]) end
  return text
end

-- Returns the lines of a stream: its own line and those of its fields.
local function lines_of(key, stream)
  local of_type, logger = key:match "^(.*)\n(.*)$"
  local lines = {("%s (Logger %s): %d messages\n"):format(of_type == "" and "(no Type)" or of_type, logger, stream.count)}
  for _, name in ipairs(sorted_keys(stream.fields)) do
    local field = stream.fields[name]
    local part = field.count < stream.count and (", in %d of them"):format(field.count) or ""
    lines[#lines + 1] = ("  %s: %s%s\n"):format(name, type_text(field), part)
  end
  return lines
end

function timer_event()
  local bytes, omitted = 0, 0
  for _, key in ipairs(sorted_keys(streams)) do
    for _, line in ipairs(lines_of(key, streams[key])) do
      bytes = bytes + #line
      if bytes <= MAX_TEXT_BYTES then add_to_payload(line) else omitted = omitted + 1 end
    end
  end
  if omitted > 0 then add_to_payload("(", omitted, " lines more)\n") end
  if left_out > 0 then add_to_payload("(", left_out, " times a field or a Type was left out: max_fields)\n") end
  inject_payload("txt", "Message Schema")
end
