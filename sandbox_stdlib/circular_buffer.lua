--[[
Circular buffer: a sliding window over time series, with rows of equal duration and named columns.

    local circular_buffer = require "circular_buffer"
    local cb = circular_buffer.new(1440, 2, 60)          -- a day of minutes
    local ERRORS = cb:set_header(1, "Errors")
    cb:add(read_message "Timestamp", ERRORS, 1)
    inject_payload("cbuf", "errors", tostring(cb))

- `new(rows, columns, seconds_per_row [, enable_delta])`: rows > 1, columns 1 to 256, seconds_per_row > 0.
  Changes since the last cbufd output are tracked unless enable_delta is false.
- `version()`: "1.1.0"

Times are nanoseconds since 1970. Columns count from 1 (an unknown one is an error). A cell that was never set is nan.

- `cb:add(ns, column, value)`, `cb:set(ns, column, value)` -> the cell's new value; nil if the time is older than
  the buffer. A newer time moves the window. `set` on a column aggregated by min or max keeps the smaller or the
  larger value. Writing nan empties the cell.
- `cb:get(ns, column)` -> value; nil outside of the window. `cb:get_delta(ns, column)`: its change, nan if none.
- `cb:get_range(column [, start_ns, end_ns])`, `cb:get_range_delta(...)` -> list of values, oldest first, both ends
  included; nil if the whole range is outside of the window.
- `cb:get_configuration()` -> rows, columns, seconds_per_row; `cb:current_time()` -> ns of the newest row
- `cb:set_header(column, name [, unit, aggregation])` -> column. name: up to 15 letters, digits, "_"; unit: up to
  7 of these, "/" and "*" (default "count"); others become "_"; aggregation: sum (default), min, max, none.
- `cb:get_header(column)` -> name, unit, aggregation
- `cb:compute(what, column [, start_ns, end_ns])` -> value, rows with a value; what: sum, avg, sd, variance (of
  the whole population), min, max. The value is nan without rows, nil if the range is outside of the window.
- `cb:mannwhitneyu(column, start_x, end_x, start_y, end_y [, use_continuity = true])` -> U of x, one-sided p; nil if a
  range is outside of the window or all values are equal. See mann_whitney. An empty cell is less than any value.
- `cb:annotate(ns, column, "info" | "alert", text [, delta = true])`: one annotation per cell; it expires with its row
- `cb:reset_delta()`
- `cb:format("cbuf" | "cbufd")` -> cb: sets the format of tostring(cb)
- `tostring(cb)`: see circular_buffer_text. cbufd has the changes since the last call, "" if there are none.
- `cb:fromstring(text)`: reads a cbuf text with the same rows and columns, or values as Heka preserved them

The state of a buffer is plain data in its table. The functions are in the metatable named "circular_buffer".
Source: the API is that of Heka 0.10 (compute, mannwhitneyu) and of Hindsight (the rest).
--]]

local math = require "math"
local mann_whitney = require "mann_whitney"
local text = require "circular_buffer_text"

local error, pairs, setmetatable, type = error, pairs, setmetatable, type
local floor, max, min, sqrt, huge = math.floor, math.max, math.min, math.sqrt, math.huge

local MAX_COLUMNS = 256
local NAN = 0 / 0
local AGGREGATIONS = {sum = true, min = true, max = true, none = true}

local methods = {}
local metatable = {__index = methods, __name = "circular_buffer"}
local M = {metatables = {circular_buffer = metatable}}

function M.version() return "1.1.0" end

-- ------------------------------------------------------------------ shape --

local function whole(value, least, most, what)
  if type(value) ~= "number" or value ~= floor(value) or value < least or value > most then
    error(("circular_buffer: %s must be a whole number from %d to %s"):format(what, least, most), 3)
  end
end

function M.new(rows, columns, seconds_per_row, enable_delta)
  whole(rows, 2, 2 ^ 31, "rows")
  whole(columns, 1, MAX_COLUMNS, "columns")
  whole(seconds_per_row, 1, 2 ^ 31, "seconds_per_row")
  local values, headers = {}, {}
  for i = 1, rows * columns do values[i] = NAN end
  for i = 1, columns do headers[i] = {name = "Column_" .. i, unit = "count", aggregation = "sum"} end
  return setmetatable({
    rows = rows, columns = columns, seconds_per_row = seconds_per_row,
    newest = rows - 1,                        -- rows are numbered from 1970 on
    values = values, headers = headers,
    tracks_deltas = enable_delta ~= false,
    deltas = {},                              -- row number -> {column -> change}
    annotations = {},                         -- row number -> {column -> {type, text, delta}}
    output_format = "cbuf",
  }, metatable)
