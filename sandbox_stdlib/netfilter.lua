--[[
Grammar for the lines of Linux's packet filter (iptables, nftables, ufw) in the kernel log.

- `grammar`: an LPEG pattern that captures a table of a line: monotonic_timestamp (seconds since the start), nf_prefix, nf_in_interface,
  nf_out_interface, nf_dst_mac, nf_src_mac, nf_type_mac, nf_src_ip and nf_dst_ip as {value=, representation=}, nf_protocol, nf_len,
  nf_ttl, nf_spt, nf_dpt, ..., nf_uid, nf_gid, nf_mark; a flag is true: nf_df, nf_tcp_syn, ... For ICMP nf_icmp_type, nf_icmp_code,
  nf_icmp_id, nf_icmp_seq, with nf_icmpv6_ for version 6. `event` is "netfilter".
- `items()`: the alternatives of a declared grammar with the same fields, for lines whose keys are in Linux's order (`grammar`
  accepts any order, and skips unknown keys)

Source: net/netfilter/nf_log_syslog.c of Linux; the names of fields are Heka's.
--]]

local lpeg = require "lpeg"
local ip_address = require "ip_address"
local positional = require "positional"

local ipairs, tonumber = ipairs, tonumber
local C, Cc, Cg, Cmt, Ct, P, R, S = lpeg.C, lpeg.Cc, lpeg.Cg, lpeg.Cmt, lpeg.Ct, lpeg.P, lpeg.R, lpeg.S

local M = {}

local NAMES = {
  LEN = "nf_len", TOS = "nf_tos", PREC = "nf_prec", TTL = "nf_ttl", ID = "nf_id", PROTO = "nf_protocol", SPT = "nf_spt",
  DPT = "nf_dpt", SEQ = "nf_seq", ACK = "nf_ack", WINDOW = "nf_window", RES = "nf_res", URGP = "nf_urgp", UID = "nf_uid",
  GID = "nf_gid", MARK = "nf_mark", TC = "nf_tc", HOPLIMIT = "nf_hoplimit", FLOWLBL = "nf_flowlbl", FRAG = "nf_frag",
}
local FLAGS = {
  CE = "nf_ce", DF = "nf_df", MF = "nf_mf", CWR = "nf_tcp_cwr", ECE = "nf_tcp_ece", URG = "nf_tcp_urg", ACK = "nf_tcp_ack",
  PSH = "nf_tcp_psh", RST = "nf_tcp_rst", SYN = "nf_tcp_syn", FIN = "nf_tcp_fin",
}
-- names of these keys after PROTO=ICMP or PROTO=ICMPv6
local OF_ICMP = {
  TYPE = "type", CODE = "code", ID = "id", SEQ = "seq", PARAMETER = "parameter", GATEWAY = "gateway", POINTER = "pointer", MTU = "mtu",
}
local ICMP = {ICMP = "nf_icmp_", ICMPv6 = "nf_icmpv6_"}
local TEXTS = {TOS = true, PREC = true, PROTO = true, RES = true, MARK = true}

local digits = R"09"^1
local word = C((1 - S" \r\n")^0)
local address = (ip_address.v4_field + ip_address.v6_field) * #(S" \r\n" + -1)

local octet = R("09", "af", "AF") * R("09", "af", "AF")
local six = octet * (":" * octet) * (":" * octet) * (":" * octet) * (":" * octet) * (":" * octet)
local mac = "MAC=" * (Cg(C(six), "nf_dst_mac") * ":" * Cg(C(six), "nf_src_mac") * (":" * Cg(word, "nf_type_mac"))^-1 + word / 0)

local key = C(R"AZ"^1)
local pair = Cg(Ct(key * S"=:" * word))
local flag = Cg(Ct(key * -S"=:"))
local items = Ct((pair + flag + word / 0) * (P" "^1 * (pair + flag + word / 0))^0)

local function name_of(fields, icmp, name)
  if icmp and OF_ICMP[name] then return icmp .. OF_ICMP[name] end
  if name == "LEN" and fields.nf_len then return "nf_udp_len" end
  return NAMES[name]
end

-- Adds the fields of a list of {key, value} and {flag}.
local function add_items(fields, list)
  local icmp
  for i = 1, #list do
    local name, text = list[i][1], list[i][2]
    local field = text and name_of(fields, icmp, name) or not text and FLAGS[name]
    if field then
      local value = text or true
      if text and not TEXTS[name] then value = tonumber(text) or text end
      fields[field] = value
    end
    if name == "PROTO" then icmp = ICMP[text] end
  end
  return fields
