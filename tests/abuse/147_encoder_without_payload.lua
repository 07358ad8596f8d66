--[[
---
name: a147_encoder_without_payload
kind: encoder
summary: An encoder that encodes nothing.
---
--]]
-- expect: fails
function process_message()
  local text = read_message "Payload"
  if text == "bad" then
    return 0
  end
  inject_payload("txt", "", text == "last" and "went_on\n" or text == "bad" and "held\n" or "good\n")
  return 0
end
