local circular_buffer = require "circular_buffer"
local nan = 0 / 0

local function info(name, aggregation)
  return ('{"name":"%s","unit":"count","aggregation":"%s"}'):format(name, aggregation or "sum")
end

local THREE = info"Add_column" .. "," .. info"Set_column" .. "," .. info"Get_column"

local function header(time, rows, columns, infos, annotations)
  return ('{"time":%d,"rows":%d,"columns":%d,"seconds_per_row":1,"column_info":[%s],"annotations":[%s]}\n'):format(
    time, rows, columns, infos, annotations or "")
end

local function three_columns()
  local cb = circular_buffer.new(3, 3, 1)
  cb:set_header(1, "Add column")
  cb:set_header(2, "Set column", "count")
  cb:set_header(3, "Get column", "count", "sum")
  return cb
end

local function count(cb, ns)
  if cb:add(ns, 1, 1) then cb:set(ns, 3, cb:get(ns, 1)) end
  cb:set(ns, 2, 1)
end

case("cbuf text as the window moves", function()
  local cb = three_columns()
  same(tostring(cb), header(0, 3, 3, THREE) .. ("nan\tnan\tnan\n"):rep(3))
  for _, ns in ipairs{0, 1e9, 1e9, 2e9, 2e9, 2e9} do count(cb, ns) end
  same(tostring(cb), header(0, 3, 3, THREE) .. "1\t1\t1\n2\t1\t2\n3\t1\t3\n")
  count(cb, 4e9)
  same(tostring(cb), header(2, 3, 3, THREE) .. "3\t1\t3\nnan\tnan\tnan\n1\t1\t1\n")
  count(cb, 10e9)
  same(tostring(cb), header(8, 3, 3, THREE) .. "nan\tnan\tnan\nnan\tnan\tnan\n1\t1\t1\n")
end)

case("cbufd text is what changed since the last", function()
  local cb = three_columns()
  for _, ns in ipairs{0, 1e9, 1e9, 2e9, 2e9, 2e9} do count(cb, ns) end
  same(tostring(cb:format"cbufd"), header(0, 3, 3, THREE) .. "0\t1\t1\t1\n1\t2\t1\t2\n2\t3\t1\t3\n")
  same(tostring(cb), "")
  cb:add(1e9, 1, 2)
  same(tostring(cb), header(0, 3, 3, THREE) .. "1\t2\tnan\tnan\n")
end)

case("deltas of sums and of minima", function()
  local cb = circular_buffer.new(2, 2, 1)
  cb:set_header(1, "Sum column")
  cb:set_header(2, "Min", "count", "min")
  local infos = info"Sum_column" .. "," .. info("Min", "min")
  cb:set(0, 1, 3)
  cb:set(0, 2, 6)
  same(tostring(cb:format"cbufd"), header(0, 2, 2, infos) .. "0\t3\t6\n")
  cb:set(0, 1, 5)
  cb:set(0, 2, 5)
  same(tostring(cb), header(0, 2, 2, infos) .. "0\t2\t5\n")
  cb:fromstring("1 1 1 2 3 4 0 3 4")
  same(tostring(cb), header(0, 2, 2, infos) .. "0\t3\t4\n")
  same(cb:get(1e9, 2), 4)
  cb:annotate(1e9, 1, "info", "delta anno")
  same(tostring(cb), header(0, 2, 2, infos, '{"x":1000,"col":1,"shortText":"i","text":"delta anno"}'))
  same(tostring(cb), "")
end)

case("infinities in text", function()
  local cb = circular_buffer.new(2, 2, 1)
  cb:set(0, 1, 1 / 0)
  cb:set(0, 1, 1 / 0)
  cb:set(0, 2, -1 / 0)
  cb:add(0, 2, 1)
  same(tostring(cb:format"cbufd"):match "\n(.*)", "0\tinf\t-inf\n")
  same(tostring(cb:format"cbuf"):match "\n(.*)", "inf\t-inf\nnan\tnan\n")
end)

case("annotations are escaped, sorted, and go with their rows", function()
  local cb = circular_buffer.new(2, 2, 60)
  cb:annotate(60e9, 2, "alert", "alert")
  cb:annotate(0, 1, "info", "annotation\"\t\b\r\n end")
  cb:annotate(120e9, 2, "info", "outside, ignored")
  local first = '{"x":0,"col":1,"shortText":"i","text":"annotation\\"\\t\\b\\r\\n end"}'
  local second = '{"x":60000,"col":2,"shortText":"a","text":"alert"}'
  same(tostring(cb):match '"annotations":(%b[])', "[" .. first .. "," .. second .. "]")
  cb:set(120e9, 1, nan)
  same(tostring(cb):match '"annotations":(%b[])', "[" .. second .. "]")
end)

