local ip = require "lpeg.ip_address"
local lpeg = require "lpeg"

local function whole(name, text) return (lpeg.P(ip[name]) * -1):match(text) ~= nil end

case("what is an address", function()
  for _, text in ipairs {"0.0.0.0", "255.255.255.255", "10.0.0.1"} do assert(whole("v4", text), text) end
  for _, text in ipairs {"256.0.0.1", "1.2.3", "1.2.3.4.5", "a.b.c.d", ""} do assert(not whole("v4", text), text) end
  for _, text in ipairs {"::", "::1", "2001:db8::1", "1:2:3:4:5:6:7:8", "::ffff:10.0.0.1", "fe80::1%eth0"} do assert(whole("v6", text), text) end
  for _, text in ipairs {":", "1:2", "1::2::3", "g::1", "12345::"} do assert(not whole("v6", text), text) end
  for _, text in ipairs {"localhost", "a-b.example.com"} do assert(whole("hostname", text), text) end
  for _, text in ipairs {"-a", "a..b", ""} do assert(not whole("hostname", text), text) end
  for _, text in ipairs {"::1", "1.2.3.4", "x.y"} do assert(whole("host", text), text) end
end)

matches(ip.host_field, {
  {"10.0.0.1", {value = "10.0.0.1", representation = "ipv4"}},
  {"::1", {value = "::1", representation = "ipv6"}},
  {"10.example.com", {value = "10.example.com", representation = "hostname"}},
})
matches(ip.v4_field, {{"10.0.0.1 x", {value = "10.0.0.1", representation = "ipv4"}}, {"x", nil}})
matches(ip.v6_field, {{"fe80::1", {value = "fe80::1", representation = "ipv6"}}, {"1.2.3.4", nil}})
matches(lpeg.Ct(ip.v4_octets), {{"192.168.0.255", {192, 168, 0, 255}}, {"1.2.3", nil}})
