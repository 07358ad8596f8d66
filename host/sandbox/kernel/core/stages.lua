-- The kinds of decoders in a chain: declared grammars, JSON, plain scripts. Each answers the same three calls:
--   many(job, at, stop, ordinal, most_bytes, delimiter) -> at, ordinal   as many records as it can take fast (may be missing)
--   record(job, from, to) -> true, or false and a reason       one record of the raw bytes
--   pack(job, view)                                            records that an earlier decoder of the chain made
local ffi = require "ffi"
local L = require "layout"
local W = require "writer"
local calls = require "script_calls"
local declared = require "declared"
local emit = require "emit"
local json_decoder = require "json_decoder"
local logfmt_decoder = require "logfmt_decoder"
local message = require "message"
local merge = require "chain_merge"
local shapes = require "shapes"

local M = {}

local beat, text_of, reject

-- heartbeat: uint64_t *; text: function that answers raw bytes as a string (decoder.text); reject_: the decoder's reject
function M.open(heartbeat, text, reject_)
  beat, text_of, reject = heartbeat, text, reject_
end

-- Walks the records that the stage before has made; visit(record, shape). The heartbeat moves on with each of them: its number is that of
-- the record for certain only in a piece of one record.
local function each(job, view, visit)
  local at = L.PACK_BYTES
  for n = 0, view.count - 1 do
    if not job.careful then beat[1] = job.piece + n end
    local record = ffi.cast(L.record_ptr, view.pack + at)
    visit(record, view.list[record.shape])
    at = at + record.words * 8
  end
end

-- ---------------------------------------------------------------- declared grammars and JSON

-- what one more record may need in a pack, beside the bytes that a decoder has made of it already
local RECORD_ROOM_BYTES = 96 * 1024

-- Makes room for a record that an earlier decoder made: `copies` of the values that are in its pack, and what is written over it.
local function reserve(job, view, record, shape, copies)
  local n = RECORD_ROOM_BYTES + record.words * 8 + copies * message.heap_bytes(record, view.pack, shape)
  emit.reserve(math.min(n, W.most()), job.piece)
end

-- The payload of a decoded record goes through the grammar; what it finds is added to the record.
-- otherwise: the stage of the script for records that the grammar does not take, or nil
local function merging_pack(record_at, otherwise)
  return function(job, view)
    each(job, view, function(record, shape)
      reserve(job, view, record, shape, 3) -- its own, the Payload once more, and what is computed of it
      message.set(record, job.raw, view.pack, shape)
      local from, to = record.raw_start, record.raw_end
      local ok, why = merge.payload(record, shape, job, view.pack, record_at)
      if not ok and otherwise then
        otherwise.current(from, to)
      elseif not ok then
        reject(from, to, why)
      end
    end)
  end
end

-- spec: what declare_grammar was given
function M.declared(name, spec, delimiter, otherwise)
  local alternatives = declared.compile(spec, delimiter and string.char(delimiter) or "\n")
  local first = alternatives[1]

  local function single(base, from, to, now)
    local text = ffi.string(base + from, to - from)
    local reason
    for _, alternative in ipairs(alternatives) do
      local ok, why = alternative.single(text, base, from, now)
      if ok then return true end
      reason = why or reason
    end
    return false, name .. ": " .. (reason or "the grammar does not match")
  end

  local function many(job, at, stop, ordinal, most_bytes, delim)
    local text, shift = text_of(at, stop)
    local i = at - shift + 1
    local next_i, next_ordinal = first.many(text, job.raw, shift, i, delim, most_bytes, job.now, beat, ordinal, 1e15)
    if next_i ~= i then return next_i - 1 + shift, next_ordinal end
    for _, alternative in ipairs(alternatives) do
      next_i, next_ordinal = alternative.one(text, job.raw, shift, i, delim, most_bytes, job.now, beat, ordinal, ordinal + 1)
      if next_i ~= i then return next_i - 1 + shift, next_ordinal end
    end
    return at, ordinal
  end

  return {
    name = name,
    many = delimiter and many or nil,
    record = function(job, from, to)
      local ok, why = single(job.raw, from, to, job.now)
      if not ok and otherwise then return otherwise.record(job, from, to) end
      return ok, why
    end,
    pack = merging_pack(single, otherwise),
  }
end

