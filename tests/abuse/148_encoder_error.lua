--[[
---
name: a148_encoder_error
kind: encoder
summary: An encoder that fails.
---
--]]
-- expect: fails
function process_message()
  local text = read_message "Payload"
  if text == "bad" then
    error 'no'
  end
  inject_payload("txt", "", text == "last" and "went_on\n" or text == "bad" and "held\n" or "good\n")
  return 0
end
