-- Runs the decoders of one input over raw packs.
-- A chain is either "first" (each record goes to the first decoder that accepts it) or "all" (each record goes through
-- all in turn). In both, a record that is refused becomes a dead letter and the pack goes on.
local ffi = require "ffi"
local C = require "channel"
local L = require "layout"
local W = require "writer"
local dead_letters = require "dead_letters"
local emit = require "emit"
local line_watch = require "line_watch"
local message = require "message"
local shapes = require "shapes"
local timestamps = require "timestamps"

local M = {}

local chain, strategy, delimiter, most_bytes, truncate
local job = {} -- the pack that is being decoded
local skip = {} -- [pack] = {[ordinal] = reason}: records that have ended a process before

-- between two stages of an "all" chain the records lie here, in pieces of so many raw bytes
local PIECE_BYTES = 64 * 1024
local SCRATCH_BYTES = 4 * 1024 * 1024

local TEXT_BYTES = 128 * 1024
local scratch = {}

local beat

-- what a record gets that was cut at max_record_bytes
local TRUNCATED = { name = "truncated", kind = L.CONST, flags = 0, representation = "", value = "true" }

-- spec: {name, strategy, delimiter (byte or nil), max_record_bytes, oversize, stages = list from stages.new}
function M.open(spec, heartbeat)
  chain, strategy, delimiter = spec.stages, spec.strategy, spec.delimiter
  most_bytes, truncate = spec.max_record_bytes, spec.oversize == "truncate"
  beat = heartbeat
  if strategy == "all" and #chain > 1 then
    for i = 1, #chain - 1 do
      scratch[i] = C.memory(SCRATCH_BYTES)
    end
  end
end

-- the record `ordinal` of a pack ended the process when it was tried: it is not tried again
function M.skip(pack, ordinal, reason)
  skip[pack] = skip[pack] or {}
  skip[pack][ordinal] = reason
end

-- a record that no decoder took
function M.reject(from, to, reason)
  job.failed = job.failed + 1
  if not job.reason then job.reason = reason end
  dead_letters.add(job.raw + from, to - from, reason, job.now, job.stream, job.position + from, job.pack)
end
local reject = M.reject

-- ---------------------------------------------------------------- one record

local function accept(from, to)
  local reason
  for i = 1, job.stages do
    local ok, why = chain[i].record(job, from, to)
    if ok then return end
    reason = why or reason
  end
  reject(from, to, reason or "no decoder matched")
end