case("get, deltas and current_time", function()
  local cb = circular_buffer.new(2, 1, 1)
  same({cb:get(0, 1), cb:get_delta(0, 1), cb:current_time()}, {nan, nan, 1e9})
  same({cb:set(0, 1, 1), cb:get_delta(0, 1)}, {1, 1})
  same({cb:set(3e9, 1, nan), cb:current_time()}, {nan, 3e9})
  same({cb:add(4e9, 1, nan), cb:current_time()}, {nan, 4e9})
  same(cb:get(1e9, 1), nil)
  same(cb:get(9e9, 1), nil)
  same(cb:set(1e9, 1, 5), nil)
end)

case("what counts as a change", function()
  local cb = circular_buffer.new(2, 4, 1)
  cb:set_header(2, "min", "count", "min")
  cb:set_header(3, "max", "count", "max")
  cb:set_header(4, "none", "avg", "none")
  local function state()
    local out = {}
    for i = 1, 4 do out[i] = {cb:get(0, i), cb:get_delta(0, i)} end
    return out
  end
  cb:add(0, 1, 0) cb:add(0, 2, -2) cb:add(0, 3, -3) cb:add(0, 4, 4)
  same(state(), {{0, 0}, {-2, -2}, {-3, -3}, {4, nan}})
  cb:reset_delta()
  cb:set(0, 1, 0) cb:set(0, 2, -1) cb:set(0, 3, -4) cb:set(0, 4, 4)
  same(state(), {{0, nan}, {-2, nan}, {-3, nan}, {4, nan}})
  cb:add(0, 1, 3) cb:add(0, 1, 2) cb:set(0, 2, -3) cb:set(0, 3, -2) cb:set(0, 4, 5)
  same(state(), {{5, 5}, {-3, -3}, {-2, -2}, {5, nan}})
end)

case("get_range", function()
  local cb = circular_buffer.new(5, 1, 1)
  for i = 1, 5 do cb:set(i * 1e9, 1, i) end
  same(cb:get_range(1), {1, 2, 3, 4, 5})
  same(cb:get_range(1, 3e9, 4e9), {3, 4})
  same(cb:get_range(1, 3e9), {3, 4, 5})
  same(cb:get_range(1, nil, 2e9), {1, 2})
  same(cb:get_range(1, 11e9, 14e9), nil)
  same(cb:get_range_delta(1), {1, 2, 3, 4, 5})
end)

case("compute", function()
  local cb = circular_buffer.new(4, 1, 1)
  for i = 1, 4 do cb:set(i * 1e9, 1, i) end
  same({cb:compute("sum", 1)}, {10, 4})
  same({cb:compute("avg", 1)}, {2.5, 4})
  same({cb:compute("variance", 1)}, {1.25, 4})
  same({cb:compute("sd", 1)}, {1.25 ^ 0.5, 4})
  same({cb:compute("min", 1)}, {1, 4})
  same({cb:compute("max", 1)}, {4, 4})
  same({cb:compute("sd", 1, 3e9, 4e9)}, {0.5, 2})
  same({cb:compute("sum", 1, 3e9, nil)}, {7, 2})
  same({cb:compute("sum", 1, nil, 2e9)}, {3, 2})
  same(cb:compute("sum", 1, 11e9, 14e9), nil)
  cb:set(2e9, 1, nan)
  same({cb:compute("avg", 1, 1e9, 3e9)}, {2, 2})
  local empty = circular_buffer.new(4, 1, 1)
  for _, what in ipairs{"sum", "avg", "sd", "variance", "min", "max"} do
    same({empty:compute(what, 1)}, {nan, 0})
  end
end)

local SAMPLE = {15309, 14092, 13661, 13412, 14205, 15042, 14142, 13820, 14917, 13953, 14320, 14472, 15133, 13790,
  14539, 14129, 14363, 14202, 13841, 13610, 13759, 14428, 14851, 13838, 13819, 14468, 14989, 15557, 14380, 13500,
  14818, 14632, 13631, 14663, 14532, 14188, 14537, 14109, 13925, 15022}

