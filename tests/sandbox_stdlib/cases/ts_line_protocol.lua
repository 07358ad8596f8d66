local lines = require "ts_line_protocol"

local MESSAGE = {
  Timestamp = 1714564800.5e9, Type = "stats", Hostname = "web 1", Severity = 6, Logger = "",
  Fields = {{name = "5.min", value = {0.5}}, {name = "name", value = {'a "b"'}}, {name = "hits", value = {3, 4}},
    {name = "hits", value = {5}}, {name = "up", value = {true}}},
}

case("carbon", function()
  message(MESSAGE)
  local config = lines.set_config{carbon_format = true, name_prefix = "s.%{Type}", name_prefix_delimiter = ".",
    timestamp_precision = "s"}
  same(lines.carbon_line_msg(config), {"s.stats.5_min 0.5 1714564800", "s.stats.hits 3 1714564800",
    "s.stats.hits_vidx_1 4 1714564800", "s.stats.hits_fidx_1 5 1714564800"})
end)

local TAGS = "Hostname=web\\ 1,Severity=6,Type=stats"

case("influxdb, a line for each field", function()
  message(MESSAGE)
  local config = lines.set_config{skip_fields_str = "**all_base** hits"}
  same(lines.influxdb_line_msg(config), {"5.min," .. TAGS .. " value=0.500000 1714564800500",
    "name," .. TAGS .. ' value="a \\"b\\"" 1714564800500', "up," .. TAGS .. " value=true 1714564800500"})
end)

case("influxdb, one line", function()
  message(MESSAGE)
  local config = lines.set_config{multi_fields = true, name_prefix = "%{Type}", tag_fields_str = "Type up",
    decimal_precision = "1", skip_fields_str = "name"}
  same(lines.influxdb_line_msg(config),
    {"stats,Type=stats,up=true 5.min=0.5,hits=3.0,hits_vidx_1=4.0,hits_fidx_1=5.0,up=true 1714564800500"})
end)

case("one field only", function()
  message(MESSAGE)
  local config = lines.set_config{source_value_field = "5.min", name_prefix = "load", tag_fields_str = "none"}
  same(lines.influxdb_line_msg(config), {"load value=0.500000 1714564800500"})
end)

case("a message without fields", function()
  message{Timestamp = 1e9}
  same(lines.influxdb_line_msg(lines.set_config{}), {})
  same(lines.carbon_line_msg(lines.set_config()), {})
  fails("whole number", lines.set_config, {decimal_precision = "x"})
end)
