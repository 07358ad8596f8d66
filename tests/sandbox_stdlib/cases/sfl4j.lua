local sfl4j = require "sfl4j"

matches(sfl4j.logevent_grammar, {
  {"ERROR [2014-11-21 16:35:59,500] com.example.OutgoingQueue: Error: x\n! java.net.X: y\n! at a.b(Unknown Source)\n",
    {Severity = 3, Timestamp = 1416587759500000000, Class = "com.example.OutgoingQueue", Message = "Error: x",
      Stacktrace = "! java.net.X: y\n! at a.b(Unknown Source)\n"}},
  {"WARN  [2014-11-21 16:35:59] a.B: hi", {Severity = 4, Timestamp = 1416587759000000000, Class = "a.B", Message = "hi", Stacktrace = ""}},
  {"INFO [now] a.B: hi\n", {Severity = 6, Timestamp = "now", Class = "a.B", Message = "hi", Stacktrace = ""}},
  {"LOUD [now] a.B: hi", nil}, {"", nil},
})

both_forms(sfl4j.items(), function(event)
  local found = sfl4j.logevent_grammar:match(event)
  if found and found.Stacktrace == "" then found.Stacktrace = nil end
  return found
end, {
  "ERROR [2014-11-21 16:35:59,500] com.example.OutgoingQueue: Error: x\n! java.net.X: y\n! at a.b(Unknown Source)",
  "WARN  [2014-11-21 16:35:59] a.B: hi", "info [2014-11-21 16:35:59.001] a.B: \r", "LOUD [2014-11-21 16:35:59] a.B: hi", "x",
})
