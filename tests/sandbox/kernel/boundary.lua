-- Calls everything that a script can call with values whose metamethods and functions record their caller, call setfenv, raise, or call the API
-- again; and says what of the kernel was seen, changed or left half done. Run by test_boundary.py with the kernel's own modules.
local read_module, kernel_folder = ...
local ffi = require "ffi"
jit.off() -- so that each caller has a frame

-- ---------------------------------------------------------------- a kernel without a host

local asked
local channel = setmetatable({
  printed = 0,
  text = function(_, text) asked = text end,
  wait_for = function()
    local text = read_module(asked)
    return { flags = text and 1 or 0, text = text or "no such module" }
  end,
  memory = function(bytes)
    local memory = ffi.new("uint64_t[?]", bytes / 8)
    return ffi.cast("uint8_t *", memory), memory
  end,
  report = function() return setmetatable({}, { __newindex = function() end }) end,
  has = function() return false end,
}, { __index = function(_, name) return name end })
package.loaded.channel = channel

local calls = require "script_calls"
local environment = require "environment"
local api = require "api"
local emit = require "emit"
local message = require "message"
local shapes = require "shapes"
local usage = require "usage"
local L, W = require "layout", require "writer"

local SLOT_WORDS = 32768
local kept_memory = { ffi.new("uint64_t[?]", SLOT_WORDS), ffi.new("uint64_t[?]", SLOT_WORDS) }
local used_slots = 0
local function new_slot()
  used_slots = used_slots + 1
  return ffi.cast("uint8_t *", kept_memory[used_slots % 2 + 1]), SLOT_WORDS * 8, 0
end
channel.slot = new_slot

local KERNEL_ENV = getfenv(0)
calls.terminate = function(limit) error("terminated: " .. limit, 0) end
environment.provide("cjson", require("cjson").new())
environment.provide("re", require "re")
local beat_memory = ffi.new "uint64_t[512]"
usage.open(ffi.cast("uint64_t *", beat_memory), { max_message_size = 1e6, max_message_fields = 100 })
emit.use_arena(1)

local RAW = "some text of a record"
local raw_memory = ffi.new("uint8_t[64]", RAW)
local raw = ffi.cast("uint8_t *", raw_memory)
local shape = shapes.intern {
  type = "t", logger = "l", payload_is_record = true,
  columns = { { name = "a", kind = L.STRING, flags = 0 }, { name = "n", kind = L.INTEGER, flags = 0 } },
}
local record_memory = ffi.new "uint64_t[16]"

local function set_message()
  local record = ffi.cast(L.record_ptr, record_memory)
  record.words, record.timestamp, record.raw_start, record.raw_end = shape.words, 1000LL, 0, #RAW
  local slots = ffi.cast(L.slot_ptr, record + 1)
  slots[0].from, slots[0].to = 0, 4
  slots[1].integer = 42
  local base, bytes = new_slot()
  W.open(base, bytes)
  emit.pack, emit.now, emit.stream, emit.position, emit.raw_bytes, emit.loop_depth = 1, 1000LL, 0ULL, 0LL, #RAW, 0
  emit.first_record = 0
  message.set(record, raw, base, shape)
end

-- ---------------------------------------------------------------- what must not be

local faults, fault_count = {}, 0
local now_calling = "?"

