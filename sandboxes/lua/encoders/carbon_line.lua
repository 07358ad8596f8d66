--[[
---
name: carbon_line
kind: encoder
summary: Writes numeric fields as lines for Graphite (Carbon).
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
---
Each numeric field becomes a line.

    outputs:
      metrics:
        type: tcp
        address: 127.0.0.1:2003
        message_matcher: Type == "stats"
        encoder: {type: carbon_line, config: {name_prefix: "web.%{Hostname}"}}
--]]

local ts_line_protocol = require "ts_line_protocol"

local config = ts_line_protocol.set_config {
  carbon_format = true, name_prefix = read_config "name_prefix",
  name_prefix_delimiter = read_config "name_prefix" and read_config "name_prefix_delimiter" or nil,
  skip_fields_str = read_config "skip_fields", source_value_field = read_config "source_value_field",
  timestamp_precision = "s",
}

function process_message()
  local lines = ts_line_protocol.carbon_line_msg(config)
  if #lines == 0 then return -2 end
  for _, line in ipairs(lines) do add_to_payload(line, "\n") end
  inject_payload()
  return 0
end
