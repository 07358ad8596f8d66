local postgresql = require "postgresql"

local NOON = 1714564800000000000

matches(postgresql.build_grammar(), {
  {"2024-05-01 12:00:00.000 UTC [123] ERROR:  relation \"x\" does not exist at character 15",
    {Timestamp = NOON, Pid = 123, Severity = 3, level = "ERROR", Payload = 'relation "x" does not exist at character 15'}},
  {"2024-05-01 12:00:00.000 UTC [123] LOG:  duration: 12.345 ms  statement: SELECT 1;",
    {Timestamp = NOON, Pid = 123, Severity = 6, level = "LOG", duration = {value = 12.345, representation = "ms"}, statement = "SELECT 1;"}},
  {"2024-05-01 12:00:00.000 UTC [123] LOG:  duration: 0.5 ms",
    {Timestamp = NOON, Pid = 123, Severity = 6, level = "LOG", duration = {value = 0.5, representation = "ms"}}},
  {"no log", nil},
}, postgresql.items())

matches(postgresql.build_grammar "%t:%r:%q%u@%d:[%p]:%a: ", {
  {"2024-05-01 14:00:00 CEST:10.0.0.1(5432):bob@shop:[9]:psql: FATAL:  no", {Timestamp = NOON, remote_host = "10.0.0.1",
    remote_port = 5432, user = "bob", database = "shop", Pid = 9, application_name = "psql", Severity = 2, level = "FATAL",
    Payload = "no"}},
  {"2024-05-01 12:00:00 UTC::LOG:  checkpoint starting: time", {Timestamp = NOON, Severity = 6, level = "LOG",
    Payload = "checkpoint starting: time"}},
}, postgresql.items "%t:%r:%q%u@%d:[%p]:%a: ")

case("errors", function() fails("unknown escape %%z", postgresql.items, "%z") end)
