-- The life of a sandbox process, from the first command to the last. Called by the process once the jail is shut.
local ffi = require "ffi"
local C = require "channel"
local api = require "api"
local calls = require "calls"
local cjson = require "cjson"
local dead_letters = require "dead_letters"
local decoder = require "decoder"
local emit = require "emit"
local encoder = require "encoder"
local encodings = require "encodings"
local environment = require "environment"
local filter = require "filter"
local grammar_tester = require "grammar_tester"
local matcher = require "matcher"
local output = require "output"
local re = require "re" -- read from a file, which is over once the jail is shut
local stages = require "stages"
local state = require "state"
local tap = require "tap"
local usage = require "usage"

local coverage -- the module, in a trial that wants to know which lines run

local beat -- uint64_t[512] shared with the host: pack, record, busy, commands done, and what usage.lua writes

local ENCODER_SCRATCH_BYTES = 1024 * 1024

-- ---------------------------------------------------------------- starting

local function read_spec()
  local parts = {}
  while true do
    local command = C.wait_for(C.INIT)
    parts[#parts + 1] = command.text
    if command.flags == 0 then return cjson.decode(table.concat(parts)) end
  end
end

local function run_script(script, functions)
  local env = environment.new(script.name, functions)
  state.open(env, function(value) return environment.is_module(env, value) end)
  local chunk = environment.load(script.text, script.file, env)
  if coverage then coverage.watch(chunk, script.file) end
  chunk()
  return env
end

local function need(env, name, script)
  if type(env[name]) ~= "function" then
    error(script.file .. ": the script must define the function " .. name, 0)
  end
  return env[name]
end

local function decoder_stage(spec, script)
  local declared = {}
  local env = run_script(script, api.decoder(script.config, declared, spec))
  local headers = { type = spec.message_type, logger = spec.logger, hostname = spec.hostname }
  if declared.grammar then
    local grammar = declared.grammar
    grammar.logger, grammar.hostname = grammar.logger or spec.logger, spec.hostname
    grammar.type = spec.message_type ~= "" and spec.message_type or grammar.type
    if script.config.payload_keep then grammar.payload_is_record = true end
    local otherwise = env.process_message and stages.script(script.name, env.process_message, headers)
    return stages.declared(script.name, grammar, spec.delimiter, otherwise)
  elseif declared.json then
    headers.type = spec.message_type ~= "" and spec.message_type or declared.json.type or ""
    return stages.json(script.name, declared.json, headers, spec.delimiter)
  elseif declared.payload then
    headers.type = spec.message_type ~= "" and spec.message_type or declared.payload.type or ""
    return stages.payload(script.name, headers)
  end
  return stages.script(script.name, need(env, "process_message", script), headers)
end

local function start_decoder(spec)
  stages.open(beat, decoder.text, decoder.reject)
  local list = {}
  for i, script in ipairs(spec.scripts) do
    list[i] = decoder_stage(spec, script)
  end
  decoder.open({
    stages = list, strategy = spec.strategy, delimiter = spec.delimiter, max_record_bytes = spec.max_record_bytes,
    oversize = spec.oversize,
  }, beat)
  return decoder
end

local function start_filter(spec)
  local script = spec.scripts[1]
  local functions, prepare = api.filter(script.config, spec)
  local env = run_script(script, functions)
  local process_message = env.process_message
  if process_message ~= nil or env.timer_event == nil then need(env, "process_message", script) end
  if env.timer_event ~= nil then need(env, "timer_event", script) end
  filter.open({
    matcher = matcher.new(spec.message_matcher),
    process_message = process_message or function() return 0 end,
    timer_event = env.timer_event,
    prepare = prepare,
  }, beat)
  return filter
end

local function start_encoder(spec)
  local script, declared = spec.scripts[1], {}
  local env = run_script(script, api.encoder(script.config, declared, spec))
  local encode
  if declared.encoder then
    encode = encodings.declared(declared.encoder)
  else
    encode = encodings.script(script.name, need(env, "process_message", script))
    api.open_scratch(C.memory(ENCODER_SCRATCH_BYTES), ENCODER_SCRATCH_BYTES)
  end
  encoder.open({ matcher = matcher.new(spec.message_matcher), encode = encode }, beat)
  return encoder
end

local function start_tap(spec)
  tap.open(spec.matchers, beat)
  return tap
end

local function start_grammar(spec)
  local script = spec.scripts[1]
  grammar_tester.open(function(changed_lpeg, functions)
    environment.provide("lpeg", changed_lpeg)
    local env = environment.new(script.name, functions)
    env.lpeg = environment.required(env, "lpeg")
    return environment.load(script.text, script.file, env)(), env
  end)
  return grammar_tester
end

local STARTERS = {
  decoder = start_decoder, filter = start_filter, encoder = start_encoder, tap = start_tap, grammar = start_grammar,
}

-- ---------------------------------------------------------------- running

-- LuaJIT has no collection in need: garbage must be gone before the limit is near, and its own pace would let megabytes of texts
-- lie about. A full collection takes a fifth of a millisecond.
local GARBAGE_KIB = 768
local collect_above_kib, held_kib = 0, 0

local function measure_memory()
  held_kib = collectgarbage "count"
  usage.memory(held_kib)
end

local function collect()
  collectgarbage()
  measure_memory()
  collect_above_kib = held_kib * 1.15 + GARBAGE_KIB
end

local in_timer = false

local MOST_LAST_WORDS = 8000

local function snapshot()
  local ok, why = state.write(function(offset, bytes)
    local r = C.report(C.EMIT, 0)
    r.kind, r.offset, r.bytes = C.EMIT_STATE, offset, bytes
  end, emit.give_back)
  C.text(C.SNAPSHOT_TAKEN, ok and "" or calls.text_of(why))
  collect()
end

local function restore(command)
  local ok, why = state.read(command.base, command.bytes)
  C.unmap(command.base, command.bytes)
  C.text(C.RESTORED, ok and "" or calls.text_of(why):sub(1, MOST_LAST_WORDS))
  collect()
end

local function serve(kind)
  while true do
    local command = C.next()
    if not command or command.op == C.STOP then return end
    beat[0], beat[1], beat[2] = command.pack or 0, 0, 1
    if command.op == C.PACK then
      if held_kib > collect_above_kib then collect() end
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
    elseif command.op == C.JUDGE then
      filter.judge(command, matcher.new(command.text))
    elseif command.op == C.SNAPSHOT then
      snapshot()
      usage.forget_time()
    elseif command.op == C.RESTORE then
      restore(command)
      usage.forget_time()
    end
    if coverage then coverage.flush() end
    beat[2], beat[3] = 0, beat[3] + 1
  end
end

-- let go when the memory is used up, so that there is some to say so
calls.reserve = ("\0"):rep(512 * 1024)

local OUT_OF_MEMORY_STATUS = 77 -- known to host/sandbox/sandbox.py

-- The last words. Ends the process here, in the midst of whatever is running, so that no script can catch it.
local function terminate(limit, text)
  local trace = limit == "memory_limit" and text or debug.traceback(text, 2)
  calls.reserve = nil
  collectgarbage()
  local said = pcall(function()
    usage.ended(in_timer)
    local words = cjson.encode { limit = limit, text = trace:sub(1, MOST_LAST_WORDS) }
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
      coverage = require "coverage"
      coverage.open()
    end
    usage.open(beat, spec)
    emit.use_arena(spec.arena)
    output.open(spec.output_limit)
    dead_letters.open(spec.name, spec.kind)
    local kind = STARTERS[spec.kind](spec)
    collect()
    -- between two packs, the collector's own pace is enough
    collectgarbage("setpause", 150)
    beat[2] = 0
    C.report(C.READY, 0)
    serve(kind)
  end, on_error)
  if not ok then terminate("memory_limit", calls.OUT_OF_MEMORY) end
end
