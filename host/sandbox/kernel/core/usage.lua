-- What a sandbox uses of its limits, for the host to read from the heartbeat (docs/protocol.md), and the limits of a message.
-- It is written once a command; only messages that a script makes or changes are counted one by one.
local ffi = require "ffi"
local calls = require "script_calls"
local output = require "output"

ffi.cdef [[
typedef struct { int64_t s; int64_t ns; } hk_timespec;
int clock_gettime(int clock, hk_timespec *time);
]]

local M = {}

-- places in the heartbeat; behind each of the first ones stands the highest value that there has been
local MEMORY, OUTPUT, PROCESS_INJECT, TIMER_INJECT, MESSAGE_SIZE, MESSAGE_FIELDS, TIMER_NS = 4, 6, 8, 10, 12, 14, 16
local RECORDS, RECORDS_NS, HISTOGRAM = 18, 19, 32
local BUCKETS = 32

local CPU_CLOCK = 3 -- of the thread: members of a group share the process
local time = ffi.new "hk_timespec"

local beat, own_bytes, cpu_before
local max_size, max_fields = math.huge, 1024
local size, fields = 0, 0 -- the largest message of this command

local function cpu_ns()
  ffi.C.clock_gettime(CPU_CLOCK, time)
  return tonumber(time.s) * 1e9 + tonumber(time.ns)
end

-- heartbeat: uint64_t *; spec: {max_message_size, max_message_fields}. What Lua holds now is not the script's.
function M.open(heartbeat, spec)
  beat, max_size, max_fields = heartbeat, spec.max_message_size, math.min(spec.max_message_fields, max_fields)
  collectgarbage()
  collectgarbage() -- what the first one only finalized
  own_bytes, cpu_before = collectgarbage "count" * 1024, cpu_ns()
end

-- a message of so many bytes in a pack, its names included
function M.message(bytes, field_count)
  if field_count > fields then fields = field_count end
  if bytes > size then
    size = bytes
    if bytes > max_size then
      calls.terminate("max_message_size", "more than max_message_size, " .. max_size .. " bytes, in one message")
    end
  end
end

-- a message gets its field number `count`
function M.field(count)
  if count > max_fields then
    fields = count
    calls.terminate("max_message_fields", "more than max_message_fields, " .. max_fields .. ", fields in one message")
  end
end

local function note(place, value)
  beat[place] = value
  if value > beat[place + 1] then beat[place + 1] = value end
end

local function note_calls(injected_place)
  note(OUTPUT, output.take_most())
  note(injected_place, calls.take_most_injected())
  note(MESSAGE_SIZE, size)
  note(MESSAGE_FIELDS, fields)
  size, fields = 0, 0
end

-- how much memory Lua holds
function M.memory(kib)
  note(MEMORY, math.max(0, math.floor(kib * 1024 - own_bytes)))
end

-- after a command PACK of so many records
function M.packed(records)
  local now = cpu_ns()
  local spent = now - cpu_before
  cpu_before = now
  note_calls(PROCESS_INJECT)
  if records == 0 then return end
  beat[RECORDS], beat[RECORDS_NS] = beat[RECORDS] + records, beat[RECORDS_NS] + spent
  local _, exponent = math.frexp(spent / records)
  local bucket = HISTOGRAM + math.max(0, math.min(BUCKETS - 1, exponent - 1))
  beat[bucket] = beat[bucket] + records
end

-- after a command TICK
function M.ticked()
  local now = cpu_ns()
  note(TIMER_NS, now - cpu_before)
  cpu_before = now
  note_calls(TIMER_INJECT)
end

-- what was done since the last command is no record's
function M.forget_time()
  cpu_before = cpu_ns()
end

-- before the last words: what this command has come to
function M.ended(in_timer)
  note_calls(in_timer and TIMER_INJECT or PROCESS_INJECT)
end

return M