end

local function check_column(cb, column)
  if type(column) ~= "number" or not cb.headers[column] then
    error("circular_buffer: no such column", 3)
  end
end

local function row_of(cb, ns)
  if type(ns) ~= "number" or ns ~= ns or ns < 0 then error("circular_buffer: the time must be nanoseconds", 3) end
  return floor(ns / (cb.seconds_per_row * 1e9))
end

-- Cells of a row are at index + 1 to index + columns. The index of a row never changes.
local function index_of(cb, row) return row % cb.rows * cb.columns end

local function is_inside(cb, row) return row <= cb.newest and row > cb.newest - cb.rows end

local function forget_before(cb, by_row)
  local oldest = cb.newest - cb.rows + 1
  for row in pairs(by_row) do
    if row < oldest then by_row[row] = nil end
  end
end

local function advance(cb, row)
  for empty = max(cb.newest + 1, row - cb.rows + 1), row do
    local index = index_of(cb, empty)
    for i = index + 1, index + cb.columns do cb.values[i] = NAN end
  end
  cb.newest = row
  forget_before(cb, cb.deltas)
  forget_before(cb, cb.annotations)
end

-- ----------------------------------------------------------------- values --

local function note_change(cb, row, column, old, new)
  local aggregation = cb.headers[column].aggregation
  if aggregation == "none" then return end
  local changes = cb.deltas[row]
  if not changes then
    changes = {}
    cb.deltas[row] = changes
  end
  if aggregation ~= "sum" then
    changes[column] = new
  else
    local change = old == old and new - old or new
    changes[column] = (changes[column] or 0) + change
  end
end

local function write(cb, row, column, new)
  local at = index_of(cb, row) + column
  local old = cb.values[at]
  if cb.tracks_deltas and new == new and new ~= old then note_change(cb, row, column, old, new) end
  cb.values[at] = new
  return new
end

-- Returns the row to write, or nil if it is too old.
local function row_to_write(cb, ns, column, value)
  check_column(cb, column)
  if type(value) ~= "number" then error("circular_buffer: the value must be a number", 3) end
  local row = row_of(cb, ns)
  if row > cb.newest then advance(cb, row) end
  return is_inside(cb, row) and row
end

function methods.add(cb, ns, column, value)
  local row = row_to_write(cb, ns, column, value)
  if not row then return nil end
  local old = cb.values[index_of(cb, row) + column]
  return write(cb, row, column, old == old and old + value or value)
end

function methods.set(cb, ns, column, value)
  local row = row_to_write(cb, ns, column, value)
  if not row then return nil end
  local old, aggregation = cb.values[index_of(cb, row) + column], cb.headers[column].aggregation
  if aggregation == "min" and old < value or aggregation == "max" and old > value then return old end
  return write(cb, row, column, value)
end

function methods.get(cb, ns, column)
  check_column(cb, column)
  local row = row_of(cb, ns)
  if not is_inside(cb, row) then return nil end
  return cb.values[index_of(cb, row) + column]
end

function methods.get_delta(cb, ns, column)
  check_column(cb, column)
  local row = row_of(cb, ns)
  if not is_inside(cb, row) then return nil end
  local changes = cb.deltas[row]
  return changes and changes[column] or NAN
end

function methods.reset_delta(cb)
  cb.deltas = {}
  for _, columns in pairs(cb.annotations) do
    for _, annotation in pairs(columns) do annotation.delta = false end
  end
end

function methods.get_configuration(cb) return cb.rows, cb.columns, cb.seconds_per_row end

function methods.current_time(cb) return cb.newest * cb.seconds_per_row * 1e9 end

-- ----------------------------------------------------------------- ranges --

-- Returns the rows of a range that are in the window; nil if there are none.
local function rows_between(cb, start_ns, end_ns)
  local oldest = cb.newest - cb.rows + 1
  local first = start_ns and row_of(cb, max(start_ns, 0)) or oldest
  local last = end_ns and row_of(cb, max(end_ns, 0)) or cb.newest
  if start_ns and end_ns and start_ns > end_ns then error("circular_buffer: the range ends before it starts", 3) end
  first, last = max(first, oldest), min(last, cb.newest)
  if first > last then return nil end
  return first, last
end

function methods.get_range(cb, column, start_ns, end_ns)
  check_column(cb, column)
  local first, last = rows_between(cb, start_ns, end_ns)
  if not first then return nil end
  local list = {}
  for row = first, last do list[row - first + 1] = cb.values[index_of(cb, row) + column] end
  return list
end

