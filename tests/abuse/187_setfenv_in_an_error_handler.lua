--[[
---
name: a187_setfenv_in_an_error_handler
kind: filter
summary: "Error handlers that call setfenv as a tail call where the kernel has raised."
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  for _, f in ipairs { read_message, encode_message, decode_message, create_message_matcher, add_to_payload, require, setfenv } do
    local ok, answer = xpcall(function() f({}, {}, {}) end, function() return setfenv(1, _G) end)
    assert(ok or type(answer) ~= "function")
    ok, answer = xpcall(f, function() return setfenv(1, _G) end)
    assert(type(answer) ~= "function" or ok)
  end
end)
