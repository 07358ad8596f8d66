local key_value = require "key_value"

matches(key_value.grammar, {
  {"a=1 b='two words' c=\"q \\\" q\" d= e\n", {a = "1", b = "two words", c = 'q " q', d = "", e = true}},
  {"  a=x=y\tb=2  ", {a = "x=y", b = "2"}},
  {"ip=1 ip=2 ip=3", {ip = {"1", "2", "3"}}},
  {"no pairs here", nil}, {"", nil}, {"a='open b=1", {a = "'open", b = "1"}},
})
matches(key_value.build_grammar{pair = ",", key = ":"}, {
  {"user: bob smith , ip :10.0.0.1,last: \"x, y\"", {user = "bob smith", ip = "10.0.0.1", last = "x, y"}},
})
matches(key_value.build_grammar{pair = ";", key = "=", bare = false}, {{"a=1; b = 2;", {a = "1", b = "2"}}, {"a=1; b", nil}})
matches(key_value.build_grammar{brackets = true}, {
  {"to=<a b> list=[1 [2 3]] x=(y", {to = "<a b>", list = "[1 [2 3]]", x = "(y"}},
})
