--[[
---
name: message_schema
kind: filter
summary: Discovers what the messages of a stream look like, their Types, fields and types of values.
message_matcher: "TRUE"
ticker_interval: 60
preserve_data: true
limits:
  memory_limit: 16777216
  output_limit: 1048576
config:
  max_fields:
    type: integer
    default: 5000
    description: How many fields are kept in all; further ones are only counted.
---
Every tick gives the payload `txt` named Message Schema, a tree:

    nginx.access (Logger access): 1000 messages
      Hostname: string
      body_bytes_sent: integer (B)
      remote_user: string, in 12 of them
      status: integer; also string in 3 of them

Under each Type and Logger, the fields by name with the type of their values and their unit. What not all messages have says how many
do. A field that has several types in one stream breaks most databases: it is said.

    filters:
      schema: {type: message_schema, ticker_interval: 300}
--]]

_PRESERVATION_VERSION = 1

streams = {}              -- Type, a line feed, Logger -> {count = , fields = {name -> {count = , types = {type -> count}, unit = }}}
field_count, left_out = 0, 0

local max_fields = read_config "max_fields"
local TYPES = {[0] = "string", "bytes", "integer", "double", "boolean"}
local HEADERS = {EnvVersion = "string", Hostname = "string", Payload = "string", Pid = "integer"}

local function new_field(stream, name)
  if field_count >= max_fields then
    left_out = left_out + 1
    return nil
  end
  field_count = field_count + 1
  local field = {count = 0, types = {}, unit = ""}
  stream.fields[name] = field
  return field
end

local function note(stream, name, kind, unit, seen)
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
  local stream, seen = streams[key], {}
  if not stream then
    stream = {count = 0, fields = {}}
    streams[key] = stream
  end
  stream.count = stream.count + 1
  for header, kind in pairs(HEADERS) do
    local value = read_message(header)
    if value ~= nil and value ~= "" then note(stream, header, kind, "", seen) end
  end
  while true do
    local kind, name, _, unit, count = read_next_field()
    if not kind then break end
    note(stream, name, (count > 1 and "list of " or "") .. TYPES[kind], unit, seen)
  end
  return 0
end

local function sorted(of)
  local keys = {}
  for key in pairs(of) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

local function type_text(field)
  local kinds = sorted(field.types)
  table.sort(kinds, function(a, b)
    if field.types[a] ~= field.types[b] then return field.types[a] > field.types[b] end
    return a < b
  end)
  local text = kinds[1] .. (field.unit ~= "" and " (" .. field.unit .. ")" or "")
  for i = 2, #kinds do text = text .. ("; also %s in %d of them"):format(kinds[i], field.types[kinds[i]]) end
  return text
end

function timer_event()
  for _, key in ipairs(sorted(streams)) do
    local stream, of_type, logger = streams[key], key:match "^(.*)\n(.*)$"
    add_to_payload(of_type == "" and "(no Type)" or of_type, " (Logger ", logger, "): ", stream.count, " messages\n")
    for _, name in ipairs(sorted(stream.fields)) do
      local field = stream.fields[name]
      add_to_payload("  ", name, ": ", type_text(field))
      if field.count < stream.count then add_to_payload(", in ", field.count, " of them") end
      add_to_payload "\n"
    end
  end
  if left_out > 0 then add_to_payload("(", left_out, " times a field was left out: max_fields)\n") end
  inject_payload("txt", "Message Schema")
end
