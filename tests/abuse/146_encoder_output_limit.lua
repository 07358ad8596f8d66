--[[
---
name: a146_encoder_output_limit
kind: encoder
summary: A payload beyond output_limit in an encoder, caught.
---
--]]
-- expect: output_limit
function process_message()
  local text = read_message "Payload"
  if text == "bad" then
    pcall(add_to_payload, ('x'):rep(70000))
  end
  inject_payload("txt", "", text == "last" and "went_on\n" or text == "bad" and "held\n" or "good\n")
  return 0
end
