-- Starts a process that shows how a grammar takes records apart.
local environment = require "environment"
local grammar_tester = require "grammar_tester"

return function(spec)
  local script = spec.scripts[1]
  grammar_tester.open(function(changed_lpeg, functions)
    environment.provide("lpeg", changed_lpeg)
    local env = environment.new(script.name, functions)
    env.lpeg = environment.required(env, "lpeg")
    return environment.load(script.text, script.file, env)(), env
  end)
  return grammar_tester
end
