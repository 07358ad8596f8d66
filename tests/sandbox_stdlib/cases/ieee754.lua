local ieee754 = require "ieee754"

local function words(number)
  local high, low = ieee754.double_words(number)
  return ("%08x%08x"):format(high, low)
end

case("doubles", function()
  same(words(0), "0000000000000000")
  same(words(1), "3ff0000000000000")
  same(words(-2.5), "c004000000000000")
  same(words(0.1), "3fb999999999999a")
  same(words(1 / 0), "7ff0000000000000")
  same(words(5e-324), "0000000000000001")
  same(words(-1 / (1 / 0)), "8000000000000000")
  for _, number in ipairs{0, 1, -2.5, 0.1, 1 / 0, -1 / 0, 0 / 0, 5e-324, 2.2250738585072014e-308, 1e300, 2 ^ 53 - 1} do
    same(ieee754.double_of(ieee754.double_words(number)), number)
  end
end)

case("floats", function()
  for _, pair in ipairs{{0, 0}, {1, 0x3f800000}, {-2.5, 0xc0200000}, {0.1, 0x3dcccccd}, {1 / 0, 0x7f800000},
    {1e40, 0x7f800000}, {1e-45, 1}, {3.4028235e38, 0x7f7fffff}, {1.17549435e-38, 0x00800000}, {16777217, 0x4b800000}} do
    same(ieee754.float_word(pair[1]), pair[2])
  end
  same(ieee754.float_of(0x3dcccccd), 0.10000000149011612)
  same(ieee754.float_of(ieee754.float_word(0 / 0)), 0 / 0)
end)
