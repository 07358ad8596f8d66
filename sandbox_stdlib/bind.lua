--[[
Grammar for the query log of BIND 9.

    local query = require "bind".grammar:match(read_message "Payload")

- `grammar`: captures a line as a table
- `query_log_grammar`: the same as named groups, for use within lpeg.Ct, as in Heka
- `items()`: the alternatives of a declared grammar; QueryFlags is one text as in the log: +E(0)DK

Captured: Timestamp (ns, UTC), ClientIP {value, representation}, ClientPort, FullQuery (the name in brackets), View,
QueryName (the first label) and QueryDomain (the rest) or, for a name of one label, Query; RecordClass, RecordType,
QueryFlags (a list of texts), ServerRespondingIP {value, representation}. The category and the severity (queries:
info:), the client's memory address (@0x...) and the client subnet ([ECS ...]) are optional.

Source: BIND 9 Administrator Reference Manual, "Query Log Messages"; field names of Heka's bind module.
--]]

local lpeg = require "lpeg"
local date_time = require "date_time"
local ip_address = require "ip_address"
local positional = require "positional"

local tonumber = tonumber
local C, Cg, Ct, P, R, S = lpeg.C, lpeg.Cg, lpeg.Ct, lpeg.P, lpeg.R, lpeg.S

local M = {}

local FLAGS = {
  ["+"] = "recursion requested", ["-"] = "recursion not requested", E = "EDNS used", S = "query signed",
  D = "DNSSEC data wanted", C = "no DNSSEC validation check", T = "TCP used", V = "valid server cookie",
  K = "server cookie",
}

local digits = R"09"^1
local with_fraction = date_time.build_strftime_grammar "%d-%b-%Y %H:%M:%S.%f"
local without = date_time.build_strftime_grammar "%d-%b-%Y %H:%M:%S"
local moment = with_fraction + without
local time = moment / date_time.time_to_ns
local address = ip_address.v4_field + ip_address.v6_field

local name = C((1 - S"() \n")^1)
local before_address = "client " * (P"@0x" * R("09", "af", "AF")^1 * " ")^-1
local client = before_address
  * Cg(address, "ClientIP") * "#" * Cg(digits / tonumber, "ClientPort")
local view = "view " * Cg(C((1 - P": ")^1), "View") * ": "
local text = (1 - S" \n")^1
local label = (1 - S". \n")^1
local query = Cg(C(label), "QueryName") * "." * Cg(C(text), "QueryDomain") + Cg(C(text), "Query")
local class = P"IN" + "CH" + "HS" + P"CLASS" * digits
local subnet = (P" [ECS " * (1 - S"]\n")^0 * "]")^-1
local flags = Cg(Ct((S"+-ESDCTVK" / FLAGS * (P"(" * digits * ")")^-1)^1), "QueryFlags")

M.query_log_grammar = Cg(time, "Timestamp") * " " * (P"queries: ")^-1 * (P"info: ")^-1 * client
  * (P" (" * Cg(name, "FullQuery") * ")")^-1 * ": " * view^-1 * "query: " * query
  * " " * Cg(C(class), "RecordClass") * " "
  * Cg(C(text), "RecordType") * " " * flags
  * (P" (" * Cg(address, "ServerRespondingIP") * ")")^-1 * subnet

M.grammar = Ct(M.query_log_grammar) * S"\r\n"^0 * -1

local letter = R("AZ", "az")
local time_text = digits * "-" * letter^3 * "-" * digits * " " * digits * ":" * digits * ":" * digits * (P"." * digits)^-1
local flags_text = (S"+-ESDCTVK" * (P"(" * digits * ")")^-1)^1

local function line(kinds)
  local field = positional.field
  return {
    field("Timestamp", time_text, "integer", {transform = function(parts) return date_time.time_to_ns(moment:match(parts)) end}),
    " " * (P"queries: ")^-1 * (P"info: ")^-1 * before_address, positional.address("ClientIP", kinds.ClientIP), "#",
    field("ClientPort", digits, "integer"), {optional = {" (", field("FullQuery", (1 - S"() \n")^1), ")"}}, ": ",
    {optional = {"view ", field("View", (1 - (P": " + "\n"))^1), ": "}}, P"query: " * #text,
    {optional = {field("QueryName", label), ".", field("QueryDomain", text)}}, {optional = {field("Query", text)}}, " ",
    field("RecordClass", class), " ", field("RecordType", text), " ", field("QueryFlags", flags_text),
    {optional = {" (", positional.address("ServerRespondingIP", kinds.ServerRespondingIP), ")"}}, subnet * P"\r"^-1,
  }
end

function M.items() return positional.spread({"ClientIP", "ServerRespondingIP"}, line) end

return M
