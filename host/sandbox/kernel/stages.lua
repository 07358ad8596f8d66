-- The kinds of decoders in a chain: declared grammars, JSON, plain scripts. Each answers the same three calls:
--   many(job, at, stop, ordinal, most_bytes) -> at, ordinal   as many records as it can take fast (may be missing)
--   record(job, from, to) -> true, or false and a reason       one record of the raw bytes
--   pack(job, view)                                            records that an earlier decoder of the chain made
local ffi = require "ffi"
local L = require "layout"
local W = require "writer"
local calls = require "calls"
local declared = require "declared"
local emit = require "emit"
local json_decoder = require "json_decoder"
local message = require "message"
local merge = require "merge"
local shapes = require "shapes"

local M = {}

local beat, text_of, reject

-- heartbeat: uint64_t *; text: function that answers the pack's raw text; reject_: the decoder's reject
function M.open(heartbeat, text, reject_)
  beat, text_of, reject = heartbeat, text, reject_
end

-- walks the records of a pack; visit(record, shape)
local function each(view, visit)
  local at = L.PACK_BYTES
  for _ = 1, view.count do
    local record = ffi.cast(L.record_ptr, view.pack + at)
    visit(record, view.list[record.shape])
    at = at + record.words * 8
  end
end

-- ---------------------------------------------------------------- declared grammars and JSON

-- the payload of a decoded record goes through the grammar; what it finds is added to the record
local function merging_pack(record_at)
  return function(job, view)
    each(view, function(record, shape)
      message.set(record, job.raw, view.pack, shape)
      local from, to = record.raw_start, record.raw_end
      local ok, why = merge.payload(record, shape, job, view.pack, record_at)
      if not ok then reject(from, to, why) end
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

  local function many(job, at, stop, ordinal, most_bytes)
    local text, n = text_of(), stop
    local next_at, next_ordinal = first.many(text, job.raw, at + 1, n, delimiter, most_bytes, job.now, beat, ordinal, 1e15)
    if next_at ~= at + 1 then return next_at - 1, next_ordinal end
    for _, alternative in ipairs(alternatives) do
      next_at, next_ordinal = alternative.one(text, job.raw, at + 1, n, delimiter, most_bytes, job.now, beat, ordinal, ordinal + 1)
      if next_at ~= at + 1 then return next_at - 1, next_ordinal end
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
    pack = merging_pack(single),
  }
end

-- options: of declare_json
function M.json(name, options, headers, delimiter)
  local decode = json_decoder.new(name, options, headers)
  local function many(job, at, stop, ordinal, most_bytes)
    return decode.many(text_of(), job.raw, at, stop, delimiter, most_bytes, job.now, beat, ordinal)
  end
  return {
    name = name,
    many = delimiter and many or nil,
    record = function(job, from, to) return decode.single(job.raw, from, to, job.now) end,
    pack = merging_pack(decode.single),
  }
end

-- ---------------------------------------------------------------- scripts

-- headers: {type, logger, hostname}: what a record is before any decoder has seen it
function M.script(name, process_message, headers)
  local raw_shape = shapes.intern {
    type = headers.type, logger = headers.logger, payload_is_record = true,
    columns = { { name = "Hostname", kind = L.CONST, flags = L.HEADER, value = headers.hostname } },
  }
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
      each(view, function(record, shape)
        emit.reserve(64 * 1024 + record.words * 8, job.piece)
        message.set(record, job.raw, view.pack, shape)
        run(record.raw_start, record.raw_end)
      end)
    end,
  }
end

return M
