--[[
Builds action lines for the bulk API of Elasticsearch and OpenSearch.

    local elasticsearch = require "elasticsearch"
    add_to_payload(elasticsearch.bulkapi_index_json("logs-%{%Y.%m.%d}", nil, nil, ns), "\n", document, "\n")

- `bulkapi_index_json(index, type, id [, ns])` -> {"index":{"_index":"...","_type":"...","_id":"..."}}, without nil
  values. The index is converted to lower case, which the API requires. Each value can contain %{name}, filled in from the
  current message (module msg_interpolate). ns is the time for strftime formats; default now. Elasticsearch 8 accepts no
  _type.

Source: the API of Heka's elasticsearch module.
--]]

local cjson = require "cjson"
local interpolate = require "msg_interpolate"
local table = require "table"

local ipairs = ipairs

local M = {}

function M.bulkapi_index_json(index, type_name, id, ns)
  local parts = {}
  for i, name in ipairs{"_index", "_type", "_id"} do
    local text
    if i == 1 then text = index elseif i == 2 then text = type_name else text = id end
    if text then
      local filled = interpolate.interpolate_from_msg(text, ns and ns / 1e9)
      if i == 1 then filled = filled:lower() end
      parts[#parts + 1] = ('"%s":%s'):format(name, cjson.encode(filled))
    end
  end
  return '{"index":{' .. table.concat(parts, ",") .. "}}"
end

return M
