-- Snapshots of a script's globals, and their restoration: data, never code.
--
-- The bytes: "HKS1", the value of _PRESERVATION_VERSION, then the bodies of tables in the order in which they were met, the first
-- being that of the globals, then END. A body is PLAIN, or OBJECT and the name of its metatable, then keys and values in turn, then
-- NIL. A table as a value is TABLE and its number, so circles and tables that are reached twice come out as they went in.
-- Nothing recurs: a list of a million links needs no stack.
local ffi = require "ffi"
local C = require "channel"

local M = {}

local cast = ffi.cast
local debug_getmetatable = debug.getmetatable

local MAGIC = "HKS1"
local NIL, FALSE, TRUE, NUMBER, STRING, TABLE, INT64, UINT64, PLAIN, OBJECT, END = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
local MAX_FIXED_BYTES = 9
local VERSION = "_PRESERVATION_VERSION"

local double_ptr, int64_ptr = ffi.typeof "double *", ffi.typeof "int64_t *"
local u32_ptr, bytes_ptr = ffi.typeof "uint32_t *", ffi.typeof "uint8_t *"
local int64_t, uint64_t = ffi.typeof "int64_t", ffi.typeof "uint64_t"

-- ---------------------------------------------------------------- which globals

local env, builtin, is_module, require_module
local restored = {} -- names of the globals that a snapshot has set

-- script_env: the globals of a script that has not run yet; is_module(value): whether a value is what `require` answered;
-- require_module(name): what `require` answers
function M.open(script_env, is_module_, require_module_)
  env, builtin, is_module, require_module = script_env, {}, is_module_, require_module_
  for name in pairs(env) do
    builtin[name] = true
  end
end

-- what a global that holds data is: not of the API, no module, no function
local function kept_globals()
  local out = {}
  for name, value in next, env do
    if not builtin[name] and name ~= VERSION and not is_module(value) then out[name] = value end
  end
  return out
end

-- ---------------------------------------------------------------- writing