-- the call `many` of a decoder that works by forms
local function many_of(decode, delimiter)
  return delimiter and function(job, at, stop, ordinal, most_bytes, delim)
    local text, shift = text_of(at, stop)
    local i, next_ordinal = decode.many(text, job.raw, shift, at - shift + 1, delim, most_bytes, job.now, beat, ordinal)
    return i - 1 + shift, next_ordinal
  end or nil
end

-- options: of declare_json
function M.json(name, options, headers, delimiter)
  local decode = json_decoder.new(name, options, headers, delimiter)
  return {
    name = name,
    many = many_of(decode, delimiter),
    record = function(job, from, to) return decode.single(job.raw, from, to, job.now) end,
    pack = merging_pack(decode.single),
  }
end

-- options: of declare_logfmt; otherwise: the stage of the script, for records that are not plain
function M.logfmt(options, headers, delimiter, otherwise)
  local decode = logfmt_decoder.new(options, headers, delimiter, otherwise.record)
  return {
    name = otherwise.name,
    otherwise = otherwise, -- its memory must stay
    many = many_of(decode, delimiter),
    record = decode.record,
    pack = otherwise.pack,
  }
end

-- ---------------------------------------------------------------- records as they are

local function raw_shape_of(headers)
  return shapes.intern {
    type = headers.type, logger = headers.logger, payload_is_record = true,
    columns = { { name = "Hostname", kind = L.CONST, flags = L.HEADER, value = headers.hostname } },
  }
end

-- headers: {type, logger, hostname}. Each record becomes a message whose Payload it is.
function M.payload(name, headers)
  local shape = raw_shape_of(headers)

  local function add(head, from, to, now)
    local record = ffi.cast(L.record_ptr, W.base + W.cursor)
    ffi.cast(L.u32_ptr, record)[0] = head
    record.flags, record.timestamp, record.raw_start, record.raw_end = 0, now, from, to
    W.cursor, W.count = W.cursor + L.RECORD_BYTES, W.count + 1
  end

  local function head_of()
    return W.shape_number(shape) * 65536 + shape.words
  end

  return {
    name = name,
    many = function(job, at, stop, ordinal, most_bytes, delimiter)
      local head, full = head_of(), W.heap - W.shape_bytes - 16384
      local raw, now = job.raw, job.now
      while at < stop and W.cursor <= full do
        local p = ffi.C.memchr(raw + at, delimiter, stop - at)
        if p == nil then break end
        local to = tonumber(ffi.cast("intptr_t", p) - ffi.cast("intptr_t", raw))
        if to - at > most_bytes then break end
        add(head, at, to, now)
        at, ordinal = to + 1, ordinal + 1
      end
      return at, ordinal
    end,
    record = function(job, from, to)
      add(head_of(), from, to, job.now)
      return true
    end,
    pack = function(job, view)
      each(job, view, function(record, record_shape)
        reserve(job, view, record, record_shape, 1)
        message.set(record, job.raw, view.pack, record_shape)
        message.commit()
      end)
    end,
  }
end

-- ---------------------------------------------------------------- scripts

-- headers: {type, logger, hostname}: what a record is before any decoder has seen it
function M.script(name, process_message, headers)
  local raw_shape = raw_shape_of(headers)
  local raw_memory = ffi.new "hk_record[1]"
  local raw_record = ffi.cast(L.record_ptr, raw_memory)
  raw_record.words = raw_shape.words

  local function run(from, to)
    local status, why = calls.process(process_message)
    if status == 0 then
      if calls.injected() == 0 then message.commit() end
      return true
    end
    message.discard()
    reject(from, to, name .. ": " .. (why or "process_message returned " .. status))
    return true -- the reason is given: no other decoder is to hear of it
  end

  return {
    name = name,
    memory = raw_memory, -- a pointer does not keep alive what it points at
    current = run, -- the current message, of the record from..to
    record = function(job, from, to)
      local r = raw_record
      r.timestamp, r.raw_start, r.raw_end = job.now, from, to
      message.set(r, job.raw, W.base, raw_shape)
      local status, why = calls.process(process_message)
      if status == 0 then
        if calls.injected() == 0 then message.commit() end
        return true
      end
      message.discard()
      return false, name .. ": " .. (why or "process_message returned " .. status)
    end,
    pack = function(job, view)
      each(job, view, function(record, shape)
        reserve(job, view, record, shape, 1)
        message.set(record, job.raw, view.pack, shape)
        run(record.raw_start, record.raw_end)
      end)
    end,
  }
end

return M
