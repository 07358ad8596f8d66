--[[
Reads and writes values separated by commas or another character.

    local csv = require "csv"
    local parse = csv.parser{columns = {"id", "name"}}
    local row = parse(read_message "Payload")          -- {id = "1", name = "x, y"}

- `parser([options])` -> function(line) -> table, or nil and a reason. Options: separator (","; one character),
  quote ('"'; false for none), columns (a list of names; without it the table is a list), numbers (false; true converts
  values that look like numbers), trim (false; true removes spaces around unquoted values)
- `build_grammar([options])` -> an LPEG pattern that captures the fields of a line as a list
- `items(columns [, separator])`: the alternatives of a declared grammar, for lines without quotes; lines with the right
  number of fields are tried first
- `escape(value [, separator])` -> a field, quoted if necessary; `line(list [, separator])` -> text of a row

A quoted field can contain separators, line breaks, and doubled quotes. With columns, a line with a different number of
fields is refused.

Source: RFC 4180.
--]]

local lpeg = require "lpeg"
local positional = require "positional"
local table = require "table"

local error, ipairs, tonumber, tostring, type = error, ipairs, tonumber, tostring, type
local C, Cs, Ct, P, S = lpeg.C, lpeg.Cs, lpeg.Ct, lpeg.P, lpeg.S

local M = {}

local function separator_of(options)
  local separator = options and options.separator or ","
  if type(separator) ~= "string" or #separator ~= 1 then error("csv: the separator must be one character", 3) end
  return separator
end

local function trimmed(text) return text:match "^%s*(.-)%s*$" end

local function grammar_of(options)
  local separator = separator_of(options)
  local quote = options and options.quote
  if quote == nil then quote = '"' end
  local bare = C((1 - S(separator .. "\r\n"))^0)
  if options and options.trim then bare = bare / trimmed end
  local field = bare
  if quote then
    local space = options and options.trim and S" \t"^0 or P(true)
    local quoted = P(quote) * Cs((P(quote .. quote) / quote + (1 - P(quote)))^0) * quote
    field = space * quoted * space * #(P(separator) + S"\r\n" + -1) + bare
  end
  return Ct(field * (separator * field)^0) * S"\r\n"^0 * -1
end

function M.build_grammar(options) return grammar_of(options) end

local function named(list, columns)
  if #list ~= #columns then return nil, ("%d fields, not %d"):format(#list, #columns) end
  local row = {}
  for i, name in ipairs(columns) do row[name] = list[i] end
  return row
end

function M.parser(options)
  local grammar = grammar_of(options)
  local columns, numbers = options and options.columns, options and options.numbers
  return function(line)
    local list = grammar:match(line)
    if not list then return nil, "not a line of comma-separated values" end
    if numbers then
      for i, text in ipairs(list) do list[i] = tonumber(text) or text end
    end
    if columns then return named(list, columns) end
    return list
  end
end

function M.items(columns, separator)
  separator = separator_of{separator = separator}
  local list = {}
  for i, name in ipairs(columns) do
    if i > 1 then list[#list + 1] = separator end
    list[#list + 1] = positional.field(name, (1 - S(separator .. '"\r\n'))^0)
  end
  list[#list + 1] = P"\r"^-1
  return {list}
end

function M.escape(value, separator)
  local text = tostring(value)
  if not text:find('[\r\n"]') and not text:find(separator or ",", 1, true) then return text end
  return '"' .. text:gsub('"', '""') .. '"'
end

function M.line(list, separator)
  local out = {}
  for i, value in ipairs(list) do out[i] = M.escape(value, separator) end
  return table.concat(out, separator or ",")
end

return M
