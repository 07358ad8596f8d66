--[[
---
name: add_env
kind: decoder
summary: Adds a field to every record, as a user would write it.
---
--]]

function process_message()
  write_message("Fields[env]", "prod")
  return 0
end
