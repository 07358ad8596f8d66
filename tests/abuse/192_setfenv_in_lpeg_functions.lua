--[[
---
name: a192_setfenv_in_lpeg_functions
kind: filter
summary: "Function captures and match-time captures of LPEG that call setfenv as a tail call."
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  local lpeg = require "lpeg"
  local function evil() return setfenv(1, {}) end
  for _, p in ipairs { lpeg.P(evil), lpeg.P(1) / evil, lpeg.Cmt(1, evil), lpeg.Cf(lpeg.C(1) * lpeg.C(1), evil), lpeg.Cc(1, {}) / setfenv } do
    local ok, answer = pcall(lpeg.match, p, "ab")
    assert(not ok or type(answer) ~= "function")
  end
end)
