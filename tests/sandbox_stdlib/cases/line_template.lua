local line_template = require "line_template"

matches(line_template.grammar{
  "from {host} port {port:n}[[ user {user}]]: {what:r}", {"load {one:f} {two:f}", kind = "load"}, "[{id:w}] ({note:q})", "said {word}",
}, {
  {"from a b port 22: x y", {host = "a b", port = 22, what = "x y"}},
  {"from h port 22 user bob: \n", {host = "h", port = 22, user = "bob", what = ""}},
  {"load 1.5 -2", {one = 1.5, two = -2, kind = "load"}}, {"said two words  ", {word = "two words"}},
  {"said ", nil}, {"other", nil},
})
matches(line_template.grammar{"({note:q})"}, {{"()", {note = ""}}, {"(a)", {note = "a"}}})
case("errors", function() fails("not a template", line_template.grammar, {"{x"}) end)
