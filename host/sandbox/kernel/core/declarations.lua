-- What scripts declare: each `declare_*` has its table copied and checked here, where the script calls it. What comes out is plain data
-- of the types that the kernel expects, and grammars that capture nothing.
local lpeg = require "lpeg"
local plain = require "sanitize"
local script_lpeg = require "script_lpeg"
local twins = require "capture_twins"

local M = {}

local MAX_SHOWN_BYTES = 60 -- of a name, in an error
local MAX_NAME_BYTES = 4096 -- of a field, a Type, a Logger; names of a form take 65535 at most

local function bad(name, where, what)
  error(name .. ": " .. where .. " " .. what, 0)
end

-- ---------------------------------------------------------------- types of options

local function is_name(v)
  return type(v) == "string" and #v <= MAX_NAME_BYTES
end

local function of_type(wanted)
  return function(v) return type(v) == wanted end
end

local NAME = { is_name, "a string of at most " .. MAX_NAME_BYTES .. " bytes" }
-- read_config answers a number for Pid where a plugin has no such option
local MEMBER = { function(v) return is_name(v) or type(v) == "number" end, NAME[2] }
local TEXT, FLAG = { of_type "string", "a string" }, { of_type "boolean", "a boolean" }
local DEPTH = { function(v) return type(v) == "number" and v >= 0 and v <= 1000 end, "a number from 0 to 1000" }
local FUNCTION, LIST = { of_type "function", "a function" }, { of_type "table", "a list" }

local function check(name, where, options, types)
  for key, kind in pairs(types) do
    local v = options[key]
    if v ~= nil and not kind[1](v) then
      bad(name, where .. key, ("must be %s, not a %s"):format(kind[2], type(v)))
    end
  end
end

-- ---------------------------------------------------------------- grammars

local match, behind = lpeg.match, lpeg.B
local never = #lpeg.P(1) -- matches nothing in an empty text, so that what follows is compiled and not tried

-- Returns true if a pattern captures anything, in whatever rule of it. LPEG knows: it looks behind only with patterns that do not, and a
-- predicate has the fixed length that this needs.
local function captures(pattern)
  local ok, why = pcall(behind, -pattern)
  if ok then return false end
  if not tostring(why):find("captures", 1, true) then error(why, 0) end
  return true
end

assert(captures(-lpeg.C(1)) and captures(lpeg.P { lpeg.P "a" * lpeg.V(1) * lpeg.Cp() + "b" }) and not captures(lpeg.P(1)),
  "this LPEG does not say which patterns capture")

local CAPTURES = "captures; the kernel takes the positions itself: leave captures and functions out, or drop them by `pattern / 0`"

-- Checks one pattern of a grammar; where: its place, for errors.
local function check_pattern(where, grammar)
  local ok, pattern = pcall(script_lpeg.P, grammar)
  if not ok then bad("declare_grammar", where, "makes no pattern: " .. tostring(pattern)) end
  local compiles, why = pcall(match, never * pattern, "")
  if not compiles then bad("declare_grammar", where, "makes no pattern: " .. tostring(why)) end
  if captures(twins.of(pattern)) then bad("declare_grammar", where, CAPTURES) end
end

local FIELD = { name = NAME, type = TEXT, representation = NAME, transform = FUNCTION, also = LIST }
local check_items

local function check_also(where, also)
  for i, extra in ipairs(also) do
    local here = ("%s, also %d"):format(where, i)
    if type(extra) ~= "table" then bad("declare_grammar", here, "must be a table, not a " .. type(extra)) end
    if type(extra.name) ~= "string" or extra.name == "" then bad("declare_grammar", here, "needs a name") end
    if extra.grammar ~= nil then bad("declare_grammar", here, "has a grammar; it takes the text of its field") end
    check("declare_grammar", here .. ": ", extra, FIELD)
  end
end

