--[[
The log of the packet filter of pfSense and OPNsense (program filterlog), as lines of comma separated values.

- `grammar` (`syslog_grammar`): an LPEG pattern that captures a table of a line: rule_number, anchor, tracker, real_interface, reason,
  action, direction, ip_version; tos, ecn, ttl, id, offset, flags (IPv4) or class, flow_label, hop_limit (IPv6); protocol_id,
  protocol_text, length, source_address, destination_address; source_port, destination_port, data_length, tcp_flags, sequence_number,
  ack_number, tcp_window, tcp_options; icmp_type and what belongs to it; carp_type, carp_ttl, vhid, version, advbase, advskew.
  Whole numbers are {value=, value_type = 2}; what is empty is left out.

Source: "Raw Filter Log Format" of pfSense's documentation; the names of fields are Hindsight's.
--]]

local lpeg = require "lpeg"

local ipairs, tonumber = ipairs, tonumber
local C, Cmt, Ct, P = lpeg.C, lpeg.Cmt, lpeg.Ct, lpeg.P

local INTEGER = 2

-- Names in the order of a line; a number is marked with #.
local COMMON = {"#rule_number", "#sub_rule_number", "anchor", "#tracker", "real_interface", "reason", "action", "direction", "ip_version"}
local OF_IP = {
  ["4"] = {"tos", "ecn", "#ttl", "#id", "#offset", "flags", "#protocol_id", "protocol_text"},
  ["6"] = {"class", "flow_label", "#hop_limit", "protocol_text", "#protocol_id"},
}
local ADDRESSES = {"#length", "source_address", "destination_address"}
local OF_PROTOCOL = {
  tcp = {
    "#source_port", "#destination_port", "#data_length", "tcp_flags", "#sequence_number", "#ack_number", "#tcp_window", "tcp_urgent",
    "tcp_options",
  },
  udp = {"#source_port", "#destination_port", "#data_length"},
  carp = {"carp_type", "#carp_ttl", "#vhid", "#version", "#advbase", "#advskew"},
}
local OF_ICMP = {
  request = {"#echo_id", "#echo_sequence"}, reply = {"#echo_id", "#echo_sequence"},
  unreachproto = {"icmp_destination_ip_address", "#unreachable_protocol_id"},
  unreachport = {"icmp_destination_ip_address", "#unreachable_protocol_id", "#unreachable_port_number"},
  needfrag = {"icmp_destination_ip_address", "#icmp_mtu"},
  tstamp = {"#icmp_id", "#icmp_sequence"},
  tstampreply = {"#icmp_id", "#icmp_sequence", "#icmp_otime", "#icmp_rtime", "#icmp_ttime"},
}
local OTHER_ICMP = {"icmp_description"}

local function integer(text)
  local number = tonumber(text)
  return number and number % 1 == 0 and {value = number, value_type = INTEGER} or nil
end

local function take(fields, values, at, names)
  for i, name in ipairs(names) do
    local text = values[at + i - 1]
    if text and text ~= "" then
      local plain = name:gsub("^#", "")
      if plain ~= name then fields[plain] = integer(text) else fields[name] = text end
    end
  end
  return at + #names
end

local function take_icmp(fields, values, at)
  fields.icmp_type = values[at]
  return take(fields, values, at + 1, OF_ICMP[values[at]] or OTHER_ICMP)
end

local function complete(_, at, values)
  local fields = {}
  local next_value = take(fields, values, 1, COMMON)
  local of_ip = OF_IP[fields.ip_version]
  if not fields.rule_number or not of_ip then return false end
  if values[next_value] then
    next_value = take(fields, values, take(fields, values, next_value, of_ip), ADDRESSES)
    local protocol = (fields.protocol_text or ""):lower()
    if values[next_value] then
      if protocol:find "^icmp" then
        take_icmp(fields, values, next_value)
      else
        take(fields, values, next_value, OF_PROTOCOL[protocol] or {})
      end
    end
  end
  return at, fields
end

local value = C((1 - lpeg.S",\r\n")^0)
local line = Ct(value * ("," * value)^8 * ("," * value)^0) * lpeg.S"\r\n"^0 * -1
local grammar = Cmt(#P(1) * line, complete)

return {grammar = grammar, syslog_grammar = grammar}
