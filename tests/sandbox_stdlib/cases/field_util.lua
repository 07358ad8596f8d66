local field_util = require "field_util"

local HEADERS = {Type = true, Payload = true, Hostname = true, Pid = true, Logger = true, Severity = true, EnvVersion = true}

case("field_map", function()
  same({field_util.field_map(nil)}, {HEADERS, true})
  same({field_util.field_map ""}, {HEADERS, true})
  same({field_util.field_map " a  b "}, {{a = true, b = true}, false, false})
  local fields, all_base, all = field_util.field_map "**all_base** x"
  same({fields.x, fields.Type, all_base, all}, {true, true, true, false})
  fields, all_base, all = field_util.field_map "**all**"
  same({fields.Pid, all_base, all}, {true, false, true})
end)

case("used_base_fields", function()
  same(field_util.used_base_fields{Type = true, Payload = true, Hostname = true, Pid = true, Logger = true},
    {Severity = true, EnvVersion = true})
end)

case("message_timestamp", function()
  message{Timestamp = 1714564800.5e9}
  same({field_util.message_timestamp(), field_util.message_timestamp "s", field_util.message_timestamp "m",
    field_util.message_timestamp "h"}, {1714564800500, 1714564800, 28576080, 476268})
  fails("precision", field_util.message_timestamp, "d")
end)

case("field_interp", function()
  message{Type = "t"}
  same(field_util.field_interp "a.%{Type}", "a.t")
end)
