--[[
Grammars for the syslog lines of Postfix (the message after "postfix/smtpd[pid]: ").

    local fields = require "postfix".postfix_match("postfix/smtpd", message)

- `postfix_match(program, message [, key_values = true])` -> table of fields, nil for an unknown line. With
  key_values false, the pairs key=value stay together as the text postfix_keyvalue.
- `items()`: the alternatives of a declared grammar with the same fields, with the pairs in Postfix's order. If the
  order differs, or a command's count is like 1/2, the pairs of a disconnect or a reject become postfix_keyvalue

All names begin with postfix_: queueid, event (connect, disconnect, client, reject, message_id, queued, removed,
delivery, bounce, uid, lost_connection, timeout, statistics, warning, fatal, error, panic), client_hostname, client_ip,
client_port, relay_hostname, relay_ip, relay_port, relay_service, status, status_message, status_code, status_code_enhanced,
action, message, and the pairs by their key: from, to, orig_to, size, nrcpt, helo, proto, message_id (numbers as numbers;
delay in s), and delays as delay_before_qmgr, delay_in_qmgr, delay_conn_setup, delay_transmission.

Source: the messages in Postfix 3's sources; field names as in the Grok patterns that many use for Postfix.
--]]

local line_template = require "line_template"
local lpeg = require "lpeg"
local positional = require "positional"

local ipairs, pairs, tonumber, tostring, type = ipairs, pairs, tonumber, tostring, type
local C, Cf, Cg, Ct, P, R, S = lpeg.C, lpeg.Cf, lpeg.Cg, lpeg.Ct, lpeg.P, lpeg.R, lpeg.S

local M = {}

local function as(event, template) return {template, event = event} end

local HOST = "{client_hostname:q}[{client_ip}][[:{client_port:n}]]"

local PLAIN = {
  as("connect", "connect from " .. HOST), as("lost_connection", "lost connection after {after} from " .. HOST),
  as("timeout", "timeout after {after} from " .. HOST),
  as("statistics", "statistics: {message:r}"), as("warning", "warning: {message:r}"), as("fatal", "fatal: {message:r}"),
  as("error", "error: {message:r}"), as("panic", "panic: {message:r}"),
}

-- Lines that end with pairs of key=value, written as {pairs}.
local DISCONNECT = {as("disconnect", "disconnect from " .. HOST .. "{pairs}")}
local REJECT = {
  as("reject", "NOQUEUE: {action}: {stage} from " .. HOST .. ": {status_code:n} {message}; {pairs}"),
  as("reject", "NOQUEUE: {action}: {stage} from " .. HOST .. ": {message}; {pairs}"),
  as("reject", "{queueid}: {action}: {stage} from " .. HOST .. ": {status_code:n} {message}; {pairs}"),
  as("reject", "{queueid}: milter-{action}: {stage} from " .. HOST .. ": {message}; {pairs}"),
}

local function with_pairs(templates, text)
  local list = {}
  for i, template in ipairs(templates) do
    list[i] = as(template.event, (template[1]:gsub("{pairs}", (text:gsub("%%", "%%%%")))))
  end
  return list
end

local KEPT = positional.concat(with_pairs(DISCONNECT, "[[ {keyvalue:r}]]"), with_pairs(REJECT, "{keyvalue:r}"))
local LINES = line_template.grammar(positional.concat(PLAIN, KEPT))

local OF_QUEUE = {
  as("removed", "removed"), as("bounce", "sender {kind} notification: {notification_id:w}"),
  as("expired", "from=<{from:q}>, status={status}, {message:r}"),
}
local QUEUED = line_template.grammar(positional.concat(OF_QUEUE, {as("queued", "{keyvalue} (queue active)")}))

local queue_id = R("09", "AZ", "az")^5
local queued_line = Ct(Cg(C(queue_id), "queueid") * ": " * Cg(C(P(1)^0), "rest"))