end

local function complete(_, at, fields)
  add_items(fields, fields.items)
  fields.items = nil
  return at, fields
end

local clock = "[" * P" "^0 * Cg(digits * "." * digits / tonumber, "monotonic_timestamp") * "] "
local head = clock^-1 * Cg(C((1 - P"IN=")^0), "nf_prefix")
  * "IN=" * Cg(word, "nf_in_interface") * " OUT=" * Cg(word, "nf_out_interface") * (P" "^1 * mac)^-1
local addresses = P" "^1 * "SRC=" * Cg(address, "nf_src_ip") * " DST=" * Cg(address, "nf_dst_ip")

M.grammar = Cmt(Ct(head * addresses * (P" "^1 * Cg(items, "items")) * Cg(Cc"netfilter", "event")) * S" \r\n"^0 * -1, complete)

-- ------------------------------------------------------------ declared form --

local field, concat = positional.field, positional.concat
local between, any_word = P" "^1, (1 - S" \r\n")^0

local function keys(names, prefix)
  local list = {}
  for key_name in names:gmatch "%S+" do
    local name = prefix and prefix .. OF_ICMP[key_name] or NAMES[key_name]
    local is_text = not prefix and TEXTS[key_name]
    local of = field(name, is_text and any_word or digits, is_text and "string" or "integer")
    list[#list + 1] = {optional = {between * key_name * S"=:", of}}
  end
  return list
end

local function yes() return true end

local function flags(names)
  local list = {}
  for key_name in names:gmatch "%S+" do
    local of = field(FLAGS[key_name], P(key_name) * -S"=:" * #(S" \r\n" + -1), "bool", {transform = yes})
    list[#list + 1] = {optional = {between, of}}
  end
  return list
end

local function line_head(kind)
  return {
    {optional = {P"[" * P" "^0, field("monotonic_timestamp", digits * "." * digits, "double"), "] "}},
    field("nf_prefix", (1 - (P"IN=" + "\n"))^0), "IN=", field("nf_in_interface", any_word), " OUT=",
    field("nf_out_interface", any_word),
    {optional = {
      between * "MAC=", field("nf_dst_mac", six), ":", field("nf_src_mac", six), {optional = {":", field("nf_type_mac", any_word)}},
    }},
    (between * "MAC=" * any_word)^-1, between * "SRC=", positional.address("nf_src_ip", kind),
    " DST=", positional.address("nf_dst_ip", kind), #(S" \r\n" + -1), positional.constant("event", "netfilter"),
  }
end

local options = {(between * "OPT (" * (1 - S")\n")^0 * ")")^-1}
local inner_packet = {(between * "[" * (1 - S"]\n")^0 * "]")^-1}

local IP = {
  ipv4 = concat(keys "LEN TOS PREC TTL ID", flags "CE DF MF", keys "FRAG", options),
  ipv6 = concat(keys "LEN TC HOPLIMIT FLOWLBL FRAG ID"),
}

local function protocol(pattern) return {between * "PROTO=", field("nf_protocol", pattern * #(S" \r\n" + -1))} end

local function protocols(icmp)
  local icmp_keys = keys("TYPE CODE ID SEQ PARAMETER GATEWAY POINTER MTU", ICMP[icmp])
  local length = {optional = {between * "LEN=", field("nf_udp_len", digits, "integer")}}
  return {
    concat(protocol(P"TCP"), keys "SPT DPT SEQ ACK WINDOW RES", flags "CWR ECE URG ACK PSH RST SYN FIN", keys "URGP", options),
    concat(protocol(P"UDPLITE" + "UDP"), keys "SPT DPT", {length}), concat(protocol(P(icmp)), icmp_keys, inner_packet),
    concat(protocol(any_word), keys "SPT DPT"),
  }
end

function M.items()
  local list = {}
  for _, way in ipairs{{"ipv4", "ICMP"}, {"ipv6", "ICMPv6"}} do
    for _, of_protocol in ipairs(protocols(way[2])) do
      list[#list + 1] = concat(line_head(way[1]), IP[way[1]], of_protocol, keys "UID GID MARK", {S" \r"^0})
    end
  end
  return list
end

return M
