--[[
Grammar for the packet filter log of pfSense and OPNsense (program filterlog), lines of comma-separated values.

- `grammar` (`syslog_grammar`): an LPEG pattern that captures a table of a line: rule_number, anchor, tracker, real_interface, reason,
  action, direction, ip_version; tos, ecn, ttl, id, offset, flags (IPv4) or class, flow_label, hop_limit (IPv6); protocol_id,
  protocol_text, length, source_address, destination_address; source_port, destination_port, data_length, tcp_flags, sequence_number,
  ack_number, tcp_window, tcp_options; icmp_type and what belongs to it; carp_type, carp_ttl, vhid, version, advbase, advskew.
  Whole numbers are {value=, value_type = 2}; empty values are omitted.
- `items()`: the alternatives of a declared grammar with the same fields

Source: "Raw Filter Log Format" of pfSense's documentation; the names of fields are Hindsight's.
--]]

local lpeg = require "lpeg"
local positional = require "positional"

local ipairs, pairs, tonumber, type, unpack = ipairs, pairs, tonumber, type, unpack
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

-- ------------------------------------------------------------ declared form --

local concat, field = positional.concat, positional.field
local any_text, digits = (1 - lpeg.S",\r\n")^1, lpeg.R"09"^1

-- names: as above, or {name, required value}. optional: true if the line can end before a cell
local function cells(names, optional)
  local list = {}
  for _, name in ipairs(names) do
    local one
    if type(name) == "table" then
      one = {",", field(name[1], name[2])}
    else
      local plain = name:gsub("^#", "")
      one = {",", {optional = {plain ~= name and field(plain, digits, "integer") or field(plain, any_text)}}}
    end
    list = concat(list, optional and {{optional = one}} or one)
  end
  return list
end

local function any_case(word)
  local pattern = P(true)
  for letter in word:gmatch "." do pattern = pattern * lpeg.S(letter .. letter:upper()) end
  return pattern
end

local before_cell = #(lpeg.S",\r\n" + -1)

local function with(names, name, pattern)
  local changed = {}
  for i, known in ipairs(names) do changed[i] = known == name and {name, pattern * before_cell} or known end
  return changed
end

-- The parts after the addresses: {pattern of the protocol, items}. The last one accepts any protocol.
local function protocols()
  local list, icmp = {}, any_case "icmp" * any_text^0
  for name, names in pairs(OF_PROTOCOL) do list[#list + 1] = {any_case(name), cells(names, true)} end
  for name, names in pairs(OF_ICMP) do
    list[#list + 1] = {icmp, concat({",", field("icmp_type", P(name) * before_cell)}, cells(names, true))}
  end
  list[#list + 1] = {icmp, concat({",", field("icmp_type", any_text)}, cells(OTHER_ICMP, true))}
  list[#list + 1] = {any_text, {}}
  return list
end

local function items()
  local ending = {("," * any_text^-1)^0 * P"\r"^-1}
  local function head(version)
    local names = with(COMMON, "ip_version", P(version))
    return concat({field("rule_number", digits, "integer")}, cells{unpack(names, 2)})
  end
  local alternatives = {}
  for version, names in pairs(OF_IP) do
    for _, protocol in ipairs(protocols()) do
      local of_ip = cells(with(names, "protocol_text", protocol[1]))
      alternatives[#alternatives + 1] = concat(head(version), of_ip, cells(ADDRESSES), protocol[2], ending)
    end
  end
  alternatives[#alternatives + 1] = concat(head(lpeg.S"46"), {P"\r"^-1})
  return alternatives
end

return {items = items, grammar = grammar, syslog_grammar = grammar}
