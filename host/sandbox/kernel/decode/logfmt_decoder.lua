-- Records of logfmt, `level=info msg="some text" took=12`, by their forms (forms.lua). It takes what is plain in them; what is not
-- (keys without a value, escapes that JSON does not have, numbers in odd notations) is left to the script.
local ffi = require "ffi"
local lpeg = require "lpeg"
local forms = require "specialise"

local P, R, S, C, Cp, Cc = lpeg.P, lpeg.R, lpeg.S, lpeg.C, lpeg.Cp, lpeg.Cc
local match = lpeg.match

local M = {}

-- ---------------------------------------------------------------- values

local control = R "\0\31"
local value_end = #(S " \t\r\n" + -P(1))
local in_quotes, in_bare = 1 - (S '"\\' + control), 1 - (S ' "' + control)

local hex = R("09", "af", "AF")
local half = S "dD" * R("89", "af", "AF")
local pair = S "dD" * S "89abAB" * hex * hex * "\\u" * S "dD" * R("cf", "CF") * hex * hex
local escape = P "\\" * (S '"\\/bfnrt' + P "u" * (pair + -half * hex * hex * hex * hex))
local escaped = (in_quotes ^ 1 + escape) ^ 0
local bare = in_bare ^ 0

local digit = R "09"
local exponent = S "eE" * S "+-" ^ -1 * digit ^ 1
local integer = (P "0" + R "19" * digit ^ -14 + P "-" * R "19" * digit ^ -13) * value_end
local double = P "-" ^ -1 * (P "0" + R "19" * digit ^ 0) * (P "." * digit ^ 1 * exponent ^ -1 + exponent) * value_end
local bool = (P "true" + "false") * value_end
-- what the script takes for a number though it is written as JSON has none
local odd = P "-" ^ -1 * digit ^ 1 * (P "." * digit ^ 1 + (P "." * digit ^ 0) ^ -1 * exponent) * value_end + P "-0" * value_end

local GRAMMARS = {
  integer = integer, double = double, bool = bool, string = bare - integer - double - bool - odd, any = bare, json_string = escaped,
}
local TYPED = { "integer", "double", "bool", "string" }
local TYPES = { any = "string" } -- of declare_grammar, where they are not the form's name

-- ---------------------------------------------------------------- headers

-- a word in any case of letters
local function word(name)
  local p = P(true)
  for letter in name:gmatch "." do
    p = p * S(letter:lower() .. letter:upper())
  end
  return p
end

