-- Starts a filter.
local api = require "api"
local filter = require "filter"
local scripts = require "scripts"

return function(spec, beat)
  local script = spec.scripts[1]
  local functions, prepare = api.filter(script.config, spec)
  local env = scripts.run(script, functions)
  local process_message, timer_event = rawget(env, "process_message"), rawget(env, "timer_event")
  if process_message ~= nil or timer_event == nil then scripts.need(env, "process_message", script) end
  if timer_event ~= nil then scripts.need(env, "timer_event", script) end
  filter.open({
    matcher = scripts.new_matcher(spec.message_matcher),
    process_message = process_message or function() return 0 end,
    timer_event = timer_event,
    prepare = prepare,
  }, beat)
  if spec.readouts[1] then require("readouts").open(env, spec.readouts) end
  return filter
end
