-- The text formats of a circular buffer. Used through the module circular_buffer.
--
-- cbuf: a line of JSON
--
--     {"time":0,"rows":3,"columns":1,"seconds_per_row":60,
--      "column_info":[{"name":"Errors","unit":"count","aggregation":"sum"}],"annotations":[]}
--
-- (in one line; time in seconds, of the first row), then a line for each row, oldest first, with columns separated by
-- tabs and nan for an empty cell. An annotation is {"x":ms,"col":1,"shortText":"i","text":"..."}.
--
-- cbufd: the same header with the new annotations, then a line for each changed row: its time in seconds, then the
-- changes of its columns. The text is empty if nothing changed.
--
-- Numbers are written with enough digits to read them back exactly.

local table = require "table"
local math = require "math"

local ipairs, pairs, tonumber = ipairs, pairs, tonumber
local floor, huge = math.floor, math.huge

local M = {}

local function number(value)
  if value ~= value then return "nan" end
  if value == huge then return "inf" end
  if value == -huge then return "-inf" end
  if value == floor(value) and value > -1e15 and value < 1e15 then return ("%d"):format(value) end
  local short = ("%.15g"):format(value)
  return tonumber(short) == value and short or ("%.17g"):format(value)
end

-- ------------------------------------------------------------------- JSON --

local ESCAPES = {['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ["\b"] = "\\b",
  ["\f"] = "\\f"}

local function escape(char) return ESCAPES[char] or ("\\u%04x"):format(char:byte()) end

local function quoted(text) return '"' .. text:gsub('[%c"\\]', escape) .. '"' end

local function sorted_keys(of)
  local keys = {}
  for key in pairs(of) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

local function annotation_list(cb, only_new)
  local list = {}
  for _, row in ipairs(sorted_keys(cb.annotations)) do
    local columns = cb.annotations[row]
    for _, column in ipairs(sorted_keys(columns)) do
      local annotation = columns[column]
      if annotation.delta or not only_new then
        list[#list + 1] = ('{"x":%.0f,"col":%d,"shortText":"%s","text":%s}'):format(
          row * cb.seconds_per_row * 1000, column, annotation.type, quoted(annotation.text))
      end
    end
  end
  return list
end

local function header(cb, annotations)
  local columns = {}
  for i, info in ipairs(cb.headers) do
    columns[i] = ('{"name":"%s","unit":"%s","aggregation":"%s"}'):format(info.name, info.unit, info.aggregation)
  end
  return ('{"time":%.0f,"rows":%d,"columns":%d,"seconds_per_row":%d,"column_info":[%s],"annotations":[%s]}'):format(
    (cb.newest - cb.rows + 1) * cb.seconds_per_row, cb.rows, cb.columns, cb.seconds_per_row,
    table.concat(columns, ","), table.concat(annotations, ","))
end

-- ---------------------------------------------------------------- writing --

function M.cbuf(cb)
  local lines, cells = {header(cb, annotation_list(cb, false))}, {}
  for row = cb.newest - cb.rows + 1, cb.newest do
    local index = row % cb.rows * cb.columns
    for i = 1, cb.columns do cells[i] = number(cb.values[index + i]) end
    lines[#lines + 1] = table.concat(cells, "\t")
  end
  return table.concat(lines, "\n") .. "\n"
end

function M.cbufd(cb)
  local annotations = annotation_list(cb, true)
  local rows = sorted_keys(cb.deltas)
  if #rows == 0 and #annotations == 0 then return "" end
  local lines = {header(cb, annotations)}
  for _, row in ipairs(rows) do
    local cells = {("%.0f"):format(row * cb.seconds_per_row)}
    for i = 1, cb.columns do cells[i + 1] = number(cb.deltas[row][i] or 0 / 0) end
    lines[#lines + 1] = table.concat(cells, "\t")
  end
  return table.concat(lines, "\n") .. "\n"
end

-- ---------------------------------------------------------------- reading --

local WORDS = {nan = 0 / 0, ["-nan"] = 0 / 0, inf = huge, ["-inf"] = -huge}

local function numbers_of(text)
  local list = {}
  for word in text:gmatch "%S+" do
    local value = WORDS[word] or tonumber(word)
    if not value then return nil, "not a number: " .. word end
    list[#list + 1] = value
  end
  return list
end

local function read_cbuf(cb, text)
  local first_line, rest = text:match "^(%b{})\n(.*)$"
  if not first_line then return nil, "not a cbuf text" end
  for _, name in ipairs{"rows", "columns", "seconds_per_row"} do
    if tonumber(first_line:match('"' .. name .. '":(%d+)')) ~= cb[name] then
      return nil, "the text has a different number of " .. name
    end
  end
  local cells, err = numbers_of(rest)
  if not cells then return nil, err end
  if #cells ~= cb.rows * cb.columns then return nil, "the text has a different number of values" end
  local newest = tonumber(first_line:match '"time":(%d+)') / cb.seconds_per_row + cb.rows - 1
  local values = {}
  for i, value in ipairs(cells) do
    local row = newest - cb.rows + 1 + floor((i - 1) / cb.columns)
    cells[i] = {row % cb.rows * cb.columns + (i - 1) % cb.columns + 1, value}
  end
  for i = 1, #cells do values[i] = 0 end
  for _, cell in ipairs(cells) do values[cell[1]] = cell[2] end
  return {newest = newest, values = values, deltas = {}, annotations = {}}
end

local function read_deltas(cb, list, first)
  local width, deltas = cb.columns + 1, {}
  for at = first, #list, width do
    local changes = {}
    for column = 1, cb.columns do
      local change = list[at + column]
      if change == change then changes[column] = change end
    end
    deltas[list[at] / cb.seconds_per_row] = changes
  end
  return deltas
end

-- The time of the newest row in seconds, its index, the values row by row, then changed rows as in cbufd.
local function read_preserved(cb, text)
  local list, err = numbers_of(text)
  if not list then return nil, err end
  local cells = cb.rows * cb.columns
  local more = #list - 2 - cells
  if more < 0 then return nil, "too few values" end
  if more % (cb.columns + 1) ~= 0 then return nil, "too many values" end
  local newest, place = floor(list[1] / cb.seconds_per_row), list[2]
  local values = {}
  for i = 1, cells do values[i] = 0 end
  for i = 1, cells do
    local row = floor((i - 1) / cb.columns) + newest - place
    values[row % cb.rows * cb.columns + (i - 1) % cb.columns + 1] = list[2 + i]
  end
  return {newest = newest, values = values, deltas = read_deltas(cb, list, 3 + cells), annotations = {}}
end

-- Parses the text of a buffer with cb's rows and columns. Returns its parts by name, or nil and a reason.
function M.read(cb, text)
  if text:sub(1, 1) == "{" then return read_cbuf(cb, text) end
  return read_preserved(cb, text)
end

return M