-- the names that are known and single digits; longest first, so that none hides another
local function severity(severities)
  local names = {}
  for name in pairs(severities) do
    names[#names + 1] = name
  end
  table.sort(names, function(a, b) return #a > #b or #a == #b and a < b end)
  local p = R "07"
  for _, name in ipairs(names) do
    p = p + word(name)
  end
  return p
end

local date = digit * digit * digit * digit * "-" * digit * digit * "-" * digit * digit

-- by header, how its value may be written: form -> a field for declare_grammar, without its name. one: a character of the value;
-- between: what stands between date and time
local function header_fields(one, between, severities)
  return {
    Timestamp = {
      rfc3339 = { grammar = date * between * one ^ 1, type = "timestamp:rfc3339" },
      -- more digits than these are no seconds
      epoch_s = { grammar = P "-" ^ -1 * digit * digit ^ -10 * (P "." * digit ^ 1) ^ -1, type = "timestamp:epoch_s" },
    },
    Severity = {
      severity = {
        grammar = severity(severities), type = "integer",
        transform = function(text) return tonumber(text) or severities[text:lower()] end,
      },
    },
    Pid = { pid = { grammar = P "0" + R "19" * digit ^ -8, type = "integer" } },
    Hostname = { text = { grammar = one ^ 0, type = "string" } },
    Payload = { text = { grammar = one ^ 0, type = "string" } },
  }
end

-- ---------------------------------------------------------------- the full parser

local to_first = S " \t" ^ 0 * Cp()
local to_next = S " \t\r" ^ 1 * Cp()
local rest = S " \t\r\n" ^ 0 * -P(1)
-- the key, whether the value is quoted, from, to, and what is behind it
local key = (in_bare - P "=") ^ 1
local pair_at = C(key) * "=" * (P '"' * Cc(true) * Cp() * escaped * Cp() * '"' + Cc(false) * Cp() * bare * Cp()) * value_end * Cp()

-- how a value that is to be a header is written, if it can be one
local function header_form(fields, text)
  for form, field in pairs(fields) do
    if match(field.grammar * -P(1), text) then return form end
  end
end

local function field_form(quoted, typed, record, from)
  if quoted then return "json_string" end
  if not typed then return "any" end
  for _, form in ipairs(TYPED) do
    if match(GRAMMARS[form] * value_end, record, from) then return form end
  end
end

-- how a value is written; nil where that is for the script
local function form_of(value, record, headers, typed)
  local header, from, to = value.header, value.from + 1, value.to
  if not header then return field_form(value.quoted, typed, record, from) end
  local text = record:sub(from, to)
  if header == "Logger" then return not (value.quoted and text:find("\\", 1, true)) and "constant" or nil end
  local form = header_form(headers[value.quoted][header], text)
  return form or header == "Payload" and value.quoted and "json_string" or nil
end

-- list of {name, form, header, quoted, from, to}, and the Logger if there is one; nil if the record is not plain
local function parse(record, header_of, headers, typed)
  local found, taken, at = {}, {}, match(to_first, record)
  while at do
    local name, quoted, from, to, next_at = match(pair_at, record, at)
    if not name then return nil end
    local value = { name = name, header = header_of[name], quoted = quoted, from = from - 1, to = to - 1 }
    value.form = form_of(value, record, headers, typed)
    if not value.form or (value.header and taken[value.header]) then return nil end
    if value.header then taken[value.header] = record:sub(from, to - 1) end
    found[#found + 1] = value
    if match(rest, record, next_at) then return found, taken end
    at = match(to_next, record, next_at)
  end
end

-- ---------------------------------------------------------------- the decoder

local HEADERS = { "Timestamp", "Severity", "Hostname", "Logger", "Pid", "Payload" }

local function is_constant(value)
  return value.header == "Logger"
end

-- options: of declare_logfmt; defaults: {type, logger, hostname}; otherwise(job, from, to): what takes the other records
function M.new(options, defaults, delimiter, otherwise)
  local header_of = {}
  for _, header in ipairs(HEADERS) do
    if options[header] and options[header] ~= "" then header_of[options[header]] = header end
  end
  local severities = options.severities or {}
  local headers = { [true] = header_fields(in_quotes, S "Tt ", severities), [false] = header_fields(in_bare, S "Tt", severities) }

  local function item_of(value)
    local field = value.header and headers[value.quoted][value.header][value.form]
    if field then return { name = value.header, grammar = field.grammar, type = field.type, transform = field.transform } end
    return { name = value.header or value.name, is_field = not value.header, grammar = GRAMMARS[value.form],
      type = TYPES[value.form] or value.form }
  end

  local known = forms.new(is_constant, item_of, delimiter)

  local function record(job, from, to)
    local text = ffi.string(job.raw + from, to - from)
    if known.single(text, job.raw, from, job.now) then return true end
    local ok, why = otherwise(job, from, to)
    if not ok then return ok, why end
    local found, taken = parse(text, header_of, headers, options.typed ~= false)
    if found then
      known.learn(text, found, {
        type = defaults.type, logger = taken.Logger or defaults.logger, hostname = defaults.hostname,
        payload_is_record = options.payload_keep and not taken.Payload or false,
      })
    end
    return true
  end

  return { record = record, single = known.single, many = known.many }
end

return M
