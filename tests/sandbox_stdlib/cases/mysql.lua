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
