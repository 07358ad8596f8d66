--[[
---
name: a144_encoder_loop
kind: encoder
summary: An endless loop in an encoder.
---
--]]
-- expect: cpu_limit
function process_message()
  local text = read_message "Payload"
  if text == "bad" then
    while true do end
  end
  inject_payload("txt", "", text == "last" and "went_on\n" or text == "bad" and "held\n" or "good\n")
  return 0
end
