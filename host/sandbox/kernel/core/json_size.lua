-- Encodes values of scripts as JSON within the memory that a script may use. cjson writes into a buffer of its own, which no limit
-- counts. So the size that the buffer can reach is computed first, and taken from Lua's memory while cjson works.
local ffi = require "ffi"

local M = {}

local find, floor, next, type = string.find, math.floor, next, type

local NUMBER_BYTES, WORD_BYTES, PUNCTUATION_BYTES = 32, 6, 4
local MAX_ESCAPED, MAX_ESCAPED_PRINTABLE = 6, 2 -- bytes that one byte becomes
local MAX_DEPTH = 1000 -- cjson's own limit
local UNCOUNTED_BYTES = 64 * 1024 -- less is not worth a reservation
local MAX_BYTES = 1024 * 1024 * 1024

local written, peak -- bytes of the text, and of the buffer, at most
local sparse_ratio, sparse_safe -- of cjson: lists with more gaps than this are refused or become objects

local function write(n)
  written = written + n
  if written > peak then peak = written end
  if peak > MAX_BYTES then error("cjson.encode: the text is too large", 0) end
end

local function write_scalar(v)
  local kind = type(v)
  if kind ~= "string" then return write(kind == "number" and NUMBER_BYTES or WORD_BYTES) end
  local n = #v
  peak = math.max(peak, written + MAX_ESCAPED * n) -- what cjson makes room for
  local times = find(v, "%c") and MAX_ESCAPED or find(v, '["\\/]') and MAX_ESCAPED_PRINTABLE or 1
  write(times * n + PUNCTUATION_BYTES)
end

local function write_value(v, depth)
  if type(v) ~= "table" then return write_scalar(v) end
  if depth > MAX_DEPTH then return end -- cjson refuses it
  local largest, count, is_list = 0, 0, true
  for key, inner in next, v do
    count = count + 1
    if type(key) ~= "number" or key < 1 or key ~= floor(key) then
      is_list = false
    elseif key > largest then
      largest = key
    end
    write_scalar(key)
    write_value(inner, depth + 1)
  end
  local is_sparse = sparse_ratio > 0 and largest > count * sparse_ratio and largest > sparse_safe
  if is_list and not is_sparse then write(WORD_BYTES * largest) end -- gaps become null
  write(PUNCTUATION_BYTES)
end

-- cjson: the module, whose settings hold. Raises what LuaJIT raises without memory if the buffer may need more than there is.
function M.encode(cjson, value)
  written, peak = 0, 0
  local _
  _, sparse_ratio, sparse_safe = cjson.encode_sparse_array()
  write_value(value, 1)
  if peak <= UNCOUNTED_BYTES then return cjson.encode(value) end
  M.reserved = ffi.new("uint8_t[?]", 2 ^ math.ceil(math.log(peak + 1) / math.log(2)))
  local ok, text = pcall(cjson.encode, value)
  M.reserved = nil
  if not ok then error(text, 0) end
  return text
end

return M
