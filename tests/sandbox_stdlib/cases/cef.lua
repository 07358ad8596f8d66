local cef = require "cef"

local function event(extension, more)
  local out = {cef_version = "0", device_vendor = "Security", device_product = "threatmanager", device_version = "1.0",
    device_event_class_id = "100", name = "worm stopped", severity = "10", extension = extension}
  for k, v in pairs(more or {}) do out[k] = v end
  return out
end

local HEAD = "CEF:0|Security|threatmanager|1.0|100|worm stopped|10|"

matches(cef.grammar, {
  {HEAD .. "src=10.0.0.1 dst=2.1.2.2 spt=1232", event{src = "10.0.0.1", dst = "2.1.2.2", spt = "1232"}},
  {"Sep 19 08:26:10 host " .. HEAD .. "msg=two words, a \\= b\\nnext  act=x \n",
    event({msg = "two words, a = b\nnext", act = "x"}, {prefix = "Sep 19 08:26:10 host"})},
  {HEAD, event{}},
  {HEAD .. "filePath=C:\\\\a b= empty=", event{filePath = "C:\\a", b = "", empty = ""}},
  {"CEF:0|a\\|b|c\\\\d|1|2|3|Low|x=1", {cef_version = "0", device_vendor = "a|b", device_product = "c\\d",
    device_version = "1", device_event_class_id = "2", name = "3", severity = "Low", extension = {x = "1"}}},
  {"CEF:0|a|b", nil}, {"", nil},
})

case("labels and severities", function()
  same(cef.labelled{cs1 = "x", cs1Label = "user", cn1Label = "lone", src = "1"}, {user = "x", cn1Label = "lone", src = "1"})
  same({cef.severity_of "0", cef.severity_of "5", cef.severity_of "8", cef.severity_of "10", cef.severity_of "Very-High"}, {6, 4, 3, 2, 2})
  same(cef.severity_of "11", nil)
  same(cef.severity_of "x", nil)
end)

both_forms(cef.items(), function(line)
  local found = cef.grammar:match(line)
  if found then found.extension = line:match "%d|worm stopped|%d+|(.*)" or line:match "|Low|(.*)" end
  return found
end, {
  HEAD .. "src=10.0.0.1 dst=2.1.2.2 spt=1232", "Sep 19 08:26:10 host " .. HEAD .. "msg=two words, a \\= b\\nnext  act=x ", HEAD,
  "CEF:0|a\\|b|c\\\\d|1|2|3|Low|x=1", "<5>CEF:1|a|||||Low|", "CEF:0|a|b", "x",
})
