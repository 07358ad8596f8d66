-- Runs the encoder of one output over packs: the records that the output's matcher accepts become bytes in a batch.
-- A batch is a slot: the encoded bytes from its start, and from its end backwards the end offset of each record.
local ffi = require "ffi"
local C = require "channel"
local L = require "layout"
local dead_letters = require "dead_letters"
local filter = require "filter"
local line_watch = require "line_watch"
local shapes = require "shapes"

local M = {}

local matcher, encode, beat
local job = {}

-- the batch that is being written
local batch = { base = nil, size = 0, offset = 0, used = 0, count = 0 }
M.batch = batch

-- spec: {matcher, encode = {start_pack, record}} where
--   start_pack(raw, raw_bytes) is called once a pack, and
--   record(record, raw, pack, shape) -> true, or false and the reason (nil: nothing to send, no failure)
function M.open(spec, heartbeat)
  matcher, encode, beat = spec.matcher, spec.encode, heartbeat
end

local function send(first_record)
  dead_letters.flush(job.pack) -- the host takes all records before first_record for done
  local r = C.report(C.EMIT, job.pack)
  r.kind, r.offset, r.bytes, r.count, r.first_record = C.EMIT_BATCH, batch.offset, batch.used, batch.count, first_record
  batch.base = nil
end

-- makes room for n bytes of one more record, at batch.base[batch.used]; may send the batch and open another. Answers false
-- if no batch is large enough.
function M.reserve(n)
  if batch.base ~= nil and batch.size - batch.used - 4 * (batch.count + 1) < n and batch.count > 0 then send(job.ordinal) end
  if batch.base == nil then
    batch.base, batch.size, batch.offset = C.slot()
    batch.used, batch.count = 0, 0
  end
  return batch.size - 4 >= n
end

-- the record ends at batch.base[used]
function M.finish_record(used)
  batch.used = used
  batch.count = batch.count + 1
  ffi.cast(L.u32_ptr, batch.base + (batch.size - 4 * batch.count))[0] = used
end

-- the encoding of the record at hand is an empty text
function M.count_empty()
  job.empty = job.empty + 1
end

local function reject(record, raw, pack, shape, reason, is_fatal)
  job.failed = job.failed + 1
  if not job.reason then job.reason = reason end
  dead_letters.add_message(record, raw, pack, shape, reason, job.now, job.stream, job.position, job.pack, is_fatal)
end

local function run_records(header, raw, pack, list, tests)
  local at = header.records_start
  local matched, record_of, skip = 0, encode.record, job.skip
  for ordinal = 0, header.record_count - 1 do
    local record = ffi.cast(L.record_ptr, pack + at)
    at = at + record.words * 8
    local test = tests[record.shape]
    if job.careful then
      beat[1] = ordinal
      line_watch.at(ordinal)
    end
    local fatal = skip and skip[ordinal]
    if ordinal >= job.first_record and (fatal or test == true or (test and test(record, raw, pack))) then
      beat[1], job.ordinal = ordinal, ordinal
      matched = matched + 1
      local ok, why
      if fatal then
        ok, why = false, fatal
      else
        ok, why = record_of(record, raw, pack, list[record.shape])
      end
      if not ok and why then
        reject(record, raw, pack, list[record.shape], why, fatal ~= nil)
      elseif not ok then
        job.skipped = job.skipped + 1
      end
    end
  end
  return matched
end

local skips = {}

-- the record `ordinal` of a pack ended the process when it was tried: it is not tried again
function M.skip(pack, ordinal, reason)
  skips[pack] = skips[pack] or {}
  skips[pack][ordinal] = reason
end

-- command PACK
function M.run(command)
  local header, raw, pack = filter.open_pack(command)
  beat[2] = 2 -- at no record yet: there may be hundreds of shapes
  local list = shapes.of_pack(pack)
  local tests = filter.tests_of(list, header.shape_count, matcher)
  beat[2] = 1
  job.pack, job.now, job.stream, job.position = command.pack, command.now_ns, command.stream, command.position
  job.first_record, job.skip, job.reason, job.failed = command.first_record, skips[command.pack], nil, 0
  job.skipped, job.empty = 0, 0
  job.careful = C.has(command, C.CAREFUL)
  local matched = 0
  if tests.any then
    encode.start_pack(raw, command.raw_bytes, header.flags)
    line_watch.begin(command.pack)
    matched = run_records(header, raw, pack, list, tests)
    line_watch.finish()
    if encode.end_pack then encode.end_pack() end
    if batch.base ~= nil and batch.count > 0 then send(header.record_count) end
  end
  dead_letters.flush(job.pack)
  skips[job.pack] = nil
  if job.reason then C.text(C.FAILURE, job.reason, job.pack) end
  local r = C.report(C.DONE, job.pack)
  r.received, r.matched, r.failed, r.flags = header.record_count, matched, job.failed, tests.any and 0 or C.NEVER
  r.count, r.offset = job.skipped, job.empty
  return r.received
end

return M