-- Gives the records that were written from `at` on a column that says that they were cut. It takes no slot, so only the
-- number of their shape changes.
local function mark(at)
  while at < W.cursor do
    local record = ffi.cast(L.record_ptr, W.base + at)
    local shape = W.shape_list[record.shape + 1]
    local bytes = shape.bytes
    if not shape.first["Fields[truncated]"] then
      record.shape = W.shape_number(shapes.with_column(shape, #shape.columns + 1, TRUNCATED))
    end
    at = at + bytes
  end
end

-- a record that is longer than allowed: its first part
local function take_cut(from, to, ordinal)
  job.truncated, job.cut_bytes = job.truncated + 1, job.cut_bytes + to - from - most_bytes
  beat[1], emit.first_record = ordinal, ordinal
  if job.careful then line_watch.at(ordinal) end
  local base, at = W.base, W.cursor
  accept(from, from + most_bytes)
  -- what was written may have gone on in another slot
  mark(W.base == base and at <= W.cursor and at or L.PACK_BYTES)
end

local function take(from, to, ordinal)
  if job.skip and job.skip[ordinal] then return reject(from, to, job.skip[ordinal]) end
  if to - from > most_bytes then
    if not truncate then return reject(from, to, "oversize") end
    return take_cut(from, to, ordinal)
  end
  beat[1], emit.first_record = ordinal, ordinal
  if job.careful then line_watch.at(ordinal) end
  accept(from, to)
end

-- ---------------------------------------------------------------- the records of a pack

-- where the record at `at` ends
local function end_of(at, stop)
  local p = ffi.C.memchr(job.raw + at, delimiter, stop - at)
  return p == nil and stop or ffi.cast(L.bytes_ptr, p) - job.raw
end

-- the record at `at` by itself; answers where the next one is
local function take_at(at, stop, ordinal)
  local to = end_of(at, stop)
  take(at, to, ordinal)
  return to + 1
end

-- past the records that were sent before the process that did them died: where the first one of the others is
local function first_at()
  local at, ordinal = 0, 0
  while at < job.bytes and ordinal < job.first_record do
    at, ordinal = end_of(at, job.bytes) + 1, ordinal + 1
  end
  return at, ordinal
end

-- Both loops go from `at` (offset) to `stop`, and answer how far they came when the writer was full or all was done.

local function run_one_by_one(at, stop, ordinal, full)
  while at < stop and W.room() >= full do
    at = take_at(at, stop, ordinal)
    ordinal = ordinal + 1
  end
  return at, ordinal
end

-- with a stage that takes many records at once
local function run_many(at, stop, ordinal, full)
  local many = chain[1].many
  while at < stop and W.room() >= full do
    local before = at
    at, ordinal = many(job, at, stop, ordinal, most_bytes, delimiter)
    if at == before then
      at = take_at(at, stop, ordinal)
      ordinal = ordinal + 1
    end
  end
  return at, ordinal
end

local function run_delimited(at, stop, ordinal, full)
  local run = chain[1].many and not job.careful and run_many or run_one_by_one
  return run(at, stop, ordinal, full)
end

-- what a record of n bytes may need in the writer beside the bytes that stay where they are
local ROOM_BYTES = 96 * 1024

local function decode_delimited()
  local at, ordinal = first_at()
  while at < job.bytes do
    emit.reserve(ROOM_BYTES, ordinal)
    at, ordinal = run_delimited(at, job.bytes, ordinal, ROOM_BYTES)
  end
  return ordinal
end

local function decode_listed(count)
  local pairs_at = ffi.cast(L.u32_ptr, job.raw + job.bytes + (-job.bytes) % 8)
  for ordinal = job.first_record, count - 1 do
    emit.reserve(ROOM_BYTES, ordinal)
    take(pairs_at[2 * ordinal], pairs_at[2 * ordinal + 1], ordinal)
  end
  return count
end

-- ---------------------------------------------------------------- chains of strategy "all"

-- `first` lets the first stage write into a scratch pack; the others follow, the last one writes into the arena
local function through_stages(first)
  local arena = W.save()
  W.open(scratch[1], SCRATCH_BYTES)
  first()
  for i = 2, #chain do
    W.finish(0ULL, 0LL, job.bytes, 0, emit.flags)
    local view = { pack = W.base, count = W.count, list = shapes.of_pack(W.base) }
    if i < #chain then
      W.open(scratch[i], SCRATCH_BYTES)
    else
      W.restore(arena)
    end
    emit.first_record = job.piece -- none of the piece is wholly sent before all of it is
    chain[i].pack(job, view)
  end
end

-- where a piece that begins at `at` ends; one that is worked on carefully is one record, for only then is it known which is to blame
local function piece_end(at)
  if job.careful then return end_of(at, job.bytes) + 1 end
  if job.bytes - at <= PIECE_BYTES then return job.bytes end
  return end_of(at + PIECE_BYTES, job.bytes) + 1
end

local function decode_all_delimited()
  local at, ordinal = first_at()
  while at < job.bytes do
    local stop = math.min(job.bytes, piece_end(at))
    job.piece = ordinal
    emit.reserve(ROOM_BYTES, ordinal)
    through_stages(function() at, ordinal = run_delimited(at, stop, ordinal, ROOM_BYTES) end)
  end
  return ordinal
end

local function decode_all_listed(count)
  local pairs_at = ffi.cast(L.u32_ptr, job.raw + job.bytes + (-job.bytes) % 8)
  for ordinal = job.first_record, count - 1 do
    job.piece = ordinal
    emit.reserve(ROOM_BYTES, ordinal)
    through_stages(function() take(pairs_at[2 * ordinal], pairs_at[2 * ordinal + 1], ordinal) end)
  end
  return count
end

-- ---------------------------------------------------------------- commands

local function start(command)
  job.pack, job.bytes, job.now = command.pack, command.raw_bytes, command.now_ns
  job.raw = C.address(command.raw_arena, command.raw_offset, command.raw_bytes)
  job.stream, job.position = command.stream, command.position
  job.first_record = command.first_record
  job.careful = math.floor(command.flags / C.CAREFUL) % 2 == 1
  job.skip, job.failed, job.truncated, job.reason, job.text = skip[job.pack], 0, 0, nil, nil
  job.cut_bytes = 0
  emit.pack, emit.stream, emit.position = job.pack, job.stream, job.position
  emit.raw_bytes, emit.loop_depth = job.bytes, 0
  emit.flags = command.flags % 2 == 1 and delimiter == 10 and L.LINES or 0
  timestamps.reference_ns[0] = job.now
  message.clear()
  -- in an "all" chain `accept` runs the first stage only; the others see what it made
  job.stages = strategy == "all" and 1 or #chain
  job.piece = 0
end

-- decodes the pack of a command PACK and reports it done
function M.run(command)
  start(command)
  local delimited = command.flags % 2 == 1
  local all = strategy == "all" and #chain > 1
  line_watch.begin(command.pack)
  local received
  if delimited then
    received = all and decode_all_delimited() or decode_delimited()
  else
    received = all and decode_all_listed(command.records) or decode_listed(command.records)
  end
  line_watch.finish()
  emit.close(received)
  dead_letters.flush(job.pack)
  skip[job.pack] = nil
  if job.reason then C.text(C.FAILURE, job.reason, job.pack) end
  local r = C.report(C.DONE, job.pack)
  r.received, r.failed, r.matched, r.count = received, job.failed, received - job.failed, job.truncated
  r.injected = job.cut_bytes
  job.text = nil
  return received
end

-- Raw bytes as a Lua string: whole records from `at` on, as many as fit into TEXT_BYTES. Answers the string and the offset of
-- its first byte. LPEG wants strings; in pieces they stay in the cache, and the garbage stays small.
function M.text(at, stop)
  if job.text and at >= job.text_at and at < job.text_at + #job.text then return job.text, job.text_at end
  local to = stop
  if stop - at > TEXT_BYTES then
    local p = ffi.C.memrchr(job.raw + at, delimiter, TEXT_BYTES)
    if p == nil then p = ffi.C.memchr(job.raw + at, delimiter, stop - at) end
    if p ~= nil then to = ffi.cast(L.bytes_ptr, p) - job.raw + 1 end
  end
  job.text, job.text_at = ffi.string(job.raw + at, to - at), at
  return job.text, at
end

return M
