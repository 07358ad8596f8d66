-- The life of a sandbox process, from the first command to the last. Called by the process once the jail is shut.
local ffi = require "ffi"
local C = require "channel"
local calls = require "script_calls"
local cjson = require "cjson"
local dead_letters = require "dead_letters"
local emit = require "emit"
local environment = require "environment"
local line_watch = require "line_watch"
local output = require "output"
local re = require "re" -- read from a file, which is over once the jail is shut
local scripts = require "scripts"
local state = require "state"
local usage = require "usage"
local virtual_time = require "virtual_time"


local beat -- uint64_t[512] shared with the host: pack, record, busy, commands done, what usage.lua and line_watch.lua write

-- ---------------------------------------------------------------- starting

local function read_spec()
  local parts = {}
  while true do
    local command = C.wait_for(C.INIT)
    parts[#parts + 1] = command.text
    if command.flags == 0 then return cjson.decode(table.concat(parts)) end
  end
end

-- ---------------------------------------------------------------- running

-- LuaJIT has no collection in need: garbage must be gone before the limit is near, and its own pace would let megabytes of texts
-- lie about. A full collection takes a fifth of a millisecond.
local garbage_kib = 768
local collect_above_kib, held_kib = 0, 0

local function measure_memory()
  held_kib = collectgarbage "count"
  usage.memory(held_kib)
end

local function collect()
  collectgarbage()
  measure_memory()
  collect_above_kib = held_kib * 1.15 + garbage_kib
end

local in_timer = false

local MAX_LAST_WORDS = 8000

local function snapshot()
  local ok, why = state.write(function(offset, bytes)
    local r = C.report(C.EMIT, 0)
    r.kind, r.offset, r.bytes = C.EMIT_STATE, offset, bytes
  end, emit.give_back)
  collect() -- before it says so: until then the host allows it the CPU
  C.text(C.SNAPSHOT_TAKEN, ok and "" or calls.text_of(why))
end

local function restore(command)
  local ok, why = state.read(command.base, command.bytes)
  C.unmap(command.base, command.bytes)
  collect() -- as above
  C.text(C.RESTORED, ok and "" or calls.text_of(why):sub(1, MAX_LAST_WORDS))
end

local function serve(kind)
  while true do
    local command = C.next()
    if not command or command.op == C.STOP then return end
    beat[0], beat[1], beat[2] = command.pack or 0, 0, 1
    virtual_time.set(command.now_ns)
    if command.op == C.PACK then
      if held_kib > collect_above_kib then
        beat[2] = 2 -- what all records before this pack have left is not that of its first one
        collect()
        beat[2] = 1
      end
      usage.packed(kind.run(command))
      measure_memory()
    elseif command.op == C.TICK then
      in_timer = true
      kind.tick(command)
      in_timer = false
      usage.ticked()
      measure_memory()
    elseif command.op == C.SKIP then
      kind.skip(command.pack, command.first_record, command.text)
    elseif command.op == C.WATCH then
      line_watch.want(command.pack, command.first_record)
    elseif command.op == C.PROBE then
      beat[2] = 2
      require("filter").probe(command, require("matcher").new(command.text))
    elseif command.op == C.SNAPSHOT then
      snapshot()
      usage.forget_time()
    elseif command.op == C.CALL then
      kind.prepare_call(command)
      require("readouts").call(command)
      kind.end_call()
      usage.forget_time()
      measure_memory()
    elseif command.op == C.RESTORE then
      restore(command)
      usage.forget_time()
    end
    if scripts.coverage then scripts.coverage.flush() end
    beat[2], beat[3] = 0, beat[3] + 1
  end
end

local RESERVE_BYTES = 48 * 1024

-- let go when the memory is used up, so that there is some to say so
calls.reserve = ("\0"):rep(RESERVE_BYTES)

local OUT_OF_MEMORY_STATUS = 77 -- known to host/sandbox/termination.py

-- The last words. Ends the process here, in the midst of whatever is running, so that no script can catch it.
-- about: "matcher" if `text` is the error in the message matcher.
local function terminate(limit, text, about)
  -- written down first: there may be no memory to say more
  if limit == "memory_limit" then pcall(usage.memory, collectgarbage "count") end
  local trace = limit == "memory_limit" and text or debug.traceback(text, 2)
  calls.reserve = nil
  collectgarbage()
  local said = pcall(function()
    usage.ended(in_timer)
    local words = cjson.encode { limit = limit, text = (about and text or trace):sub(1, MAX_LAST_WORDS), about = about }
    C.text(C.TERMINATED, words, tonumber(beat[0]), tonumber(beat[1]))
  end)
  -- there may be no host any more, or no memory even for this
  ffi.C._exit(not said and limit == "memory_limit" and OUT_OF_MEMORY_STATUS or 0)
end

local function on_error(err)
  if err == calls.OUT_OF_MEMORY then return err end -- there is no memory for a traceback
  terminate("error", calls.error_text(err))
end

-- socket_fd: the host's socket; beat_address: of the shared heartbeat
return function(socket_fd, beat_address)
  beat = ffi.cast("uint64_t *", beat_address)
  calls.terminate = terminate
  environment.provide("cjson", cjson.new()) -- with settings of its own
  environment.provide("re", re)
  C.open(socket_fd)
  local ok = xpcall(function()
    beat[2] = 1
    local spec = read_spec()
    if spec.coverage then
      scripts.coverage = require "coverage"
      scripts.coverage.open()
    end
    usage.open(beat, spec)
    line_watch.open(beat, spec.scripts)
    if spec.watch_lines then line_watch.watch_all() end
    if spec.virtual_time_s then virtual_time.begin(spec.virtual_time_s) end
    emit.use_arena(spec.arena)
    output.open(spec.output_limit)
    dead_letters.open(spec.name, spec.kind)
    garbage_kib = spec.garbage_kib or garbage_kib
    local kind = require("start_" .. spec.kind)(spec, beat)
    collect()
    -- between two packs, the collector's own pace is enough
    collectgarbage("setpause", 150)
    beat[2] = 0
    C.report(C.READY, 0)
    serve(kind)
  end, on_error)
  if not ok then terminate("memory_limit", calls.OUT_OF_MEMORY) end
end
