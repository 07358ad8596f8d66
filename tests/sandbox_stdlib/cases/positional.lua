local positional = require "positional"
local field = positional.field

case("a table of declared items", function()
  local grammar = positional.table_grammar {
    {field("Timestamp", positional.digits, "timestamp:epoch_s"), " ",
      field("n", positional.number, "double", {representation = "B"}), " ", {optional = {field("ok", positional.word, "bool"), " "}},
      field("rest", positional.rest, "string", {also = {{name = "length", transform = function(text) return #text end}}})},
    {field("other", positional.word)},
  }
  same(grammar:match "1714564800 -1.5 true a b\n",
    {Timestamp = 1714564800e9, n = {value = -1.5, representation = "B"}, ok = true, rest = "a b", length = 3})
  same(grammar:match "x", {other = "x"})
  same(grammar:match "x y", nil)
end)

case("what may be absent, and lists of items", function()
  local line = positional.concat({field("a", positional.word), " "}, {positional.maybe(field("b", positional.digits))})
  local grammar = positional.table_grammar {line}
  same({grammar:match "x 5", grammar:match "x -"}, {{a = "x", b = "5"}, {a = "x"}})
end)
