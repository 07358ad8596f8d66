-- Starts a tap.
local tap = require "tap"

return function(spec, beat)
  tap.open(spec.matchers, beat)
  return tap
end