function methods.get_range_delta(cb, column, start_ns, end_ns)
  check_column(cb, column)
  local first, last = rows_between(cb, start_ns, end_ns)
  if not first then return nil end
  local list = {}
  for row = first, last do
    local changes = cb.deltas[row]
    list[row - first + 1] = changes and changes[column] or NAN
  end
  return list
end

local function mean_of(values)
  local sum, count = 0, 0
  for i = 1, #values do
    local value = values[i]
    if value == value then sum, count = sum + value, count + 1 end
  end
  return sum / count, count, sum
end

local function variance_of(values)
  local mean, count = mean_of(values)
  local squares = 0
  for i = 1, #values do
    local value = values[i]
    if value == value then squares = squares + (value - mean) ^ 2 end
  end
  return squares / count, count
end

local function extreme_of(values, better, worst)
  local best, count = worst, 0
  for i = 1, #values do
    local value = values[i]
    if value == value then best, count = better(best, value), count + 1 end
  end
  return count > 0 and best or NAN, count
end

local COMPUTE = {
  avg = function(values)
    local mean, count = mean_of(values)
    return mean, count
  end,
  sum = function(values)
    local _, count, sum = mean_of(values)
    return count > 0 and sum or NAN, count
  end,
  variance = variance_of,
  sd = function(values)
    local variance, count = variance_of(values)
    return sqrt(variance), count
  end,
  min = function(values) return extreme_of(values, min, huge) end,
  max = function(values) return extreme_of(values, max, -huge) end,
}

function methods.compute(cb, what, column, start_ns, end_ns)
  local compute = COMPUTE[what]
  if not compute then error("circular_buffer: compute takes sum, avg, sd, variance, min or max", 2) end
  local values = methods.get_range(cb, column, start_ns, end_ns)
  if not values then return nil end
  return compute(values)
end

function methods.mannwhitneyu(cb, column, start_x, end_x, start_y, end_y, use_continuity)
  if not (start_x and end_x and start_y and end_y) then error("circular_buffer: mannwhitneyu needs two ranges", 2) end
  if use_continuity ~= nil and type(use_continuity) ~= "boolean" then
    error("circular_buffer: use_continuity must be a boolean", 2)
  end
  if start_x <= end_y and start_y <= end_x then error("circular_buffer: the ranges overlap", 2) end
  local x = methods.get_range(cb, column, start_x, end_x)
  local y = methods.get_range(cb, column, start_y, end_y)
  if not x or not y then return nil end
  return mann_whitney.test(x, y, use_continuity ~= false)
end

-- ---------------------------------------------------------------- headers --

function methods.set_header(cb, column, name, unit, aggregation)
  check_column(cb, column)
  if type(name) ~= "string" then error("circular_buffer: the name must be a string", 2) end
  if aggregation ~= nil and not AGGREGATIONS[aggregation] then
    error("circular_buffer: the aggregation must be sum, min, max or none", 2)
  end
  cb.headers[column] = {
    name = name:sub(1, 15):gsub("[^%w_]", "_"),
    unit = (unit or "count"):sub(1, 7):gsub("[^%w_/*]", "_"),
    aggregation = aggregation or "sum",
  }
  return column
end

function methods.get_header(cb, column)
  check_column(cb, column)
  local header = cb.headers[column]
  return header.name, header.unit, header.aggregation
end

local ANNOTATION_TYPES = {info = "i", alert = "a"}

function methods.annotate(cb, ns, column, kind, what, delta)
  check_column(cb, column)
  local short = ANNOTATION_TYPES[kind]
  if not short then error("circular_buffer: the type of an annotation must be info or alert", 2) end
  if type(what) ~= "string" then error("circular_buffer: the annotation must be a string", 2) end
  local row = row_of(cb, ns)
  if not is_inside(cb, row) then return end
  local columns = cb.annotations[row] or {}
  columns[column] = {type = short, text = what, delta = delta ~= false}
  cb.annotations[row] = columns
end

-- ------------------------------------------------------------------- text --

function methods.format(cb, name, ...)
  if name ~= "cbuf" and name ~= "cbufd" or ... ~= nil then
    error("circular_buffer: the format must be cbuf or cbufd", 2)
  end
  cb.output_format = name
  return cb
end

function metatable.__tostring(cb)
  if cb.output_format == "cbuf" then return text.cbuf(cb) end
  local out = text.cbufd(cb)
  methods.reset_delta(cb)
  return out
end

function methods.fromstring(cb, from)
  if type(from) ~= "string" then error("circular_buffer: fromstring takes a string", 2) end
  local read, err = text.read(cb, from)
  if not read then error("circular_buffer: " .. err, 2) end
  for name, value in pairs(read) do cb[name] = value end
end

return M
