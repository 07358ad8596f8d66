local mysql = require "mysql"

local function s(value) return {value = value, representation = "s"} end

matches(mysql.slow_query_grammar, {
  {"# Time: 140107 10:00:00\n# User@Host: sync[sync] @ db1.example.com [10.0.0.1]\n# Query_time: 2.964652  Lock_time: 0.000050 Rows_sent: 251  Rows_examined: 9773\nuse widget;\nSET last_insert_id=999,insert_id=1000,timestamp=1399500744;\nSELECT *\nFROM x;\n",
    {Username = "sync", Hostname = "10.0.0.1", Query_time = s(2.964652), Lock_time = s(0.00005), Rows_sent = 251,
      Rows_examined = 9773, Schema = "widget", Last_insert = 999, Insert_id = 1000, timestamp = 1399500744e9, sql = "SELECT *\nFROM x;"}},
  {"# User@Host: root[root] @ localhost []  Id:  5\n# Thread_id: 110804  Schema: weave0  QC_hit: No\n# Query_time: 1.0  Lock_time: 0.0  Rows_sent: 1  Rows_examined: 2\n# Full_scan: Yes  Full_join: No\n# Bytes_sent: 17  InnoDB_IO_r_wait: 0.5\nSET timestamp=1364506803;\n# administrator command: Quit;\n",
    {Username = "root", Hostname = "localhost", Connection_id = 5, Thread_id = 110804, Schema = "weave0", QC_hit = "No",
      Query_time = s(1), Lock_time = s(0), Rows_sent = 1, Rows_examined = 2, Full_scan = "Yes", Full_join = "No",
      Bytes_sent = {value = 17, representation = "B"}, InnoDB_IO_r_wait = s(0.5), timestamp = 1364506803e9,
      admin_command = "Quit", sql = ""}},
  {"# Query_time: 1.0\nSELECT 1;", nil},
})
matches(mysql.short_slow_query_grammar, {
  {"# Query_time: 2.0  Lock_time: 0.1 Rows_sent: 1  Rows_examined: 3\nSET timestamp=1399500744;\nSELECT ';' FROM x;",
    {Query_time = s(2), Lock_time = s(0.1), Rows_sent = 1, Rows_examined = 3, timestamp = 1399500744e9, sql = "SELECT ';' FROM x;"}},
})
case("truncate", function() same({mysql.truncate("SELECT 1", 6), mysql.truncate("SELECT 1", 8)}, {"SELECT...", "SELECT 1"}) end)

-- The declared form stores the timestamp as the Timestamp.
local function table_form(grammar)
  return function(entry)
    local found = grammar:match(entry)
    if found then found.Timestamp, found.timestamp = found.timestamp, nil end
    return found
  end
end

local USER = "# Time: 140107 10:00:00\n# User@Host: sync[sync] @ db1.example.com [10.0.0.1]\n"
local TIMES = "# Query_time: 2.964652  Lock_time: 0.000050 Rows_sent: 251  Rows_examined: 9773"

both_forms(mysql.items(), table_form(mysql.slow_query_grammar), {
  USER .. TIMES .. "\nuse widget;\nSET last_insert_id=999,insert_id=1000,timestamp=1399500744;\nSELECT *\nFROM x;",
  "# User@Host: a[] @  [10.0.0.1]  Id:  7\n" .. TIMES .. "\nSET timestamp=1399500744.5;\nSELECT ';' FROM x;",
  "# User@Host: root[root] @ localhost []  Id:  5\n" .. TIMES .. " Thread_id: 5 Errno: 0 Killed: 0 Bytes_received: 0 Bytes_sent: 57 "
    .. "Read_first: 1 Created_tmp_tables: 0 Start: 2024-05-01T10:00:00.1Z End: 2024-05-01T10:00:01.1Z\nSET timestamp=1364506803;\n"
    .. "# administrator command: Quit;\n;",
  "# Query_time: 1.0\nSELECT 1;", "x",
})
both_forms(mysql.items "mariadb", table_form(mysql.mariadb_slow_query_grammar), {
  "# User@Host: a[a] @ localhost []\n# Thread_id: 8  Schema: test  QC_hit: No\n# Query_time: 1.0  Lock_time: 0.1  Rows_sent: 1  "
    .. "Rows_examined: 2\n# Rows_affected: 0  Bytes_sent: 67\n# Tmp_tables: 1  Tmp_disk_tables: 0  Tmp_table_sizes: 126976\n"
    .. "# Full_scan: Yes  Full_join: No  Tmp_table: Yes  Tmp_table_on_disk: No\n# Filesort: Yes  Filesort_on_disk: No  Merge_passes: 0  "
    .. "Priority_queue: No\nSET timestamp=1364506803;\nSELECT 1;",
})
both_forms(mysql.short_items "percona", table_form(mysql.short_slow_query_grammar), {
  "# Schema: imdb  Last_errno: 0  Killed: 0\n# Query_time: 7.725616  Lock_time: 0.000328  Rows_sent: 4  Rows_examined: 1543720  "
    .. "Rows_affected: 0\n# Bytes_sent: 272  Tmp_tables: 0  Tmp_disk_tables: 0  Tmp_table_sizes: 0\n# QC_Hit: No  Full_scan: Yes  "
    .. "Full_join: No  Tmp_table: No  Tmp_table_on_disk: No\n# Filesort: No  Filesort_on_disk: No  Merge_passes: 0\n"
    .. "#   InnoDB_IO_r_ops: 6415  InnoDB_IO_r_bytes: 105103360  InnoDB_IO_r_wait: 0.001279\n"
    .. "#   InnoDB_rec_lock_wait: 0.000000  InnoDB_queue_wait: 0.000000\n#   InnoDB_pages_distinct: 6430\n"
    .. "SET timestamp=1346844943;\nSELECT id,title\nFROM title;\n",
})
case("no such server", function() fails("no such server", mysql.items, "oracle") end)
