-- Records that nothing could be made of: kept with their reason, sent to the host as JSON lines.
local ffi = require "ffi"
local bit = require "bit"
local C = require "channel"
local date_text = require "date_text"
local emit = require "emit"
local json_text = require "json_text"
local numbers = require "numbers"

local M = {}

local MOST_BYTES = 200 * 1024 -- of lines held back before they are sent
local MOST_RECORD_BYTES = 64 * 1024 -- of one record that are kept

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

local function record_member(text)
  if json_text.is_utf8(text) then return '"record":"' .. json_text.escape(text) .. '"' end
  return '"record_base64":"' .. base64(text) .. '"'
end

-- at: uint8_t * to the record; n: its bytes; now: int64 ns; stream: uint64; position: int64 of the record in its stream
function M.add(at, n, reason, now, stream, position, pack)
  local kept = math.min(n, MOST_RECORD_BYTES)
  local line = string.format('{"time":"%s","component":"%s","kind":"%s","reason":"%s","stream":"%s","position":%s,"bytes":%d,%s}\n',
    date_text.rfc3339(now), json_text.escape(component), kind, json_text.escape(reason), bit.tohex(stream),
    numbers.int64_text(position), n, record_member(ffi.string(at, kept)))
  lines[#lines + 1] = line
  bytes = bytes + #line
  if bytes > MOST_BYTES then M.flush(pack) end
end

function M.flush(pack)
  if #lines > 0 then
    emit.send_lines(C.EMIT_DEAD, lines, pack)
    lines, bytes = {}, 0
  end
end

return M
