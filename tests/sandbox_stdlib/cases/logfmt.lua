local logfmt = require "lpeg.logfmt"

matches(logfmt.grammar, {
  {'level=info msg="say \\"hi\\"" took=12ms cached', {level = "info", msg = 'say "hi"', took = "12ms", cached = true}},
  {'a=', {a = ""}}, {'a="\\u00e9\\n"', {a = "\195\169\n"}}, {'a=1 a=2', {a = "2"}}, {"", nil}, {"no pairs here", nil},
})
matches(logfmt.list, {{'b=1 a="2" c', {"b", "1", "a", {"2"}, "c", true}}})
