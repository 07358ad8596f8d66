local xxhash = require "xxhash"

local bytes = {}
for i = 0, 99 do bytes[#bytes + 1] = string.char(i) end

-- From the reference implementation.
local VECTORS = {
  {"", 0, 0x2cc5d05, 0xef46db37, 0x51d8e999}, {"", 2654435761, 0x36b78ae7, 0xac75fda2, 0x929b17ef},
  {"a", 0, 0x550d7456, 0xd24ec4f1, 0xa98c6e5b}, {"a", 2654435761, 0x9e1633e4, 0x393da8b7, 0x8992279b},
  {"abc", 0, 0x32d153ff, 0x44bc2cf5, 0xad770999}, {"abc", 2654435761, 0xa1ae7709, 0x1318df30, 0x094a85fd},
  {"foobar", 0, 3986901679, 0xa2aa05ed, 0x9085aaf9}, {"foobar", 2654435761, 0xb990299f, 0x38268834, 0xb5114499},
  {"0123456789abcdef0", 0, 0xaa9118bd, 0xf4e91132, 0x0106d43c},
  {"0123456789abcdef0", 2654435761, 0x95623168, 0x8db7cd32, 0xb2d43644},
  {"Nobody inspects the spammish repetition", 0, 0xe2293b2f, 0xfbcea83c, 0x8a378bf1},
  {"Nobody inspects the spammish repetition", 2654435761, 0xc9e89e68, 0x56db22dd, 0x5b051147},
  {table.concat(bytes), 0, 0x7f89ba44, 0x6ac1e580, 0x32166597},
  {table.concat(bytes), 2654435761, 0xfa996f24, 0x8832442a, 0x88284f11},
  {1, 0, 0x8990fcc7, 0x949522f1, 0x53a1a395}, {-1.5, 0, 0x733533c5, 0xff8a177d, 0xa21dc0ae},
  {1e300, 0, 0x76950931, 0x98e27b3d, 0x9c71f5e4},
}

for i, vector in ipairs(VECTORS) do
  case("vector " .. i, function()
    same(xxhash.h32(vector[1], vector[2]), vector[3])
    local number, high, low = xxhash.h64(vector[1], vector[2])
    same({high, low, number}, {vector[4], vector[5], vector[4] * 2 ^ 32 + vector[5]})
  end)
end

case("without a seed, and with what cannot be hashed", function()
  same(xxhash.h32("abc"), 0x32d153ff)
  fails("string or a number", xxhash.h32, nil)
  fails("string or a number", xxhash.h64, {})
end)
