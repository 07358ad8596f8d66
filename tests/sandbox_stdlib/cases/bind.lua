local bind = require "bind"
local lpeg = require "lpeg"

local function v4(value) return {value = value, representation = "ipv4"} end

matches(bind.grammar, {
  {"27-May-2015 21:06:49.250 queries: info: client 10.0.1.70#41242 (webserver.company.com): query: webserver.company.com IN A +E (10.0.1.71)",
    {Timestamp = 1432760809250000000, ClientIP = v4"10.0.1.70", ClientPort = 41242, FullQuery = "webserver.company.com",
      QueryName = "webserver", QueryDomain = "company.com", RecordClass = "IN", RecordType = "A",
      QueryFlags = {"recursion requested", "EDNS used"}, ServerRespondingIP = v4"10.0.1.71"}},
  {"27-May-2015 21:06:49 client @0x7f0c 2001:db8::1#5 (x.): view internal: query: localhost IN AAAA -E(0)DK (2001:db8::2) [ECS 10.0.0.0/24/0]\n",
    {Timestamp = 1432760809000000000, ClientIP = {value = "2001:db8::1", representation = "ipv6"}, ClientPort = 5,
      FullQuery = "x.", View = "internal", Query = "localhost", RecordClass = "IN", RecordType = "AAAA",
      QueryFlags = {"recursion not requested", "EDNS used", "DNSSEC data wanted", "server cookie"},
      ServerRespondingIP = {value = "2001:db8::2", representation = "ipv6"}}},
  {"something", nil},
})

case("as groups", function()
  local got = lpeg.Ct(bind.query_log_grammar):match "27-May-2015 21:06:49.250 client 10.0.1.70#1 (a.b): query: a.b CH TXT +T (10.0.1.71)"
  same({got.RecordType, got.QueryFlags[2]}, {"TXT", "TCP used"})
end)

both_forms(bind.items(), function(line)
  local found = bind.grammar:match(line)
  if found then found.QueryFlags = line:match " ([-+][ESDCTVK()0-9]*) %(" or line:match " ([-+][ESDCTVK()0-9]*)$" end
  return found
end, {
  "27-May-2015 21:06:49.250 queries: info: client 10.0.1.70#41242 (webserver.company.com): query: webserver.company.com IN A +E (10.0.1.71)",
  "27-May-2015 21:06:49 client @0x7f0c 2001:db8::1#5 (x.): view internal: query: localhost IN AAAA -E(0)DK (2001:db8::2) [ECS 10.0.0.0/24/0]",
  "27-May-2015 21:06:49 client 2001:db8::1#5 (a.b): query: a. CLASS7 A - (10.0.0.1)", "27-May-2015 21:06:49 client 10.0.0.1#5: query: a.b CH TXT +T",
  "27-May-2015 21:06:49 client 10.0.0.1#5: query:  CH TXT +T", "something",
})
