--[[
Parses stack traces of Java, Python, Go, Node.js and PHP, and recognises their continuation lines.

    local trace = require "stack_traces".parse(read_message "Payload")
    -- {language = "java", type = "java.io.IOException", message = "...", frames = {{...}, ...}, cause = {...}}

- `parse(text)` -> a trace, or nil if the text has none. The text before the trace is `before`.
- `java`, `python`, `go`, `node`, `php`: the same as `parse` for one language
- `is_continuation(line)` -> true if a line continues a trace: to join lines without a splitter
- `fingerprint(trace [, frames = 5])` -> text that is the same for the same error: type, and functions of the innermost
  frames, without line numbers

A trace has: language, type, message (if there is one), frames (innermost first), cause (Java: the causing trace), and for
Go goroutine and state. A frame has: file, line (a number), func, class (Java, PHP), column (Node.js), code (Python: the
source line), native (Java, true). `omitted` is the number of frames that Java omitted ("... 12 more").

Source: the formats of Throwable.printStackTrace, traceback.format_exception, runtime.Stack, V8's Error.stack, and
PHP's uncaught exceptions and Throwable::getTraceAsString.
--]]

local table = require "table"

local ipairs, tonumber = ipairs, tonumber

local M = {}

local function lines_of(text)
  local lines = {}
  for line in (text .. "\n"):gmatch "(.-)\r?\n" do lines[#lines + 1] = line end
  return lines
end

local function before_of(lines, first)
  if first <= 1 then return nil end
  return table.concat(lines, "\n", 1, first - 1)
end

local function non_empty(text)
  if text ~= "" then return text end
end

-- ------------------------------------------------------------------- Java --

local function java_frame(line)
  local call, place = line:match "^%s+at%s+([^%s(]+)%(([^)]*)%)"
  if not call then return nil end
  call = call:gsub("^.*/", "")                       -- module or class loader
  local class, func = call:match "^(.*)%.([^.]+)$"
  local file, number = place:match "^(.-):(%d+)$"
  local frame = {class = class, func = func or call, file = file, line = tonumber(number)}
  if place == "Native Method" then
    frame.native = true
  elseif not file and place ~= "Unknown Source" then
    frame.file = place
  end
  return frame
end

local function java_head(line)
  local text = line:gsub("^%s*Caused by: ", ""):gsub('^Exception in thread ".-" ', "")
  local kind, message = text:match "^([%a_$][%w_$]*%.[%w_.$]+): ?(.*)$"
  if not kind then kind = text:match "^([%a_$][%w_$]*%.[%w_.$]+)$" end
  if not kind then kind, message = text:match "^([%u][%w_$]*Exception): ?(.*)$" end
  return kind, message and non_empty(message)
end

function M.java(text)
  local lines = lines_of(text)
  local first_frame
  for i, line in ipairs(lines) do
    if java_frame(line) then first_frame = i break end
  end
  local head = first_frame
  local kind, message
  while head and head > 1 and not kind do
    head = head - 1
    kind, message = java_head(lines[head])
  end
  if not kind then return nil end
  for i = head + 1, first_frame - 1 do message = (message or "") .. "\n" .. lines[i] end
  local top = {language = "java", type = kind, message = message, before = before_of(lines, head), frames = {}}
  local trace = top
  for i = first_frame, #lines do
    local line = lines[i]
    local frame = java_frame(line)
    if frame then
      if trace then trace.frames[#trace.frames + 1] = frame end
    elseif line:find "^Caused by: " then
      local cause_type, cause_message = java_head(line)
      local cause = {language = "java", type = cause_type, message = cause_message, frames = {}}
      local last = top
      while last.cause do last = last.cause end
      last.cause, trace = cause, cause
    elseif line:find "^%s+Suppressed: " then
      trace = nil
    elseif trace then
      trace.omitted = tonumber(line:match "^%s+%.%.%. (%d+) more") or trace.omitted
    end
  end
  return top
end

-- ----------------------------------------------------------------- Python --

function M.python(text)
  local lines = lines_of(text)
  local first
  for i, line in ipairs(lines) do
    if line:find "^Traceback %(most recent call last%):" then first = i end
  end
  if not first then return nil end
  local frames, at = {}, first + 1
  while at <= #lines do
    local file, number, func = lines[at]:match '^  File "(.-)", line (%d+), in (.*)$'
    if file then
      frames[#frames + 1] = {file = file, line = tonumber(number), func = func}
    elseif not lines[at]:find "^%s" then
      break
    elseif #frames > 0 and not frames[#frames].code and not lines[at]:find "^%s+[%^~]+%s*$" then
      frames[#frames].code = lines[at]:match "^%s+(.-)%s*$"
    end
    at = at + 1
  end
  local kind, message = (lines[at] or ""):match "^([%w_.]+): ?(.*)$"
  kind = kind or (lines[at] or ""):match "^([%w_.]+)$"
  if not kind then return nil end
  local rest = {message}
  for i = at + 1, #lines do
    if lines[i] ~= "" then rest[#rest + 1] = lines[i] end
  end
  local innermost_first = {}
  for i = #frames, 1, -1 do innermost_first[#innermost_first + 1] = frames[i] end
  return {language = "python", type = kind, message = non_empty(table.concat(rest, "\n")), frames = innermost_first,
    before = before_of(lines, first)}
end

-- --------------------------------------------------------------------- Go --

function M.go(text)
  local lines = lines_of(text)
  local start, number, state
  for i, line in ipairs(lines) do
    number, state = line:match "^goroutine (%d+) %[(.-)%]:"
    if number then start = i break end
  end
  if not start then return nil end
  local head, kind, message = start, "goroutine", nil
  for i = start - 1, 1, -1 do
    local found, what = lines[i]:match "^(panic): (.*)$"
    if not found then found, what = lines[i]:match "^(fatal error): (.*)$" end
    if found then head, kind, message = i, found, what end
  end
  local frames, at = {}, start + 1
  while at < #lines do
    local func = lines[at]:match "^created by (%S+)" or lines[at]:match "^(.+)%([^()]*%)$" or lines[at]:match "^(.+)%(.*%)$"
    local file, line = lines[at + 1]:match "^%s+(.-):(%d+)"
    if not func or not file then break end
    frames[#frames + 1] = {func = func, file = file, line = tonumber(line)}
    at = at + 2
  end
  return {language = "go", type = kind, message = message, frames = frames, goroutine = tonumber(number), state = state,
    before = before_of(lines, head)}
end

-- ---------------------------------------------------------------- Node.js --

local function node_frame(line)
  local place = line:match "^%s+at (.*)$"
  if not place then return nil end
  local func, inner = place:match "^(.-) %((.*)%)$"
  local file, number, column = (inner or place):match "^(.-):(%d+):(%d+)$"
  if not file then file = inner or place end
  return {func = func, file = file, line = tonumber(number), column = tonumber(column)}
end

function M.node(text)
  local lines = lines_of(text)
  local head, kind, message
  for i, line in ipairs(lines) do
    if lines[i + 1] and lines[i + 1]:find "^%s+at .+:%d+:%d+%)?$" or lines[i + 1] and lines[i + 1]:find "^%s+at .+ %(native%)$" then
      kind, message = line:match "^%s*U?n?c?a?u?g?h?t? ?([%w_$]+): ?(.*)$"
      kind = kind or line:match "^([%w_$]+)$"
      if kind then head = i break end
    end
  end
  if not head then return nil end
  local frames = {}
  for i = head + 1, #lines do
    local frame = node_frame(lines[i])
    if not frame then break end
    frames[#frames + 1] = frame
  end
  return {language = "node", type = kind, message = message and non_empty(message), frames = frames, before = before_of(lines, head)}
end

-- -------------------------------------------------------------------- PHP --

local function php_frame(line)
  local file, number, call = line:match "^#%d+ (.-)%((%d+)%): (.*)$"
  if not file then call = line:match "^#%d+ %[internal function%]: (.*)$" end
  if not call then return nil end
  local class, func = call:match "^([%w_\\@]+)[:%-][:>]([%w_{}\\]+)"
  return {file = file, line = tonumber(number), class = class, func = func or call:match "^([^(]+)"}
end

function M.php(text)
  local lines = lines_of(text)
  local start
  for i, line in ipairs(lines) do
    if line:find "^Stack trace:" then start = i break end
  end
  if not start then return nil end
  local head, kind, message, file, number = start, nil, nil, nil, nil
  while head > 1 and not kind do
    head = head - 1
    local line = lines[head]:gsub("^.-Uncaught ", "")
    kind, message, file, number = line:match "^([%w_\\]+): (.*) in (.-):(%d+)$"
    if not kind then kind, file, number = line:match "^([%w_\\]+) in (.-):(%d+)$" end
  end
  if not kind then return nil end
  local frames = {{file = file, line = tonumber(number)}}
  for i = start + 1, #lines do
    local frame = php_frame(lines[i])
    if not frame then break end
    frames[#frames + 1] = frame
  end
  return {language = "php", type = kind, message = message, frames = frames, before = before_of(lines, head)}
end

-- -------------------------------------------------------------------- all --

local ORDER = {"python", "go", "php", "node", "java"}

function M.parse(text)
  for _, language in ipairs(ORDER) do
    local trace = M[language](text)
    if trace then return trace end
  end
end

local CONTINUATIONS = {
  "^%s+at ", "^%s+%.%.%. %d+ ", "^Caused by: ", "^%s+Suppressed: ", "^Traceback %(most recent call last%):",
  '^  File "', "^    ", "^%s+[%^~]+%s*$", "^goroutine %d+ ", "^\t", "^created by ", "^Stack trace:", "^#%d+ ", "^  thrown in ",
  "^During handling of the above exception", "^The above exception was the direct cause", "^%[signal ",
}

function M.is_continuation(line)
  for _, pattern in ipairs(CONTINUATIONS) do
    if line:find(pattern) then return true end
  end
  return false
end

function M.fingerprint(trace, frames)
  local parts = {trace.language, trace.type}
  for i = 1, frames or 5 do
    local frame = trace.frames[i]
    if frame then parts[#parts + 1] = (frame.class and frame.class .. "." or "") .. (frame.func or frame.file or "?") end
  end
  return table.concat(parts, "|")
end

return M