local to, used, room, slot_offset -- the slot that is being filled
local send -- (slot's offset, bytes used)

local function flush()
  if used > 0 then
    send(slot_offset, used)
    to, used, room = nil, 0, 0
  end
end

local function need(n)
  if room - used >= n then return end
  flush()
  to, room, slot_offset = C.slot()
end

local function put_tag(tag)
  to[used] = tag
  used = used + 1
end

local function put_text(text)
  M.held = text -- the pointer does not keep it from being collected
  need(MAX_FIXED_BYTES)
  put_tag(STRING)
  cast(u32_ptr, to + used)[0] = #text
  used = used + 4
  local from, left = cast("const uint8_t *", text), #text
  while left > 0 do
    need(1)
    local n = math.min(left, room - used)
    ffi.copy(to + used, from, n)
    from, used, left = from + n, used + n, left - n
  end
end

-- whether it is an int64 or uint64; other cdata no script has
local function put_cdata(value)
  local signed = ffi.istype(int64_t, value)
  if not signed and not ffi.istype(uint64_t, value) then return false end
  need(MAX_FIXED_BYTES)
  put_tag(signed and INT64 or UINT64)
  cast(int64_ptr, to + used)[0] = cast(int64_t, value)
  used = used + 8
  return true
end

local numbers_of, met -- table -> its number; tables in that order

local function put_table(value)
  local number = numbers_of[value]
  if not number then
    number = #met
    met[number + 1], numbers_of[value] = value, number
  end
  need(MAX_FIXED_BYTES)
  put_tag(TABLE)
  cast(u32_ptr, to + used)[0] = number
  used = used + 4
end

local function is_kept(value)
  local kind = type(value)
  return kind == "number" or kind == "string" or kind == "boolean" or kind == "table"
    or (kind == "cdata" and (ffi.istype(int64_t, value) or ffi.istype(uint64_t, value)))
end

local function put(value)
  local kind = type(value)
  if kind == "number" then
    need(MAX_FIXED_BYTES)
    put_tag(NUMBER)
    cast(double_ptr, to + used)[0] = value
    used = used + 8
  elseif kind == "string" then
    put_text(value)
  elseif kind == "table" then
    put_table(value)
  elseif kind == "boolean" then
    need(1)
    put_tag(value and TRUE or FALSE)
  else
    put_cdata(value)
  end
end

-- The name of a metatable of the standard library, under which its module gives it out again.
local function object_name(value)
  local metatable = debug_getmetatable(value)
  local name = type(metatable) == "table" and rawget(metatable, "__name")
  return type(name) == "string" and name or nil
end

local function put_body(value)
  local name = object_name(value)
  need(1)
  put_tag(name and OBJECT or PLAIN)
  if name then put_text(name) end
  for k, v in next, value do
    if is_kept(k) and is_kept(v) then
      put(k)
      put(v)
    end
  end
  need(1)
  put_tag(NIL)
end

local function write()
  need(#MAGIC)
  ffi.copy(to + used, MAGIC, #MAGIC)
  used = used + #MAGIC
  local version = rawget(env, VERSION)
  put(type(version) == "string" and version or tonumber(version) or 0)
  met[1] = kept_globals()
  numbers_of[met[1]] = 0
  local i = 1
  while met[i] do
    put_body(met[i])
    i = i + 1
  end
  need(1)
  put_tag(END)
  flush()
end

-- Sends a snapshot, slot by slot: send_slot(offset, bytes) is called for each, give_back(offset, bytes) for one that is not
-- sent. Answers true, or false and why there is none.
function M.write(send_slot, give_back)
  send, used, room = send_slot, 0, 0
  numbers_of, met = {}, {}
  local ok, err = pcall(write)
  if not ok and to then give_back(slot_offset, room) end
  numbers_of, met, to = nil, nil, nil
  return ok, err
end

-- ---------------------------------------------------------------- reading

local from, at, length -- the bytes of a snapshot
local tables

local function take(n)
  if at + n > length then error("it is cut short", 0) end
  local here = from + at
  at = at + n
  return here
end

local function table_of(number)
  local found = tables[number]
  if not found then
    found = {}
    tables[number] = found
  end
  return found
end

local function get_text()
  local n = cast(u32_ptr, take(4))[0]
  return ffi.string(take(n), n)
end

-- a value, or nil at the end of a body
local function get()
  local tag = take(1)[0]
  if tag == NUMBER then return cast(double_ptr, take(8))[0] end
  if tag == STRING then return get_text() end
  if tag == TABLE then return table_of(cast(u32_ptr, take(4))[0]) end
  if tag == TRUE then return true end
  if tag == FALSE then return false end
  if tag == INT64 then return cast(int64_ptr, take(8))[0] end
  if tag == UINT64 then return cast("uint64_t *", take(8))[0] end
  if tag == NIL then return nil end
  error("it has an unknown tag, " .. tag, 0)
end

local function metatable_of(name)
  local module = require_module(name:match "^[^.]+")
  local known = type(module) == "table" and rawget(module, "metatables")
  local metatable = type(known) == "table" and rawget(known, name)
  if type(metatable) ~= "table" then error("there is no " .. name .. " any more", 0) end
  return metatable
end

local function get_body(number)
  local body, tag = table_of(number), take(1)[0]
  if tag ~= PLAIN and tag ~= OBJECT then error("it has an unknown tag, " .. tag, 0) end
  local name = tag == OBJECT and get()
  while true do
    local k = get()
    if k == nil then break end
    if k ~= k then error("a key is NaN", 0) end
    rawset(body, k, get())
  end
  if name then setmetatable(body, metatable_of(name)) end
end

local function read()
  if ffi.string(take(#MAGIC), #MAGIC) ~= MAGIC then error("it is of another form", 0) end
  local version, wanted = get(), rawget(env, VERSION)
  wanted = type(wanted) == "string" and wanted or tonumber(wanted) or 0
  if version ~= wanted then
    error(("its %s is %s, that of the script %s"):format(VERSION, tostring(version), tostring(wanted)), 0)
  end
  local number = 0
  while from[at] ~= END do
    get_body(number)
    number = number + 1
    if at >= length then error("it is cut short", 0) end
  end
  for name in pairs(restored) do
    rawset(env, name, nil)
  end
  restored = {}
  for name, value in next, table_of(0) do
    if not builtin[name] then
      rawset(env, name, value)
      restored[name] = true
    end
  end
end

-- Sets the globals from the bytes of a snapshot. Answers true, or false and why not: then they are as the script has set them.
function M.read(base, n)
  from, at, length = cast(bytes_ptr, base), 0, n
  tables = {}
  local ok, err = pcall(read)
  tables = nil
  return ok, err
end

return M
