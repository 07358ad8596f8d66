local struct = require "struct"

local function hex(text) return (text:gsub(".", function(c) return ("%02x"):format(c:byte()) end)) end

local PACKED = {
  {"01", "b", 1}, {"ff", "b", -1}, {"ff", "B", 255}, {"3412", "<h", 0x1234}, {"1234", ">H", 0x1234},
  {"feffffff", "<i", -2}, {"fffffe", ">i3", -2}, {"0100000000000000", "l", 1}, {"ffffffffffffffff", "<l", -1},
  {"ff4828bd3c000000", "<l", 260871571711}, {"000000000000003f", ">T", 63}, {"0000803f", "<f", 1},
  {"3ff8000000000000", ">d", 1.5}, {"61620000", "sx", "ab"}, {"6162", "c2", "abc"}, {"616263", "c0", "abc"},
  {"0000000000000014", ">L", 20},
}
for i, vector in ipairs(PACKED) do
  case("pack " .. i, function() same(hex(struct.pack(vector[2], vector[3])), vector[1]) end)
end

case("several, padded and aligned", function()
  same(hex(struct.pack(">Bxh", 1, 2)), "01000002")
  same(hex(struct.pack("<!4 b i b", 1, 2, 3)), "010000000200000003")
  same(hex(struct.pack("<! b d", 1, 1)), "0100000000000000000000000000f03f")
  same(struct.size "<!4 b i b", 9)
  same(struct.size "bHilfd", 1 + 2 + 4 + 8 + 4 + 8)
  same(struct.size "c10x", 11)
end)

case("unpack", function()
  same({struct.unpack("<bBhH", "\255\255\254\255\254\255")}, {-1, 255, -2, 65534, 7})
  same({struct.unpack(">i3", "\255\255\254")}, {-2, 4})
  same({struct.unpack("<l", ("\255"):rep(8))}, {-1, 9})
  same({struct.unpack("<L", ("\255"):rep(8))}, {2 ^ 64, 9})
  same({struct.unpack(">d", "\63\248\0\0\0\0\0\0")}, {1.5, 9})
  same({struct.unpack("<f", "\205\204\204\61")}, {0.10000000149011612, 5})
  same({struct.unpack("sc2", "ab\0cd")}, {"ab", "cd", 6})
  same({struct.unpack("<i2c0", "\3\0abcde")}, {"abc", 6})
  same({struct.unpack("B", "xyz", 2)}, {121, 3})
  same({struct.unpack("<!4 b i", "\1\0\0\0\2\0\0\0")}, {1, 2, 9})
end)

case("there and back", function()
  local format = "<bBhHlLiIi7fds"
  local values = {-128, 255, -32768, 65535, -2 ^ 52, 2 ^ 53, -2 ^ 31, 2 ^ 32 - 1, -12345678, 0.5, 1 / 3, "end"}
  local got = {struct.unpack(format, struct.pack(format, unpack(values)))}
  got[#got] = nil
  same(got, values)
end)

case("errors", function()
  fails("unknown letter", struct.pack, "q", 1)
  fails("too few values", struct.pack, "bb", 1)
  fails("a number was expected", struct.pack, "b", "x")
  fails("a string was expected", struct.pack, "s", 1)
  fails("too short", struct.pack, "c5", "abc")
  fails("1 to 8 bytes", struct.pack, "i9", 1)
  fails("power of two", struct.pack, "!3b", 1)
  fails("too short", struct.unpack, "i", "abc")
  fails("does not end", struct.unpack, "s", "abc")
  fails("needs a number", struct.unpack, "c0", "abc")
  fails("no size", struct.size, "s")
end)