local function fault(text)
  fault_count = fault_count + 1
  local whole = now_calling .. ": " .. text
  if not faults[whole] and #faults < 50 then
    faults[whole] = true
    faults[#faults + 1] = whole
  end
end

local function is_kernel(info)
  return info.what ~= "C" and (info.source:find(kernel_folder, 1, true) or info.source:find("re.lua", 1, true)) and true or false
end

local MAX_LEVELS = 60

-- Returns the first function above this level that is not C, and the C functions between.
local function caller_of(level)
  local through = {}
  for n = level + 1, level + MAX_LEVELS do
    local info = debug.getinfo(n, "Sfn")
    if not info then return nil, through end
    if info.what ~= "C" then return info, through end
    through[#through + 1] = info.func
  end
end

local text_of, pcall_ = calls.text_of, pcall
local events = {}

-- A metamethod of a script's value runs; called by it.
local function note(event, ...)
  events[event] = (events[event] or 0) + 1
  for i = 1, select("#", ...) do
    local v = select(i, ...)
    if type(v) == "cdata" and not (ffi.istype("int64_t", v) or ffi.istype("uint64_t", v)) then fault(event .. " was handed a pointer") end
    if type(v) == "function" and is_kernel(debug.getinfo(v, "S")) then fault(event .. " was handed a function of the kernel") end
  end
  local caller, through = caller_of(3) -- behind this function and the metamethod
  if not caller or not is_kernel(caller) then return end
  if event == "__tostring" and caller.func == text_of then return end -- the one place where it is asked for
  if (event == "__call" or event == "a function") and (through[1] == pcall_ or through[1] == xpcall) then return end -- it is asked for
  fault(event .. " was called by " .. caller.source:match "[^/]*$" .. ", " .. tostring(caller.name))
end

-- What setfenv or getfenv has answered.
local function answered(v)
  if type(v) == "function" and debug.getinfo(v, "S").source ~= "=script" then
    fault("setfenv answered " .. debug.getinfo(v, "S").source)
  end
end

-- The functions of the kernel, and of what scripts may require: their environments must stay.
local environments = {}

local function watch(v, seen, depth)
  if seen[v] or depth > 40 then return end
  if type(v) == "table" then
    seen[v] = true
    for k, inner in next, v do
      watch(k, seen, depth + 1)
      watch(inner, seen, depth + 1)
    end
  elseif type(v) == "function" then
    seen[v] = true
    local source = debug.getinfo(v, "S")
    if source.what ~= "C" and source.source ~= "=script" then environments[v] = debug.getfenv(v) end
    for i = 1, 255 do
      local name, inner = debug.getupvalue(v, i)
      if not name then break end
      watch(inner, seen, depth + 1)
    end
  end
end

local function check_environments()
  for f, env in next, environments do
    if debug.getfenv(f) ~= env then
      fault("the environment of a function was changed: " .. debug.getinfo(f, "S").source)
      environments[f] = debug.getfenv(f)
    end
  end
end

-- ---------------------------------------------------------------- values

-- Runs as the script does: its functions have the script's environment.
local SCRIPT = [[
local mode, note, answered, EVIL, again = ...
local function attack(event)
  return function(...)
    note(event, ...)
    if mode == "tail" then return setfenv(1, EVIL) end
    if mode == "levels" then
      for level = 0, 12 do
        local ok, got = pcall(setfenv, level, EVIL)
        answered(ok and got or nil)
        ok, got = pcall(function() return setfenv(level, EVIL) end)
        answered(ok and got or nil)
        ok, got = xpcall(function() error(level) end, function(l) return setfenv(l, EVIL) end)
        answered(ok and got or nil)
        if getfenv then answered(getfenv(level)) end
      end
    elseif mode == "raise" then
      error(setmetatable({}, { __tostring = function() return setfenv(1, EVIL) end }))
    elseif mode == "yield" then
      if coroutine then coroutine.yield(1) end
    elseif mode == "again" then
      again()
    end
    if event == "__tostring" then return "text" end
    if event == "__lt" or event == "__le" or event == "__eq" then return false end
    return ...
  end
end
local metatable = {}
for _, event in ipairs { "__index", "__newindex", "__call", "__concat", "__len", "__eq", "__lt", "__le", "__unm", "__add", "__sub",
  "__mul", "__div", "__mod", "__pow", "__tostring", "__pairs", "__ipairs", "__gc", "__close" } do
  metatable[event] = attack(event)
end
local with_setfenv = {}
for _, event in ipairs { "__index", "__newindex", "__call", "__concat", "__eq", "__lt", "__le", "__add", "__tostring" } do
  with_setfenv[event] = setfenv
end
return {
  function() return setmetatable({}, metatable) end,
  function() return setmetatable({ 1, 2, "x" }, metatable) end,
  function() return setmetatable({}, { __index = setmetatable({}, metatable), __tostring = setmetatable({}, metatable) }) end,
  function() return setmetatable({}, with_setfenv) end,
  function() return attack "a function" end,
  function() return setfenv end,
}, function(t) return setmetatable(t, metatable) end
]]

local MODES = { "record", "tail", "levels", "raise", "yield", "again" }
local MODULE_MODES = { "tail", "raise" } -- modules run as scripts do

-- What each function takes, so that calls get past the first check of their arguments; a function that is not here gets plain values.
local function seeds(lpeg)
  local item = { name = "a", grammar = lpeg.P "x", type = "string", representation = "r", also = { { name = "b" } } }
  return {
    declare_grammar = { { type = "t", payload_is_record = true, alternatives = { { "a", item, { optional = { lpeg.P "y" } } } } } },
    declare_json = { { type = "t", Timestamp = "time", separator = ".", maximum_depth = 3, timestamp_format = "rfc3339" } },
    declare_logfmt = { { type = "t", typed = true, severities = { info = 6 }, Logger = "l" } },
    declare_payload = { { type = "t" } },
    declare_encoder = { { format = "json", fields = { "a", { b = "c" } }, timestamp_format = "rfc3339", newline = true } },
    inject_message = { { Type = "t", Payload = "p", Fields = { a = 1, b = { 1, 2 }, c = { value = "v", representation = "r" } } } },
    encode_message = { { Type = "t", Fields = { { name = "a", value = 1 }, { name = "b", value = { "x" } } } }, true },
    write_message = { "Fields[a]", "text", "representation", 0, 0 }, read_message = { "Fields[a]", 0, 0, false },
    add_to_payload = { "text", 1, true }, inject_payload = { "type", "name", "text" }, create_message_matcher = { "Type == 't'" },
    read_config = { "option" }, decode_message = { "bytes" }, require = { "bit" }, setfenv = { 1, {} }, print = { "text", 1 },
    ["cjson.encode"] = { { a = { 1, 2 }, b = "x" } }, ["re.compile"] = { "%a", { a = lpeg.P "x" } },
    ["re.gsub"] = { "text", "[a-z]", "x" }, ["os.date"] = { "%c", 0 }, ["os.time"] = { { year = 2020, month = 1, day = 1 } },
  }
end

local function copy(v, replace_at, with, counter)
  if type(v) ~= "table" then
    counter[1] = counter[1] + 1
    return counter[1] == replace_at and with or v
  end
  local out = {}
  for k, inner in next, v do
    counter[1] = counter[1] + 1
    if counter[1] == replace_at then
      out[k] = with
    else
      out[k] = copy(inner, replace_at, with, counter)
    end
  end
  return out
end

local function count_places(v)
  local counter = { 0 }
  copy(v, -1, nil, counter)
  return counter[1]
end

local MAX_INSTRUCTIONS, MAX_PLACES = 20000, 24

local function guarded(f, arguments, n)
  debug.sethook(function() error("too long", 0) end, "", MAX_INSTRUCTIONS)
  local ok, why = pcall(f, unpack(arguments, 1, n))
  debug.sethook()
  return ok, why
end

-- Calls visit(arguments, n) for each way of putting something else into the arguments.
local function variations(seed, things, wrap, visit)
  local n = math.max(#seed, 3)
  for _, thing in ipairs(things) do
    for at = 1, math.min(n, 4) do
      local arguments = { unpack(seed, 1, n) }
      arguments[at] = thing()
      visit(arguments, n)
    end
    for at, part in ipairs(seed) do
      if type(part) == "table" then
        for place = 1, math.min(count_places(part), MAX_PLACES) do
          local arguments = { unpack(seed, 1, n) }
          arguments[at] = copy(part, place, thing(), { 0 })
          visit(arguments, n)
        end
        local keyed = copy(part, -1, nil, { 0 })
        keyed[thing()] = 1
        keyed[thing()] = 2
        local arguments = { unpack(seed, 1, n) }
        arguments[at] = keyed
        visit(arguments, n)
      end
    end
  end
  for at, part in ipairs(seed) do
    if type(part) == "table" then
      local arguments = { unpack(seed, 1, n) }
      arguments[at] = wrap(copy(part, -1, nil, { 0 }))
      visit(arguments, n)
    end
  end
end

-- ---------------------------------------------------------------- the environments of scripts

local CONFIG = { option = 1, alert = { modules = { email = { recipients = { "a@example.com" } } } } }
local KINDS = {
  decoder = function() return api.decoder(CONFIG, {}, { name = "d", hostname = "h" }) end,
  encoder = function() return api.encoder(CONFIG, {}, { name = "e", hostname = "h" }) end,
  filter = function()
    local functions, prepare = api.filter(CONFIG, { name = "f", hostname = "h", max_process_inject = 1e9, max_timer_inject = 1e9 })
    prepare(false)
    return functions
  end,
}

-- What must work after each call, as if nothing had been.
local function works(env, writes)
  set_message()
  if env.read_message "Payload" ~= RAW then return "read_message" end
  if env.read_message "Fields[a]" ~= "some" then return "read_message of a field" end
  local text = env.encode_message { Uuid = "0123456789abcdef", Timestamp = 1, Type = "t", Fields = { a = 1 } }
  if env.decode_message(text).Type ~= "t" then return "encode_message" end
  if writes then
    env.write_message("Fields[a]", "other")
    if env.read_message "Fields[a]" ~= "other" then return "write_message" end
    message.discard()
    set_message()
  end
  local count = W.count
  env.inject_message { Type = "t", Payload = "p" }
  return W.count == count and not env.declare_encoder and "inject_message" or nil
end

-- Attacks one function of an environment in each way.
local function attack(env, name, f, seed, modes, writes)
  local G = env._G
  local evil = setmetatable({}, { __index = function(_, k)
    local caller = caller_of(2)
    if caller and caller.source ~= "=script" then fault("a function of " .. caller.source .. " runs in the script's environment") end
    return G[k]
  end })
  for _, mode in ipairs(modes) do
    now_calling = name .. ", " .. mode
    local function again()
      pcall(env.inject_message, { Type = "again" })
      pcall(env.add_to_payload, "again")
      if env.write_message then pcall(env.write_message, "Fields[a]", "again") end
    end
    local chunk = assert(loadstring(SCRIPT, "=script"))
    setfenv(chunk, env)
    local things, wrap = chunk(mode, note, answered, evil, again)
    variations(seed, things, wrap, function(arguments, n)
      set_message()
      local _, got = guarded(f, arguments, n)
      if f == env.setfenv then answered(got) end
    end)
    local ok, broken = pcall(works, env, writes)
    if not ok or broken then fault("afterwards does not work: " .. tostring(broken)) end
    message.discard()
  end
  check_environments()
end

-- Every function that an environment has, by name.
local function functions_of(env)
  local found = {}
  for name, v in next, env do
    if type(v) == "function" then found[name] = v end
    if type(v) == "table" and v ~= env then
      for inner, f in next, v do
        if type(f) == "function" then found[name .. "." .. inner] = f end
      end
    end
  end
  return found
end

local called = 0

-- kind: of the sandbox; modules: names of what is required too, or nil for what the environment has itself. Answers the number of functions,
-- their names, and the faults.
return function(kind, modules)
  kept_memory.raw, kept_memory.beat, kept_memory.record = raw_memory, beat_memory, record_memory -- pointers keep nothing
  set_message()
  faults, environments, called = {}, {}, 0
  local env = environment.new("script", KINDS[kind]())
  local seed_of = seeds(env.require "lpeg")
  local found = {}
  if modules then
    for _, module_name in ipairs(modules) do
      local module = env.require(module_name)
      for inner, f in next, type(module) == "table" and module or {} do
        if type(f) == "function" then found[module_name .. "." .. inner] = f end
      end
    end
  else
    found = functions_of(env)
  end
  local seen = {}
  watch(package.loaded, seen, 0)
  watch(env, seen, 0)
  for name, f in next, found do watch(f, seen, 0) end
  local names = {}
  for name in next, found do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    attack(env, name, found[name], seed_of[name] or { "text", 1, {} }, modules and MODULE_MODES or MODES, kind ~= "filter")
    called = called + 1
  end
  return called, table.concat(names, " "), table.concat(faults, "\n"), events.__index or 0
end