-- ---------------------------------------------------------- key=value pairs --

local function typed(key, value)
  value = value:gsub("^<(.*)>$", "%1")
  return key:gsub("-", "_"), tonumber(value) or value
end

local function set(fields, key, value)
  fields[key] = value
  return fields
end

local key = C(R("az", "AZ") * (R("az", "AZ", "09") + S"_-")^0)
local status = P"status=" * Cg(C((1 - S" (")^1), "status") * (P" (" * Cg(C(P(1)^0), "status_message"))^-1
local value = C(P"<" * (1 - P">")^0 * ">" + (1 - S", ")^0)
local pair = Cg((key - P"status=") * "=" * value / typed)
local separator = P"," * P" "^0 + P" "^1
local pairs_grammar = Cf(Ct"" * pair * (separator * pair)^0, set)
  * Cg((separator^-1 * Ct(status))^-1) * P" "^0 * -1

local function expand_host(fields, from, to)
  local text = fields[from]
  if not text then return end
  local name, address, port = tostring(text):match "^(.-)%[(.-)%]:?(%d*)$"
  if not name then return end
  fields[to .. "_hostname"], fields[to .. "_ip"], fields[to .. "_port"] = name, address, tonumber(port)
  fields[from] = nil
end

local DELAYS = {"delay_before_qmgr", "delay_in_qmgr", "delay_conn_setup", "delay_transmission"}

local function expand_delays(fields)
  if not fields.delays then return end
  local i = 0
  for text in tostring(fields.delays):gmatch "[^/]+" do
    i = i + 1
    if DELAYS[i] then fields[DELAYS[i]] = {value = tonumber(text), representation = "s"} end
  end
  fields.delays = nil
end

-- Returns the codes in a server's response; nil for absent ones.
local function codes_of(text)
  local code, enhanced = text:match "said: (%d%d%d)[ %-]?(%d?%.?%d*%.?%d*)"
  if not code then code, enhanced = text:match "^(%d%d%d) (%d%.%d+%.%d+)" end
  return tonumber(code), enhanced ~= "" and enhanced or nil
end

local function expand_status(fields, found)
  if not found then return end
  fields.status = found.status
  local text = found.status_message
  if not text then return end
  text = text:gsub("%)%s*$", "")
  fields.status_message = text
  fields.status_code, fields.status_code_enhanced = codes_of(text)
end

local function add_pairs(fields, text, keep)
  if not text or text == "" then return true end
  if keep then
    fields.keyvalue = text
    return true
  end
  local found, ending = pairs_grammar:match(text)
  if not found then return false end
  for name, content in pairs(found) do fields[name] = content end
  expand_status(fields, type(ending) == "table" and ending or nil)
  expand_host(fields, "client", "client")
  expand_host(fields, "relay", "relay")
  if fields.relay then fields.relay_service, fields.relay = fields.relay, nil end
  if tonumber(fields.delay) then fields.delay = {value = fields.delay, representation = "s"} end
  expand_delays(fields)
  return true
end

-- ------------------------------------------------------------------ lines --

local EVENTS = {{"status", "delivery"}, {"client_ip", "client"}, {"message_id", "message_id"}, {"uid", "uid"}}

local function event_of(fields)
  for _, pair_of in ipairs(EVENTS) do
    if fields[pair_of[1]] ~= nil then return pair_of[2] end
  end
  return fields.from and "queued" or "other"
end

local function match_queued(message, keep)
  local line = queued_line:match(message)
  if not line then return nil end
  local fields = QUEUED:match(line.rest) or {keyvalue = line.rest}
  fields.queueid = line.queueid
  local text = fields.keyvalue
  fields.keyvalue = nil
  if not add_pairs(fields, text, keep) then return nil end
  fields.event = fields.event or event_of(fields)
  return fields
end

local function match_line(message, keep)
  local fields = LINES:match(message)
  if not fields then return nil end
  local text = fields.keyvalue
  fields.keyvalue = nil
  if not add_pairs(fields, text, keep) then return nil end
  return fields
