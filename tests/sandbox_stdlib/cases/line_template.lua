local line_template = require "line_template"

local TEMPLATES = {
  "from {host} port {port:n}[[ user {user}]]: {what:r}", {"load {one:f} {two:f}", kind = "load"}, "[{id:w}] ({note:q})", "said {word}",
  "peer {peer:a}[[ of {other:a}]]: {text:l} end",
}

matches(line_template.grammar(TEMPLATES), {
  {"from a b port 22: x y", {host = "a b", port = 22, what = "x y"}},
  {"from h port 22 user bob: \n", {host = "h", port = 22, user = "bob", what = ""}},
  {"load 1.5 -2", {one = 1.5, two = -2, kind = "load"}}, {"said two words  ", {word = "two words"}},
  {"said ", nil}, {"other", nil},
})
matches(line_template.grammar{"({note:q})"}, {{"()", {note = ""}}, {"(a)", {note = "a"}}})
case("errors", function() fails("not a template", line_template.grammar, {"{x"}) end)

both_forms(line_template.items(TEMPLATES), line_template.grammar(TEMPLATES), {
  "from a b port 22: x y", "from h port 22 user bob: ", "load 1.5 -2", "[x] ()", "said two words  ", "said ", "other",
  "peer 10.0.0.1: x end", "peer ::1 of 10.0.0.1: x end end", "peer h of ::1: x end y", "peer h of ::1: y",
})
