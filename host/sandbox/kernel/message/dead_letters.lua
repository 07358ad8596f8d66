-- Records that nothing could be made of: kept with their reason, sent to the host as JSON lines.
local ffi = require "ffi"
local bit = require "bit"
local C = require "channel"
local date_text = require "date_text"
local emit = require "emit"
local json_text = require "json_text"
local numbers = require "numbers"
local values = require "values"

local M = {}

local MAX_BYTES = 200 * 1024 -- of lines held back before they are sent
local MAX_RECORD_BYTES = 64 * 1024 -- of one record that are kept
local MAX_REASON_BYTES = 4000

local lines, bytes = {}, 0
local component, kind

function M.open(component_name, kind_)
  component, kind = component_name, kind_
  emit.before_send = function() M.flush(emit.pack) end
end

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local function base64(text)
  local out = {}
  for i = 1, #text, 3 do
    local a, b, c = text:byte(i, i + 2)
    local v = a * 65536 + (b or 0) * 256 + (c or 0)
    local digits = { math.floor(v / 262144), math.floor(v / 4096) % 64, b and math.floor(v / 64) % 64 or -1, c and v % 64 or -1 }
    for _, d in ipairs(digits) do
      out[#out + 1] = d < 0 and "=" or ALPHABET:sub(d + 1, d + 1)
    end
  end
  return table.concat(out)
end

local function member(name, text)
  if json_text.is_utf8(text) then return '"' .. name .. '":"' .. json_text.escape(text) .. '"' end
  return '"' .. name .. '_base64":"' .. base64(text) .. '"'
end

-- members: JSON text of the record
local function add(members, n, reason, now, stream, position, pack)
  reason = reason:sub(1, MAX_REASON_BYTES)
  if not json_text.is_utf8(reason) then reason = reason:gsub("[\128-\255]", "?") end
  local line = string.format('{"time":"%s","component":"%s","kind":"%s","reason":"%s","stream":"%s","position":%s,"bytes":%d,%s}\n',
    date_text.rfc3339(now), json_text.escape(component), kind, json_text.escape(reason), bit.tohex(stream),
    numbers.int64_text(position), n, members)
  lines[#lines + 1] = line
  bytes = bytes + #line
  if bytes > MAX_BYTES then M.flush(pack) end
end

-- at: uint8_t * to the record; n: its bytes; now: int64 ns; stream: uint64; position: int64 of the record in its stream
function M.add(at, n, reason, now, stream, position, pack)
  local kept = math.min(n, MAX_RECORD_BYTES)
  add(member("record", ffi.string(at, kept)), n, reason, now, stream, position, pack)
end

-- record, raw, pack, shape: a message of a pack; position: int64 of the pack; is_fatal: the message has ended a process, so that
-- its values are not read. A message without a raw record, which a filter has made, is told by its Type and Payload.
function M.add_message(record, raw, pack, shape, reason, now, stream, position, work, is_fatal)
  if raw ~= pack then
    return M.add(raw + record.raw_start, record.raw_end - record.raw_start, reason, now, stream, position + record.raw_start, work)
  end
  local payload = not is_fatal and values.reader(shape, "Payload", 0, 0)(record, raw, pack) or ""
  local members = { member("record", ""), member("message_type", shape.type or ""), member("payload", payload:sub(1, MAX_RECORD_BYTES)) }
  add(table.concat(members, ","), 0, reason, now, stream, position, work)
end

function M.flush(pack)
  if #lines > 0 then
    emit.send_lines(C.EMIT_DEAD, lines, pack)
    lines, bytes = {}, 0
  end
end

return M
