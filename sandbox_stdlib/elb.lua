--[[
Grammars for the access logs of Amazon's load balancers.

    declare_grammar {type = "aws.alb", alternatives = require "elb".alb_items()}

- `classic_items()`, `alb_items()`: the alternatives of a declared grammar, for classic and for application load balancers
- `classic`, `alb`: capture the same fields as a table, the Timestamp in ns
- Logs of CloudFront are in the W3C format: module w3c, `cloudfront_items()`.

Fields of both: Timestamp, elb, client_addr, client_port, backend_addr, backend_port, request_processing_time,
backend_processing_time, response_processing_time (s), elb_status, backend_status, received_bytes, sent_bytes,
request_method, request_uri, server_protocol, user_agent, ssl_cipher, ssl_protocol. Those of alb also: type,
target_group_arn, trace_id, domain_name, chosen_cert_arn, matched_rule_priority, request_creation_time,
actions_executed, redirect_url, error_reason, rest (all that later versions append). "-" and -1 are omitted.

Source: Elastic Load Balancing user guides, "Access log entries".
--]]

local lpeg = require "lpeg"
local positional = require "positional"

local P, R, S = lpeg.P, lpeg.R, lpeg.S
local concat, field, maybe = positional.concat, positional.field, positional.maybe
local digits = positional.digits
local decimal = digits * ("." * digits)^-1

local M = {}

local word = (1 - S" \n")^1
local known = word - P"- "
local in_quotes = (1 - S'"\n')^1

local function address(of)
  return field(of .. "_addr", (1 - (S" \n" + P":" * digits * " "))^1 - P"- "), ":", field(of .. "_port", digits, "integer")
end

local function seconds(of) return {maybe(field(of, decimal, "double", {representation = "s"}), "-1")} end
local function status(of) return {maybe(field(of, digits, "integer"))} end
local function bytes(of) return field(of, digits, "integer", {representation = "B"}) end
local function text(of) return {maybe(field(of, known))} end
local function quoted(of) return {'"', {optional = {field(of, in_quotes - P'-"')}}, P"-"^-1, '"'} end

local space = {" "}

local function request()
  local part = (1 - S' "\n')^1
  return {'"', field("request_method", part), " ", field("request_uri", part), " ", field("server_protocol", (1 - S'"\n')^1), '"'}
end

local function common()
  return concat({
    field("Timestamp", R"09" * word, "timestamp:rfc3339"), " ", field("elb", word), " ", address "client"}, space,
    {{optional = {address "backend"}}, P"-"^-1, " "},
    seconds "request_processing_time", space, seconds "backend_processing_time", space,
    seconds "response_processing_time", space, status "elb_status", space, status "backend_status", space,
    {bytes "received_bytes", " ", bytes "sent_bytes", " "}, request(), space, quoted "user_agent", space,
    text "ssl_cipher", space, {{optional = {field("ssl_protocol", (1 - S" \n")^1 - P"-")}}, P"-"^-1})
end

function M.classic_items() return {common()} end

function M.alb_items()
  return {concat({field("type", R"az" * (R"az" + R"09")^0), " "}, common(), space, text "target_group_arn", space,
    quoted "trace_id", space, quoted "domain_name", space, quoted "chosen_cert_arn", space,
    {{optional = {field("matched_rule_priority", P"-"^-1 * digits, "integer")}}, P"-"^-1, " ",
      field("request_creation_time", word), " "},
    quoted "actions_executed", space, quoted "redirect_url", space, quoted "error_reason",
    {{optional = {" ", field("rest", (1 - S"\n")^1)}}})}
end

M.classic = positional.table_grammar(M.classic_items())
M.alb = positional.table_grammar(M.alb_items())

return M
