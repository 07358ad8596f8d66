-- Uuids: 16 bytes.
local ffi = require "ffi"
local bit = require "bit"

local M = {}

-- Read when the kernel is loaded: once the jail is shut no file can be opened.
local function seed()
  local file = io.open("/dev/urandom", "rb")
  local bytes = file and file:read(16)
  if file then file:close() end
  return bytes or string.format("%-8d%-8d", os.time() % 1e8, os.clock() * 1e6 % 1e8)
end

-- Made once: each use of the text would make another type, and LuaJIT has room for 65536.
M.bytes16 = ffi.typeof "union { uint64_t half[2]; uint8_t byte[16]; }"

local state = M.bytes16()
ffi.copy(state, seed(), 16)

-- the next of a series of 64 bits that look random (splitmix64)
local function mix(which)
  state.half[which] = state.half[which] + 0x9e3779b97f4a7c15ULL
  local z = state.half[which]
  z = bit.bxor(z, bit.rshift(z, 30)) * 0xbf58476d1ce4e5b9ULL
  z = bit.bxor(z, bit.rshift(z, 27)) * 0x94d049bb133111ebULL
  return bit.bxor(z, bit.rshift(z, 31))
end

-- a new one, of version 4
function M.new()
  local out = M.bytes16()
  out.half[0], out.half[1] = mix(0), mix(1)
  out.byte[6] = bit.bor(bit.band(out.byte[6], 0x0f), 0x40)
  out.byte[8] = bit.bor(bit.band(out.byte[8], 0x3f), 0x80)
  return ffi.string(out.byte, 16)
end

-- 16 bytes as text, 8-4-4-4-12 hexadecimal digits; anything else is answered as it is
function M.text(uuid)
  if #uuid ~= 16 then return uuid end
  local hex = uuid:gsub(".", function(c) return string.format("%02x", c:byte()) end)
  return (hex:gsub("^(%x%x%x%x%x%x%x%x)(%x%x%x%x)(%x%x%x%x)(%x%x%x%x)", "%1-%2-%3-%4-"))
end

-- the 16 bytes of a Uuid that is given as they are or as text (8-4-4-4-12 hexadecimal digits); nil if it is neither
function M.bytes(uuid)
  if #uuid == 16 then return uuid end
  local hex = uuid:match "^%x+%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x+$" and uuid:gsub("-", "")
  if not hex or #hex ~= 32 or #uuid ~= 36 then return nil end
  return (hex:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end))
end

return M
