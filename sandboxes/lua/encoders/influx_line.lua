--[[
---
name: influx_line
kind: encoder
summary: Writes numeric fields as lines for InfluxDB.
config:
  name_prefix:
    type: string
    description: 'Prefix of each name. %{name} is replaced by a header or a field.'
  name_prefix_delimiter:
    type: string
    default: "."
    description: Separator between the prefix and the name.
  skip_fields:
    type: string
    description: Fields to omit, separated by spaces.
  source_value_field:
    type: string
    description: Write only this field, and use the prefix alone as its name.
  tag_fields:
    type: string
    default: "**all_base**"
    description: 'Values to write as tags: names separated by spaces, **all_base** for all headers, **all** for everything.'
  decimal_precision:
    type: integer
    default: 6
    description: Digits after the decimal point.
  timestamp_precision:
    type: string
    default: ms
    enum: [ns, us, ms, s, m, h]
    description: Unit of the timestamp.
  value_field_key:
    type: string
    default: value
    description: Key of the value.
---
Each numeric field becomes a line.

    outputs:
      metrics:
        type: tcp
        address: 127.0.0.1:8089
        message_matcher: Type == "stats"
        encoder: {type: influx_line, config: {name_prefix: "web.%{Hostname}"}}
--]]

local ts_line_protocol = require "ts_line_protocol"

local config = ts_line_protocol.set_config {
  carbon_format = false, name_prefix = read_config "name_prefix",
  name_prefix_delimiter = read_config "name_prefix" and read_config "name_prefix_delimiter" or nil,
  skip_fields_str = read_config "skip_fields", source_value_field = read_config "source_value_field",
  tag_fields_str = read_config "tag_fields", decimal_precision = tostring(read_config "decimal_precision"),
  timestamp_precision = read_config "timestamp_precision", value_field_key = read_config "value_field_key",
}

function process_message()
  local lines = ts_line_protocol.influxdb_line_msg(config)
  if #lines == 0 then return -2 end
  for _, line in ipairs(lines) do add_to_payload(line, "\n") end
  inject_payload()
  return 0
end
