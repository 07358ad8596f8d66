local leef = require "leef"

local function event(version, attributes, prefix)
  return {prefix = prefix, leef_version = version, device_vendor = "Lancope", device_product = "SW", device_version = "1.0",
    event_id = "41", attributes = attributes}
end

matches(leef.grammar, {
  {"LEEF:1.0|Lancope|SW|1.0|41|src=192.0.2.0\tmsg=two words = x\tbad\n", event("1.0", {src = "192.0.2.0", msg = "two words = x"})},
  {"Jan 18 11:07:53 host LEEF:2.0|Lancope|SW|1.0|41|^|src=1^dst=2", event("2.0", {src = "1", dst = "2"}, "Jan 18 11:07:53 host")},
  {"LEEF:2.0|Lancope|SW|1.0|41|0x5E|src=1^dst=2", event("2.0", {src = "1", dst = "2"})},
  {"LEEF:2.0|Lancope|SW|1.0|41|xA6|src=1\166dst=2", event("2.0", {src = "1", dst = "2"})},
  {"LEEF:2.0|Lancope|SW|1.0|41||src=1\tdst=2", event("2.0", {src = "1", dst = "2"})},
  {"LEEF:2.0|Lancope|SW|1.0|41|%|src=1%dst=2", event("2.0", {src = "1", dst = "2"})},
  {"LEEF:1.0|Lancope|SW|1.0|41|", event("1.0", {})},
  {"LEEF:1.0|a|b", nil},
})

both_forms(leef.items(), function(line)
  local found = leef.grammar:match(line)
  if not found then return nil end
  local rest = line:match "41|(.*)"
  found.attributes = rest
  if found.leef_version:find "^2" then found.delimiter, found.attributes = rest:match "^([^|]*)|(.*)" end
  return found
end, {
  "LEEF:1.0|Lancope|SW|1.0|41|src=192.0.2.0\tmsg=two words = x|y\tbad", "Jan 18 11:07:53 host LEEF:2.0|Lancope|SW|1.0|41|^|src=1^dst=2",
  "LEEF:2.0|Lancope|SW|1.0|41|0x5E|src=1^dst=2", "LEEF:2.0|Lancope|SW|1.0|41||src=1\tdst=2", "LEEF:1.0|Lancope|SW|1.0|41|",
  "LEEF:1.0|a|b", "x",
})