local function sampled(last)
  local cb = circular_buffer.new(40, 1, 1)
  for i, value in ipairs(SAMPLE) do cb:set(i * 1e9, 1, value) end
  if last then cb:set(40e9, 1, last) end
  return cb
end

local function u_and_p(...)
  local u, p = ...
  return {u, math.floor(p * 100000)}
end

case("mannwhitneyu", function()
  same(u_and_p(sampled():mannwhitneyu(1, 1e9, 20e9, 21e9, 40e9)), {171, 22037})
  same(u_and_p(sampled():mannwhitneyu(1, 1e9, 20e9, 21e9, 40e9, false)), {171, 21638})
  same(u_and_p(sampled(15309):mannwhitneyu(1, 1e9, 20e9, 21e9, 40e9)), {168.5, 20084})
  same({sampled():mannwhitneyu(1, 41e9, 60e9, 61e9, 80e9)}, {})
  same({circular_buffer.new(20, 1, 1):mannwhitneyu(1, 0, 9e9, 10e9, 19e9)}, {})
end)

case("mannwhitneyu with empty cells: both U make up all pairs", function()
  local cb = circular_buffer.new(120, 1, 1)
  for i = 1, 120 do
    cb:set(i * 1e9, 1, i % 3 == 0 and nan or i * 7 % 11)
  end
  local u1 = cb:mannwhitneyu(1, 61e9, 120e9, 1e9, 60e9)
  local u2 = cb:mannwhitneyu(1, 1e9, 60e9, 61e9, 120e9)
  same(u1 + u2, 3600)
end)

case("fromstring reads what tostring wrote", function()
  local cb = three_columns()
  for i = 1, 7 do cb:add(i * 1e9, 1 + i % 3, i + 0.1) end
  local copy = three_columns()
  copy:fromstring(tostring(cb))
  same(tostring(copy), tostring(cb))
  same(copy:current_time(), cb:current_time())
  local preserved = circular_buffer.new(2, 1, 1)
  preserved:fromstring"1 1 nan 99"
  same(preserved:get_range(1), {nan, 99})
end)

case("headers and configuration", function()
  local cb = circular_buffer.new(10, 2, 60)
  same({cb:get_configuration()}, {10, 2, 60})
  same(cb:set_header(1, "wid get-with-a-long-name", "KiB/s^2 and", "max"), 1)
  same({cb:get_header(1)}, {"wid_get_with_a_", "KiB/s_2", "max"})
  same({cb:get_header(2)}, {"Column_2", "count", "sum"})
end)

case("errors", function()
  local new = circular_buffer.new
  local cb = new(2, 1, 1)
  fails("rows", new, 1, 1, 1)
  fails("rows", new, nil, 1, 1)
  fails("columns", new, 2, 0, 1)
  fails("columns", new, 2, 257, 1)
  fails("seconds_per_row", new, 2, 1, 0)
  fails("columns", new, 2)
  fails("no such column", cb.set, cb, 0, 2, 1)
  fails("no such column", cb.set, cb, 0, 0, 1)
  fails("no such column", cb.set, cb, 0)
  fails("no such column", cb.get, cb, 0)
  fails("no such column", cb.get_range, cb)
  fails("no such column", cb.get_header, cb, 99)
  fails("nanoseconds", cb.set, cb, nil, 1, 1)
  fails("must be a number", cb.add, cb, 0, 1)
  fails(".", cb.get, 1, 1, 1)
  fails("ends before", cb.get_range, cb, 1, 2e9, 1e9)
  fails("cbuf or cbufd", cb.format, cb)
  fails("cbuf or cbufd", cb.format, cb, "invalid")
  fails("cbuf or cbufd", cb.format, cb, "cbuf", true)
  fails("too few", cb.fromstring, cb, "")
  fails("not a number", cb.fromstring, cb, "0 0 na 1")
  fails("too many", cb.fromstring, cb, "0 0 1 2 3")
  fails("two ranges", cb.mannwhitneyu, cb)
  fails("overlap", cb.mannwhitneyu, cb, 1, 0, 5, 2, 7)
  fails("use_continuity", cb.mannwhitneyu, cb, 1, 0, 1, 2, 3, "a")
  fails("info or alert", cb.annotate, cb, 0, 1, "x", "y")
end)

case("all state is in the table", function()
  local cb = three_columns()
  count(cb, 4e9)
  same(getmetatable(cb).__name, "circular_buffer")
  same(circular_buffer.metatables.circular_buffer, getmetatable(cb))
  for _, value in pairs(cb) do assert(type(value) ~= "function") end
end)
