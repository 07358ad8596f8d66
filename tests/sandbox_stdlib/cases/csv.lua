local csv = require "csv"

matches(csv.build_grammar(), {
  {"a,b,c\r\n", {"a", "b", "c"}}, {"", {""}}, {",", {"", ""}}, {'"a, b","c ""d""",e', {"a, b", 'c "d"', "e"}},
  {'"two\nlines",x', {"two\nlines", "x"}}, {'a "b" c,d', {'a "b" c', "d"}}, {'"open', {'"open'}}, {"a\nb", nil},
})
matches(csv.build_grammar{separator = ";", trim = true}, {{' a ; "b ;" ;c', {"a", "b ;", "c"}}})
matches(csv.build_grammar{separator = "\t", quote = false}, {{'"a\tb"', {'"a', 'b"'}}})

case("parser", function()
  local parse = csv.parser{columns = {"id", "name", "n"}, numbers = true}
  same(parse '7,"x, y",', {id = 7, name = "x, y", n = ""})
  same({parse "1,2"}, {nil, "2 fields, not 3"})
  same({csv.parser() "a\nb"}, {nil, "not a line of comma-separated values"})
  fails("one character", csv.parser, {separator = ",,"})
end)

case("writing", function()
  same(csv.line{"a", 1, 'say "hi"', "x,y", "", true}, 'a,1,"say ""hi""","x,y",,true')
  same(csv.line({"a,b", "c\td"}, "\t"), 'a,b\t"c\td"')
  same(csv.build_grammar():match(csv.line{"a\n", '"', ","}), {"a\n", '"', ","})
end)

-- The declared form is for lines without quotes.
both_forms(csv.items({"id", "name"}, ";"), csv.parser{columns = {"id", "name"}, separator = ";"}, {"7;x, y", ";", "1;2;3", "1"})
