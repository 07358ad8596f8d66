-- Finds the formats of the library that match given lines, for :infer. Returns a function: list of lines -> list of {title, module,
-- expression, matched = {number of a line, ...}} with the formats that match any. The expression uses a local with the name of its module.
local lpeg = require "lpeg"
local positional = require "positional"

local function call(name, argument)
  return function(module) return module[name](argument) end, argument and ("%s %q"):format(name, argument) or name .. "()"
end

local FORMATS = {}
local function known(title, module, name, argument)
  local make, expression = call(name, argument)
  FORMATS[#FORMATS + 1] = { title = title, module = module, make = make, expression = module .. "." .. expression }
end

known("the combined log of nginx and Apache", "common_log_format", "nginx_items", "combined")
local FORWARDED = '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
  .. '"$http_referer" "$http_user_agent" "$http_x_forwarded_for"'
known("nginx's combined log, and X-Forwarded-For", "common_log_format", "nginx_items", FORWARDED)
known("Apache's combined log with virtual hosts", "common_log_format", "apache_items", "vhost_combined")
known("the common log format", "common_log_format", "apache_items", "common")
known("nginx's error log", "common_log_format", "nginx_error_items")
known("HAProxy", "haproxy", "items")
local HAPROXY = FORMATS[#FORMATS]
known("glog and klog, as Kubernetes writes them", "glog", "items")
known("Amazon's application load balancer", "elb", "alb_items")
known("Amazon's classic load balancer", "elb", "classic_items")
known("Amazon CloudFront", "w3c", "cloudfront_items")
known("BIND's query log", "bind", "items")
known("ArcSight's Common Event Format", "cef", "items")
known("QRadar's Log Event Extended Format", "leef", "items")
known("the packet filter of pfSense and OPNsense", "filterlog", "items")
known("Java programs, as Dropwizard writes them", "sfl4j", "items")
for _, prefix in ipairs {
  "%m [%p] ", "%m [%p] %q%u@%d ", "%m [%p] %u@%d ", "%t [%p] ", "%t [%p] %q%u@%d ", "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
  "%t [%p]: user=%u,db=%d,app=%a,client=%h ", "%t:%r:%u@%d:[%p]:",
} do
  known("PostgreSQL with log_line_prefix " .. prefix, "postgresql", "items", prefix)
end
local SYSLOG = { title = "syslog", module = "syslog", make = function(module) return module.items() end, expression = "syslog.items()" }

local function pattern_of(format)
  local module = require(format.module)
  return positional.table_grammar(format.make(module)) / 0
end

local function find_directive(lines)
  for _, line in ipairs(lines) do
    local fields = line:match "^#Fields:%s*(.+)$"
    if fields then return (fields:gsub("%s+$", "")) end
  end
end

local function add(answers, format, texts, has_header)
  format.pattern = format.pattern or pattern_of(format)
  local matched = {}
  for number, text in pairs(texts) do
    if lpeg.match(format.pattern, text) then matched[#matched + 1] = number end
  end
  if #matched > 0 then
    answers[#answers + 1] = {
      title = format.title, module = format.module, expression = format.expression, matched = matched, has_header = has_header or nil,
    }
  end
end

local W3C = "the W3C extended log format, as IIS writes it"
local function known_w3c(lines)
  local fields = find_directive(lines)
  if not fields then return end
  if FORMATS[#FORMATS].title == W3C then FORMATS[#FORMATS] = nil end -- from an earlier batch of lines
  known(W3C, "w3c", "items", fields)
end

-- returns the decoder for the text after syslog's header
local function decoder_for(line)
  local program, text = line:match "^%u%l%l [ %d]%d %d%d:%d%d:%d%d %S+ ([^%s%[:]+)[^%s:]*: (.*)"
  if not program then return nil end
  if text:find "^{" and pcall(require "cjson".decode, text) then return "json" end
  if program:find "^postfix" then return require "postfix".postfix_match(program, text) and "syslog_programs" end
  local grammar = require "syslog_message".get_prog_grammar(program:match "[^/]*$")
  return grammar and grammar:match(text) and "syslog_programs"
end

local function count_decoders(lines)
  local counts = {}
  for _, line in pairs(lines) do
    local decoder = decoder_for(line)
    if decoder then counts[decoder] = (counts[decoder] or 0) + 1 end
  end
  return counts
end

return function(lines)
  local answers, of_syslog, behind = {}, {}, {}
  known_w3c(lines)
  for _, format in ipairs(FORMATS) do add(answers, format, lines) end
  for number, line in ipairs(lines) do -- syslog lines, and the text after HAProxy's header
    if line:find "^<%d+>" or line:find "^%u%l%l [ %d]%d %d%d:%d%d:%d%d " then of_syslog[number] = line end
    behind[number] = line:match "^%u%l%l [ %d]%d %d%d:%d%d:%d%d %S+ haproxy%[%d+%]: (.*)"
  end
  add(answers, HAPROXY, behind, true)
  add(answers, SYSLOG, of_syslog)
  if next(of_syslog) then answers[#answers].decoders = count_decoders(of_syslog) end
  return answers
end
