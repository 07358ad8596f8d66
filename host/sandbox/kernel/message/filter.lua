-- Runs one filter over packs: each record that its matcher accepts is a call of process_message.
local ffi = require "ffi"
local C = require "channel"
local L = require "layout"
local calls = require "script_calls"
local dead_letters = require "dead_letters"
local emit = require "emit"
local line_watch = require "line_watch"
local message = require "message"
local numbers = require "numbers"
local shapes = require "shapes"

local M = {}

local matcher, process_message, timer_event, prepare, beat
local job = {}

-- A filter may fail at every record, and a failed record is lost to nobody else: of more than so many, only some are kept.
local MAX_LETTERS, LETTERS_PER_S = 1000, 10
local letters = { left = MAX_LETTERS, at_s = 0 }

-- spec: {matcher = from matcher.new, process_message, timer_event or nil, prepare = called before calls into the script with
-- whether they are timer_event}
function M.open(spec, heartbeat)
  matcher, process_message, timer_event = spec.matcher, spec.process_message, spec.timer_event
  prepare, beat = spec.prepare, heartbeat
end

local function keeps_letter()
  local now_s = tonumber(emit.now) / 1e9
  local passed_s = math.max(0, now_s - letters.at_s)
  letters.left, letters.at_s = math.min(MAX_LETTERS, letters.left + passed_s * LETTERS_PER_S), now_s
  if letters.left < 1 then
    job.not_kept = job.not_kept + 1
    return false
  end
  letters.left = letters.left - 1
  return true
end

-- process_message failed at a record
local function fail(record, raw, pack, shape, reason)
  if not job.reason then job.reason = reason end
  if emit.muted or not keeps_letter() then return end
  dead_letters.add_message(record, raw, pack, shape, reason, emit.now, emit.stream, emit.position, emit.pack)
end

-- for the shapes of a pack: shape number -> true, false or test; and whether any of them can match
local function tests_of(list, count, match)
  local tests = list.compiled[match]
  if not tests then
    tests = { any = false }
    for i = 0, count - 1 do
      tests[i] = match(list[i])
      tests.any = tests.any or tests[i] ~= false
    end
    list.compiled[match] = tests
  end
  return tests
end
M.tests_of = tests_of

-- the pack that a command names: header, base of the raw bytes, base of the pack
local function open_pack(command)
  local pack = C.address(command.table_arena, command.table_offset, command.table_bytes)
  local raw = pack
  if command.raw_bytes > 0 then raw = C.address(command.raw_arena, command.raw_offset, command.raw_bytes) end
  return ffi.cast(L.pack_ptr, pack), raw, pack
end
M.open_pack = open_pack

local skips = {} -- [pack] = {[ordinal] = reason}: records that have ended a process before

-- the record `ordinal` of a pack ended the process when it was tried: it is not tried again
function M.skip(pack, ordinal, reason)
  skips[pack] = skips[pack] or {}
  skips[pack][ordinal] = reason
end

-- Records before job.first_record have been done by a process that has died since: without state they are not done again; with it
-- (job.rebuild) they are, for what the script remembers of them, but what it injects has been sent already.
local function run_records(header, raw, pack, list, tests)
  local at = header.records_start
  local matched, failed, skip = 0, 0, skips[emit.pack]
  local first, done_to, last_end = job.rebuild and 0 or job.first_record, job.done_to, 0
  for ordinal = 0, header.record_count - 1 do
    local record = ffi.cast(L.record_ptr, pack + at)
    at, last_end = at + record.words * 8, record.raw_end
    local test = tests[record.shape]
    if job.careful then
      beat[1] = ordinal
      line_watch.at(ordinal)
    end
    local why = skip and skip[ordinal]
    if ordinal >= first and (last_end > done_to or done_to == 0)
      and (why or test == true or (test and test(record, raw, pack))) then
      beat[1], emit.first_record, emit.muted = ordinal, ordinal, ordinal < job.first_record
      matched = matched + 1
      local shape = list[record.shape]
      if not why then
        message.set(record, raw, pack, shape)
        local status, text = calls.process(process_message)
        if status < 0 then
          failed = failed + 1
          fail(record, raw, pack, shape, text or "process_message returned " .. status)
        end
      elseif not emit.muted then
        failed = failed + 1
        if not job.reason then job.reason = why end
        dead_letters.add_message(record, raw, pack, shape, why, emit.now, emit.stream, emit.position, emit.pack, true)
      end
    end
  end
  emit.muted = false
  return matched, failed, last_end
end

-- commands PACK: runs the filter over a pack and reports it done
function M.run(command)
  local header, raw, pack = open_pack(command)
  beat[2] = 2 -- at no record yet: there may be hundreds of shapes
  local list = shapes.of_pack(pack)
  local tests = tests_of(list, header.shape_count, matcher)
  beat[2] = 1
  local matched, failed, last_end = 0, 0, 0
  job.reason, job.first_record, job.careful = nil, command.first_record, C.has(command, C.CAREFUL)
  job.rebuild, job.done_to, job.not_kept = C.has(command, C.REBUILD), command.records, 0
  emit.pack, emit.stream, emit.position, emit.raw_bytes = command.pack, command.stream, command.position, 0
  emit.loop_depth, emit.now = command.loop_depth + 1, command.now_ns
  prepare(false)
  line_watch.begin(command.pack)
  if tests.any then matched, failed, last_end = run_records(header, raw, pack, list, tests) end
  line_watch.finish()
  message.clear()
  emit.close(header.record_count)
  dead_letters.flush(command.pack)
  skips[command.pack] = nil
  if job.reason then
    C.text(C.FAILURE, job.reason, command.pack, math.max(0, debug.getinfo(process_message, "S").linedefined))
  end
  local r = C.report(C.DONE, command.pack)
  r.received, r.matched, r.failed, r.flags = header.record_count, matched, failed, tests.any and 0 or C.NEVER
  r.offset, r.count = last_end, job.not_kept
  return r.received
end

-- Runs the command PROBE: reports if a matcher can match any record of packs with these shapes.
function M.probe(command, match)
  local header, _, pack = open_pack(command)
  local tests = tests_of(shapes.of_pack(pack), header.shape_count, match)
  local r = C.report(C.DONE, command.pack)
  r.received, r.flags = header.record_count, tests.any and 0 or C.NEVER
end

-- there is no message: what is injected now comes of nothing but the time
local function begin_without_message(now, muted)
  message.clear()
  emit.pack, emit.stream, emit.position, emit.raw_bytes = 0, 0ULL, now, 0
  emit.loop_depth, emit.now, emit.muted = 1, now, muted
  prepare(true)
end

-- before and after a function of the script is called for somebody outside; it may do what timer_event may
function M.prepare_call(command)
  begin_without_message(command.now_ns, false)
end

function M.end_call()
  emit.close(0)
end

-- command TICK: calls timer_event(ns, shutdown)
function M.tick(command)
  begin_without_message(command.now_ns, C.has(command, C.REPEATED))
  if timer_event then
    line_watch.begin(0)
    line_watch.at(0)
    local ok, err = calls.timer(timer_event, numbers.lend(command.now_ns), C.has(command, C.LAST))
    if not ok then calls.terminate("error", "timer_event: " .. calls.error_text(err)) end
    line_watch.finish()
  end
  emit.close(0)
  emit.muted = false
  C.report(C.TICKED, 0)
end

return M
