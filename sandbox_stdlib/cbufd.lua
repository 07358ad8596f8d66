--[[
Grammar for the cbufd text of circular buffers, to aggregate those of several hosts.

    local found = require "cbufd".grammar:match(read_message "Payload")
    for _, row in ipairs(found) do total:add(row.time, 1, row[1]) end

- `grammar`: captures {header = the line of JSON, {time = ns, value, value, ...}, ...}; an empty cell is nan
- `add(cb, text)` -> the number of rows; adds a cbufd text to a circular buffer with the same columns: sums are added,
  minima and maxima set. Returns nil and a reason if the text is not cbufd, or its columns do not fit.

There is only the table form: the header of a text sets its number of columns, so the number of values is not known when a
grammar is declared.

Source: the formats of the module circular_buffer_text; the name `grammar` is Heka's and Hindsight's.
--]]

local lpeg = require "lpeg"
local math = require "math"

local ipairs, tonumber = ipairs, tonumber
local C, Cc, Cg, Ct, P, R, S = lpeg.C, lpeg.Cc, lpeg.Cg, lpeg.Ct, lpeg.P, lpeg.R, lpeg.S

local M = {}

local digits = R"09"^1
local sign = S"+-"^-1
local number = P"-"^-1 * P"nan" * Cc(0 / 0) + P"-inf" * Cc(-math.huge) + P"inf" * Cc(math.huge)
  + C(sign * digits * (P"." * digits)^-1 * (S"eE" * sign * digits)^-1) / tonumber
local time = digits / function(text) return tonumber(text) * 1e9 end
local row = Ct(Cg(time, "time") * ("\t" * number)^1) * "\n"
local header = Cg(C((1 - P"\n")^1), "header") * "\n"

M.grammar = Ct(header * row^0) * -1

function M.add(cb, text)
  local found = M.grammar:match(text)
  if not found then return nil, "not a cbufd text" end
  local _, columns = cb:get_configuration()
  for _, cells in ipairs(found) do
    if #cells ~= columns then return nil, "the number of columns differs" end
  end
  for _, cells in ipairs(found) do
    for column, value in ipairs(cells) do
      local _, _, aggregation = cb:get_header(column)
      if value == value and aggregation ~= "none" then
        if aggregation == "sum" then cb:add(cells.time, column, value) else cb:set(cells.time, column, value) end
      end
    end
  end
  return #found
end

return M
