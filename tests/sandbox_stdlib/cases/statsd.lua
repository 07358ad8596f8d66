local statsd = require "statsd"

matches(statsd.grammar, {
  {"api.hits:1|c", {name = "api.hits", value = 1, type = "c"}},
  {"t:320.5|ms|@0.1|#env:prod,web\n", {name = "t", value = 320.5, type = "ms", sample_rate = 0.1, tags = {env = "prod", web = true}}},
  {"g:-4|g", {name = "g", value = -4, type = "g", delta = true}},
  {"u:bob|s", {name = "u", value = "bob", type = "s"}}, {"u:12|s", {name = "u", value = "12", type = "s"}},
  {"d:1:2:3|d|T1656581400|c:abc", {name = "d", value = 1, values = {1, 2, 3}, type = "d", timestamp = 1656581400, container = "abc"}},
  {"x|c", nil}, {"x:1", nil}, {"x:1|zz", nil}, {"x:1|c|?", nil},
})
matches(statsd.lines, {
  {"a:1|c\nbroken\nb:2|c\n", {{name = "a", value = 1, type = "c"}, {name = "b", value = 2, type = "c"}}}, {"", {}},
})

both_forms(statsd.items(), function(line)
  local found = statsd.grammar:match(line)
  if found then found.tags = line:match "|#([^|]*)" end
  return found
end, {
  "api.hits:1|c", "t:320.5|ms|@0.1|#env:prod,web", "g:-4|g", "g:4|g|c:abc|T1656581400", "c:-1|c\r", "u:bob|s|#a", "u:12|s", "x|c", "x:1",
  "x:1|zz", "x:1|c|?",
})
