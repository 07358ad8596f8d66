--[[
---
name: a145_encoder_memory
kind: encoder
summary: Memory without end in an encoder.
limits:
  cpu_limit: 3000
---
--]]
-- expect: memory_limit
function process_message()
  local text = read_message "Payload"
  if text == "bad" then
    local t = {}
    while true do t = { t } end
  end
  inject_payload("txt", "", text == "last" and "went_on\n" or text == "bad" and "held\n" or "good\n")
  return 0
end
