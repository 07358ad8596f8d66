local cbufd = require "cbufd"
local circular_buffer = require "circular_buffer"

matches(cbufd.grammar, {
  {"header\n1\t2\t3\n2\tnan\t-4\n3\t-4.56\tinf\n", {header = "header", {time = 1e9, 2, 3}, {time = 2e9, 0 / 0, -4},
    {time = 3e9, -4.56, 1 / 0}}},
  {"header\n", {header = "header"}}, {"header\nx\n", nil}, {"", nil},
})

case("adding up", function()
  local function new()
    local cb = circular_buffer.new(3, 2, 1)
    cb:set_header(2, "Max", "count", "max")
    return cb
  end
  local total, a, b = new(), new(), new()
  a:add(1e9, 1, 5) a:set(1e9, 2, 7)
  b:add(1e9, 1, 2) b:set(1e9, 2, 3) b:add(2e9, 1, 1)
  same({cbufd.add(total, tostring(a:format"cbufd")), cbufd.add(total, tostring(b:format"cbufd"))}, {1, 2})
  same({total:get(1e9, 1), total:get(1e9, 2), total:get(2e9, 1)}, {7, 7, 1})
  same({cbufd.add(total, "")}, {nil, "not a cbufd text"})
  same({cbufd.add(total, "h\n1\t2\n")}, {nil, "the number of columns differs"})
end)
