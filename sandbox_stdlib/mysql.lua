--[[
Grammars for entries of the slow query logs of MySQL, MariaDB and Percona Server (an entry is several lines).

    local entry = require "mysql".slow_query_grammar:match(read_message "Payload")

- `slow_query_grammar`, `mariadb_slow_query_grammar`, `percona_slow_query_grammar`: entries with "# User@Host:"
- `short_slow_query_grammar`, `mariadb_short_slow_query_grammar`: entries without
- `truncate(sql, bytes)` -> the statement, cut to so many bytes with "..." at its end

All capture a table, under the names of the log: Username, Hostname, Query_time and Lock_time {value, representation = "s"},
Rows_sent, Rows_examined and whatever else its "# Name: value" lines hold. Numbers are numbers; names with _time or
_wait are in s, with bytes or _sizes in B. Besides: Schema of a `use` line, Last_insert, Insert_id and timestamp (ns) of
the SET line, admin_command, sql.

Source: MySQL 8.0 Reference Manual, 5.4.5; MariaDB's and Percona's documentation of log_slow_verbosity; field names of
Hindsight's module.
--]]

local lpeg = require "lpeg"

local tonumber = tonumber
local C, Cc, Cf, Cg, Ct, P, R, S = lpeg.C, lpeg.Cc, lpeg.Cf, lpeg.Cg, lpeg.Ct, lpeg.P, lpeg.R, lpeg.S

local M = {}

local digits = R"09"^1
local integer = P"-"^-1 * digits
local space = S" \t"^1
local line_end = S" \t"^0 * P"\r"^-1 * "\n"
local to_end = (1 - P"\n")^0 * "\n"

local function set(fields, name, value, ...)
  fields[name] = value
  if ... then return set(fields, ...) end
  return fields
end

local function unit_of(name)
  if name:find "_time$" or name:find "_wait$" then return "s" end
  if name:find "[Bb]ytes" or name:find "_sizes$" then return "B" end
end

local function typed(name, text)
  local value = tonumber(text) or text
  local unit = value ~= text and unit_of(name)
  if unit then value = {value = value, representation = unit} end
  return name, value
end

local time = P"# Time: " * to_end
local in_brackets = C((1 - S"[]\n")^0)
local user = P"# User@Host: " * (1 - S"[\n")^0 * "[" * Cg(Cc"Username" * in_brackets) * "]" * space * "@" * space
  * Cg((C((1 - S" [\n")^0) * space^-1 * "[" * in_brackets * "]") / function(name, address)
    return "Hostname", address ~= "" and address or name
  end) * (space * "Id:" * space * Cg(Cc"Connection_id" * (integer / tonumber)))^-1 * line_end

local name = C(R("az", "AZ") * (R("az", "AZ", "09") + "_")^0)
local stored_routine = P"# Stored routine: " * Cg(Cc"Stored_routine" * C((1 - S"\r\n")^1)) * line_end
local pair = Cg(name * ":" * P" "^-1 * C((1 - S" \t\r\n")^0) / typed)
local facts = stored_routine + P"#" * space * pair * (space * pair)^0 * line_end

local admin = P"# administrator command: " * Cg(Cc"admin_command" * C((1 - S"\r\n;")^0)) * to_end
local use = P"use " * Cg(Cc"Schema" * C((1 - S";\r\n")^1)) * ";" * line_end
local set_line = P"SET " * (P"last_insert_id=" * Cg(Cc"Last_insert" * (integer / tonumber)) * ",")^-1
  * (P"insert_id=" * Cg(Cc"Insert_id" * (integer / tonumber)) * ",")^-1
  * "timestamp=" * Cg(Cc"timestamp" * (C(digits * (P"." * digits)^-1) / function(text) return tonumber(text) * 1e9 end))
  * ";" * line_end
local sql_end = P";" * line_end^0 * -1
local sql = Cg(Cc"sql" * C((1 - sql_end)^0 * P";"^-1)) * S" \t\r\n"^0

local body = (facts - time - "# administrator")^1 * use^-1 * set_line * admin^-1 * sql * -1

local function entry(start) return Cf(Ct"" * time^0 * start * body, set) end

M.slow_query_grammar = entry(user)
M.mariadb_slow_query_grammar = M.slow_query_grammar
M.percona_slow_query_grammar = M.slow_query_grammar
M.short_slow_query_grammar = entry(-P"# User@Host:")
M.mariadb_short_slow_query_grammar = M.short_slow_query_grammar

function M.truncate(text, bytes)
  if #text <= bytes then return text end
  return text:sub(1, bytes) .. "..."
end

return M
