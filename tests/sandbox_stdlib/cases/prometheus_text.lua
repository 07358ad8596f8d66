local prometheus_text = require "prometheus_text"

matches(prometheus_text.grammar, {
  {'http_requests_total{method="post",code="200"} 1027 1395066363000', {name = "http_requests_total",
    labels = {method = "post", code = "200"}, value = 1027, timestamp = 1395066363000}},
  {'m{path="C:\\\\DIR\\n\\"x\\"",} 1.5e-3', {name = "m", labels = {path = 'C:\\DIR\n"x"'}, value = 0.0015}},
  {"up 1\n", {name = "up", labels = {}, value = 1}},
  {"a -Inf", {name = "a", labels = {}, value = -1 / 0}}, {"a +Inf", {name = "a", labels = {}, value = 1 / 0}},
  {"a NaN", {name = "a", labels = {}, value = 0 / 0}},
  {'b_bucket{le="1"} 5 # {trace="x"} 0.5 12.5', {name = "b_bucket", labels = {le = "1"}, value = 5,
    exemplar = {labels = {trace = "x"}, value = 0.5, timestamp = 12.5}}},
  {"# TYPE up gauge", {comment = "TYPE", name = "up", text = "gauge"}},
  {"# EOF", {comment = "EOF"}}, {"# hi", {comment = "", text = "hi"}}, {"1a 2", nil}, {"a b", nil},
})

case("parse", function()
  local samples, wrong = prometheus_text.parse '# HELP h Sizes\n# TYPE h histogram\nh_bucket{le="1"} 2\n\nbad line x\nh_sum 3\nup 1\n'
  same(samples, {
    {name = "h_bucket", labels = {le = "1"}, value = 2, type = "histogram", help = "Sizes"},
    {name = "h_sum", labels = {}, value = 3, type = "histogram", help = "Sizes"}, {name = "up", labels = {}, value = 1},
  })
  same(wrong, {"bad line x"})
end)

case("writing", function()
  same(prometheus_text.line("m", {b = 'x"\n', a = 1}, 0.1, 5), 'm{a="1",b="x\\"\\n"} 0.1 5')
  same({prometheus_text.line("m", nil, 1 / 0), prometheus_text.line("m", {}, 1027), prometheus_text.line("m", nil, 1 / 3)},
    {"m +Inf", "m 1027", "m 0.33333333333333331"})
end)

both_forms(prometheus_text.items(), function(line)
  local found = prometheus_text.grammar:match(line)
  if found and found.value then
    found.labels, found.exemplar = line:match "^[%w_:]*{(.-),?}", line:match "# ({.*)"
    if line:find ",}" then found.labels = found.labels .. "," end
  end
  return found
end, {
  'http_requests_total{method="post",code="200"} 1027 1395066363000', 'm{path="C:\\\\DIR\\n\\"x\\"",} 1.5e-3', "up 1", "up{} 1", "a -Inf", "a +Inf",
  'b_bucket{le="1"} 5 # {trace="x"} 0.5 12.5', "# TYPE up gauge", "# HELP up ", "# EOF", "# hi", "1a 2", "a b", 'a{b=c} 1',
})
