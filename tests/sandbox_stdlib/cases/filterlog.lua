local grammar = require "lpeg.bsd.filterlog".syslog_grammar

local function n(number) return {value = number, value_type = 2} end

matches(grammar, {
  {"5,16777216,,1000000003,igb1,match,block,in,4,0x0,,64,0,0,DF,17,udp,72,10.0.0.1,10.0.0.2,17500,53,52",
    {rule_number = n(5), sub_rule_number = n(16777216), tracker = n(1000000003), real_interface = "igb1", reason = "match", action = "block",
      direction = "in", ip_version = "4", tos = "0x0", ttl = n(64), id = n(0), offset = n(0), flags = "DF", protocol_id = n(17),
      protocol_text = "udp", length = n(72), source_address = "10.0.0.1", destination_address = "10.0.0.2", source_port = n(17500),
      destination_port = n(53), data_length = n(52)}},
  {"9,,,1000000003,em0,match,pass,out,4,0x0,,64,1,0,none,6,tcp,60,10.0.0.1,10.0.0.2,40000,443,0,S,12345,,65228,,mss;nop",
    {rule_number = n(9), tracker = n(1000000003), real_interface = "em0", reason = "match", action = "pass", direction = "out",
      ip_version = "4", tos = "0x0", ttl = n(64), id = n(1), offset = n(0), flags = "none", protocol_id = n(6), protocol_text = "tcp",
      length = n(60), source_address = "10.0.0.1", destination_address = "10.0.0.2", source_port = n(40000), destination_port = n(443),
      data_length = n(0), tcp_flags = "S", sequence_number = n(12345), tcp_window = n(65228), tcp_options = "mss;nop"}},
  {"9,,,10,em0,match,block,in,6,0x00,0x00000,1,ICMPv6,58,64,fe80::1,ff02::2,request,7,8",
    {rule_number = n(9), tracker = n(10), real_interface = "em0", reason = "match", action = "block", direction = "in", ip_version = "6",
      class = "0x00", flow_label = "0x00000", hop_limit = n(1), protocol_text = "ICMPv6", protocol_id = n(58), length = n(64),
      source_address = "fe80::1", destination_address = "ff02::2", icmp_type = "request", echo_id = n(7), echo_sequence = n(8)}},
  {"9,,,10,em0,match,block,in,4,0x0,,1,0,0,none,112,carp,64,10.0.0.1,224.0.0.18,advertise,255,1,2,1,0",
    {rule_number = n(9), tracker = n(10), real_interface = "em0", reason = "match", action = "block", direction = "in", ip_version = "4",
      tos = "0x0", ttl = n(1), id = n(0), offset = n(0), flags = "none", protocol_id = n(112), protocol_text = "carp", length = n(64),
      source_address = "10.0.0.1", destination_address = "224.0.0.18", carp_type = "advertise", carp_ttl = n(255), vhid = n(1),
      version = n(2), advbase = n(1), advskew = n(0)}},
  {"5,16777216,,1,igb1,match,block,in", nil},
  {"a,b,c,d,e,f,g,h,4", nil},
  {"", nil},
})

both_forms(require "filterlog".items(), function(line)
  local found = grammar:match(line)
  for name, value in pairs(found or {}) do found[name] = type(value) == "table" and value.value or value end
  return found
end, {
  "5,16777216,,1000000003,igb1,match,block,in,4,0x0,,64,0,0,DF,17,udp,72,10.0.0.1,10.0.0.2,17500,53,52",
  "9,,,1000000003,em0,match,pass,out,4,0x0,,64,1,0,none,6,tcp,60,10.0.0.1,10.0.0.2,40000,443,0,S,12345,,65228,,mss;nop",
  "9,,,10,em0,match,block,in,6,0x00,0x00000,1,ICMPv6,58,64,fe80::1,ff02::2,request,7,8",
  "9,,,10,em0,match,block,in,6,0x00,0x00000,1,ICMPv6,58,64,fe80::1,ff02::2,neighbour sol,who is it",
  "9,,,10,em0,match,block,in,4,0x0,,1,0,0,none,112,carp,64,10.0.0.1,224.0.0.18,advertise,255,1,2,1,0",
  "9,,,10,em0,match,block,in,4,0x0,,1,0,0,none,1,icmp,64,10.0.0.1,10.0.0.2,unreachport,10.0.0.3,17,53",
  "9,,,10,em0,match,block,in,4,0x0,,1,0,0,none,2,igmp,64,10.0.0.1,10.0.0.2,datalength=8", "5,16777216,,1,igb1,match,block,in",
  "5,16777216,,1,igb1,match,block,in,4", "a,b,c,d,e,f,g,h,4",
})