end

function M.postfix_match(program, message, key_values)
  if not program:find "^postfix" then return nil end
  local keep = key_values == false
  local fields = match_line(message, keep) or match_queued(message, keep)
  if not fields then return nil end
  local out = {}
  for name, content in pairs(fields) do out["postfix_" .. name] = content end
  return out
end

-- ------------------------------------------------------------ declared form --

local digits = R"09"^1
local decimal = digits * (P"." * digits)^-1

local function named(name, grammar, kind, more) return positional.field("postfix_" .. name, grammar, kind, more) end
local function seconds(name) return named(name, decimal, "double", {representation = "s"}) end
local function in_brackets(name) return {name .. "=<", named(name, (1 - S">\n")^0), ">, "} end

local function optional_pairs(names, between, template)
  return (names:gsub("%S+ ?", function(name)
    name = name:gsub(" ", "")
    return "[[" .. between .. template:gsub("%?", name) .. "]]"
  end))
end

local COMMANDS = optional_pairs("helo ehlo starttls auth mail rcpt data bdat rset noop vrfy etrn quit xclient xforward unknown commands",
  " ", "?={?:n}")
local SENDER = "from=<{from:q}> to=<{to:q}>[[ proto={proto:w}]][[ helo=<{helo:q}>]][[ sasl_username=<{sasl_username:q}>]]"
local PAIRS = {
  as("client", "client=" .. HOST
    .. optional_pairs("sasl_method sasl_username sasl_sender orig_queue_id orig_client", ", ", "?={?}")),
  as("message_id", "message-id=<{message_id:q}>"), as("uid", "uid={uid:n} from=<{from:q}>"),
  as("queued", "from=<{from:q}>, size={size:n}, nrcpt={nrcpt:n} (queue active)"),
}

local ends = S" \r"^0 * (P"\n" + -1)
local answer = (1 - (P")" * ends + ends))^0
local function enhanced_of(text)
  local _, enhanced = codes_of(text)
  return enhanced
end

local function delivery(relay)
  return positional.concat(in_brackets "to", {{optional = in_brackets "orig_to"}, "relay="}, relay, {
    ", ", {optional = {"conn_use=", named("conn_use", digits, "integer"), ", "}},
    "delay=", seconds "delay",
    {optional = {", delays=", seconds(DELAYS[1]), "/", seconds(DELAYS[2]), "/", seconds(DELAYS[3]), "/", seconds(DELAYS[4])}},
    ", dsn=", named("dsn", (digits + ".")^1), ", status=", named("status", (1 - S" (\r\n")^1), {optional = {" (",
      named("status_message", answer, "string", {also = {
        {name = "postfix_status_code", type = "integer", transform = function(text) return (codes_of(text)) end},
        {name = "postfix_status_code_enhanced", type = "string", transform = enhanced_of},
      }}), P")"^-1}}, S" \r"^0, positional.constant("postfix_event", "delivery"),
  })
end

local relay_host = {
  named("relay_hostname", (1 - S"[], \n")^0), "[", named("relay_ip", (1 - S"],\n")^0), "]",
  {optional = {":", named("relay_port", digits, "integer")}},
}

function M.items()
  local concat, items = positional.concat, line_template.items
  local lines = concat(
    {delivery(relay_host), delivery{named("relay_service", (1 - S", \n")^1)}}, items(concat(PAIRS, OF_QUEUE), "postfix_"))
  for i, line in ipairs(lines) do lines[i] = concat({named("queueid", queue_id), ": "}, line) end
  local reject = concat(with_pairs(REJECT, SENDER), with_pairs(REJECT, "proto={proto:w}[[ helo=<{helo:q}>]]"))
  return concat(lines, items(concat(PLAIN, with_pairs(DISCONNECT, COMMANDS), reject, KEPT), "postfix_"))
end

return M
