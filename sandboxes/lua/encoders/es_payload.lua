--[[
---
name: es_payload
kind: encoder
summary: Writes JSON payloads for the bulk API of Elasticsearch and OpenSearch.
config:
  index:
    type: string
    default: heka-%{%Y.%m.%d}
    description: The index. %{name} is replaced by a header, a field, or a time in a strftime format.
  type_name:
    type: string
    description: The _type, which only Elasticsearch before version 8 accepts.
  id:
    type: string
    description: The _id; by default the server generates one.
  es_index_from_timestamp:
    type: boolean
    default: false
    description: Use the time of the message for times in the index, instead of the current time.
---
Each message becomes two lines: the action, and the payload unchanged.

    outputs:
      search:
        type: file
        path: bulk.ndjson
        message_matcher: Type == "document"
        encoder: {type: es_payload, config: {index: "docs-%{Type}-%{%Y.%m.%d}", es_index_from_timestamp: true}}
--]]

local elasticsearch = require "elasticsearch"

local index, type_name, id = read_config "index", read_config "type_name", read_config "id"
local from_timestamp = read_config "es_index_from_timestamp"

function process_message()
  local document = read_message "Payload"
  if document == "" then return -2 end
  local ns = from_timestamp and read_message "Timestamp" or nil
  add_to_payload(elasticsearch.bulkapi_index_json(index, type_name, id, ns), "\n", document)
  if document:byte(-1) ~= 10 then add_to_payload "\n" end
  inject_payload()
  return 0
end
