--[[
---
name: a149_encoder_writes
kind: encoder
summary: Absurd writes in an encoder.
limits: {cpu_limit: 2000}
---
--]]
-- expect: held|memory_limit
function process_message()
  local text = read_message "Payload"
  if text == "bad" then
    for i = 1, 2000 do pcall(write_message, 'Fields[f' .. i .. ']', ('x'):rep(1000)) end
  end
  inject_payload("txt", "", text == "last" and "went_on\n" or text == "bad" and "held\n" or "good\n")
  return 0
end
