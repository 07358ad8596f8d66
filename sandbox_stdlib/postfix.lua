--[[
Grammars for what the programs of Postfix write to syslog (the message after "postfix/smtpd[pid]: ").

    local fields = require "postfix".postfix_match("postfix/smtpd", message)

- `postfix_match(program, message [, key_values = true])` -> table of fields, nil for a line that is not known. With
  key_values false, the pairs key=value stay together as the text postfix_keyvalue.

All names begin with postfix_: queueid, event (connect, disconnect, client, reject, message_id, queued, removed,
delivery, bounce, uid, lost_connection, timeout, statistics, warning, fatal, error, panic), client_hostname, client_ip,
client_port, relay_hostname, relay_ip, relay_port, relay_service, status, status_message, status_code, status_code_enhanced,
action, message, and the pairs by their key: from, to, orig_to, size, nrcpt, helo, proto, message_id (a number where it is
one; delay in s), and delays as delay_before_qmgr, delay_in_qmgr, delay_conn_setup, delay_transmission.

Source: the messages in Postfix 3's sources; field names as in the Grok patterns that many use for Postfix.
--]]

local line_template = require "line_template"
local lpeg = require "lpeg"

local ipairs, pairs, tonumber, tostring, type = ipairs, pairs, tonumber, tostring, type
local C, Cf, Cg, Ct, P, R, S = lpeg.C, lpeg.Cf, lpeg.Cg, lpeg.Ct, lpeg.P, lpeg.R, lpeg.S

local M = {}

local function as(event, template) return {template, event = event} end

local HOST = "{client_hostname:q}[{client_ip}][[:{client_port:n}]]"

local LINES = line_template.grammar{
  as("connect", "connect from " .. HOST), as("disconnect", "disconnect from " .. HOST .. "[[ {keyvalue:r}]]"),
  as("lost_connection", "lost connection after {after} from " .. HOST),
  as("timeout", "timeout after {after} from " .. HOST),
  as("reject", "NOQUEUE: {action}: {stage} from " .. HOST .. ": {status_code:n} {message}; {keyvalue:r}"),
  as("reject", "NOQUEUE: {action}: {stage} from " .. HOST .. ": {message}; {keyvalue:r}"),
  as("reject", "{queueid}: {action}: {stage} from " .. HOST .. ": {status_code:n} {message}; {keyvalue:r}"),
  as("reject", "{queueid}: milter-{action}: {stage} from " .. HOST .. ": {message}; {keyvalue:r}"),
  as("statistics", "statistics: {message:r}"), as("warning", "warning: {message:r}"), as("fatal", "fatal: {message:r}"),
  as("error", "error: {message:r}"), as("panic", "panic: {message:r}"),
}

local QUEUED = line_template.grammar{
  as("removed", "removed"), as("queued", "{keyvalue} (queue active)"), as("bounce", "sender {kind} notification: {notification_id:w}"),
  as("expired", "from=<{from:q}>, status={status:w}, {message:r}"),
}

local queue_id = C(R("09", "AZ", "az")^5)
local queued_line = Ct(Cg(queue_id, "queueid") * ": " * Cg(C(P(1)^0), "rest"))

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

local function expand_status(fields, found)
  if not found then return end
  fields.status = found.status
  local text = found.status_message
  if not text then return end
  text = text:gsub("%)%s*$", "")
  fields.status_message = text
  local code, enhanced = text:match "said: (%d%d%d)[ %-]?(%d?%.?%d*%.?%d*)"
  if not code then code, enhanced = text:match "^(%d%d%d) (%d%.%d+%.%d+)" end
  fields.status_code = tonumber(code)
  if enhanced and enhanced ~= "" then fields.status_code_enhanced = enhanced end
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

return M
