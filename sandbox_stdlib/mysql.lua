--[[
Grammars for the slow query logs of MySQL, MariaDB and Percona Server. An entry has several lines.

    local entry = require "mysql".slow_query_grammar:match(read_message "Payload")

- `slow_query_grammar`, `mariadb_slow_query_grammar`, `percona_slow_query_grammar`: entries with "# User@Host:"
- `short_slow_query_grammar`, `mariadb_short_slow_query_grammar`: entries without
- `items([server])`, `short_items([server])`: the alternatives of a declared grammar for the entries of a server: "mysql"
  (default; also with log_slow_extra), "mariadb" or "percona". An entry with other "# Name: value" pairs, or in another order,
  does not match: only the table form can capture unknown names. The timestamp becomes the Timestamp, Hostname the header
- `truncate(sql, bytes)` -> the statement, truncated to that many bytes with "..." at its end

All capture a table with the names of the log: Username, Hostname, Query_time and Lock_time {value, representation = "s"},
Rows_sent, Rows_examined and all other "# Name: value" pairs. Numbers become numbers. Names with _time or _wait are in s,
names with bytes or _sizes in B. Other keys: Schema from a `use` line, Last_insert, Insert_id and timestamp (ns) from the
SET line, admin_command, sql.

Source: MySQL 8.0 Reference Manual, 5.4.5; MariaDB's and Percona's documentation of log_slow_verbosity; field names of
Hindsight's module.
--]]

local date_time = require "date_time"
local lpeg = require "lpeg"
local positional = require "positional"

local error, tonumber = error, tonumber
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

local time = P"# Time: " * (1 - P"\n")^0 * (P"\n" + -1)
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
  * "timestamp=" * Cg(Cc"timestamp" * (C(digits * (P"." * digits)^-1) / date_time.seconds_to_ns))
  * ";" * line_end
-- If entries begin with their users, the time of the next entry is at the end of this one.
local after_sql = S" \t\r\n"^0 * time^0
local sql_end = P";" * line_end^0 * time^0 * -1
local sql = Cg(Cc"sql" * C((1 - sql_end)^0 * P";"^-1)) * after_sql

local body = (facts - time - "# administrator")^1 * use^-1 * set_line * admin^-1 * sql * -1

local function entry(start) return Cf(Ct"" * time^0 * start * body, set) end

M.slow_query_grammar = entry(user)
M.mariadb_slow_query_grammar = M.slow_query_grammar
M.percona_slow_query_grammar = M.slow_query_grammar
M.short_slow_query_grammar = entry(-P"# User@Host:")
M.mariadb_short_slow_query_grammar = M.short_slow_query_grammar

-- ------------------------------------------------------------ declared form --

local field, concat = positional.field, positional.concat

-- In the order of the log; * marks text. A server omits values that its settings do not enable.
local FACTS = {
  mysql = "Query_time Lock_time Rows_sent Rows_examined Thread_id Errno Killed Bytes_received Bytes_sent Read_first Read_last Read_key "
    .. "Read_next Read_prev Read_rnd Read_rnd_next Sort_merge_passes Sort_range_count Sort_rows Sort_scan_count "
    .. "Created_tmp_disk_tables Created_tmp_tables *Start *End",
  mariadb = "Thread_id *Schema *QC_hit Query_time Lock_time Rows_sent Rows_examined Rows_affected Bytes_sent Tmp_tables "
    .. "Tmp_disk_tables Tmp_table_sizes *Full_scan *Full_join *Tmp_table *Tmp_table_on_disk *Filesort *Filesort_on_disk Merge_passes "
    .. "*Priority_queue",
  percona = "*Schema Last_errno Killed Query_time Lock_time Rows_sent Rows_examined Rows_affected Rows_read Bytes_sent Tmp_tables "
    .. "Tmp_disk_tables Tmp_table_sizes *InnoDB_trx_id *QC_Hit *Full_scan *Full_join *Tmp_table *Tmp_table_on_disk *Filesort "
    .. "*Filesort_on_disk Merge_passes InnoDB_IO_r_ops InnoDB_IO_r_bytes InnoDB_IO_r_wait InnoDB_rec_lock_wait InnoDB_queue_wait "
    .. "InnoDB_pages_distinct",
}

local function fact(mark, of)
  if mark == "*" then return field(of, (1 - S" \t\r\n")^0) end
  local unit = unit_of(of)
  if unit == "s" then return field(of, digits * (P"." * digits)^-1, "double", {representation = "s"}) end
  return field(of, integer, "integer", {representation = unit})
end

local function fact_items(server)
  local list, before = {}, (line_end * "#")^-1 * space
  for mark, of in (FACTS[server] or error("mysql: no such server: " .. server, 3)):gmatch "(%*?)(%S+)" do
    list[#list + 1] = {optional = {before * of * ":" * P" "^-1, fact(mark, of)}}
  end
  return list
end

local in_address = (1 - S"[]\n")^0
local user_items = {
  "# User@Host: " * (1 - S"[\n")^0 * "[", field("Username", in_address), P"]" * space * "@" * space,
  ((1 - S" [\n")^0 * space^-1 * "[" * #(1 - S"[]\n"))^-1, field("Hostname", (1 - S" []\n")^0), (space^-1 * "[")^-1 * "]",
  {optional = {space * "Id:" * space, field("Connection_id", integer, "integer")}}, line_end,
}

local tail_items = {
  {optional = {line_end * "# Stored routine: ", field("Stored_routine", (1 - S"\r\n")^1)}}, line_end,
  {optional = {"use ", field("Schema", (1 - S";\r\n")^1), ";" * line_end}}, "SET ",
  {optional = {"last_insert_id=", field("Last_insert", integer, "integer"), ","}},
  {optional = {"insert_id=", field("Insert_id", integer, "integer"), ","}},
  "timestamp=", field("Timestamp", digits * (P"." * digits)^-1, "timestamp:epoch_s"), ";" * line_end,
  {optional = {"# administrator command: ", field("admin_command", (1 - S"\r\n;")^0), to_end}},
  field("sql", (1 - sql_end)^0 * P";"^-1), after_sql,
}

function M.items(server)
  return {concat({time^0}, user_items, {"#"}, fact_items(server or "mysql"), tail_items)}
end

function M.short_items(server)
  return {concat({time^0 * -P"# User@Host:" * "#"}, fact_items(server or "mysql"), tail_items)}
end

function M.truncate(text, bytes)
  if #text <= bytes then return text end
  return text:sub(1, bytes) .. "..."
end

return M
