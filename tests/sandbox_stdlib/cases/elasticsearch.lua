local elasticsearch = require "elasticsearch"

case("bulkapi_index_json", function()
  message{Type = "nginx", ["Fields[id]"] = 'a"b'}
  same(elasticsearch.bulkapi_index_json("logs-%{%Y.%m.%d}", "%{Type}", "%{id}", 1714564800e9),
    '{"index":{"_index":"logs-2024.05.01","_type":"nginx","_id":"a\\"b"}}')
  same(elasticsearch.bulkapi_index_json("X"), '{"index":{"_index":"x"}}')
  same(elasticsearch.bulkapi_index_json(), '{"index":{}}')
end)
