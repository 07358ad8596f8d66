local printf = require "printf"
local lpeg = require "lpeg"

local function reads(spec, line, expected)
  case(spec[1] .. " / " .. line, function() same(printf.build_grammar(spec):match(line), expected) end)
end

reads({"Failed %s for %.100s from %.200s port %d", "method", "user", "addr", "port"}, "Failed none for a b from 10.0.0.1 port 22\n",
  {method = "none", user = "a b", addr = "10.0.0.1", port = 22})
reads({"%d%% of %s", "percent", "what"}, "12% of all the rest ", {percent = 12, what = "all the rest"})
reads({"%5d|%-5s|%x|%#o|%g", "a", "b", "c", "d", "e"}, "   42|ab   |0xff|17|-1.5e3", {a = 42, b = "ab", c = 255, d = 15, e = -1500})
reads({"%s %s", "a", "b"}, "one two", {a = "one", b = "two"})
reads({"%s%s", "a", "b"}, "one two", {a = "one", b = " two"})
reads({"%d", "a"}, "x", nil)
reads({"\\\"%s\\\"\\t%c", "a", "b"}, '"x"\ty', {a = "x", b = "y"})
reads({"%*d %s", "width", "n", "s"}, "  7 x", {n = 7, s = "x"})
reads({"%p %lu %zd"}, "0x7f 1 2", {})
reads({"%s!", lpeg.Cg(lpeg.C(lpeg.R "az" ^ 1), "word")}, "abc!", {word = "abc"})

case("messages", function()
  local grammars = printf.load_messages{{"Accepted %s", "what"}, {"Accepted %s for %s", "method", "user"}}
  local best = printf.match_sample(grammars, "Accepted publickey for bob")
  same(best:match "Accepted publickey for bob", {method = "publickey", user = "bob"})
  same(printf.match_sample(grammars, "x"), nil)
end)

case("errors", function()
  fails("must be a string", printf.build_grammar, {})
  fails("not a format", printf.build_grammar, {"%"})
  fails("needs names", printf.items, {{"%s", lpeg.P "x"}})
  fails("item: 1", printf.load_messages, {{"%!"}})
end)

local function declared_reads(spec, lines) both_forms(printf.items{spec}, printf.build_grammar(spec), lines) end

declared_reads({"Failed %s for %.100s from %.200s port %d", "method", "user", "addr", "port"},
  {"Failed none for a b from 10.0.0.1 port 22", "Failed none for a b from 10.0.0.1 port x", "x"})
declared_reads({"%5d|%-5s|%x|%#o|%g|%c%a %p %zd %s", "a", "b", "c", "d", "e", "f", "g", nil, nil, "h"},
  {"   42|ab   |0xff|17|-1.5e3|x0x10 0x7f 3 all the rest ", "1|||||"})