local function check_field(where, item)
  check("declare_grammar", where .. ": ", item, FIELD)
  if type(item.name) ~= "string" or item.name == "" then bad("declare_grammar", where .. ":", "a field needs a name") end
  if item.grammar == nil or item.grammar == false then
    bad("declare_grammar", where .. ":", "field '" .. item.name .. "' needs a grammar")
  end
  check_pattern(where, item.grammar)
  check_also(where, item.also or {})
end

function check_items(where, items)
  for i, item in ipairs(items) do
    local name = type(item) == "table" and type(item.name) == "string" and " (" .. item.name:sub(1, MAX_SHOWN_BYTES) .. ")" or ""
    local here = ("item %d%s of %s"):format(i, name, where)
    if lpeg.type(item) == "pattern" then
      check_pattern(here, item)
    elseif type(item) == "table" and item.optional then
      if type(item.optional) ~= "table" then bad("declare_grammar", here, "optional must be a list of items") end
      check_items(here, item.optional)
    elseif type(item) == "table" then
      check_field(here, item)
    elseif type(item) ~= "string" then
      bad("declare_grammar", here, "must be a string, an LPEG pattern or a table, not a " .. type(item))
    end
  end
end

local GRAMMAR = { type = NAME, logger = NAME, payload_is_record = FLAG }

-- Returns what declare_grammar was given, copied and checked.
function M.grammar(given)
  local spec = plain.options("declare_grammar", given)
  check("declare_grammar", "", spec, GRAMMAR)
  local alternatives = spec.alternatives
  if type(alternatives) ~= "table" or alternatives[1] == nil then
    bad("declare_grammar", "alternatives", "must be a list of at least one list of items")
  end
  for a, items in ipairs(alternatives) do
    if type(items) ~= "table" then bad("declare_grammar", "alternative " .. a, "must be a list of items, not a " .. type(items)) end
    check_items("alternative " .. a, items)
  end
  return spec
end

-- ---------------------------------------------------------------- the others

local MEMBERS = { "Timestamp", "Type", "Logger", "Payload", "Uuid", "Hostname", "Severity", "EnvVersion", "Pid" }

local function with_members(types)
  for _, header in ipairs(MEMBERS) do
    types[header] = types[header] or MEMBER
  end
  return types
end

local JSON = with_members {
  type = NAME, separator = NAME, maximum_depth = DEPTH, payload_keep = FLAG, timestamp_format = TEXT,
}
local LOGFMT = with_members { type = NAME, typed = FLAG, payload_keep = FLAG, severities = { of_type "table", "a table" } }

-- Returns what declare_json was given, or nothing, copied and checked.
function M.json(given)
  local options = plain.options("declare_json", given == nil and {} or given)
  check("declare_json", "", options, JSON)
  return options
end

-- Returns what declare_logfmt was given, or nothing, copied and checked.
function M.logfmt(given)
  local options = plain.options("declare_logfmt", given == nil and {} or given)
  check("declare_logfmt", "", options, LOGFMT)
  for name, number in pairs(options.severities or {}) do
    if not is_name(name) or type(number) ~= "number" or not (number >= 0 and number <= 7) then
      bad("declare_logfmt", "severities", "must be numbers from 0 to 7 by name")
    end
  end
  return options
end

-- Returns what declare_payload was given, or nothing, copied and checked.
function M.payload(given)
  local options = plain.options("declare_payload", given == nil and {} or given)
  check("declare_payload", "", options, { type = NAME })
  return options
end

local ENCODER = {
  format = TEXT, template = TEXT, append_newlines = FLAG, missing = TEXT, newline = FLAG, framed = FLAG, timestamp_format = TEXT,
  fields = LIST,
}

-- Returns what declare_encoder was given, copied and checked.
function M.encoder(given)
  local options = plain.options("declare_encoder", given)
  check("declare_encoder", "", options, ENCODER)
  for i, field in ipairs(options.fields or {}) do
    local key, source = field, field
    if type(field) == "table" then key, source = next(field) end
    if not is_name(key) or not is_name(source) then
      bad("declare_encoder", ("fields[%d]"):format(i), "must be a name, or {key = name}")
    end
  end
  return options
end

return M
