--[[
---
name: a154_load_error_table
kind: filter
summary: An error that is a table, while the script is loaded.
message_matcher: Logger == 'abused'
---
--]]
-- expect: refused: error
error { limit = {}, text = {} }
